/* The SOA's rdata (RFC 1035 §3.3.13): two names and five numbers at the end. */
#include "rdata.h"

#define NUMBERS 20 /* octets: serial, refresh, retry, expire, minimum */

int soa_from_rdata(const uint8_t *rdata, size_t n, struct soa *ret_soa)
{
    struct soa soa;
    int mname, rname;

    mname = dname_from_wire(rdata, n, &soa.mname);
    if (mname < 0)
        return mname;
    rname = dname_from_wire(rdata + mname, n - (size_t)mname, &soa.rname);
    if (rname < 0)
        return rname;
    if (n - (size_t)mname - (size_t)rname != NUMBERS)
        return -BD_ESYNTAX;
    const uint8_t *p = rdata + mname + rname;
    soa.serial = wire_u32(p);
    soa.refresh = wire_u32(p + 4);
    soa.retry = wire_u32(p + 8);
    soa.expire = wire_u32(p + 12);
    soa.minimum = wire_u32(p + 16);
    *ret_soa = soa;
    return 0;
}

size_t soa_to_rdata(const struct soa *soa, uint8_t out[2 * DNAME_MAX + 20])
{
    size_t names = (size_t)soa->mname.n + soa->rname.n;

    memcpy(out, soa->mname.b, soa->mname.n);
    memcpy(out + soa->mname.n, soa->rname.b, soa->rname.n);
    wire_put_u32(out + names, soa->serial);
    wire_put_u32(out + names + 4, soa->refresh);
    wire_put_u32(out + names + 8, soa->retry);
    wire_put_u32(out + names + 12, soa->expire);
    wire_put_u32(out + names + 16, soa->minimum);
    return names + NUMBERS;
}

uint32_t soa_serial(const uint8_t *rdata, size_t n)
{
    return wire_u32(rdata + n - NUMBERS);
}

void soa_set_serial(uint8_t *rdata, size_t n, uint32_t serial)
{
    wire_put_u32(rdata + n - NUMBERS, serial);
}

/* The SOA probe: one query, one answer (RFC 1035 §4.1), with EDNS (RFC 6891) for the identifier of
 * the server. */
#include "rdata.h"

#include <betterdns/dnsmsg.h>

enum {
    HEADER = 12,
    CLASS_IN = 1,
    TYPE_OPT = 41,
    OPTION_NSID = 3,
    FLAG_QR = 0x80, /* of the third octet */
    FLAG_AA = 0x04,
    OPCODE = 0x78,
    RCODE = 0x0f, /* of the fourth */
    RR_FIXED = 10 /* octets of type, class, TTL, length */
};

static size_t put_question(const struct dname *zone, uint8_t *out)
{
    memcpy(out, zone->b, zone->n);
    wire_put_u16(out + zone->n, RRTYPE_SOA);
    wire_put_u16(out + zone->n + 2, CLASS_IN);
    return zone->n + 4U;
}

size_t dnsmsg_soa_query(uint16_t id, const struct dname *zone, uint8_t out[DNSMSG_MAX])
{
    /* Root, OPT, our largest datagram, no extended flags, four octets of options: an empty NSID. */
    static const uint8_t opt[] = {
        0, 0, TYPE_OPT, DNSMSG_MAX >> 8, DNSMSG_MAX & 0xff, 0, 0, 0, 0, 0, 4, 0, OPTION_NSID, 0, 0};

    memset(out, 0, HEADER);
    wire_put_u16(out, id);
    wire_put_u16(out + 4, 1);  /* questions */
    wire_put_u16(out + 10, 1); /* additional records */
    size_t n = HEADER + put_question(zone, out + HEADER);
    memcpy(out + n, opt, sizeof(opt));
    return n + sizeof(opt);
}

/* A message being read. */
struct reader {
    const uint8_t *p;
    size_t n, at;
};

/* A name at r->at, which may end in a pointer (RFC 1035 §4.1.4). A pointer goes backwards only, so
 * that chains end. */
static int read_name(struct reader *r, struct dname *ret_name)
{
    size_t at = r->at, behind = 0, limit = r->at, n = 0;

    for (;;) {
        if (at >= r->n)
            return -BD_ESYNTAX;
        unsigned length = r->p[at];
        if (length >= 0xc0) {
            if (at + 1 >= r->n)
                return -BD_ESYNTAX;
            size_t target = wire_u16(r->p + at) & 0x3fffU;
            if (target >= limit)
                return -BD_ESYNTAX;
            if (behind == 0)
                behind = at + 2;
            at = limit = target;
            continue;
        }
        if (length > 63 || length >= r->n - at || n + length + 1 > DNAME_MAX)
            return -BD_ESYNTAX;
        memcpy(ret_name->b + n, r->p + at, length + 1);
        n += length + 1;
        at += length + 1;
        if (length == 0)
            break;
    }
    ret_name->n = (uint8_t)n;
    r->at = behind ? behind : at;
    return 0;
}

/* One resource record's head; r->at then stands at its rdata, which is inside the message. */
struct record {
    struct dname owner;
    uint16_t type, class;
    size_t end; /* of its rdata */
};

static int read_record(struct reader *r, struct record *ret_record)
{
    if (read_name(r, &ret_record->owner) < 0 || r->n - r->at < RR_FIXED)
        return -BD_ESYNTAX;
    const uint8_t *p = r->p + r->at;
    size_t length = wire_u16(p + 8);
    ret_record->type = wire_u16(p);
    ret_record->class = wire_u16(p + 2);
    r->at += RR_FIXED;
    if (length > r->n - r->at)
        return -BD_ESYNTAX;
    ret_record->end = r->at + length;
    return 0;
}

/* The serial behind the two names; both may be compressed. */
static int read_soa(struct reader *r, const struct record *record, uint32_t *ret_serial)
{
    struct reader inside = {r->p, record->end, r->at};
    struct dname name;

    if (read_name(&inside, &name) < 0 || read_name(&inside, &name) < 0 ||
        record->end - inside.at != 20)
        return -BD_ESYNTAX;
    *ret_serial = wire_u32(r->p + inside.at);
    return 0;
}

static int read_options(struct reader *r, const struct record *record, struct str *ret_nsid)
{
    size_t at = r->at;

    while (at < record->end) {
        if (record->end - at < 4)
            return -BD_ESYNTAX;
        size_t length = wire_u16(r->p + at + 2);
        if (length > record->end - at - 4)
            return -BD_ESYNTAX;
        if (wire_u16(r->p + at) == OPTION_NSID)
            *ret_nsid = (struct str){(const char *)r->p + at + 4, length};
        at += 4 + length;
    }
    return 0;
}

/* The records of answer, authority and additional section, in that order. */
static int read_records(struct reader *r, const struct dname *zone, struct dnsmsg_soa *answer)
{
    unsigned answers = wire_u16(r->p + 6);
    unsigned all = answers + wire_u16(r->p + 8) + wire_u16(r->p + 10);
    struct record record;

    for (unsigned i = 0; i < all; i++) {
        int e = read_record(r, &record);
        if (e < 0)
            return e;
        if (i < answers && record.type == RRTYPE_SOA && record.class == CLASS_IN &&
            dname_eq(&record.owner, zone)) {
            e = read_soa(r, &record, &answer->serial);
            answer->has_soa = e == 0;
        } else if (i >= answers && record.type == TYPE_OPT) {
            e = read_options(r, &record, &answer->nsid);
        }
        if (e < 0)
            return e;
        r->at = record.end;
    }
    return 0;
}

int dnsmsg_soa_answer(const uint8_t *msg, size_t n, uint16_t id, const struct dname *zone,
                      struct dnsmsg_soa *ret_answer)
{
    struct reader r = {msg, n, HEADER};
    struct dnsmsg_soa answer = {.rcode = 0};
    struct dname asked;

    if (n < HEADER || wire_u16(msg) != id || (msg[2] & (FLAG_QR | OPCODE)) != FLAG_QR)
        return -BD_ESYNTAX;
    if (wire_u16(msg + 4) != 1 || read_name(&r, &asked) < 0 || !dname_eq(&asked, zone) ||
        n - r.at < 4 || wire_u16(msg + r.at) != RRTYPE_SOA || wire_u16(msg + r.at + 2) != CLASS_IN)
        return -BD_ESYNTAX;
    r.at += 4;
    answer.rcode = msg[3] & RCODE;
    answer.authoritative = msg[2] & FLAG_AA;
    int e = read_records(&r, zone, &answer);
    if (e < 0)
        return e;
    *ret_answer = answer;
    return 0;
}

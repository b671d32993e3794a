/* The table of record types. */
#include <betterdns/rrtype.h>

#include <stdio.h>

/* Codes that are only asked for or signed with, never stored (RFC 6895 §3.1). */
enum { TYPE_OPT = 41, TYPE_TSIG = 250, TYPE_IXFR = 251, TYPE_AXFR = 252, TYPE_ANY = 255 };

/* Types without a special meaning here. */
enum {
    TYPE_HINFO = 13,
    TYPE_RP = 17,
    TYPE_AFSDB = 18,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
    TYPE_DNAME = 39
};

static const struct rrtype rows[] = {
    {RRTYPE_A, "A", RRTYPE_HOST_OWNER | RRTYPE_ROUTE, {RDATA_IPV4}, "192.0.2.7"},
    {RRTYPE_NS, "NS", RRTYPE_ROUTE, {RDATA_NAME}, "ns1.lab.example."},
    {RRTYPE_CNAME, "CNAME", RRTYPE_SINGLE | RRTYPE_ROUTE, {RDATA_NAME}, "web.lab.example."},
    {RRTYPE_SOA,
     "SOA",
     RRTYPE_SINGLE,
     {RDATA_NAME, RDATA_NAME, RDATA_U32, RDATA_SECONDS, RDATA_SECONDS, RDATA_SECONDS,
      RDATA_SECONDS},
     "ns1.lab.example. hostmaster.lab.example. 1 3600 600 604800 10"},
    {RRTYPE_PTR, "PTR", RRTYPE_ROUTE, {RDATA_NAME}, "web.lab.example."},
    {TYPE_HINFO, "HINFO", 0, {RDATA_STRING, RDATA_STRING}, "\"x86_64\" \"Linux\""},
    {RRTYPE_MX, "MX", RRTYPE_ROUTE, {RDATA_U16, RDATA_NAME}, "10 mail.lab.example."},
    {RRTYPE_TXT, "TXT", RRTYPE_ROUTE, {RDATA_STRINGS}, "\"v=spf1 -all\""},
    {TYPE_RP, "RP", 0, {RDATA_NAME, RDATA_NAME}, "admin.lab.example. about.lab.example."},
    {TYPE_AFSDB, "AFSDB", 0, {RDATA_U16, RDATA_NAME}, "1 afs.lab.example."},
    {RRTYPE_AAAA, "AAAA", RRTYPE_HOST_OWNER | RRTYPE_ROUTE, {RDATA_IPV6}, "2001:db8::7"},
    {RRTYPE_SRV,
     "SRV",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_U16, RDATA_U16, RDATA_NAME},
     "10 20 5060 sip.lab.example."},
    {TYPE_NAPTR,
     "NAPTR",
     0,
     {RDATA_U16, RDATA_U16, RDATA_STRING, RDATA_STRING, RDATA_STRING, RDATA_NAME},
     "10 100 \"S\" \"SIP+D2U\" \"\" _sip._udp.lab.example."},
    {TYPE_KX, "KX", 0, {RDATA_U16, RDATA_NAME}, "10 kx.lab.example."},
    {TYPE_DNAME, "DNAME", RRTYPE_SINGLE, {RDATA_NAME}, "new.lab.example."},
    {TYPE_OPT, "OPT", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_TSIG, "TSIG", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_IXFR, "IXFR", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_AXFR, "AXFR", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_ANY, "ANY", RRTYPE_META, {RDATA_END}, NULL},
};

const struct rrtype *rrtype_table(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(rows);
    return rows;
}

const struct rrtype *rrtype_by_code(uint16_t code)
{
    size_t low = 0, high = ARRAY_SIZE(rows);

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (rows[middle].code == code)
            return &rows[middle];
        if (rows[middle].code < code)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int rrtype_from_text(struct str text, uint16_t *ret_code)
{
    static const struct str generic = {"TYPE", 4};
    uint64_t code;

    for (size_t i = 0; text.n > 0 && i < ARRAY_SIZE(rows); i++) {
        if ((text.p[0] & ~0x20) == rows[i].name[0] && str_eq_fold(text, str_c(rows[i].name))) {
            *ret_code = rows[i].code;
            return 0;
        }
    }
    if (text.n <= generic.n || !str_eq_fold((struct str){text.p, generic.n}, generic))
        return -BD_ENOTFOUND;
    if (str_u64((struct str){text.p + generic.n, text.n - generic.n}, UINT16_MAX, &code) < 0)
        return -BD_ENOTFOUND;
    *ret_code = (uint16_t)code;
    return 0;
}

char *rrtype_to_text(uint16_t code, char out[RRTYPE_TEXT_MAX])
{
    const struct rrtype *row = rrtype_by_code(code);

    if (row)
        memcpy(out, row->name, strlen(row->name) + 1); /* the longest is CNAME, NAPTR */
    else
        snprintf(out, RRTYPE_TEXT_MAX, "TYPE%u", code);
    return out;
}

const struct rrtype *rrtype_nearest(struct str text)
{
    const struct rrtype *best = NULL;
    size_t best_distance = SIZE_MAX;
    char upper[8];

    if (text.n > sizeof(upper))
        return NULL;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        upper[i] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
    }
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        size_t length = strlen(rows[i].name), allowed = length >= 4 ? 2 : 1;
        size_t distance = str_distance((struct str){upper, text.n}, str_c(rows[i].name));
        if (rows[i].flags & RRTYPE_META || distance > allowed || distance >= length)
            continue;
        /* Of two that are as near, the one with the same first letter. */
        distance = 2 * distance + (text.n == 0 || upper[0] != rows[i].name[0]);
        if (distance < best_distance) {
            best = &rows[i];
            best_distance = distance;
        }
    }
    return best;
}

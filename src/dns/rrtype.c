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
    TYPE_KEY = 25,
    TYPE_LOC = 29,
    TYPE_NAPTR = 35,
    TYPE_KX = 36,
    TYPE_CERT = 37,
    TYPE_DNAME = 39,
    TYPE_APL = 42,
    TYPE_DS = 43,
    TYPE_SSHFP = 44,
    TYPE_IPSECKEY = 45,
    TYPE_RRSIG = 46,
    TYPE_NSEC = 47,
    TYPE_DNSKEY = 48,
    TYPE_DHCID = 49,
    TYPE_NSEC3 = 50,
    TYPE_NSEC3PARAM = 51,
    TYPE_TLSA = 52,
    TYPE_SMIMEA = 53,
    TYPE_CDS = 59,
    TYPE_CDNSKEY = 60,
    TYPE_OPENPGPKEY = 61,
    TYPE_CSYNC = 62,
    TYPE_ZONEMD = 63,
    TYPE_SVCB = 64,
    TYPE_HTTPS = 65,
    TYPE_SPF = 99,
    TYPE_NID = 104,
    TYPE_L32 = 105,
    TYPE_L64 = 106,
    TYPE_LP = 107,
    TYPE_EUI48 = 108,
    TYPE_EUI64 = 109,
    TYPE_URI = 256,
    TYPE_CAA = 257,
    TYPE_DLV = 32769
};

/* Octets for examples. */
#define KEY_EXAMPLE "AwEAAcQ4"
#define SHA256_EXAMPLE "D4B7D520E7BB5F0F67674A0CCEB1E3E0614B93C4F9E99B8383F6A1E4469DA50A"

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
    {TYPE_HINFO, "HINFO", RRTYPE_ROUTE, {RDATA_STRING, RDATA_STRING}, "\"x86_64\" \"Linux\""},
    {RRTYPE_MX, "MX", RRTYPE_ROUTE, {RDATA_U16, RDATA_NAME}, "10 mail.lab.example."},
    {RRTYPE_TXT, "TXT", RRTYPE_ROUTE, {RDATA_STRINGS}, "\"v=spf1 -all\""},
    {TYPE_RP,
     "RP",
     RRTYPE_ROUTE,
     {RDATA_NAME, RDATA_NAME},
     "admin.lab.example. about.lab.example."},
    {TYPE_AFSDB, "AFSDB", RRTYPE_ROUTE, {RDATA_U16, RDATA_NAME}, "1 afs.lab.example."},
    {RRTYPE_AAAA, "AAAA", RRTYPE_HOST_OWNER | RRTYPE_ROUTE, {RDATA_IPV6}, "2001:db8::7"},
    {TYPE_LOC,
     "LOC",
     RRTYPE_ROUTE | RRTYPE_GENERIC,
     {RDATA_LOC},
     "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000.00m 10.00m"},
    {RRTYPE_SRV,
     "SRV",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_U16, RDATA_U16, RDATA_NAME},
     "10 20 5060 sip.lab.example."},
    {TYPE_NAPTR,
     "NAPTR",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_U16, RDATA_STRING, RDATA_STRING, RDATA_STRING, RDATA_NAME},
     "10 100 \"S\" \"SIP+D2U\" \"\" _sip._udp.lab.example."},
    {TYPE_KX, "KX", RRTYPE_ROUTE, {RDATA_U16, RDATA_NAME}, "10 kx.lab.example."},
    {TYPE_CERT,
     "CERT",
     RRTYPE_ROUTE,
     {RDATA_CERT_TYPE, RDATA_U16, RDATA_ALGORITHM, RDATA_BASE64},
     "1 12345 8 MIIBCgKC"},
    {TYPE_DNAME, "DNAME", RRTYPE_SINGLE | RRTYPE_ROUTE, {RDATA_NAME}, "new.lab.example."},
    {TYPE_OPT, "OPT", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_APL,
     "APL",
     RRTYPE_ROUTE | RRTYPE_GENERIC,
     {RDATA_APL},
     "1:192.0.2.0/24 !2:2001:db8::/32"},
    {TYPE_DS,
     "DS",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_ALGORITHM, RDATA_U8, RDATA_DS_DIGEST},
     "60485 13 2 " SHA256_EXAMPLE},
    {TYPE_SSHFP,
     "SSHFP",
     RRTYPE_ROUTE,
     {RDATA_U8, RDATA_U8, RDATA_SSHFP_DIGEST},
     "4 2 " SHA256_EXAMPLE},
    {TYPE_IPSECKEY,
     "IPSECKEY",
     RRTYPE_ROUTE | RRTYPE_GENERIC,
     {RDATA_U8, RDATA_U8, RDATA_U8, RDATA_GATEWAY, RDATA_KEY},
     "10 1 2 192.0.2.38 " KEY_EXAMPLE},
    {TYPE_RRSIG,
     "RRSIG",
     RRTYPE_ROUTE,
     {RDATA_TYPE, RDATA_ALGORITHM, RDATA_U8, RDATA_U32, RDATA_TIME, RDATA_TIME, RDATA_U16,
      RDATA_NAME, RDATA_BASE64},
     "A 13 3 3600 20270101000000 20261201000000 2642 lab.example. oJB1W6WNGv+ldvQ3WDG0"},
    {TYPE_NSEC,
     "NSEC",
     RRTYPE_ROUTE,
     {RDATA_NAME_EXACT, RDATA_BITMAP},
     "web.lab.example. A RRSIG NSEC"},
    {TYPE_DNSKEY,
     "DNSKEY",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_U8, RDATA_ALGORITHM, RDATA_BASE64},
     "257 3 13 " KEY_EXAMPLE},
    {TYPE_DHCID,
     "DHCID",
     RRTYPE_ROUTE,
     {RDATA_BASE64},
     "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA="},
    {TYPE_NSEC3,
     "NSEC3",
     RRTYPE_UNSERVED,
     {RDATA_U8, RDATA_U8, RDATA_U16, RDATA_SALT, RDATA_BASE32, RDATA_BITMAP_OR_NONE},
     "1 0 0 - 2VPTU5TIMAMQTTGL4LUU9KG21E0AOR3S A RRSIG"},
    {TYPE_NSEC3PARAM,
     "NSEC3PARAM",
     RRTYPE_UNSERVED,
     {RDATA_U8, RDATA_U8, RDATA_U16, RDATA_SALT},
     "1 0 0 -"},
    {TYPE_TLSA,
     "TLSA",
     RRTYPE_ROUTE,
     {RDATA_U8, RDATA_U8, RDATA_U8, RDATA_TLSA_DIGEST},
     "3 1 1 " SHA256_EXAMPLE},
    {TYPE_SMIMEA,
     "SMIMEA",
     RRTYPE_ROUTE,
     {RDATA_U8, RDATA_U8, RDATA_U8, RDATA_TLSA_DIGEST},
     "3 1 1 " SHA256_EXAMPLE},
    {TYPE_CDS,
     "CDS",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_ALGORITHM, RDATA_U8, RDATA_DS_DIGEST},
     "60485 13 2 " SHA256_EXAMPLE},
    {TYPE_CDNSKEY,
     "CDNSKEY",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_U8, RDATA_ALGORITHM, RDATA_BASE64},
     "257 3 13 " KEY_EXAMPLE},
    {TYPE_OPENPGPKEY, "OPENPGPKEY", RRTYPE_ROUTE, {RDATA_BASE64}, "mQINBFA0"},
    {TYPE_CSYNC,
     "CSYNC",
     RRTYPE_ROUTE,
     {RDATA_U32, RDATA_U16, RDATA_BITMAP_OR_NONE},
     "66 3 A NS AAAA"},
    {TYPE_ZONEMD,
     "ZONEMD",
     RRTYPE_ROUTE,
     {RDATA_U32, RDATA_U8, RDATA_U8, RDATA_ZONEMD_DIGEST},
     "2026112400 1 240 C68090D90A7AED716BC459F9"},
    {TYPE_SVCB,
     "SVCB",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_NAME_EXACT, RDATA_SVCPARAMS},
     "1 svc.lab.example. alpn=\"h2,h3\" port=8443"},
    {TYPE_HTTPS,
     "HTTPS",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_NAME_EXACT, RDATA_SVCPARAMS},
     "1 . alpn=\"h2,h3\" ipv4hint=192.0.2.7"},
    {TYPE_SPF, "SPF", RRTYPE_ROUTE, {RDATA_STRINGS}, "\"v=spf1 -all\""},
    {TYPE_NID, "NID", RRTYPE_ROUTE, {RDATA_U16, RDATA_NODE}, "10 0014:4fff:ff20:ee64"},
    {TYPE_L32, "L32", RRTYPE_ROUTE, {RDATA_U16, RDATA_IPV4}, "10 192.0.2.0"},
    {TYPE_L64, "L64", RRTYPE_ROUTE, {RDATA_U16, RDATA_NODE}, "10 2001:0db8:1140:1000"},
    {TYPE_LP, "LP", RRTYPE_ROUTE, {RDATA_U16, RDATA_NAME_EXACT}, "10 l64.lab.example."},
    {TYPE_EUI48, "EUI48", RRTYPE_ROUTE, {RDATA_EUI48}, "00-00-5e-00-53-2a"},
    {TYPE_EUI64, "EUI64", RRTYPE_ROUTE, {RDATA_EUI64}, "00-00-5e-ef-10-00-00-2a"},
    {TYPE_TSIG, "TSIG", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_IXFR, "IXFR", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_AXFR, "AXFR", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_ANY, "ANY", RRTYPE_META, {RDATA_END}, NULL},
    {TYPE_URI,
     "URI",
     RRTYPE_ROUTE | RRTYPE_GENERIC_LONG,
     {RDATA_U16, RDATA_U16, RDATA_URI},
     "10 1 \"https://www.lab.example/\""},
    {TYPE_CAA,
     "CAA",
     RRTYPE_ROUTE | RRTYPE_GENERIC_LONG,
     {RDATA_U8, RDATA_TAG, RDATA_TEXT},
     "0 issue \"ca.example.net\""},
    {TYPE_DLV,
     "DLV",
     RRTYPE_ROUTE,
     {RDATA_U16, RDATA_ALGORITHM, RDATA_U8, RDATA_DS_DIGEST},
     "60485 13 2 " SHA256_EXAMPLE},
};

const struct rrtype *rrtype_table(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(rows);
    return rows;
}

/* The rows by code and by name, made before main: both are asked for at each record. Numbers of
 * rows from 1; 0 is none. */
static uint8_t row_by_code[512], row_by_name[256];
_Static_assert(ARRAY_SIZE(rows) < UINT8_MAX, "a row's number fits");

/* Of a mnemonic in any case: where it begins to look in row_by_name. */
static uint8_t name_slot(struct str name)
{
    uint32_t h = 0;

    for (size_t i = 0; i < name.n; i++)
        h = (h ^ ((unsigned char)name.p[i] & ~0x20U)) * 0x9E3779B1U;
    return (uint8_t)(h >> 24);
}

static __attribute__((constructor)) void index_rows(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint8_t slot = name_slot(str_c(rows[i].name));
        while (row_by_name[slot])
            slot++; /* behind the last comes the first */
        row_by_name[slot] = (uint8_t)(i + 1);
        if (rows[i].code < ARRAY_SIZE(row_by_code))
            row_by_code[rows[i].code] = (uint8_t)(i + 1);
    }
}

/* Rows of large codes are few, and the last. */
static const struct rrtype *row_of_large(uint16_t code)
{
    for (size_t i = ARRAY_SIZE(rows); i-- > 0 && rows[i].code >= ARRAY_SIZE(row_by_code);)
        if (rows[i].code == code)
            return &rows[i];
    return NULL;
}

const struct rrtype *rrtype_by_code(uint16_t code)
{
    if (code >= ARRAY_SIZE(row_by_code))
        return row_of_large(code);
    return row_by_code[code] ? &rows[row_by_code[code] - 1] : NULL;
}

/* "TYPE65280" (RFC 3597 §5). */
static bool generic_from_text(struct str text, uint16_t *ret_code)
{
    static const struct str generic = {"TYPE", 4};
    uint64_t code;

    if (text.n <= generic.n || !str_eq_fold((struct str){text.p, generic.n}, generic))
        return false;
    if (str_u64((struct str){text.p + generic.n, text.n - generic.n}, UINT16_MAX, &code) < 0)
        return false;
    *ret_code = (uint16_t)code;
    return true;
}

int rrtype_from_text(struct str text, uint16_t *ret_code)
{
    if (text.n == 0)
        return -BD_ENOTFOUND;
    for (uint8_t slot = name_slot(text); row_by_name[slot]; slot++) {
        const struct rrtype *row = &rows[row_by_name[slot] - 1];
        if (str_eq_fold(text, str_c(row->name))) {
            *ret_code = row->code;
            return 0;
        }
    }
    return generic_from_text(text, ret_code) ? 0 : -BD_ENOTFOUND;
}

char *rrtype_to_text(uint16_t code, char out[RRTYPE_TEXT_MAX])
{
    const struct rrtype *row = rrtype_by_code(code);

    if (row)
        memcpy(out, row->name, strlen(row->name) + 1); /* the longest is NSEC3PARAM, OPENPGPKEY */
    else
        snprintf(out, RRTYPE_TEXT_MAX, "TYPE%u", code);
    return out;
}

bool rrtype_beside_cname(uint16_t code)
{
    return code == TYPE_KEY || code == TYPE_RRSIG || code == TYPE_NSEC;
}

const struct rrtype *rrtype_nearest(struct str text)
{
    const struct rrtype *best = NULL;
    size_t best_distance = SIZE_MAX;
    char upper[RRTYPE_TEXT_MAX];

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

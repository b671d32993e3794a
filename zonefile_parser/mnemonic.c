/* Types that have a name elsewhere, but no row in our table yet: whoever writes one gets to know
 * how it can be written here. */
#include "parser.h"

#include <stdio.h>

static const struct {
    char name[12];
    uint16_t code;
} registered[] = {
    {"X25", 19},    {"ISDN", 20},     {"RT", 21},         {"SIG", 24},        {"KEY", 25},
    {"PX", 26},     {"LOC", 29},      {"CERT", 37},       {"APL", 42},        {"DS", 43},
    {"SSHFP", 44},  {"IPSECKEY", 45}, {"RRSIG", 46},      {"NSEC", 47},       {"DNSKEY", 48},
    {"DHCID", 49},  {"NSEC3", 50},    {"NSEC3PARAM", 51}, {"TLSA", 52},       {"SMIMEA", 53},
    {"HIP", 55},    {"CDS", 59},      {"CDNSKEY", 60},    {"OPENPGPKEY", 61}, {"CSYNC", 62},
    {"ZONEMD", 63}, {"SVCB", 64},     {"HTTPS", 65},      {"SPF", 99},        {"NID", 104},
    {"L32", 105},   {"L64", 106},     {"LP", 107},        {"EUI48", 108},     {"EUI64", 109},
    {"URI", 256},   {"CAA", 257},     {"AVC", 258},       {"DLV", 32769},
};

bool zp_hint_type(struct str text, char *out, size_t size)
{
    const struct rrtype *near;

    for (size_t i = 0; i < ARRAY_SIZE(registered); i++) {
        if (str_eq_fold(text, str_c(registered[i].name))) {
            snprintf(out, size, "this version knows it by number: TYPE%u \\# LENGTH HEX (RFC 3597)",
                     registered[i].code);
            return true;
        }
    }
    near = rrtype_nearest(text);
    if (near)
        snprintf(out, size, "did you mean '%s'?", near->name);
    return near != NULL;
}

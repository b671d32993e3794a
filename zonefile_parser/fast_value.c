/* Ordinary values. */
#include "fast.h"

/* ---- addresses ---- */

/* Decimal octets without leading zeros. */
static const char *take_ipv4(const char *p, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        unsigned value = (unsigned char)*p - (unsigned)'0';
        if (value > 9 || (i > 0 && p[-1] != '.'))
            return NULL;
        p++;
        for (int more = 0; ascii_digit(*p); more++, p++) {
            value = value * 10 + (unsigned)(*p - '0');
            if (value < 10 || more == 2)
                return NULL;
        }
        if (value > 255)
            return NULL;
        out[i] = (uint8_t)value;
        p++;
    }
    return p - 1;
}

static int hex_value(char c)
{
    if (ascii_digit(c))
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *take_group(const char *p, uint8_t out[2])
{
    const char *start = p;
    unsigned value = 0;
    int digit;

    for (; (digit = hex_value(*p)) >= 0; p++)
        value = value << 4 | (unsigned)digit;
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return p > start && p - start <= 4 ? p : NULL;
}

#define NO_GAP SIZE_MAX

/* Groups of hex digits with at most one "::" (RFC 4291 §2.2); the form with a dotted end is left to
 * the other parser. */
static const char *take_ipv6(const char *p, uint8_t out[16])
{
    uint8_t groups[16];
    size_t n = 0, gap = NO_GAP;

    if (p[0] == ':' && p[1] == ':') {
        gap = 0;
        p += 2;
    }
    while (n < 16 && hex_value(*p) >= 0) {
        p = take_group(p, groups + n);
        if (!p)
            return NULL;
        n += 2;
        if (*p != ':')
            break;
        p++;
        if (*p == ':') {
            if (gap != NO_GAP)
                return NULL;
            gap = n;
            p++;
        } else if (hex_value(*p) < 0) {
            return NULL;
        }
    }
    if (gap == NO_GAP ? n != 16 : n > 14)
        return NULL;
    if (gap == NO_GAP)
        gap = n;
    memset(out, 0, 16);
    memcpy(out, groups, gap);
    memcpy(out + 16 - (n - gap), groups + gap, n - gap);
    return p;
}

/* ---- rdata, appended: there is room for the longest of each kind but strings ---- */

static const char *put_name(const char *p, const struct zp_origin *origin, struct rdata *to)
{
    bool absolute;
    size_t n;

    if (*p == '.') { /* the root */
        to->b[to->n++] = 0;
        return p + 1;
    }
    p = zp_fast_name(p, origin, to->b + to->n, &n, &absolute);
    if (p)
        to->n = (uint16_t)(to->n + n);
    return p;
}

/* A number of so many octets. */
static const char *put_number(const char *p, size_t octets, struct rdata *to)
{
    uint32_t value;

    p = take_number(p, &value);
    if (!p || (octets < 4 && value >> 8 * octets))
        return NULL;
    for (size_t i = octets; i-- > 0;)
        to->b[to->n++] = (uint8_t)(value >> 8 * i);
    return p;
}

/* One character-string in quotes, without escapes. */
static const char *put_string(const char *p, struct rdata *to)
{
    uint8_t *out = to->b + to->n;
    size_t n = 0;

    if (*p++ != '"' || to->n > RDATA_MAX - 256)
        return NULL;
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < ' ' || *p == '\\' || n == 255)
            return NULL;
        out[++n] = (uint8_t)*p;
    }
    out[0] = (uint8_t)n;
    to->n = (uint16_t)(to->n + n + 1);
    return p + 1;
}

static const char *put_strings(const char *p, struct rdata *to)
{
    for (;;) {
        p = put_string(p, to);
        if (!p || !is_blank(*p))
            return p;
        const char *next = skip_blanks(p);
        if (*next != '"')
            return p;
        p = next;
    }
}

/* CAA's property: letters and digits. */
static const char *put_tag(const char *p, struct rdata *to)
{
    uint8_t *length = to->b + to->n++;
    size_t n = 0;

    for (; n < 64 && (ascii_digit(p[n]) || ((p[n] | 32) >= 'a' && (p[n] | 32) <= 'z')); n++)
        to->b[to->n++] = (uint8_t)p[n];
    *length = (uint8_t)n;
    return p + n;
}

/* Octets to the record's end in one word of hex. */
static const char *put_hex(const char *p, struct rdata *to)
{
    int high, low;

    while ((high = hex_value(p[0])) >= 0 && (low = hex_value(p[1])) >= 0) {
        if (to->n == RDATA_MAX)
            return NULL;
        to->b[to->n++] = (uint8_t)(high << 4 | low);
        p += 2;
    }
    return p;
}

/* One text in quotes up to the record's end. */
static const char *put_text(const char *p, struct rdata *to)
{
    if (*p++ != '"')
        return NULL;
    for (; *p != '"'; p++) {
        if ((unsigned char)*p < ' ' || *p == '\\' || to->n == RDATA_MAX)
            return NULL;
        to->b[to->n++] = (uint8_t)*p;
    }
    return p + 1;
}

static const char *put_field(const char *p, uint8_t field, const struct zp_origin *origin,
                             struct rdata *to)
{
    switch (field) {
    case RDATA_U8:
    case RDATA_ALGORITHM: return put_number(p, 1, to);
    case RDATA_U16:
    case RDATA_CERT_TYPE: return put_number(p, 2, to);
    case RDATA_U32: return put_number(p, 4, to);
    case RDATA_NAME: return put_name(p, origin, to);
    case RDATA_STRING: return put_string(p, to);
    case RDATA_STRINGS: return put_strings(p, to);
    case RDATA_TAG: return put_tag(p, to);
    case RDATA_TEXT: return put_text(p, to);
    case RDATA_DS_DIGEST:
    case RDATA_SSHFP_DIGEST:
    case RDATA_TLSA_DIGEST: return put_hex(p, to);
    default: return NULL;
    }
}

/* Whatever the table says, checked as octets from elsewhere are. */
static const char *put_fields(const char *p, uint16_t type, const struct zp_origin *origin,
                              struct rdata *to)
{
    const struct rrtype *row = rrtype_by_code(type);

    for (const uint8_t *field = row ? row->fields : NULL; field; p = take_blanks(p)) {
        p = p ? put_field(p, *field, origin, to) : NULL;
        if (!p || *++field == RDATA_END)
            break;
    }
    return row && p && rdata_check(type, to->b, to->n) == 0 ? p : NULL;
}

const char *zp_fast_value(const char *p, uint16_t type, const struct zp_origin *origin,
                          struct rdata *to)
{
    to->n = 0;
    switch (type) {
    case RRTYPE_A: to->n = 4; return take_ipv4(p, to->b);
    case RRTYPE_AAAA: to->n = 16; return take_ipv6(p, to->b);
    case RRTYPE_TXT: return put_strings(p, to);
    case RRTYPE_NS:
    case RRTYPE_CNAME:
    case RRTYPE_PTR: return put_name(p, origin, to);
    case RRTYPE_MX:
        p = put_number(p, 2, to);
        p = p ? take_blanks(p) : NULL;
        return p ? put_name(p, origin, to) : NULL;
    default: return put_fields(p, type, origin, to);
    }
}

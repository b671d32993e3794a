/* Rdata to presentation form. */
#include "rdata.h"

#define IPV4_MAX 15
#define IPV6_MAX 45 /* "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" */

static char *put_ipv4(char *to, const uint8_t *p)
{
    for (unsigned i = 0; i < 4; i++) {
        if (i > 0)
            *to++ = '.';
        to = str_put_u64(to, p[i]);
    }
    return to;
}

static char *put_group(char *to, unsigned value)
{
    static const char hex[] = "0123456789abcdef";

    for (int shift = 12; shift >= 0; shift -= 4)
        if (shift == 0 || value >> shift != 0)
            *to++ = hex[value >> shift & 15];
    return to;
}

/* The first of the longest runs of zero groups; at least two (RFC 5952 §4.2). */
static void longest_zeros(const uint8_t *p, unsigned *ret_start, unsigned *ret_n)
{
    *ret_start = *ret_n = 0;
    for (unsigned i = 0; i < 8; i++) {
        unsigned n = 0;
        while (i + n < 8 && wire_u16(p + 2 * (i + n)) == 0)
            n++;
        if (n >= 2 && n > *ret_n) {
            *ret_start = i;
            *ret_n = n;
        }
        i += n;
    }
}

/* RFC 5952, with a dotted end for IPv4-mapped and IPv4-compatible addresses, as the C library has
 * it. */
static char *put_ipv6(char *to, const uint8_t *p)
{
    unsigned gap, n;

    longest_zeros(p, &gap, &n);
    const bool mapped = n == 5 && wire_u16(p + 10) == 0xffff;
    const bool dotted = gap == 0 && (n == 6 || mapped);
    const unsigned groups = dotted ? 6 : 8;
    for (unsigned i = 0; i < groups; i++) {
        if (n > 0 && i == gap) {
            *to++ = ':';
            i += n - 1;
            if (i + 1 == 8)
                *to++ = ':';
            continue;
        }
        if (i > 0)
            *to++ = ':';
        to = put_group(to, wire_u16(p + 2 * i));
    }
    if (!dotted)
        return to;
    *to++ = ':';
    return put_ipv4(to, p + 12);
}

static void add_put(struct buf *out, size_t most, char *(*put)(char *to, const uint8_t *p),
                    const uint8_t *p)
{
    char *start = buf_room(out, most);

    if (start)
        out->n += (size_t)(put(start, p) - start);
}

static void add_number(struct buf *out, uint32_t value)
{
    char *start = buf_room(out, STR_U64_MAX);

    if (start)
        out->n += (size_t)(str_put_u64(start, value) - start);
}

static void add_name(struct buf *out, const uint8_t *p, size_t n)
{
    struct dname name = {.n = (uint8_t)n};
    char *room = buf_room(out, DNAME_TEXT_MAX);

    if (!room)
        return;
    memcpy(name.b, p, n);
    out->n += dname_to_text(&name, room);
}

static void add_string(struct buf *out, const uint8_t *p, size_t n)
{
    char *start = buf_room(out, 4 * n + 2), *to = start;

    if (!start)
        return;
    *to++ = '"';
    for (size_t i = 0; i < n; i++) {
        uint8_t c = p[i];
        if (c < 0x20 || c >= 0x7f) {
            *to++ = '\\';
            *to++ = (char)('0' + c / 100);
            *to++ = (char)('0' + c / 10 % 10);
            *to++ = (char)('0' + c % 10);
            continue;
        }
        if (c == '"' || c == '\\')
            *to++ = '\\';
        *to++ = (char)c;
    }
    *to++ = '"';
    out->n += (size_t)(to - start);
}

static void add_strings(struct buf *out, const uint8_t *p, size_t n)
{
    for (size_t at = 0; at < n; at += p[at] + 1U) {
        if (at > 0)
            buf_add_c(out, ' ');
        add_string(out, p + at + 1, p[at]);
    }
}

static void add_field(struct buf *out, uint8_t field, const uint8_t *p, size_t n)
{
    switch (field) {
    case RDATA_U8: add_number(out, p[0]); break;
    case RDATA_U16: add_number(out, wire_u16(p)); break;
    case RDATA_U32:
    case RDATA_SECONDS: add_number(out, wire_u32(p)); break;
    case RDATA_IPV4: add_put(out, IPV4_MAX, put_ipv4, p); break;
    case RDATA_IPV6: add_put(out, IPV6_MAX, put_ipv6, p); break;
    case RDATA_NAME: add_name(out, p, n); break;
    case RDATA_STRING:
    case RDATA_STRINGS: add_strings(out, p, n); break;
    default: break;
    }
}

/* RFC 3597 §5: \# LENGTH HEX. */
static void add_generic(struct buf *out, const uint8_t *p, size_t n)
{
    static const char hex[] = "0123456789ABCDEF";

    buf_add_str(out, STR("\\# "));
    add_number(out, (uint32_t)n);
    char *to = buf_room(out, 2 * n + 1);
    if (!to || n == 0)
        return;
    out->n += 2 * n + 1;
    *to++ = ' ';
    for (size_t i = 0; i < n; i++) {
        *to++ = hex[p[i] >> 4];
        *to++ = hex[p[i] & 15];
    }
}

static bool add_fields(struct buf *out, const uint8_t *field, const uint8_t *p, size_t n)
{
    size_t at = 0;

    for (bool first = true; *field != RDATA_END; field++, first = false) {
        size_t length = rdata_field_length(*field, p + at, n - at);
        if (length == 0)
            return false;
        if (!first)
            buf_add_c(out, ' ');
        add_field(out, *field, p + at, length);
        at += length;
    }
    return at == n;
}

void rdata_to_text(uint16_t type, const uint8_t *rdata, size_t n, struct buf *out)
{
    const struct rrtype *row = rrtype_by_code(type);
    size_t start = out->n;

    if (row && n > 0 && add_fields(out, row->fields, rdata, n))
        return;
    /* No row; or rdata that its row does not describe, which still must not be lost or read beyond
     * its end. */
    out->n = start;
    add_generic(out, rdata, n);
}

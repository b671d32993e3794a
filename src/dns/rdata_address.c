/* Fields that are an address. */
#include <arpa/inet.h>
#include <stdio.h>

#include "rdata.h"

#define IPV4_MAX 15
#define IPV6_MAX 45 /* "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255" */

/* Exactly four decimal octets without leading zeros: 010.0.0.1 is 8.0.0.1 to some and 10.0.0.1 to
 * others. */
const char *rdata_ipv4_from_text(struct str text, uint8_t out[4])
{
    size_t at = 0;

    for (unsigned i = 0; i < 4; i++) {
        unsigned value = 0, digits = 0;
        if (i > 0 && (at == text.n || text.p[at++] != '.'))
            return "is not an IPv4 address (four numbers from 0 to 255 with dots between them)";
        for (; at < text.n && text.p[at] >= '0' && text.p[at] <= '9' && digits < 4; at++) {
            value = value * 10 + (unsigned)(text.p[at] - '0');
            digits++;
        }
        if (digits > 1 && text.p[at - digits] == '0')
            return "has a leading zero";
        if (digits == 0 || digits > 3 || value > 255)
            return "is not an IPv4 address (four numbers from 0 to 255 with dots between them)";
        out[i] = (uint8_t)value;
    }
    return at == text.n ? NULL
                        : "is not an IPv4 address (four numbers from 0 to 255 with dots between "
                          "them)";
}

bool rdata_ipv6_from_text(struct str text, uint8_t out[16])
{
    char copy[INET6_ADDRSTRLEN];

    if (text.n >= sizeof(copy) || memchr(text.p, '\0', text.n))
        return false;
    memcpy(copy, text.p, text.n);
    copy[text.n] = '\0';
    return inet_pton(AF_INET6, copy, out) == 1;
}

/* Takes off what people write behind an address; returns what to say about it, NULL where there is
 * nothing of that kind. */
static const char *address_with_more(struct str text)
{
    static const struct {
        char sep;
        const char *says;
    } kinds[] = {
        {'/', "is a network, not an address"},
        {'%', "has an interface behind the address, which DNS cannot carry"},
        {':', "has a port behind the address"},
        {',', "has a comma: one record is one address"},
    };
    struct str head;
    uint8_t octets[16];

    if (text.n > 2 && text.p[0] == '[')
        return "has brackets, which belong into URLs only";
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const char *sep = memchr(text.p, kinds[i].sep, text.n);
        if (!sep)
            continue;
        head = (struct str){text.p, (size_t)(sep - text.p)};
        if (!rdata_ipv4_from_text(head, octets) || rdata_ipv6_from_text(head, octets))
            return kinds[i].says;
    }
    return NULL;
}

/* It says what to do instead of showing how this type is written. */
static int other_family(struct rdata_reader *rd, struct lex_token t, const char *is,
                        const char *takes, const char *use)
{
    char name[RRTYPE_TEXT_MAX];

    rdata_wrong(rd, t, -BD_EINVALID, "is an %s address; type %s takes an %s address", is,
                rrtype_to_text(rd->type, name), takes);
    snprintf(rd->lx->error.hint, sizeof(rd->lx->error.hint), "use %s", use);
    return -BD_EINVALID;
}

static int wrong_address(struct rdata_reader *rd, struct lex_token t, const char *what)
{
    uint8_t octets[16];
    const char *more = address_with_more(t.text);

    if (!rdata_ipv4_from_text(t.text, octets))
        return other_family(rd, t, "IPv4", "IPv6", "A");
    if (rdata_ipv6_from_text(t.text, octets))
        return other_family(rd, t, "IPv6", "IPv4", "AAAA");
    return rdata_wrong(rd, t, -BD_EINVALID, "%s", more ? more : what);
}

static int read_ipv4(struct rdata_reader *rd, struct lex_token t)
{
    uint8_t octets[4];
    const char *fault = rdata_ipv4_from_text(t.text, octets);

    if (t.kind == LEX_QUOTED)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is in quotes; an address stands without them");
    if (fault)
        return wrong_address(rd, t, fault);
    return rdata_put(rd, t, octets, sizeof(octets));
}

static int read_ipv6(struct rdata_reader *rd, struct lex_token t)
{
    uint8_t octets[16];

    if (t.kind == LEX_QUOTED)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is in quotes; an address stands without them");
    if (!rdata_ipv6_from_text(t.text, octets))
        return wrong_address(rd, t, "is not an IPv6 address");
    return rdata_put(rd, t, octets, sizeof(octets));
}

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

void rdata_add_ipv4(struct buf *out, const uint8_t *p)
{
    add_put(out, IPV4_MAX, put_ipv4, p);
}

void rdata_add_ipv6(struct buf *out, const uint8_t *p)
{
    add_put(out, IPV6_MAX, put_ipv6, p);
}

static void write_ipv4(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                       size_t at, size_t length)
{
    (void)kind;
    (void)length;
    rdata_add_ipv4(out, rdata + at);
}

static void write_ipv6(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                       size_t at, size_t length)
{
    (void)kind;
    (void)length;
    rdata_add_ipv6(out, rdata + at);
}

const struct rdata_kind rdata_ipv4 = {.size = 4, .read = read_ipv4, .write = write_ipv4};
const struct rdata_kind rdata_ipv6 = {.size = 16, .read = read_ipv6, .write = write_ipv6};

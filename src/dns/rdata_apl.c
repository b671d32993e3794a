/* Lists of address prefixes (RFC 3123): items of family, prefix length, a negation bit with the
 * length of the address part, and the address without the zero octets at its end. */
#include "rdata.h"

#define HEAD 4         /* octets before the address part */
#define NEGATED 0x80   /* of the octet with the length */
#define ADDRESS_MAX 16 /* octets */

/* By the numbers of address families; text "1:192.0.2.0/24". */
struct family {
    uint8_t octets;
    void (*write)(struct buf *out, const uint8_t *p);
};

static const struct family families[] = {
    [1] = {4, rdata_add_ipv4},
    [2] = {16, rdata_add_ipv6},
};

static const struct family *family_of(uint32_t number)
{
    return number > 0 && number < ARRAY_SIZE(families) ? &families[number] : NULL;
}

static int length_apl(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    size_t p = at;

    (void)kind;
    while (p < n) {
        if (n - p < HEAD)
            return -1;
        const struct family *family = family_of(wire_u16(rdata + p));
        unsigned octets = rdata[p + 3] & ~(unsigned)NEGATED;
        if (!family || rdata[p + 2] > 8 * family->octets || octets > family->octets ||
            octets > n - p - HEAD)
            return -1;
        if (octets && rdata[p + HEAD + octets - 1] == 0)
            return -1; /* RFC 3123 §4 */
        p += HEAD + octets;
    }
    return (int)(p - at);
}

/* Takes a decimal number off the text. */
static bool cut_number(struct str *text, char sep, uint32_t max, uint32_t *ret_value)
{
    struct str head;
    uint64_t value;

    if (!str_cut(text, sep, &head) || str_u64(head, max, &value) < 0)
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

/* "[!]family:address/prefix" to out; its octets, 0 where it is not that. */
static size_t item_from_text(struct str text, uint8_t out[HEAD + ADDRESS_MAX])
{
    bool negated = str_starts(text, STR("!"));
    const struct family *family;
    struct str address;
    uint32_t number, prefix;
    bool ok;

    if (negated)
        text = (struct str){text.p + 1, text.n - 1};
    family = cut_number(&text, ':', UINT16_MAX, &number) ? family_of(number) : NULL;
    if (!family || !str_cut(&text, '/', &address))
        return 0;
    memset(out, 0, HEAD + ADDRESS_MAX);
    ok = family->octets == 4 ? !rdata_ipv4_from_text(address, out + HEAD)
                             : rdata_ipv6_from_text(address, out + HEAD);
    if (!ok || !cut_number(&text, '\n', 8U * family->octets, &prefix))
        return 0;
    uint8_t octets = family->octets;
    while (octets && out[HEAD + octets - 1] == 0)
        octets--;
    wire_put_u16(out, (uint16_t)number);
    out[2] = (uint8_t)prefix;
    out[3] = (uint8_t)(octets | (negated ? NEGATED : 0));
    return HEAD + (size_t)octets;
}

static int read_apl(struct rdata_reader *rd, struct lex_token t)
{
    int r;

    do {
        uint8_t item[HEAD + ADDRESS_MAX];
        size_t n = t.kind == LEX_WORD ? item_from_text(t.text, item) : 0;
        if (n == 0)
            return rdata_wrong(rd, t, -BD_ESYNTAX,
                               "is not a prefix like 1:192.0.2.0/24 (IPv4) or !2:2001:db8::/32 "
                               "(not this IPv6)");
        r = rdata_put(rd, t, item, n);
        if (r == 0)
            r = rdata_more(rd, &t);
    } while (r > 0);
    return r;
}

static void write_apl(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                      size_t at, size_t length)
{
    (void)kind;
    for (const uint8_t *p = rdata + at, *end = p + length; p < end;) {
        uint8_t address[ADDRESS_MAX] = {0}, octets = p[3] & (NEGATED - 1);
        if (p > rdata + at)
            buf_add_c(out, ' ');
        if (p[3] & NEGATED)
            buf_add_c(out, '!');
        memcpy(address, p + HEAD, octets);
        rdata_add_number(out, wire_u16(p));
        buf_add_c(out, ':');
        families[p[1]].write(out, address); /* which length_apl has seen */
        buf_add_c(out, '/');
        rdata_add_number(out, p[2]);
        p += HEAD + octets;
    }
}

const struct rdata_kind rdata_apl = {
    .length = length_apl, .read = read_apl, .write = write_apl, .optional = true};

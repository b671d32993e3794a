/* Fields that are hexadecimal groups of a fixed number: EUI-48 and EUI-64 (RFC 7043), the node
 * identifiers and locators of ILNP (RFC 6742). */
#include "rdata.h"

/* n groups of octets each, with sep between them; fewer digits than 2 * octets only where `few`. */
struct grouping {
    unsigned n, octets;
    char sep;
    bool few;
    const char *what;
};

static bool groups_from_text(const struct grouping *g, struct str text, uint8_t *out)
{
    size_t at = 0;

    for (unsigned i = 0; i < g->n; i++) {
        unsigned value = 0, digits = 0;
        if (i > 0 && (at == text.n || text.p[at++] != g->sep))
            return false;
        for (; at < text.n && digits < 2 * g->octets && rdata_hex_digit(text.p[at]) >= 0; at++) {
            value = value << 4 | (unsigned)rdata_hex_digit(text.p[at]);
            digits++;
        }
        if (digits < (g->few ? 1 : 2 * g->octets))
            return false;
        for (unsigned k = g->octets; k > 0; k--)
            *out++ = (uint8_t)(value >> 8 * (k - 1));
    }
    return at == text.n;
}

static int read_groups(struct rdata_reader *rd, struct lex_token t, const struct grouping *g)
{
    uint8_t octets[8];

    if (t.kind != LEX_WORD || !groups_from_text(g, t.text, octets))
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is not %s", g->what);
    return rdata_put(rd, t, octets, rd->kind->size);
}

static const struct grouping eui48 = {6, 1, '-', false, "an EUI-48, like 00-00-5e-00-53-2a"};
static const struct grouping eui64 = {8, 1, '-', false, "an EUI-64, like 00-00-5e-ef-10-00-00-2a"};
static const struct grouping node = {4, 2, ':', true,
                                     "four groups of hexadecimal digits, like 14:4fff:ff20:ee64"};

static int read_eui48(struct rdata_reader *rd, struct lex_token t)
{
    return read_groups(rd, t, &eui48);
}

static int read_eui64(struct rdata_reader *rd, struct lex_token t)
{
    return read_groups(rd, t, &eui64);
}

static int read_node(struct rdata_reader *rd, struct lex_token t)
{
    return read_groups(rd, t, &node);
}

static void write_eui(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                      size_t at, size_t length)
{
    (void)kind;
    for (size_t i = 0; i < length; i++)
        buf_addf(out, i ? "-%02x" : "%02x", rdata[at + i]);
}

static void write_node(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                       size_t at, size_t length)
{
    (void)kind;
    for (size_t i = 0; i < length; i += 2)
        buf_addf(out, i ? ":%04x" : "%04x", wire_u16(rdata + at + i));
}

const struct rdata_kind rdata_eui48 = {.size = 6, .read = read_eui48, .write = write_eui};
const struct rdata_kind rdata_eui64 = {.size = 8, .read = read_eui64, .write = write_eui};
const struct rdata_kind rdata_node = {.size = 8, .read = read_node, .write = write_node};

/* A set of types, as NSEC, NSEC3 and CSYNC have it (RFC 4034 §4.1.2): windows of 256 types in
 * ascending order, each with its number, a length of 1 to 32, and that many octets, the last of
 * which is not 0. */
#include "rdata.h"

#define WINDOW_MAX 32

static int length_bitmap(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    int before = -1;
    size_t p = at;

    while (p < n) {
        if (n - p < 3 || rdata[p] <= before || rdata[p + 1] == 0 || rdata[p + 1] > WINDOW_MAX ||
            rdata[p + 1] > n - p - 2 || rdata[p + 1 + rdata[p + 1]] == 0)
            return -1;
        before = rdata[p];
        p += 2U + rdata[p + 1];
    }
    return p > at || kind->optional ? (int)(p - at) : -1;
}

/* Opens n octets of 0 at p, which lies in rdata or at its end. */
static bool insert_zeros(struct rdata_reader *rd, struct lex_token t, uint8_t *p, size_t n)
{
    size_t behind = (size_t)(rd->to->b + rd->to->n - p);

    if (!rdata_room(rd, t, n))
        return false;
    memmove(p + n, p, behind);
    memset(p, 0, n);
    return true;
}

/* In the bitmap that begins at start and ends with rdata. */
static int set_bit(struct rdata_reader *rd, struct lex_token t, size_t start, uint16_t type)
{
    uint8_t window = (uint8_t)(type >> 8), octet = (uint8_t)(type & 255) / 8;
    uint8_t *p = rd->to->b + start, *end = rd->to->b + rd->to->n;

    while (p < end && p[0] < window)
        p += 2U + p[1];
    if (p == end || p[0] > window) {
        if (!insert_zeros(rd, t, p, 2))
            return -BD_EINVALID;
        p[0] = window;
    }
    if (p[1] <= octet) {
        size_t more = octet + 1U - p[1];
        if (!insert_zeros(rd, t, p + 2 + p[1], more))
            return -BD_EINVALID;
        p[1] = (uint8_t)(octet + 1);
    }
    p[2 + octet] = (uint8_t)(p[2 + octet] | 0x80 >> (type & 7));
    return 0;
}

static int read_bitmap(struct rdata_reader *rd, struct lex_token t)
{
    size_t start = rd->to->n;
    int r;

    do {
        uint16_t type;
        if (t.kind != LEX_WORD || rrtype_from_text(t.text, &type) < 0)
            return rdata_wrong(rd, t, -BD_ESYNTAX, "is not a record type");
        r = set_bit(rd, t, start, type);
        if (r == 0)
            r = rdata_more(rd, &t);
    } while (r > 0);
    return r;
}

static void write_bitmap(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                         size_t at, size_t length)
{
    const char *blank = "";
    char text[RRTYPE_TEXT_MAX];

    (void)kind;
    for (const uint8_t *p = rdata + at, *end = p + length; p < end; p += 2 + p[1]) {
        for (unsigned i = 0; i < 8U * p[1]; i++) {
            if (!(p[2 + i / 8] & 0x80U >> i % 8))
                continue;
            buf_add_str(out, str_c(blank));
            buf_add_str(out, str_c(rrtype_to_text((uint16_t)((unsigned)p[0] << 8 | i), text)));
            blank = " ";
        }
    }
}

/* NSEC's names at least NSEC itself; those of NSEC3 and CSYNC may be empty. */
const struct rdata_kind rdata_bitmap = {
    .length = length_bitmap, .read = read_bitmap, .write = write_bitmap};
const struct rdata_kind rdata_bitmap_or_none = {
    .length = length_bitmap, .read = read_bitmap, .write = write_bitmap, .optional = true};

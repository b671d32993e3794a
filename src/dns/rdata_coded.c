/* Fields that are octets in base 16, 32 or 64 (RFC 4648). */
#include <stdio.h>

#include "rdata.h"

struct coding {
    const char *name;
    unsigned bits; /* a digit */
    int (*digit)(char c);
    bool padded;
};

int rdata_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* base32hex, either case (RFC 5155 §3.3). */
static int base32_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)ascii_lower((unsigned char)c);
    return c >= 'a' && c <= 'v' ? c - 'a' + 10 : -1;
}

static int base64_digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static const struct coding hex = {"hexadecimal", 4, rdata_hex_digit, false};
static const struct coding base32 = {"base32hex", 5, base32_digit, false};
static const struct coding base64 = {"base64", 6, base64_digit, true};

/* Digits on their way to octets. */
struct decoder {
    const struct coding *coding;
    uint32_t acc;
    unsigned have; /* bits of acc that are no octet yet */
    size_t digits, pads;
};

/* Bytes of text up to one that does not belong there; text.n: all. Octets go to out, *n of them,
 * size at most; what is more sets *n to size + 1. Made anew for each coding, so that its digits
 * cost no call. */
static inline __attribute__((always_inline)) size_t decode_as(const struct coding *coding,
                                                              int (*value)(char c),
                                                              struct decoder *d, struct str text,
                                                              uint8_t *out, size_t size, size_t *n)
{
    size_t i = 0;

    for (; i < text.n; i++) {
        int digit = value(text.p[i]);
        if (coding->padded && text.p[i] == '=' && d->pads < 2) {
            d->pads++;
            continue;
        }
        if (digit < 0 || d->pads)
            break;
        d->digits++;
        d->acc = d->acc << coding->bits | (uint32_t)digit;
        d->have += coding->bits;
        if (d->have < 8)
            continue;
        d->have -= 8;
        if (*n < size)
            out[*n] = (uint8_t)(d->acc >> d->have);
        *n += *n <= size;
    }
    return i;
}

/* Pairs of digits: what hex is made of, nearly always. */
static size_t decode_pairs(struct decoder *d, struct str text, uint8_t *out, size_t size, size_t *n)
{
    size_t i = 0;

    for (; i + 1 < text.n && *n < size; i += 2) {
        int high = rdata_hex_digit(text.p[i]), low = rdata_hex_digit(text.p[i + 1]);
        if ((high | low) < 0)
            break;
        out[(*n)++] = (uint8_t)(high << 4 | low);
    }
    d->digits += i;
    return i;
}

static size_t decode(struct decoder *d, struct str text, uint8_t *out, size_t size, size_t *n)
{
    if (d->coding == &hex) {
        size_t i = d->have == 0 ? decode_pairs(d, text, out, size, n) : 0;
        return i + decode_as(&hex, rdata_hex_digit, d, (struct str){text.p + i, text.n - i}, out,
                             size, n);
    }
    if (d->coding == &base64)
        return decode_as(&base64, base64_digit, d, text, out, size, n);
    return decode_as(&base32, base32_digit, d, text, out, size, n);
}

/* The end of the digits: NULL, or what is wrong with them. */
static const char *decode_end(const struct decoder *d)
{
    if (d->coding->bits == 4 && d->have)
        return "an odd number of hexadecimal digits";
    if (d->coding->padded && (d->digits + d->pads) % 4 != 0)
        return "base64 is cut off here: its length is no multiple of 4";
    if (d->have >= d->coding->bits)
        return "base32hex is cut off here: no octets have this many digits";
    if (d->acc & ((1U << d->have) - 1))
        return "the last digit has bits that belong to no octet";
    return NULL;
}

static int read_digits(struct rdata_reader *rd, struct decoder *d, struct lex_token t)
{
    struct rdata *to = rd->to;
    size_t n = to->n, size = RDATA_MAX;
    char what[64];

    if (t.kind == LEX_QUOTED)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is in quotes; %s stands without them",
                           d->coding->name);
    size_t at = decode(d, t.text, to->b, size, &n);
    if (n > size)
        return rdata_room(rd, t, size) ? 0 : -BD_EINVALID;
    to->n = (uint16_t)n;
    if (at == t.text.n)
        return 0;
    snprintf(what, sizeof(what), "is not %s", d->coding->name);
    return rdata_wrong_part(rd, t, at, 1, what);
}

static int fail_end(struct rdata_reader *rd, struct lex_token t, const char *fault)
{
    lex_fail(rd->lx, t, -BD_ESYNTAX, "%s", fault);
    rdata_hint_example(rd);
    return -BD_ESYNTAX;
}

/* All words up to the line's end, which may break anywhere. */
static int read_to_end(struct rdata_reader *rd, const struct coding *coding, struct lex_token t)
{
    struct decoder d = {.coding = coding};
    size_t start = rd->to->n;
    struct lex_token last;
    int r;

    do {
        last = t;
        r = read_digits(rd, &d, t);
        if (r == 0)
            r = rdata_more(rd, &t);
    } while (r > 0);
    if (r < 0)
        return r;
    const char *fault = decode_end(&d);
    if (fault)
        return fail_end(rd, last, fault);
    if (rd->to->n == start)
        return fail_end(rd, last, "no octets");
    return 0;
}

/* ---- base64 to the end ---------------------------------------------------------------------- */

static int length_rest(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    size_t length = n - at;

    if (length < kind->least)
        return -1;
    if (kind->sizes && rdata[at - 1] < kind->nsizes && kind->sizes[rdata[at - 1]] &&
        kind->sizes[rdata[at - 1]] != length)
        return -1;
    return (int)length;
}

static int read_base64(struct rdata_reader *rd, struct lex_token t)
{
    return read_to_end(rd, &base64, t);
}

void rdata_add_base64(struct buf *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *to = buf_room(out, (n + 2) / 3 * 4);

    if (!to)
        return;
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        uint32_t v = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                     (left > 2 ? p[i + 2] : 0);
        *to++ = digits[v >> 18];
        *to++ = digits[v >> 12 & 63];
        *to++ = left > 1 ? digits[v >> 6 & 63] : '=';
        *to++ = left > 2 ? digits[v & 63] : '=';
    }
    out->n += (n + 2) / 3 * 4;
}

int rdata_base64_from_text(struct str text, uint8_t *out, size_t size)
{
    struct decoder d = {.coding = &base64};
    size_t n = 0, at = decode(&d, text, out, size, &n);

    return at == text.n && n <= size && !decode_end(&d) ? (int)n : -1;
}

static void write_base64(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                         size_t at, size_t length)
{
    (void)kind;
    rdata_add_base64(out, rdata + at, length);
}

const struct rdata_kind rdata_base64 = {
    .length = length_rest, .read = read_base64, .write = write_base64, .least = 1};

/* IPSECKEY's key: none only with algorithm 0, the octet behind the gateway's type (RFC 4025 §2.4).
 */
enum { KEY_ALGORITHM = 2 };

static int length_key(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    (void)kind;
    return n > at || rdata[KEY_ALGORITHM] == 0 ? (int)(n - at) : -1;
}

const struct rdata_kind rdata_key = {
    .length = length_key, .read = read_base64, .write = write_base64, .optional = true};

/* ---- digests ----------------------------------------------------------------------------------
 */

static int read_digest(struct rdata_reader *rd, struct lex_token t)
{
    const struct rdata_kind *kind = rd->kind;
    struct rdata *to = rd->to;
    size_t start = to->n;
    unsigned type = to->b[start - 1];
    int r = read_to_end(rd, &hex, t);

    if (r < 0)
        return r;
    if (length_rest(kind, to->b, start, to->n) >= 0)
        return 0;
    if (type < kind->nsizes && kind->sizes[type])
        lex_fail(rd->lx, t, -BD_EINVALID,
                 "a digest of type %u has %u octets (%u digits), but these are %zu", type,
                 kind->sizes[type], 2U * kind->sizes[type], to->n - start);
    else
        lex_fail(rd->lx, t, -BD_EINVALID, "a digest has %u octets at least, but these are %zu",
                 kind->least, to->n - start);
    return -BD_EINVALID;
}

void rdata_add_hex(struct buf *out, const uint8_t *p, size_t n)
{
    static const char digits[] = "0123456789ABCDEF";
    char *to = buf_room(out, 2 * n);

    if (!to)
        return;
    out->n += 2 * n;
    for (size_t i = 0; i < n; i++) {
        *to++ = digits[p[i] >> 4];
        *to++ = digits[p[i] & 15];
    }
}

static void write_hex(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                      size_t at, size_t length)
{
    (void)kind;
    rdata_add_hex(out, rdata + at, length);
}

#define DIGEST(name)                                                                               \
    .length = length_rest, .read = read_digest, .write = write_hex, .sizes = (name),               \
    .nsizes = sizeof(name)

/* SHA-1, SHA-256, GOST, SHA-384: RFC 4034 §A.2, 4509, 5933, 6605. */
static const uint8_t ds_sizes[] = {[1] = 20, [2] = 32, [3] = 32, [4] = 48};
/* RFC 4255 §3.1.2, 6594. */
static const uint8_t sshfp_sizes[] = {[1] = 20, [2] = 32};
/* RFC 8976 §2.2.3; other ones have 12 octets at least (§2.2.4). */
static const uint8_t zonemd_sizes[] = {[1] = 48, [2] = 64};

const struct rdata_kind rdata_ds_digest = {DIGEST(ds_sizes), .least = 1};
const struct rdata_kind rdata_sshfp_digest = {DIGEST(sshfp_sizes), .least = 1};
/* RFC 6698 §2.1.3 gives the digests of types 1 and 2 a size, but servers load any: so a zone that
 * has a wrong one is not refused for it. */
const struct rdata_kind rdata_tlsa_digest = {
    .length = length_rest, .read = read_digest, .write = write_hex, .least = 1};
const struct rdata_kind rdata_zonemd_digest = {DIGEST(zonemd_sizes), .least = 12};

/* ---- NSEC3: one word, behind a length octet ---------------------------------------------------
 */

static int length_counted(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    if (at == n || rdata[at] >= n - at || rdata[at] < kind->least)
        return -1;
    return rdata[at] + 1;
}

static int read_counted(struct rdata_reader *rd, const struct coding *coding, struct lex_token t)
{
    struct decoder d = {.coding = coding};
    uint8_t *count = rdata_room(rd, t, 1);

    if (!count)
        return -BD_EINVALID;
    int r = read_digits(rd, &d, t);
    if (r < 0)
        return r;
    const char *fault = decode_end(&d);
    size_t n = rd->to->n - (size_t)(count + 1 - rd->to->b);
    if (fault)
        return fail_end(rd, t, fault);
    if (n < rd->kind->least || n > 255)
        return rdata_wrong(rd, t, -BD_EINVALID, "has %zu octets; %u to 255 are possible", n,
                           rd->kind->least);
    *count = (uint8_t)n;
    return 0;
}

static int read_salt(struct rdata_reader *rd, struct lex_token t)
{
    if (t.kind == LEX_WORD && str_eq(t.text, STR("-")))
        return rdata_put(rd, t, "", 1);
    return read_counted(rd, &hex, t);
}

static int read_base32(struct rdata_reader *rd, struct lex_token t)
{
    return read_counted(rd, &base32, t);
}

static void write_salt(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                       size_t at, size_t length)
{
    (void)kind;
    if (length == 1)
        buf_add_c(out, '-');
    rdata_add_hex(out, rdata + at + 1, length - 1);
}

static void write_base32(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                         size_t at, size_t length)
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    uint32_t acc = 0;
    unsigned have = 0;

    (void)kind;
    for (const uint8_t *p = rdata + at + 1, *end = rdata + at + length; p < end; p++) {
        acc = acc << 8 | *p;
        for (have += 8; have >= 5; have -= 5)
            buf_add_c(out, digits[acc >> (have - 5) & 31]);
    }
    if (have)
        buf_add_c(out, digits[acc << (5 - have) & 31]);
}

const struct rdata_kind rdata_salt = {
    .length = length_counted, .read = read_salt, .write = write_salt};
const struct rdata_kind rdata_base32 = {
    .length = length_counted, .read = read_base32, .write = write_base32, .least = 1};

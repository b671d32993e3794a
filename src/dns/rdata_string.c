/* Fields that are text: character-strings (RFC 1035 §5.1), the tag and value of CAA, the target of
 * URI. */
#include <stdio.h>

#include "rdata.h"

static int length_string(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    (void)kind;
    return at < n && rdata[at] < n - at ? rdata[at] + 1 : -1;
}

static int length_strings(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    size_t p = at;

    (void)kind;
    while (p < n) {
        if (rdata[p] >= n - p)
            return -1;
        p += rdata[p] + 1U;
    }
    return p > at ? (int)(p - at) : -1;
}

static int length_rest(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    (void)rdata;
    return n - at >= kind->least ? (int)(n - at) : -1;
}

static int bad_escape(struct rdata_reader *rd, struct lex_token t)
{
    return rdata_wrong(rd, t, -BD_ESYNTAX,
                       "has a backslash without a character or three digits up to 255 behind it");
}

static int read_string(struct rdata_reader *rd, struct lex_token t)
{
    uint8_t octets[255];
    int n = lex_octets(t.text, octets, sizeof(octets));

    if (n == -ENOSPC) {
        lex_fail(rd->lx, t, -BD_EINVALID, "a string is longer than 255 octets");
        snprintf(rd->lx->error.hint, sizeof(rd->lx->error.hint),
                 "write it as several strings: \"...\" \"...\"");
        return -BD_EINVALID;
    }
    if (n < 0)
        return bad_escape(rd, t);
    uint8_t *p = rdata_room(rd, t, (size_t)n + 1);
    if (!p)
        return -BD_EINVALID;
    p[0] = (uint8_t)n;
    memcpy(p + 1, octets, (size_t)n);
    return 0;
}

static int read_strings(struct rdata_reader *rd, struct lex_token t)
{
    int r;

    do {
        r = read_string(rd, t);
        if (r == 0)
            r = rdata_more(rd, &t);
    } while (r > 0);
    return r;
}

void rdata_add_quoted(struct buf *out, const uint8_t *p, size_t n)
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

static void write_strings(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                          size_t at, size_t length)
{
    (void)kind;
    for (const uint8_t *p = rdata + at, *end = p + length; p < end; p += *p + 1) {
        if (p > rdata + at)
            buf_add_c(out, ' ');
        rdata_add_quoted(out, p + 1, *p);
    }
}

const struct rdata_kind rdata_string = {
    .length = length_string, .read = read_string, .write = write_strings};
const struct rdata_kind rdata_strings = {
    .length = length_strings, .read = read_strings, .write = write_strings};

/* One text up to the end of rdata, without a length octet. */
static int read_rest(struct rdata_reader *rd, struct lex_token t)
{
    struct rdata *to = rd->to;
    int n = lex_octets(t.text, to->b + to->n, RDATA_MAX - to->n);

    if (n == -ENOSPC)
        return lex_fail(rd->lx, t, -BD_EINVALID, "the record is longer than %d octets", RDATA_MAX);
    if (n < 0)
        return bad_escape(rd, t);
    if (n < rd->kind->least)
        return lex_fail(rd->lx, t, -BD_EINVALID, "an empty URI (RFC 7553 section 4.4)");
    to->n = (uint16_t)(to->n + n);
    return 0;
}

static void write_rest(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                       size_t at, size_t length)
{
    (void)kind;
    rdata_add_quoted(out, rdata + at, length);
}

/* CAA's value may be empty (RFC 8659 §4.1), URI's target may not (RFC 7553 §4.4). */
const struct rdata_kind rdata_text = {
    .length = length_rest, .read = read_rest, .write = write_rest};
const struct rdata_kind rdata_uri = {
    .length = length_rest, .read = read_rest, .write = write_rest, .least = 1};

static bool is_tag(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t c = ascii_lower(p[i]);
        if ((c < 'a' || c > 'z') && (c < '0' || c > '9'))
            return false;
    }
    return n > 0 && n <= 255;
}

static int length_tag(const struct rdata_kind *kind, const uint8_t *rdata, size_t at, size_t n)
{
    int length = length_string(kind, rdata, at, n);

    return length > 1 && is_tag(rdata + at + 1, rdata[at]) ? length : -1;
}

static int read_tag(struct rdata_reader *rd, struct lex_token t)
{
    if (t.kind != LEX_WORD || !is_tag((const uint8_t *)t.text.p, t.text.n))
        return rdata_wrong(rd, t, -BD_ESYNTAX,
                           "is not a property: letters and digits only, like issue or iodef");
    return read_string(rd, t);
}

static void write_tag(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                      size_t at, size_t length)
{
    (void)kind;
    buf_add(out, rdata + at + 1, length - 1);
}

/* RFC 8659 §4.1. */
const struct rdata_kind rdata_tag = {.length = length_tag, .read = read_tag, .write = write_tag};

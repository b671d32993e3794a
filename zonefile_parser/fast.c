/* The straight line through a file that programs and careful people write: "owner [TTL] [IN] TYPE
 * value", one line, frequent types, no escapes, no parentheses, no faults. Whatever is not just
 * that is left to the complete parser, which begins at the line's start again: nothing is decided
 * here that it would decide otherwise.
 *
 * Nobody asks for the end of the text here: a line that is read has a line end, at which every loop
 * stops, and FAST_ROOM octets behind it, so that whole words can be loaded. The functions return
 * where they have stopped, or NULL. */
#include "parser.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define FAST_ROOM 32
#define BLOCK 16
#define LABEL_MAX 63

void zp_fast_start(struct zp_parser *ps)
{
    size_t n = (size_t)(ps->lx.end - ps->lx.base);

    ps->fast_end = n > FAST_ROOM ? memrchr(ps->lx.base, '\n', n - FAST_ROOM) : NULL;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *skip_blanks(const char *p)
{
    while (is_blank(*p))
        p++;
    return p;
}

/* At least one. */
static const char *take_blanks(const char *p)
{
    return is_blank(*p) ? skip_blanks(p + 1) : NULL;
}

/* ---- names ---- */

/* A-Z a-z 0-9 - _ * and /: octets that mean themselves in a name. */
static bool is_plain(char c)
{
    static const uint64_t plain[4] = {UINT64_C(0x03ffa40000000000), UINT64_C(0x07fffffe87fffffe)};

    return plain[(unsigned char)c >> 6] >> ((unsigned char)c & 63) & 1;
}

/* How many plain octets stand at p, up to BLOCK; out has room for BLOCK, and gets them. */
static size_t take_block(const char *p, uint8_t *out)
{
#ifdef __SSE2__
    const __m128i x = _mm_loadu_si128((const void *)p);
    /* Moved so that the range begins at -128: one signed comparison finds it. */
    const __m128i letter = _mm_cmplt_epi8(
        _mm_add_epi8(_mm_or_si128(x, _mm_set1_epi8(0x20)), _mm_set1_epi8((char)(128 - 'a'))),
        _mm_set1_epi8(-128 + 26));
    const __m128i digit = _mm_cmplt_epi8(_mm_add_epi8(x, _mm_set1_epi8((char)(128 - '-'))),
                                         _mm_set1_epi8(-128 + '9' - '-' + 1));
    const __m128i other =
        _mm_or_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('_')), _mm_cmpeq_epi8(x, _mm_set1_epi8('*')));
    const __m128i plain =
        _mm_or_si128(_mm_or_si128(letter, other),
                     _mm_andnot_si128(_mm_cmpeq_epi8(x, _mm_set1_epi8('.')), digit));

    _mm_storeu_si128((void *)out, x);
    return (size_t)__builtin_ctz(~(unsigned)_mm_movemask_epi8(plain));
#else
    size_t n = 0;

    for (; n < BLOCK && is_plain(p[n]); n++)
        out[n] = (uint8_t)p[n];
    return n;
#endif
}

/* A plain label; out has room for all blocks that can be looked at. */
static size_t take_label(const char *p, uint8_t *out)
{
    size_t n = 0, k;

    do {
        k = take_block(p + n, out + n);
        n += k;
    } while (k == BLOCK && n <= LABEL_MAX);
    return n;
}

/* Dotted plain labels, in wire form; *ret_n octets, without the root's. */
static const char *take_labels(const char *p, uint8_t out[DNAME_MAX], size_t *ret_n,
                               bool *ret_absolute)
{
    const size_t most = DNAME_MAX - (1 + LABEL_MAX + 1 + BLOCK);
    size_t at = 0;

    for (;;) {
        size_t n = at <= most ? take_label(p, out + at + 1) : 0;
        if (n == 0 || n > LABEL_MAX)
            return NULL;
        out[at] = (uint8_t)n;
        at += 1 + n;
        p += n;
        if (*p != '.' || !is_plain(p[1]))
            break;
        p++;
    }
    *ret_absolute = *p == '.';
    *ret_n = at;
    return p + *ret_absolute;
}

#define SUFFIX 32

/* A name in wire form; NULL too where the complete parser would have something to say about it. */
static const char *take_name(const char *p, const struct zp_origin *origin, uint8_t out[DNAME_MAX],
                             size_t *ret_n, bool *ret_absolute)
{
    size_t n, norigin = origin->name.n;

    p = take_labels(p, out, &n, ret_absolute);
    if (!p)
        return NULL;
    if (*ret_absolute) {
        out[n] = 0;
        *ret_n = n + 1;
        return p;
    }
    if (n + norigin > DNAME_MAX)
        return NULL;
    if (norigin <= SUFFIX && n <= DNAME_MAX - SUFFIX)
        memcpy(out + n, origin->name.b, SUFFIX); /* of a known size: no call */
    else
        memcpy(out + n, origin->name.b, norigin);
    *ret_n = n + norigin;
    return *ret_n >= origin->twice.n && zp_doubled(origin, out, *ret_n) ? NULL : p;
}

/* ---- numbers and addresses ---- */

/* At most nine digits, so that nothing overflows. */
static const char *take_number(const char *p, uint32_t *ret_value)
{
    const char *start = p;
    uint32_t value = 0;

    for (; is_digit(*p); p++)
        value = value * 10 + (uint32_t)(*p - '0');
    *ret_value = value;
    return p > start && p - start <= 9 ? p : NULL;
}

/* A TTL of one number and at most one unit (1h). */
static const char *take_ttl(const char *p, uint32_t *ret_ttl)
{
    const char *start = p;

    p = take_number(p, ret_ttl);
    if (!p || is_blank(*p))
        return p;
    p++;
    return lex_ttl((struct str){start, (size_t)(p - start)}, ret_ttl) == 0 ? p : NULL;
}

/* Decimal octets without leading zeros. */
static const char *take_ipv4(const char *p, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        unsigned value = (unsigned char)*p - (unsigned)'0';
        if (value > 9 || (i > 0 && p[-1] != '.'))
            return NULL;
        p++;
        for (int more = 0; is_digit(*p); more++, p++) {
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
    if (is_digit(c))
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

    p = take_name(p, origin, to->b + to->n, &n, &absolute);
    if (p)
        to->n = (uint16_t)(to->n + n);
    return p;
}

/* A number, and the blanks behind it. */
static const char *put_u16(const char *p, struct rdata *to)
{
    uint32_t value;

    p = take_number(p, &value);
    if (!p || value > UINT16_MAX)
        return NULL;
    to->b[to->n++] = (uint8_t)(value >> 8);
    to->b[to->n++] = (uint8_t)value;
    return take_blanks(p);
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

static const char *take_rdata(const char *p, uint16_t type, const struct zp_origin *origin,
                              struct rdata *to)
{
    to->n = 0;
    switch (type) {
    case RRTYPE_A: to->n = 4; return take_ipv4(p, to->b);
    case RRTYPE_AAAA: to->n = 16; return take_ipv6(p, to->b);
    case RRTYPE_TXT: return put_strings(p, to);
    case RRTYPE_SRV:
        p = put_u16(p, to);
        p = p ? put_u16(p, to) : NULL;
        p = p ? put_u16(p, to) : NULL;
        break;
    case RRTYPE_MX: p = put_u16(p, to); break;
    case RRTYPE_NS:
    case RRTYPE_CNAME:
    case RRTYPE_PTR: break;
    default: return NULL;
    }
    return p ? put_name(p, origin, to) : NULL;
}

/* ---- the line ---- */

/* Blanks, a comment, the line's end. */
static const char *take_end(const char *p, const char *end)
{
    p = skip_blanks(p);
    if (*p == ';') {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        if (memchr(p, '\0', (size_t)(stop - p)))
            return NULL;
        p = stop;
    } else if (*p == '\r') {
        p++;
    }
    return *p == '\n' ? p + 1 : NULL;
}

/* A type, by its mnemonic, and the blanks behind it. */
static const char *take_type(const char *p, uint16_t *ret_type)
{
    size_t n = 0;

    if (*p == 'A' && is_blank(p[1])) { /* most records of most zones */
        *ret_type = RRTYPE_A;
        return skip_blanks(p + 2);
    }
    while (is_plain(p[n]))
        n++;
    if (rrtype_from_text((struct str){p, n}, ret_type) < 0 || zp_is_meta(*ret_type))
        return NULL;
    return take_blanks(p + n);
}

/* [TTL] [IN] TYPE, in either order, each behind a blank. */
static const char *take_fields(const char *p, struct zp_record *rec)
{
    bool has_class = false;

    rec->ttl = ZP_NO_TTL;
    for (;;) {
        p = take_blanks(p);
        if (!p)
            return NULL;
        if (is_digit(*p)) {
            if (rec->ttl != ZP_NO_TTL)
                return NULL;
            p = take_ttl(p, &rec->ttl);
            if (!p)
                return NULL;
        } else if ((p[0] | 32) == 'i' && (p[1] | 32) == 'n' && is_blank(p[2])) {
            if (has_class)
                return NULL;
            has_class = true;
            p += 2;
        } else {
            return take_type(p, &rec->type);
        }
    }
}

static const char *take_owner(const char *p, struct zp_parser *ps)
{
    struct dname *owner = &ps->record.owner;
    const char *start = p;
    bool absolute;
    size_t n;

    if (is_blank(*p))
        return owner->n != 0 && !ps->no_owner ? p : NULL;
    if (!is_plain(*p))
        return NULL;
    /* From here on the old owner is lost, and if this line turns out not to be an ordinary one, the
     * complete parser reads the new one too. */
    ps->owner_text.n = 0;
    p = take_name(p, &ps->origin, owner->b, &n, &absolute);
    if (!p)
        return NULL;
    owner->n = (uint8_t)n;
    if ((absolute || !ps->origin.inside) && !ps->options->any_owner &&
        !zp_ends_in(owner->b, n, &ps->options->origin))
        return NULL;
    ps->no_owner = false;
    ps->owner_text = (struct str){start, (size_t)(p - start)};
    return p;
}

enum zp_fast zp_fast_record(struct zp_parser *ps)
{
    struct zp_record *rec = &ps->record;
    const char *p = ps->lx.p, *value;

    if (!ps->fast_end || p > ps->fast_end)
        return ZP_FAST_NOTHING;
    rec->at = skip_blanks(p);
    p = take_owner(p, ps);
    value = p ? take_fields(p, rec) : NULL;
    if (!value)
        return ZP_FAST_NOTHING;
    rec->class = ZP_CLASS_IN;
    p = take_rdata(value, rec->type, &ps->origin, &ps->rdata);
    p = p ? take_end(p, ps->lx.end) : NULL;
    uint32_t ttl = rec->ttl != ZP_NO_TTL ? rec->ttl : ps->dollar_ttl;
    if (ttl == ZP_NO_TTL)
        ttl = ps->last_ttl;
    if (!p || ttl == ZP_NO_TTL) {
        ps->lx.p = value;
        ps->lx.line_start = false;
        return ZP_FAST_HEAD;
    }
    rec->ttl = ps->last_ttl = ttl;
    ps->lx.p = p;
    return ZP_FAST_RECORD;
}

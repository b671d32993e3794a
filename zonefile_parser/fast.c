/* The straight line through a file that programs and careful people write: "owner [TTL] [IN] TYPE
 * value", one line, frequent types, no escapes, no parentheses, no faults. Whatever is not just
 * that is left to the complete parser, which begins at the line's start again: nothing is decided
 * here that it would decide otherwise. */
#include "parser.h"

/* What is left of the text. Each reader moves p behind what it took, or returns false. */
struct cursor {
    const char *p, *end;
};

/* A-Z a-z 0-9 - _ * and /: octets that mean themselves in a name. */
static bool is_plain(char c)
{
    static const uint64_t plain[4] = {UINT64_C(0x03ffa40000000000), UINT64_C(0x07fffffe87fffffe)};

    return plain[(unsigned char)c >> 6] >> ((unsigned char)c & 63) & 1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

static bool skip_blanks(struct cursor *c)
{
    const char *start = c->p;

    while (c->p < c->end && is_blank(*c->p))
        c->p++;
    return c->p > start;
}

/* At most nine digits, so that nothing overflows. */
static bool take_number(struct cursor *c, uint32_t *ret_value)
{
    const char *start = c->p;
    uint32_t value = 0;

    while (c->p < c->end && *c->p >= '0' && *c->p <= '9' && c->p - start < 9)
        value = value * 10 + (uint32_t)(*c->p++ - '0');
    *ret_value = value;
    return c->p > start;
}

/* A TTL of one number and at most one unit (1h). */
static bool take_ttl(struct cursor *c, uint32_t *ret_ttl)
{
    const char *start = c->p;

    if (!take_number(c, ret_ttl))
        return false;
    if (c->p == c->end || is_blank(*c->p))
        return true;
    c->p++;
    return lex_ttl((struct str){start, (size_t)(c->p - start)}, ret_ttl) == 0;
}

/* Dotted plain labels, in wire form behind out; *ret_n octets, without the root's. Text of a whole
 * name is at most as long as its wire form less one octet, which bounds the loop. */
static bool take_labels(struct cursor *c, uint8_t out[DNAME_MAX], size_t *ret_n, bool *ret_absolute)
{
    const char *p = c->p, *stop = c->end - p > DNAME_MAX - 2 ? p + DNAME_MAX - 2 : c->end;
    uint8_t *length = out, *to = out + 1;

    *ret_absolute = false;
    for (;; p++) {
        size_t n;
        for (; p < stop && is_plain(*p); p++)
            *to++ = (uint8_t)*p;
        n = (size_t)(to - length - 1);
        if (n == 0 || n > 63 || p == stop)
            return false;
        *length = (uint8_t)n;
        length = to;
        if (*p != '.')
            break;
        to++;
        if (p + 1 < stop && !is_plain(p[1])) {
            *ret_absolute = true;
            p++;
            break;
        }
    }
    c->p = p;
    *ret_n = (size_t)(length - out);
    return true;
}

/* A name in wire form; false too where the complete parser would have something to say about it. */
static bool take_name(struct cursor *c, const struct zp_origin *origin, uint8_t out[DNAME_MAX],
                      size_t *ret_n, bool *ret_absolute)
{
    size_t n;

    if (!take_labels(c, out, &n, ret_absolute))
        return false;
    if (*ret_absolute) {
        out[n] = 0;
        *ret_n = n + 1;
        return true;
    }
    if (n + origin->name.n > DNAME_MAX)
        return false;
    memcpy(out + n, origin->name.b, origin->name.n);
    *ret_n = n + origin->name.n;
    return !zp_doubled(origin, out, *ret_n);
}

/* Decimal octets without leading zeros. */
static bool take_ipv4(struct cursor *c, uint8_t out[4])
{
    for (int i = 0; i < 4; i++) {
        const char *start = c->p;
        uint32_t value;
        if (!take_number(c, &value) || value > 255 || (*start == '0' && c->p - start > 1) ||
            c->p - start > 3)
            return false;
        out[i] = (uint8_t)value;
        if (i < 3 && (c->p == c->end || *c->p++ != '.'))
            return false;
    }
    return true;
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 32;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool take_group(struct cursor *c, uint8_t out[2])
{
    unsigned value = 0, digits = 0;
    int digit;

    for (; c->p < c->end && (digit = hex_value(*c->p)) >= 0; c->p++) {
        if (++digits > 4)
            return false;
        value = value << 4 | (unsigned)digit;
    }
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return digits > 0;
}

#define NO_GAP SIZE_MAX

/* Groups of hex digits with at most one "::" (RFC 4291 §2.2); the form with a dotted end is left to
 * the other parser. */
static bool take_ipv6(struct cursor *c, uint8_t out[16])
{
    uint8_t groups[16];
    size_t n = 0, gap = NO_GAP;

    if (c->end - c->p >= 2 && c->p[0] == ':' && c->p[1] == ':') {
        gap = 0;
        c->p += 2;
    }
    while (n < 16 && c->p < c->end && hex_value(*c->p) >= 0) {
        if (!take_group(c, groups + n))
            return false;
        n += 2;
        if (c->p == c->end || *c->p != ':')
            break;
        c->p++;
        if (c->p < c->end && *c->p == ':') {
            if (gap != NO_GAP)
                return false;
            gap = n;
            c->p++;
        } else if (c->p == c->end || hex_value(*c->p) < 0) {
            return false;
        }
    }
    if (gap == NO_GAP ? n != 16 : n > 14)
        return false;
    if (gap == NO_GAP)
        gap = n;
    memset(out, 0, 16);
    memcpy(out, groups, gap);
    memcpy(out + 16 - (n - gap), groups + gap, n - gap);
    return true;
}

/* One character-string in quotes, without escapes. */
static bool take_string(struct cursor *c, uint8_t out[256], size_t *ret_n)
{
    const char *p = c->p, *stop;
    size_t n = 0;

    if (p == c->end || *p++ != '"')
        return false;
    stop = c->end - p > 256 ? p + 256 : c->end;
    for (; p < stop && *p != '"'; p++) {
        if ((unsigned char)*p < ' ' || *p == '\\' || n == 255)
            return false;
        out[++n] = (uint8_t)*p;
    }
    if (p == stop)
        return false;
    out[0] = (uint8_t)n;
    *ret_n = n + 1;
    c->p = p + 1;
    return true;
}

static bool take_strings(struct cursor *c, struct rdata *to)
{
    do {
        size_t n;
        if (to->n > RDATA_MAX - 256 || !take_string(c, to->b + to->n, &n))
            return false;
        to->n = (uint16_t)(to->n + n);
    } while (skip_blanks(c) && c->p < c->end && *c->p == '"');
    return true;
}

static bool take_u16(struct cursor *c, uint8_t out[2])
{
    uint32_t value;

    if (!take_number(c, &value) || value > UINT16_MAX)
        return false;
    out[0] = (uint8_t)(value >> 8);
    out[1] = (uint8_t)value;
    return true;
}

static bool take_field(struct cursor *c, uint8_t field, const struct zp_origin *origin,
                       struct rdata *to)
{
    uint8_t *out = to->b + to->n; /* the few fields before strings leave room enough */
    size_t n;
    bool ok, absolute;

    switch (field) {
    case RDATA_U16:
        n = 2;
        ok = take_u16(c, out);
        break;
    case RDATA_IPV4:
        n = 4;
        ok = take_ipv4(c, out);
        break;
    case RDATA_IPV6:
        n = 16;
        ok = take_ipv6(c, out);
        break;
    case RDATA_NAME: ok = take_name(c, origin, out, &n, &absolute); break;
    case RDATA_STRINGS: return take_strings(c, to);
    default: return false;
    }
    if (ok)
        to->n = (uint16_t)(to->n + n);
    return ok;
}

static bool take_rdata(struct cursor *c, uint16_t type, const struct zp_origin *origin,
                       struct rdata *to)
{
    const struct rrtype *row = rrtype_by_code(type);

    to->n = 0;
    for (const uint8_t *field = row ? row->fields : NULL; field; field++) {
        if (*field == RDATA_END)
            return true;
        if (!skip_blanks(c) || !take_field(c, *field, origin, to))
            return false;
    }
    return false;
}

/* Blanks, a comment, the line's end. */
static bool take_end(struct cursor *c)
{
    const char *p;

    skip_blanks(c);
    p = c->p;
    if (p < c->end && *p == ';') {
        p = memchr(p, '\n', (size_t)(c->end - p));
        if (!p)
            p = c->end;
        if (memchr(c->p, '\0', (size_t)(p - c->p)))
            return false;
    } else if (c->end - p >= 2 && p[0] == '\r' && p[1] == '\n') {
        p++;
    }
    if (p < c->end && *p != '\n')
        return false;
    c->p = p < c->end ? p + 1 : p;
    return true;
}

/* The frequent types, by their letters in one number; 0: another. */
static uint16_t take_type(struct cursor *c)
{
    uint64_t letters = 0;
    const char *p = c->p, *stop = c->end - p > 8 ? p + 8 : c->end;

    for (; stop > p && *p > ' '; p++)
        letters = letters << 8 | (unsigned char)(*p & ~32);
    if (p == stop || !is_blank(*p))
        return 0;
    c->p = p;
    switch (letters) {
    case 'A': return RRTYPE_A;
    case 'N' << 8 | 'S': return RRTYPE_NS;
    case 'M' << 8 | 'X': return RRTYPE_MX;
    case 'P' << 16 | 'T' << 8 | 'R': return RRTYPE_PTR;
    case 'T' << 16 | 'X' << 8 | 'T': return RRTYPE_TXT;
    case 'S' << 16 | 'R' << 8 | 'V': return RRTYPE_SRV;
    case 'A' << 24 | 'A' << 16 | 'A' << 8 | 'A': return RRTYPE_AAAA;
    case (uint64_t)'C' << 32 | 'N' << 24 | 'A' << 16 | 'M' << 8 | 'E': return RRTYPE_CNAME;
    default: return 0;
    }
}

/* [TTL] [IN] TYPE, in either order, each behind a blank. */
static bool take_fields(struct cursor *c, struct zp_record *rec)
{
    bool has_class = false;

    rec->ttl = ZP_NO_TTL;
    for (;;) {
        if (!skip_blanks(c) || c->end - c->p < 3)
            return false;
        if (*c->p >= '0' && *c->p <= '9') {
            if (rec->ttl != ZP_NO_TTL || !take_ttl(c, &rec->ttl))
                return false;
        } else if ((c->p[0] | 32) == 'i' && (c->p[1] | 32) == 'n' && is_blank(c->p[2])) {
            if (has_class)
                return false;
            has_class = true;
            c->p += 2;
        } else {
            rec->type = take_type(c);
            return rec->type != 0;
        }
    }
}

static bool take_owner(struct cursor *c, struct zp_parser *ps)
{
    struct dname *owner = &ps->record.owner;
    const char *start = c->p;
    bool absolute;
    size_t n;

    if (is_blank(*start))
        return owner->n != 0 && !ps->no_owner;
    if (!is_plain(*start))
        return false;
    /* From here on the old owner is lost, and if this line turns out not to be an ordinary one, the
     * complete parser reads the new one too. */
    ps->owner_text.n = 0;
    if (!take_name(c, &ps->origin, owner->b, &n, &absolute))
        return false;
    owner->n = (uint8_t)n;
    if ((absolute || !ps->origin.inside) && !ps->options->any_owner &&
        !zp_ends_in(owner->b, n, &ps->options->origin))
        return false;
    ps->no_owner = false;
    ps->owner_text = (struct str){start, (size_t)(c->p - start)};
    return true;
}

bool zp_fast_record(struct zp_parser *ps)
{
    struct cursor c = {ps->lx.p, ps->lx.end};
    struct zp_record *rec = &ps->record;

    if (c.p == c.end)
        return false;
    rec->at = c.p;
    if (!take_owner(&c, ps))
        return false;
    while (rec->at < c.end && is_blank(*rec->at))
        rec->at++;
    if (!take_fields(&c, rec) || !take_rdata(&c, rec->type, &ps->origin, &ps->rdata) ||
        !take_end(&c))
        return false;
    if (rec->ttl == ZP_NO_TTL)
        rec->ttl = ps->dollar_ttl;
    if (rec->ttl == ZP_NO_TTL)
        rec->ttl = ps->last_ttl;
    if (rec->ttl == ZP_NO_TTL)
        return false;
    ps->last_ttl = rec->ttl;
    rec->class = ZP_CLASS_IN;
    ps->lx.p = c.p;
    return true;
}

/* The straight line through a file that programs and careful people write: "owner [TTL] [IN] TYPE
 * value", one line, no escapes, no parentheses, no faults. Whatever is not just that is left to the
 * complete parser, which begins at the line's start again, or at the value: nothing is decided here
 * that it would decide otherwise. */
#include "fast.h"

#define FAST_ROOM 32 /* octets behind the end of a line, see fast.h */

void zp_fast_start(struct zp_parser *ps)
{
    size_t n = (size_t)(ps->lx.end - ps->lx.base);

    ps->fast_end = n > FAST_ROOM ? memrchr(ps->lx.base, '\n', n - FAST_ROOM) : NULL;
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
        if (ascii_digit(*p)) {
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
    p = zp_fast_name(p, &ps->origin, owner->b, &n, &absolute);
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
    p = zp_fast_value(value, rec->type, &ps->origin, &ps->rdata);
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

/* Names in zone files: what is wrong with one, raw octets, the forgotten final dot. */
#include "parser.h"

#include <stdio.h>

static int fail_name(struct lexer *lx, struct lex_token t, int r, size_t at)
{
    struct lex_token place = t;

    if (at < t.text.n)
        place.text = (struct str){t.text.p + at, r == -BD_ESYNTAX ? 1 : t.text.n - at};
    return lex_fail(lx, place, r == -BD_EINVALID ? r : -BD_ESYNTAX, "'%.*s' is not a name: %s",
                    ZP_SHOWN(t.text), dname_fault(r, t.text, at));
}

/* Octets above 0x7f stand for themselves in zone files, as in all other servers: spelled \DDD, then
 * read again. */
static int raw_name(struct str text, const struct dname_rules *rules, struct dname *ret_name)
{
    char spelled[DNAME_TEXT_MAX];
    size_t n = 0;

    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (n + 5 > sizeof(spelled))
            return -BD_EINVALID;
        if (c >= 0x80)
            n += (size_t)snprintf(spelled + n, sizeof(spelled) - n, "\\%03u", c);
        else
            spelled[n++] = (char)c;
    }
    return dname_from_text((struct str){spelled, n}, rules, ret_name, NULL);
}

static bool has_raw(struct str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if ((unsigned char)text.p[i] >= 0x80)
            return true;
    }
    return false;
}

bool zp_ends_in(const uint8_t *b, size_t n, const struct dname *tail)
{
    size_t at = 0;

    if (n < tail->n)
        return false;
    while (at < n - tail->n)
        at += b[at] + 1U;
    if (at != n - tail->n)
        return false;
    if (memcmp(b + at, tail->b, tail->n) == 0)
        return true;
    /* Length octets are below the letters, so that they may be folded with them. */
    for (size_t i = 0; i < tail->n; i++) {
        if (ascii_lower(b[at + i]) != ascii_lower(tail->b[i]))
            return false;
    }
    return true;
}

void zp_origin_set(struct zp_origin *origin, const struct dname *name, const struct dname *zone)
{
    size_t labels = name->n - 1U, n = labels + name->n;

    origin->name = *name;
    origin->inside = zp_ends_in(name->b, name->n, zone);
    origin->twice.n = 0;
    if (labels == 0 || n > DNAME_MAX)
        return;
    memcpy(origin->twice.b, name->b, labels);
    memcpy(origin->twice.b + labels, name->b, name->n);
    origin->twice.n = (uint8_t)n;
}

bool zp_doubled(const struct zp_origin *origin, const uint8_t *b, size_t n)
{
    return origin->twice.n && n >= origin->twice.n && zp_ends_in(b, n, &origin->twice);
}

static void warn_doubled(struct zp_parser *ps, struct str written, const struct dname *name)
{
    struct lex_error e;
    char text[DNAME_TEXT_MAX];

    dname_to_text(name, text);
    zp_error_set(&e, written.p, written.n, "'%.*s' means '%.120s' here", ZP_SHOWN(written), text);
    snprintf(e.hint, sizeof(e.hint), "did you forget the final dot?");
    zp_report_warning(&ps->report, &e);
}

int zp_read_name(struct zp_parser *ps, struct lex_token t, struct dname *ret_name)
{
    const struct dname_rules rules = {.origin = &ps->origin.name};
    size_t at = 0;
    int r = dname_from_text(t.text, &rules, ret_name, &at);

    if (r == -BD_ESYNTAX && has_raw(t.text))
        r = raw_name(t.text, &rules, ret_name);
    if (r < 0)
        return fail_name(&ps->lx, t, r, at);
    if (t.text.p[t.text.n - 1] != '.' && zp_doubled(&ps->origin, ret_name->b, ret_name->n))
        warn_doubled(ps, t.text, ret_name);
    return 0;
}

/* A rare path: finds which word of the rdata became the name, and whether it was written without
 * its dot. */
static void warn_rdata_name(struct zp_parser *ps, struct str line, const struct dname *name)
{
    const struct dname_rules rules = {.origin = &ps->origin.name};
    struct lexer lx;
    struct lex_token t;
    struct dname word;

    lex_start(&lx, line);
    while (t = lex_next(&lx), t.kind != LEX_EOF && t.kind != LEX_BAD) {
        if (t.kind != LEX_WORD || t.text.p[t.text.n - 1] == '.')
            continue;
        if (dname_from_text(t.text, &rules, &word, NULL) < 0 || !dname_eq(&word, name))
            continue;
        warn_doubled(ps, t.text, name);
        return;
    }
}

void zp_check_rdata_names(struct zp_parser *ps, const char *text)
{
    const uint8_t *rdata = ps->rdata.b;
    struct dname name;
    size_t at = 0;

    while (rdata_next_name(ps->record.type, rdata, ps->rdata.n, &at, &name)) {
        if (zp_doubled(&ps->origin, name.b, name.n))
            warn_rdata_name(ps, (struct str){text, (size_t)(ps->lx.p - text)}, &name);
    }
}

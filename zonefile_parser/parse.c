/* Master files, RFC 1035 §5: lines, owners, TTLs, classes. The rdata belongs to
 * src/dns. */
#include "parser.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- records ---- */

int zp_read_owner(struct zp_parser *ps, struct lex_token t)
{
    struct dname *owner = &ps->record.owner;
    int r;

    if (str_eq(t.text, ps->owner_text) && t.kind == LEX_WORD)
        return 0;
    ps->owner_text.n = 0;
    ps->no_owner = true;
    if (t.kind != LEX_WORD)
        return lex_fail(&ps->lx, t, -BD_ESYNTAX, "an owner name is not quoted");
    r = zp_read_name(ps, t, owner);
    if (r < 0)
        return r;
    if (!ps->options->any_owner && !dname_below(owner, &ps->options->origin)) {
        char zone[DNAME_TEXT_MAX];
        dname_to_text(&ps->options->origin, zone);
        return lex_fail(&ps->lx, t, -BD_EINVALID, "'%.*s' is outside the zone '%.100s'",
                        ZP_SHOWN(t.text), zone);
    }
    ps->no_owner = false;
    ps->owner_text = t.text;
    return 0;
}

/* "IN", "CH", "HS", "CS", "CLASS32" (RFC 1035 §3.2.4, RFC 3597 §5). False: not a class. */
static bool class_from_text(struct str text, uint16_t *ret_class)
{
    static const struct {
        char name[3];
        uint16_t class;
    } names[] = {{"IN", 1}, {"CS", 2}, {"CH", 3}, {"HS", 4}};
    struct str number = {text.p + 5, text.n - 5};
    uint64_t value;

    for (size_t i = 0; i < ARRAY_SIZE(names) && text.n == 2; i++) {
        if (str_eq_fold(text, str_c(names[i].name))) {
            *ret_class = names[i].class;
            return true;
        }
    }
    if (text.n < 6 || !str_eq_fold((struct str){text.p, 5}, STR("CLASS")))
        return false;
    if (str_u64(number, 65535, &value) < 0)
        return false;
    *ret_class = (uint16_t)value;
    return true;
}

bool zp_is_meta(uint16_t type)
{
    return type == 0 || type == 41 || (type >= 128 && type <= 255);
}

/* An address or a name, where a type is expected. */
static int fail_no_type(struct lexer *lx, struct lex_token t)
{
    const bool number = ascii_digit(t.text.p[0]);

    lex_fail(lx, t, -BD_ESYNTAX, "a type is missing before '%.*s'", ZP_SHOWN(t.text));
    zp_hint(lx, number ? "as in: web A 192.0.2.1" : "as in: web CNAME www.lab.example.");
    return -BD_ESYNTAX;
}

static int read_type(struct zp_parser *ps, struct lex_token t)
{
    struct lexer *lx = &ps->lx;
    int r = rrtype_from_text(t.text, &ps->record.type);

    if (r == 0 && zp_is_meta(ps->record.type))
        return lex_fail(lx, t, -BD_EINVALID, "the type '%.*s' cannot be stored in a zone",
                        ZP_SHOWN(t.text));
    if (r == 0)
        return 0;
    if (memchr(t.text.p, '.', t.text.n))
        return fail_no_type(lx, t);
    if (t.text.n > 5 && str_eq_fold((struct str){t.text.p, 5}, STR("CLASS")))
        return lex_fail(lx, t, -BD_ESYNTAX, "'%.*s' is not a class: CLASS0 to CLASS65535",
                        ZP_SHOWN(t.text));
    lex_fail(lx, t, -BD_ESYNTAX, "unknown record type '%.*s'", ZP_SHOWN(t.text));
    if (!zp_hint_type(t.text, lx->error.hint, sizeof(lx->error.hint)) && t.text.p[0] == '$')
        zp_hint(lx, "a directive begins in the first column");
    return -BD_ESYNTAX;
}

static int read_ttl(struct zp_parser *ps, struct lex_token t)
{
    struct lexer *lx = &ps->lx;
    int r;

    if (memchr(t.text.p, '.', t.text.n))
        return fail_no_type(lx, t);
    if (ps->record.ttl != ZP_NO_TTL)
        return lex_fail(lx, t, -BD_ESYNTAX, "a second TTL, or the type is missing before '%.*s'",
                        ZP_SHOWN(t.text));
    r = lex_ttl(t.text, &ps->record.ttl);
    return r < 0 ? zp_fail_ttl(lx, t, r) : 0;
}

static int read_class(struct zp_parser *ps, struct lex_token t, bool again)
{
    if (again)
        return lex_fail(&ps->lx, t, -BD_ESYNTAX, "a second class");
    if (ps->record.class != ZP_CLASS_IN)
        return lex_fail(&ps->lx, t, -BD_EINVALID, "class %.*s: zones here are of class IN",
                        ZP_SHOWN(t.text));
    return 0;
}

int zp_read_fields(struct zp_parser *ps, struct lex_token t)
{
    bool has_class = false;

    ps->record.ttl = ZP_NO_TTL;
    ps->record.class = ZP_CLASS_IN;
    for (;; t = lex_next(&ps->lx)) {
        int r;
        if (t.kind == LEX_BAD)
            return -BD_ESYNTAX;
        if (zp_is_end(t)) {
            lex_push(&ps->lx, t);
            return lex_fail(&ps->lx, t, -BD_ESYNTAX, "the record has no type");
        }
        if (t.kind == LEX_QUOTED)
            return lex_fail(&ps->lx, t, -BD_ESYNTAX, "a TTL, class or type is not quoted");
        if (ascii_digit(t.text.p[0]) || t.text.p[0] == '-' || t.text.p[0] == '+') {
            r = read_ttl(ps, t);
        } else if (class_from_text(t.text, &ps->record.class)) {
            r = read_class(ps, t, has_class);
            has_class = true;
        } else {
            return read_type(ps, t);
        }
        if (r < 0)
            return r;
    }
}

/* The TTL that an SOA without one has; ZP_NO_TTL: none. */
static uint32_t soa_minimum(const struct rdata *rdata)
{
    struct soa soa;

    return soa_from_rdata(rdata->b, rdata->n, &soa) == 0 && soa.minimum <= INT32_MAX ? soa.minimum
                                                                                     : ZP_NO_TTL;
}

int zp_settle_ttl(struct zp_parser *ps, struct lex_token at)
{
    struct zp_record *rec = &ps->record;

    if (rec->ttl == ZP_NO_TTL)
        rec->ttl = ps->dollar_ttl;
    if (rec->ttl == ZP_NO_TTL)
        rec->ttl = ps->last_ttl;
    if (rec->ttl == ZP_NO_TTL)
        rec->ttl = ps->options->default_ttl;
    if (rec->ttl == ZP_NO_TTL && rec->type == RRTYPE_SOA)
        rec->ttl = soa_minimum(&ps->rdata);
    if (rec->ttl == ZP_NO_TTL) {
        lex_fail(&ps->lx, at, -BD_EINVALID,
                 "no TTL: neither here, nor by $TTL, nor in a record before");
        zp_hint(&ps->lx, "begin the file with a line such as: $TTL 1h");
        return -BD_EINVALID;
    }
    ps->last_ttl = rec->ttl;
    return 0;
}

void zp_emit(struct zp_parser *ps)
{
    struct zp_record *rec = &ps->record;

    if (ps->no_owner)
        return;
    rec->rdata = ps->rdata.b;
    rec->nrdata = ps->rdata.n;
    rec->span = (struct str){ps->line, (size_t)(ps->lx.p - ps->line)};
    ps->result = ps->fn(ps->arg, rec);
    ps->done |= ps->result != 0;
}

/* Of the present record, for an error. */
static struct lex_token first_token(const struct zp_parser *ps)
{
    struct lexer lx;

    lex_start(&lx, (struct str){ps->record.at, (size_t)(ps->lx.end - ps->record.at)});
    return lex_next(&lx);
}

int zp_read_rdata(struct zp_parser *ps, struct lex_token *ret_end)
{
    const struct dname_rules rules = {.origin = &ps->origin.name};
    const char *rdata = ps->lx.p;

    int r = rdata_parse(&ps->lx, ps->record.type, &rules, &ps->rdata);
    if (r < 0)
        return r;
    *ret_end = lex_next(&ps->lx);
    if (ret_end->kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (!zp_is_end(*ret_end))
        return lex_fail(&ps->lx, *ret_end, -BD_ESYNTAX, "unexpected '%.*s' behind the record",
                        ZP_SHOWN(ret_end->text));
    zp_check_rdata_names(ps, rdata);
    return 0;
}

/* What stands behind the type. */
static int read_value(struct zp_parser *ps)
{
    struct lex_token end;

    int r = zp_read_rdata(ps, &end);
    if (r < 0)
        return r;
    r = zp_settle_ttl(ps, ps->record.ttl == ZP_NO_TTL ? first_token(ps) : end);
    if (r < 0)
        return r;
    zp_emit(ps);
    return 0;
}

/* t is the first token of a line, and no directive. */
static int read_record(struct zp_parser *ps, struct lex_token t)
{
    int r;

    ps->record.at = t.text.p;
    if (!t.after_blank) {
        r = zp_read_owner(ps, t);
        if (r < 0)
            return r;
        t = lex_next(&ps->lx);
    } else if (ps->record.owner.n == 0 && !ps->no_owner) {
        return lex_fail(&ps->lx, t, -BD_ESYNTAX,
                        "the line begins with a blank, but there is no owner before to take over");
    }
    r = zp_read_fields(ps, t);
    return r < 0 ? r : read_value(ps);
}

/* A line of any kind. */
static int read_any(struct zp_parser *ps)
{
    struct lex_token t = lex_next(&ps->lx);

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (t.kind == LEX_EOF)
        ps->ended = true;
    else if (t.kind == LEX_WORD && !t.after_blank && t.text.p[0] == '$')
        return zp_read_directive(ps, t);
    else if (t.kind != LEX_EOL)
        return read_record(ps, t);
    return 0;
}

static void read_line(struct zp_parser *ps)
{
    int r = 0;

    ps->line = ps->lx.p;
    switch (zp_fast_record(ps)) {
    case ZP_FAST_RECORD: zp_emit(ps); return;
    case ZP_FAST_HEAD: r = read_value(ps); break;
    case ZP_FAST_NOTHING: r = read_any(ps); break;
    }
    if (r == 0)
        return;
    lex_skip_line(&ps->lx);
    zp_report_error(&ps->report, &ps->lx.error);
    ps->done |= ps->report.full;
}

/* An error, but no reason not to read on behind it. */
static void refuse_bom(struct zp_parser *ps)
{
    struct lex_error e;

    if (ps->lx.end - ps->lx.p < 3 || memcmp(ps->lx.p, "\xef\xbb\xbf", 3) != 0)
        return;
    zp_error_set(&e, ps->lx.p, 3, "a byte order mark, which no zone file has: save it without");
    zp_report_error(&ps->report, &e);
    ps->lx.p += 3;
}

void zp_read_text(struct zp_parser *ps)
{
    ps->ended = false;
    zp_fast_start(ps);
    refuse_bom(ps);
    while (!ps->ended && !ps->done)
        read_line(ps);
    ps->ended = false;
}

int zp_parse(struct str text, const struct zp_options *options, zp_record_fn *fn, void *arg)
{
    const struct zp_parser *ps;

    return zp_parse_watched(text, options, fn, arg, &ps);
}

int zp_parse_watched(struct str text, const struct zp_options *options, zp_record_fn *fn, void *arg,
                     const struct zp_parser **ret_parser)
{
    struct zp_parser *ps = malloc(sizeof(*ps));
    int r;

    if (!ps)
        return -ENOMEM;
    *ret_parser = ps;
    memset(ps, 0, offsetof(struct zp_parser, rdata));
    lex_start(&ps->lx, text);
    ps->open[0] = (struct str){ps->lx.base, text.n};
    zp_report_start(&ps->report, ps->open[0], options);
    ps->options = options;
    ps->fn = fn;
    ps->arg = arg;
    zp_origin_set(&ps->origin, &options->origin, &options->origin);
    ps->dollar_ttl = ps->last_ttl = ZP_NO_TTL;
    zp_read_text(ps);
    r = ps->result;
    if (r == 0 && ps->report.errors)
        r = -BD_ESYNTAX;
    free(ps);
    return r;
}

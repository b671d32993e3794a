/* Master files, RFC 1035 §5: lines, directives, owners, TTLs, classes. The rdata belongs to
 * src/dns. */
#include "parser.h"

#include <stdio.h>
#include <stdlib.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_end(struct lex_token t)
{
    return t.kind == LEX_EOL || t.kind == LEX_EOF;
}

static void hint(struct lexer *lx, const char *text)
{
    snprintf(lx->error.hint, sizeof(lx->error.hint), "%s", text);
}

/* ---- directives ---- */

static int set_origin(struct zp_parser *ps, struct lex_token t)
{
    struct dname name;
    int r = zp_read_name(ps, t, &name);

    if (r < 0)
        return r;
    zp_origin_set(&ps->origin, &name, &ps->options->origin);
    ps->owner_text.n = 0; /* the same spelling means another name now */
    return 0;
}

static int fail_ttl(struct lexer *lx, struct lex_token t, int r)
{
    if (r == -ERANGE)
        return lex_fail(lx, t, -BD_EINVALID,
                        "the TTL %.*s is above 2147483647 (RFC 2181 section 8)", ZP_SHOWN(t.text));
    lex_fail(lx, t, -BD_ESYNTAX, "'%.*s' is not a TTL", ZP_SHOWN(t.text));
    hint(lx, "seconds, or units as in 1h30m");
    return -BD_ESYNTAX;
}

static int set_ttl(struct zp_parser *ps, struct lex_token t)
{
    int r = lex_ttl(t.text, &ps->dollar_ttl);

    return r < 0 ? fail_ttl(&ps->lx, t, r) : 0;
}

static const struct directive {
    const char *name, *argument;
    int (*set)(struct zp_parser *ps, struct lex_token argument); /* NULL: refused */
} directives[] = {
    {"$ORIGIN", "a domain name", set_origin},
    {"$TTL", "a number of seconds", set_ttl},
    {"$INCLUDE", NULL, NULL},
    {"$GENERATE", NULL, NULL},
};

static int fail_directive(struct lexer *lx, struct lex_token t)
{
    lex_fail(lx, t, -BD_ESYNTAX, "unknown directive '%.*s'", ZP_SHOWN(t.text));
    for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
        char upper[16];
        size_t n = 0;
        for (; n < t.text.n && n < sizeof(upper); n++)
            upper[n] =
                (char)(t.text.p[n] >= 'a' && t.text.p[n] <= 'z' ? t.text.p[n] - 32 : t.text.p[n]);
        if (str_distance((struct str){upper, n}, str_c(directives[i].name)) <= 2)
            snprintf(lx->error.hint, sizeof(lx->error.hint), "did you mean '%s'?",
                     directives[i].name);
    }
    if (!lx->error.hint[0])
        hint(lx, "an owner that begins with $ is written \\$");
    return -BD_ESYNTAX;
}

static int apply_directive(struct zp_parser *ps, const struct directive *d, struct lex_token t)
{
    struct lexer *lx = &ps->lx;
    struct lex_token argument, more;

    if (!d->set)
        return lex_fail(lx, t, -BD_EINVALID,
                        "%s is refused: this version cannot keep it when it writes the file",
                        d->name);
    argument = lex_next(lx);
    if (argument.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (argument.kind != LEX_WORD)
        return lex_fail(lx, argument, -BD_ESYNTAX, "%s needs %s", d->name, d->argument);
    more = lex_next(lx);
    if (more.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (!is_end(more))
        return lex_fail(lx, more, -BD_ESYNTAX, "%s takes one argument", d->name);
    return d->set(ps, argument);
}

static int read_directive(struct zp_parser *ps, struct lex_token t)
{
    for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
        if (str_eq_fold(t.text, str_c(directives[i].name)))
            return apply_directive(ps, &directives[i], t);
    }
    return fail_directive(&ps->lx, t);
}

/* ---- records ---- */

static int read_owner(struct zp_parser *ps, struct lex_token t)
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

/* Asked for or made on the way, never stored (RFC 6895 §3.1): 0, OPT and 128 to 255. */
static bool is_meta(uint16_t type)
{
    const struct rrtype *row = rrtype_by_code(type);

    return type == 0 || type == 41 || (type >= 128 && type <= 255) ||
           (row && (row->flags & RRTYPE_META));
}

static int read_type(struct zp_parser *ps, struct lex_token t)
{
    struct lexer *lx = &ps->lx;
    int r = rrtype_from_text(t.text, &ps->record.type);

    if (r == 0 && is_meta(ps->record.type))
        return lex_fail(lx, t, -BD_EINVALID, "the type '%.*s' cannot be stored in a zone",
                        ZP_SHOWN(t.text));
    if (r == 0)
        return 0;
    lex_fail(lx, t, -BD_ESYNTAX, "unknown record type '%.*s'", ZP_SHOWN(t.text));
    if (!zp_hint_type(t.text, lx->error.hint, sizeof(lx->error.hint)) && t.text.p[0] == '$')
        hint(lx, "a directive begins in the first column");
    return -BD_ESYNTAX;
}

static int read_ttl(struct zp_parser *ps, struct lex_token t)
{
    struct lexer *lx = &ps->lx;
    int r;

    if (ps->record.ttl != ZP_NO_TTL)
        return lex_fail(lx, t, -BD_ESYNTAX, "a second TTL, or the type is missing before '%.*s'",
                        ZP_SHOWN(t.text));
    r = lex_ttl(t.text, &ps->record.ttl);
    if (r == -BD_ESYNTAX && memchr(t.text.p, '.', t.text.n)) {
        lex_fail(lx, t, -BD_ESYNTAX, "a type is missing before '%.*s'", ZP_SHOWN(t.text));
        hint(lx, "as in: web A 192.0.2.1");
        return -BD_ESYNTAX;
    }
    return r < 0 ? fail_ttl(lx, t, r) : 0;
}

static int read_class(struct zp_parser *ps, struct lex_token t, bool again)
{
    if (again)
        return lex_fail(&ps->lx, t, -BD_ESYNTAX, "a second class");
    if (ps->record.class != ZP_CLASS_IN)
        return lex_fail(&ps->lx, t, -BD_EINVALID, "class %.*s: a zone here is of class IN",
                        ZP_SHOWN(t.text));
    return 0;
}

/* [TTL] [class] type, or [class] [TTL] type (RFC 1035 §5.1), beginning with t. */
static int read_fields(struct zp_parser *ps, struct lex_token t)
{
    bool has_class = false;

    ps->record.ttl = ZP_NO_TTL;
    ps->record.class = ZP_CLASS_IN;
    for (;; t = lex_next(&ps->lx)) {
        int r;
        if (t.kind == LEX_BAD)
            return -BD_ESYNTAX;
        if (is_end(t)) {
            lex_push(&ps->lx, t);
            return lex_fail(&ps->lx, t, -BD_ESYNTAX, "the record has no type");
        }
        if (t.kind == LEX_QUOTED)
            return lex_fail(&ps->lx, t, -BD_ESYNTAX, "a TTL, class or type is not quoted");
        if (is_digit(t.text.p[0]) || t.text.p[0] == '-' || t.text.p[0] == '+') {
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

/* RFC 2308 §4: the record's own TTL, else $TTL, else (RFC 1035 §5.1) that of the record before. */
static int settle_ttl(struct zp_parser *ps, struct lex_token at)
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
        hint(&ps->lx, "begin the file with a line such as: $TTL 1h");
        return -BD_EINVALID;
    }
    ps->last_ttl = rec->ttl;
    return 0;
}

static void emit(struct zp_parser *ps, const char *line)
{
    struct zp_record *rec = &ps->record;

    if (ps->no_owner)
        return;
    rec->rdata = ps->rdata.b;
    rec->nrdata = ps->rdata.n;
    rec->span = (struct str){line, (size_t)(ps->lx.p - line)};
    ps->result = ps->fn(ps->arg, rec);
    ps->done |= ps->result != 0;
}

/* t is the first token of a line that begins at line, and no directive. */
static int read_record(struct zp_parser *ps, struct lex_token t, const char *line)
{
    const struct dname_rules rules = {.origin = &ps->origin.name};
    struct lex_token first = t, end;
    const char *rdata;
    int r;

    if (!t.after_blank) {
        r = read_owner(ps, t);
        if (r < 0)
            return r;
        t = lex_next(&ps->lx);
    } else if (ps->record.owner.n == 0 && !ps->no_owner) {
        return lex_fail(&ps->lx, t, -BD_ESYNTAX,
                        "the line begins with a blank, but there is no owner before to take over");
    }
    ps->record.at = first.text.p;
    r = read_fields(ps, t);
    if (r < 0)
        return r;
    rdata = ps->lx.p;
    r = rdata_parse(&ps->lx, ps->record.type, &rules, &ps->rdata);
    if (r < 0)
        return r;
    end = lex_next(&ps->lx);
    if (end.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (!is_end(end))
        return lex_fail(&ps->lx, end, -BD_ESYNTAX, "unexpected '%.*s' behind the record",
                        ZP_SHOWN(end.text));
    zp_check_rdata_names(ps, rdata);
    r = settle_ttl(ps, first);
    if (r < 0)
        return r;
    emit(ps, line);
    return 0;
}

static void read_line(struct zp_parser *ps)
{
    const char *line = ps->lx.p;
    struct lex_token t;
    int r = 0;

    if (zp_fast_record(ps)) {
        emit(ps, line);
        return;
    }
    t = lex_next(&ps->lx);
    if (t.kind == LEX_EOF)
        ps->done = true;
    else if (t.kind == LEX_BAD)
        r = -BD_ESYNTAX;
    else if (t.kind == LEX_WORD && !t.after_blank && t.text.p[0] == '$')
        r = read_directive(ps, t);
    else if (t.kind != LEX_EOL)
        r = read_record(ps, t, line);
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
    /* All but the rdata, which is large and written before it is read. */
    memset(ps, 0, offsetof(struct zp_parser, rdata));
    lex_start(&ps->lx, text);
    zp_fast_start(ps);
    zp_report_start(&ps->report, (struct str){ps->lx.base, text.n}, options);
    ps->options = options;
    ps->fn = fn;
    ps->arg = arg;
    zp_origin_set(&ps->origin, &options->origin, &options->origin);
    ps->dollar_ttl = ps->last_ttl = ZP_NO_TTL;
    refuse_bom(ps);
    while (!ps->done)
        read_line(ps);
    r = ps->result;
    if (r == 0 && ps->report.errors)
        r = -BD_ESYNTAX;
    free(ps);
    return r;
}

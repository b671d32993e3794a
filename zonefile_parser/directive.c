/* Lines that begin with $: RFC 1035 §5.1, RFC 2308 §4. $GENERATE has a file of its own. */
#include "parser.h"

#include <stdio.h>

bool zp_is_end(struct lex_token t)
{
    return t.kind == LEX_EOL || t.kind == LEX_EOF;
}

void zp_hint(struct lexer *lx, const char *text)
{
    snprintf(lx->error.hint, sizeof(lx->error.hint), "%s", text);
}

int zp_fail_ttl(struct lexer *lx, struct lex_token t, int r)
{
    if (r == -ERANGE)
        return lex_fail(lx, t, -BD_EINVALID,
                        "the TTL %.*s is above 2147483647 (RFC 2181 section 8)", ZP_SHOWN(t.text));
    lex_fail(lx, t, -BD_ESYNTAX, "'%.*s' is not a TTL", ZP_SHOWN(t.text));
    zp_hint(lx, "seconds, or units as in 1h30m");
    return -BD_ESYNTAX;
}

/* The only argument of a directive. */
static int read_only(struct zp_parser *ps, struct lex_token directive, const char *what,
                     struct lex_token *ret_argument)
{
    struct lexer *lx = &ps->lx;
    struct lex_token argument = lex_next(lx), more;

    if (argument.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (argument.kind != LEX_WORD)
        return lex_fail(lx, argument, -BD_ESYNTAX, "%.*s needs %s", ZP_SHOWN(directive.text), what);
    more = lex_next(lx);
    if (more.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (!zp_is_end(more))
        return lex_fail(lx, more, -BD_ESYNTAX, "%.*s takes one argument", ZP_SHOWN(directive.text));
    *ret_argument = argument;
    return 0;
}

static int set_origin(struct zp_parser *ps, struct lex_token directive)
{
    struct lex_token t;
    struct dname name;
    int r = read_only(ps, directive, "a domain name", &t);

    if (r == 0)
        r = zp_read_name(ps, t, &name);
    if (r < 0)
        return r;
    zp_origin_set(&ps->origin, &name, &ps->options->origin);
    ps->owner_text.n = 0; /* the same spelling means another name now */
    return 0;
}

static int set_ttl(struct zp_parser *ps, struct lex_token directive)
{
    struct lex_token t;
    int r = read_only(ps, directive, "a number of seconds", &t);

    if (r < 0)
        return r;
    r = lex_ttl(t.text, &ps->dollar_ttl);
    return r < 0 ? zp_fail_ttl(&ps->lx, t, r) : 0;
}

/* ---- $INCLUDE ---- */

struct inclusion {
    struct lex_token file;
    struct str name; /* in ps->file_name */
    bool has_origin;
    struct dname origin;
};

static int read_file_name(struct zp_parser *ps, struct lex_token directive, struct inclusion *in)
{
    struct lexer *lx = &ps->lx;
    struct lex_token t = lex_next(lx);
    int n;

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (zp_is_end(t) || t.text.n == 0)
        return lex_fail(lx, t, -BD_ESYNTAX, "%.*s needs a file name", ZP_SHOWN(directive.text));
    n = lex_octets(t.text, (uint8_t *)ps->file_name, sizeof(ps->file_name));
    if (n < 0 || memchr(ps->file_name, '\0', (size_t)n))
        return lex_fail(lx, t, -BD_ESYNTAX, "'%.*s' is not a file name", ZP_SHOWN(t.text));
    in->file = t;
    in->name = (struct str){ps->file_name, (size_t)n};
    return 0;
}

/* FILE [ORIGIN] (RFC 1035 §5.1). */
static int read_inclusion(struct zp_parser *ps, struct lex_token directive, struct inclusion *in)
{
    struct lexer *lx = &ps->lx;
    struct lex_token t;
    int r = read_file_name(ps, directive, in);

    in->has_origin = false;
    if (r < 0)
        return r;
    t = lex_next(lx);
    if (t.kind == LEX_WORD) {
        r = zp_read_name(ps, t, &in->origin);
        if (r < 0)
            return r;
        in->has_origin = true;
        t = lex_next(lx);
    }
    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (!zp_is_end(t))
        return lex_fail(lx, t, -BD_ESYNTAX, "%.*s takes a file name and an origin",
                        ZP_SHOWN(directive.text));
    return 0;
}

static int find_file(struct zp_parser *ps, const struct inclusion *in, struct zp_source *ret_source)
{
    const struct zp_options *options = ps->options;
    struct zp_source source = {.name = NULL};
    size_t n;
    int r;

    if (!options->include)
        return lex_fail(&ps->lx, in->file, -BD_EINVALID,
                        "$INCLUDE is refused: nothing but the text itself is read here");
    if (ps->depth == ZP_INCLUDE_MAX)
        return lex_fail(&ps->lx, in->file, -BD_EINVALID, "more than %d files inside each other",
                        ZP_INCLUDE_MAX);
    r = options->include(options->include_arg, in->name, ps->depth + 1, &source);
    if (r == -ENOMEM) {
        ps->result = r;
        ps->done = true;
    }
    if (r < 0 && source.name)
        return lex_fail(&ps->lx, in->file, r, "%s", source.name);
    if (r < 0)
        return lex_fail(&ps->lx, in->file, r, "'%.*s' cannot be included: %s", ZP_SHOWN(in->name),
                        bd_strerror(r));
    ps->nfiles++;
    n = source.text.n > ZP_INCLUDED_LEAST ? source.text.n : ZP_INCLUDED_LEAST;
    if (n > ZP_INCLUDED_MAX - ps->included)
        return lex_fail(&ps->lx, in->file, -BD_EINVALID,
                        "the included files have more than %zu MiB together",
                        ZP_INCLUDED_MAX >> 20);
    ps->included += n;
    for (unsigned i = 0; i <= ps->depth; i++) {
        if (source.text.n && ps->open[i].p == source.text.p)
            return lex_fail(&ps->lx, in->file, -BD_EINVALID, "'%.*s' includes itself%s",
                            ZP_SHOWN(in->name), i == ps->depth ? "" : ", by way of another file");
    }
    *ret_source = source;
    return 0;
}

/* What belongs to the text that a parser is in. */
struct scope {
    struct lexer lx;
    const char *line, *fast_end;
    struct zp_origin origin;
    struct dname owner;
    struct str owner_text, text;
    uint32_t dollar_ttl, last_ttl;
    bool no_owner;
    unsigned number; /* of the file */
    const char *file;
};

static void save(const struct zp_parser *ps, struct scope *to)
{
    *to = (struct scope){
        .lx = ps->lx,
        .line = ps->line,
        .fast_end = ps->fast_end,
        .origin = ps->origin,
        .owner = ps->record.owner,
        .owner_text = ps->owner_text,
        .text = ps->report.text,
        .dollar_ttl = ps->dollar_ttl,
        .last_ttl = ps->last_ttl,
        .no_owner = ps->no_owner,
        .number = ps->record.file,
        .file = ps->report.file,
    };
}

static void restore(struct zp_parser *ps, const struct scope *from)
{
    ps->lx = from->lx;
    ps->line = from->line;
    ps->fast_end = from->fast_end;
    ps->origin = from->origin;
    ps->record.owner = from->owner;
    ps->owner_text = from->owner_text;
    ps->report.text = from->text;
    ps->dollar_ttl = from->dollar_ttl;
    ps->last_ttl = from->last_ttl;
    ps->no_owner = from->no_owner;
    ps->record.file = from->number;
    ps->report.file = from->file;
}

/* The file begins with the includer's origin, TTLs and owner; what it says of them ends with it
 * (RFC 1035 §5.1 for the origin; of the rest most parsers think the same). */
static int include_file(struct zp_parser *ps, struct lex_token directive)
{
    struct inclusion in;
    struct zp_source source = {.name = NULL};
    struct scope before;
    int r = read_inclusion(ps, directive, &in);

    if (r == 0)
        r = find_file(ps, &in, &source);
    if (r < 0)
        return r;
    save(ps, &before);
    lex_start(&ps->lx, source.text);
    ps->open[++ps->depth] = (struct str){ps->lx.base, source.text.n};
    ps->record.file = ps->nfiles;
    ps->report.text = ps->open[ps->depth];
    ps->report.file = source.name ? source.name : ZP_UNNAMED;
    if (in.has_origin)
        zp_origin_set(&ps->origin, &in.origin, &ps->options->origin);
    ps->owner_text.n = 0;
    zp_read_text(ps);
    ps->depth--;
    restore(ps, &before);
    return 0;
}

/* ---- which one ---- */

static const struct directive {
    const char *name;
    int (*read)(struct zp_parser *ps, struct lex_token directive); /* with its line's end */
} directives[] = {
    {"$ORIGIN", set_origin},
    {"$TTL", set_ttl},
    {"$INCLUDE", include_file},
    {"$GENERATE", zp_generate},
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
        zp_hint(lx, "an owner that begins with $ is written \\$");
    return -BD_ESYNTAX;
}

int zp_read_directive(struct zp_parser *ps, struct lex_token t)
{
    for (size_t i = 0; i < ARRAY_SIZE(directives); i++) {
        if (str_eq_fold(t.text, str_c(directives[i].name)))
            return directives[i].read(ps, t);
    }
    return fail_directive(&ps->lx, t);
}

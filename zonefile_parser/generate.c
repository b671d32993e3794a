/* $GENERATE, as BIND has it: many records from one line.
 *
 *     $GENERATE START-STOP[/STEP] OWNER [TTL] [CLASS] TYPE VALUE
 *
 * In OWNER and VALUE, $ stands for the number, ${OFFSET[,WIDTH[,BASE]]} for the number plus OFFSET,
 * at least WIDTH characters wide, in BASE: d (decimal), o, x, X, n or N (hexadecimal digits from
 * the last to the first, with dots between: for ip6.arpa). \$ and $$ stand for a dollar. A VALUE of
 * several words stands in quotes, and those are not part of it. */
#include "parser.h"

#include <stdio.h>

#include <betterdns/buf.h>

#define NUMBER_MAX 127 /* characters of one number: more than a label holds, in any base */

struct generator {
    uint32_t start, stop, step;
    struct lex_token owner, value; /* with their $ */
    struct buf text;
};

/* ---- START-STOP[/STEP] ---- */

/* The digits at the start of *text, which moves behind them. */
static bool take_number(struct str *text, uint32_t *ret_value)
{
    struct str digits = {text->p, 0};
    uint64_t value;

    while (digits.n < text->n && ascii_digit(text->p[digits.n]))
        digits.n++;
    if (str_u64(digits, INT32_MAX, &value) < 0)
        return false;
    *ret_value = (uint32_t)value;
    text->p += digits.n;
    text->n -= digits.n;
    return true;
}

static bool take_char(struct str *text, char c)
{
    if (text->n == 0 || *text->p != c)
        return false;
    text->p++;
    text->n--;
    return true;
}

static int read_range(struct lexer *lx, struct lex_token t, struct generator *g)
{
    struct str text = t.text;
    uint64_t count;

    g->step = 1;
    if (t.kind != LEX_WORD || !take_number(&text, &g->start) || !take_char(&text, '-') ||
        !take_number(&text, &g->stop) || (take_char(&text, '/') && !take_number(&text, &g->step)) ||
        text.n) {
        lex_fail(lx, t, -BD_ESYNTAX, "'%.*s' is not a range of numbers up to %d", ZP_SHOWN(t.text),
                 INT32_MAX);
        zp_hint(lx, "as in: 1-254, or 0-254/2 for every second");
        return -BD_ESYNTAX;
    }
    if (g->step == 0 || g->stop < g->start)
        return lex_fail(lx, t, -BD_EINVALID,
                        g->step ? "the range '%.*s' ends before it begins"
                                : "the range '%.*s' never ends",
                        ZP_SHOWN(t.text));
    count = ((uint64_t)g->stop - g->start) / g->step + 1;
    if (count > ZP_GENERATE_MAX)
        return lex_fail(lx, t, -BD_EINVALID, "%llu records, where one $GENERATE may make %u",
                        (unsigned long long)count, ZP_GENERATE_MAX);
    return 0;
}

/* ---- OWNER and VALUE ---- */

/* What ${…} says, or $ alone. */
struct number {
    int64_t value; /* within 32 bits */
    unsigned width;
    char base;
};

static bool take_offset(struct str *text, int64_t *ret_offset)
{
    bool negative = take_char(text, '-');
    uint32_t offset;

    if (!negative)
        take_char(text, '+');
    if (!take_number(text, &offset))
        return false;
    *ret_offset = negative ? -(int64_t)offset : offset;
    return true;
}

/* {OFFSET[,WIDTH[,BASE]]} */
static bool take_braces(struct str *text, struct number *to)
{
    int64_t offset;
    uint32_t width = 0;

    if (!take_char(text, '{') || !take_offset(text, &offset))
        return false;
    to->value += offset;
    if (take_char(text, ',')) {
        if (!take_number(text, &width))
            return false;
        if (take_char(text, ',')) {
            if (text->n == 0 || !memchr("doxXnN", *text->p, 6))
                return false;
            to->base = *text->p++;
            text->n--;
        }
    }
    to->width = width;
    return take_char(text, '}');
}

/* The lowest digit first, each followed by a dot if another comes, or if there is room for one. */
static void add_nibbles(struct buf *out, uint32_t value, unsigned width, const char *digits)
{
    do {
        buf_add_c(out, digits[value & 15]);
        value >>= 4;
        width -= width > 0;
        if (width || value)
            buf_add_c(out, '.');
        width -= width > 0;
    } while (width || value);
}

/* Other bases than ten show the 32 bits of a negative number. */
static void add_number(struct buf *out, const struct number *n)
{
    int width = (int)n->width;

    switch (n->base) {
    case 'o': buf_addf(out, "%0*o", width, (uint32_t)n->value); break;
    case 'x': buf_addf(out, "%0*x", width, (uint32_t)n->value); break;
    case 'X': buf_addf(out, "%0*X", width, (uint32_t)n->value); break;
    case 'n': add_nibbles(out, (uint32_t)n->value, n->width, "0123456789abcdef"); break;
    case 'N': add_nibbles(out, (uint32_t)n->value, n->width, "0123456789ABCDEF"); break;
    default: buf_addf(out, "%0*d", width, (int)n->value); break;
    }
}

/* Behind a $. */
static int expand_dollar(struct lexer *lx, struct str *text, uint32_t i, struct buf *out)
{
    const struct lex_token dollar = {.kind = LEX_WORD, .text = {text->p - 1, 1}};
    struct number n = {.value = i, .base = 'd'};

    if (take_char(text, '$')) {
        buf_add_c(out, '$');
        return 0;
    }
    if (text->n && *text->p == '{' && !take_braces(text, &n)) {
        lex_fail(lx, dollar, -BD_ESYNTAX, "'${' begins no ${OFFSET,WIDTH,BASE}");
        zp_hint(lx, "as in: ${-1} or ${0,3,d}; the bases are d o x X n N");
        return -BD_ESYNTAX;
    }
    if (n.value > INT32_MAX || n.value < INT32_MIN)
        return lex_fail(lx, dollar, -BD_EINVALID, "%lld is not a number of 32 bits",
                        (long long)n.value);
    if (n.width > NUMBER_MAX)
        return lex_fail(lx, dollar, -BD_EINVALID, "a number is at most %d characters wide",
                        NUMBER_MAX);
    add_number(out, &n);
    return 0;
}

/* t with i in it, in g->text. An escape stays one; but \" in quotes is a quote of the value. */
static int expand(struct lexer *lx, struct lex_token t, uint32_t i, struct generator *g)
{
    struct str text = t.text;

    buf_reset(&g->text);
    while (text.n) {
        char c = *text.p++;
        text.n--;
        if (c == '$') {
            int r = expand_dollar(lx, &text, i, &g->text);
            if (r < 0)
                return r;
        } else if (c == '\\' && text.n) {
            if (t.kind != LEX_QUOTED || *text.p != '"')
                buf_add_c(&g->text, c);
            buf_add_c(&g->text, *text.p++);
            text.n--;
        } else {
            buf_add_c(&g->text, c);
        }
    }
    buf_add_c(&g->text, '\0'); /* a text even where it is empty */
    return g->text.error;
}

static struct str expanded(const struct generator *g)
{
    return (struct str){g->text.p, g->text.n - 1};
}

/* ---- records ---- */

/* Errors are in made-up text: they are to point at what it was made of. */
static int blame(struct zp_parser *ps, const struct lexer *source, struct lex_token t, uint32_t i,
                 int r)
{
    struct lex_error made = ps->lx.error;

    ps->lx = *source;
    if (r == -ENOMEM)
        return r;
    if (made.at >= t.text.p && made.at < t.text.p + t.text.n) {
        ps->lx.error = made;
        return r;
    }
    lex_fail(&ps->lx, t, r, "with %u for $: %.150s", i, made.message);
    snprintf(ps->lx.error.hint, sizeof(ps->lx.error.hint), "%s", made.hint);
    return r;
}

static int read_owner(struct zp_parser *ps, struct generator *g, uint32_t i)
{
    struct lex_token t = g->owner;
    int r = expand(&ps->lx, t, i, g);

    if (r < 0)
        return r;
    t.text = expanded(g);
    ps->report.place = g->owner.text;
    ps->owner_text.n = 0; /* the spelling before stood in the same place */
    return zp_read_owner(ps, t);
}

static int read_value(struct zp_parser *ps, struct generator *g, uint32_t i)
{
    struct lex_token end;
    int r = expand(&ps->lx, g->value, i, g);

    if (r < 0)
        return r;
    ps->report.place = g->value.text;
    lex_start(&ps->lx, expanded(g));
    return zp_read_rdata(ps, &end);
}

static int make_record(struct zp_parser *ps, struct generator *g, uint32_t i)
{
    const struct lexer source = ps->lx;
    int r = read_owner(ps, g, i);

    if (r < 0)
        return blame(ps, &source, g->owner, i, r);
    r = read_value(ps, g, i);
    if (r < 0)
        return blame(ps, &source, g->value, i, r);
    ps->lx = source;
    r = zp_settle_ttl(ps, g->owner);
    if (r < 0)
        return r;
    zp_emit(ps);
    return 0;
}

/* All of them; the owner before is that of a line with a blank owner behind. */
static int make_records(struct zp_parser *ps, struct generator *g)
{
    const struct dname owner = ps->record.owner;
    const bool no_owner = ps->no_owner;
    int r = 0;

    ps->record.generated = true;
    ps->report.placed = false;
    for (uint64_t i = g->start; r == 0 && i <= g->stop && !ps->done; i += g->step)
        r = make_record(ps, g, (uint32_t)i);
    if (r == -ENOMEM) {
        ps->result = r;
        ps->done = true;
    }
    ps->report.place = (struct str){NULL, 0};
    ps->record.generated = false;
    ps->record.owner = owner;
    ps->owner_text.n = 0;
    ps->no_owner = no_owner;
    return r == -ENOMEM ? 0 : r;
}

static int next_part(struct zp_parser *ps, const char *what, struct lex_token *ret_part)
{
    struct lex_token t = lex_next(&ps->lx);

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (zp_is_end(t)) {
        lex_fail(&ps->lx, t, -BD_ESYNTAX, "$GENERATE lacks %s", what);
        zp_hint(&ps->lx, "as in: $GENERATE 1-254 host$ A 192.0.2.$");
        return -BD_ESYNTAX;
    }
    *ret_part = t;
    return 0;
}

static int read_end(struct zp_parser *ps)
{
    struct lex_token t = lex_next(&ps->lx);

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (zp_is_end(t))
        return 0;
    lex_fail(&ps->lx, t, -BD_ESYNTAX,
             "unexpected '%.*s': $GENERATE has a value of several words in quotes",
             ZP_SHOWN(t.text));
    zp_hint(&ps->lx, "as in: MX \"10 mail$\"");
    return -BD_ESYNTAX;
}

static int read_parts(struct zp_parser *ps, struct generator *g)
{
    struct lex_token t;
    int r = next_part(ps, "a range of numbers", &t);

    if (r == 0)
        r = read_range(&ps->lx, t, g);
    if (r == 0)
        r = next_part(ps, "an owner", &g->owner);
    if (r == 0 && g->owner.kind != LEX_WORD)
        r = lex_fail(&ps->lx, g->owner, -BD_ESYNTAX, "an owner name is not quoted");
    if (r == 0)
        r = next_part(ps, "a type", &t);
    if (r == 0)
        r = zp_read_fields(ps, t);
    if (r == 0)
        r = next_part(ps, "a value", &g->value);
    return r < 0 ? r : read_end(ps);
}

int zp_generate(struct zp_parser *ps, struct lex_token directive)
{
    struct generator g = {.text = {.p = NULL}};
    int r = read_parts(ps, &g);

    ps->record.at = directive.text.p;
    if (r == 0)
        r = make_records(ps, &g);
    buf_free(&g.text);
    return r;
}

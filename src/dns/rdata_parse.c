/* Presentation form to rdata, driven by the table's fields. */
#include <stdarg.h>
#include <stdio.h>

#include "rdata.h"

struct rdata_quote rdata_quote(struct str s)
{
    struct rdata_quote q;
    size_t n = 0, shown = s.n <= 64 ? s.n : 61;

    for (; n < shown; n++) {
        unsigned char c = (unsigned char)s.p[n];
        q.text[n] = c < 0x20 || c >= 0x7f ? '?' : (char)c;
    }
    snprintf(q.text + n, sizeof(q.text) - n, "%s", n < s.n ? "..." : "");
    return q;
}

/* The type, for messages. */
struct type_text {
    char text[RRTYPE_TEXT_MAX];
};

static struct type_text type_of(const struct rdata_reader *rd)
{
    struct type_text t;

    rrtype_to_text(rd->type, t.text);
    return t;
}

void rdata_hint_example(struct rdata_reader *rd)
{
    if (rd->row && rd->row->example)
        snprintf(rd->lx->error.hint, sizeof(rd->lx->error.hint), "%s is written like: %s",
                 type_of(rd).text, rd->row->example);
}

int rdata_wrong(struct rdata_reader *rd, struct lex_token t, int code, const char *format, ...)
{
    struct rdata_quote q = rdata_quote(t.text);
    char what[120];
    va_list ap;

    va_start(ap, format);
    vsnprintf(what, sizeof(what), format, ap);
    va_end(ap);
    lex_fail(rd->lx, t, code, "'%s' %s", q.text, what);
    rdata_hint_example(rd);
    return code;
}

int rdata_wrong_part(struct rdata_reader *rd, struct lex_token t, size_t at, size_t n,
                     const char *what)
{
    t.kind = LEX_WORD; /* its quotes are no part of the part */
    t.text = (struct str){t.text.p + at, n};
    return rdata_wrong(rd, t, -BD_ESYNTAX, "%s", what);
}

uint8_t *rdata_room(struct rdata_reader *rd, struct lex_token t, size_t n)
{
    if (n > (size_t)(RDATA_MAX - rd->to->n)) {
        lex_fail(rd->lx, t, -BD_EINVALID, "the record is longer than %d octets", RDATA_MAX);
        return NULL;
    }
    uint8_t *p = rd->to->b + rd->to->n;
    rd->to->n = (uint16_t)(rd->to->n + n);
    return p;
}

int rdata_put(struct rdata_reader *rd, struct lex_token t, const void *octets, size_t n)
{
    uint8_t *p = rdata_room(rd, t, n);

    if (!p)
        return -BD_EINVALID;
    memcpy(p, octets, n);
    return 0;
}

int rdata_more(struct rdata_reader *rd, struct lex_token *ret_token)
{
    struct lex_token t = lex_next(rd->lx);

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (t.kind != LEX_WORD && t.kind != LEX_QUOTED) {
        lex_push(rd->lx, t);
        return 0;
    }
    *ret_token = t;
    return 1;
}

static int too_early(struct rdata_reader *rd)
{
    struct lex_token t = lex_next(rd->lx);

    lex_push(rd->lx, t);
    lex_fail(rd->lx, t, -BD_ESYNTAX, "the value of type %s ends too early", type_of(rd).text);
    rdata_hint_example(rd);
    return -BD_ESYNTAX;
}

int rdata_take(struct rdata_reader *rd, struct lex_token *ret_token)
{
    int r = rdata_more(rd, ret_token);

    return r == 0 ? too_early(rd) : r < 0 ? r : 0;
}

/* May the value end before this field? An optional one is the last. */
static bool may_end(const struct rdata_reader *rd, const struct rdata_kind *kind)
{
    return kind->optional && rdata_length(kind, rd->to->b, rd->to->n, rd->to->n) == 0;
}

static int parse_fields(struct rdata_reader *rd, struct lex_token t)
{
    const uint8_t *field = rd->row->fields;

    for (;;) {
        rd->kind = rdata_kinds[*field];
        int r = rd->kind->read(rd, t);
        if (r < 0 || *++field == RDATA_END)
            return r;
        r = rdata_more(rd, &t);
        if (r == 0)
            return may_end(rd, rdata_kinds[*field]) ? 0 : too_early(rd);
        if (r < 0)
            return r;
    }
}

/* Words of hex, an even number of digits each (RFC 3597 §5), up to the line's end. */
static int parse_hex(struct rdata_reader *rd)
{
    for (;;) {
        struct lex_token t = lex_next(rd->lx);
        if (t.kind == LEX_BAD)
            return -BD_ESYNTAX;
        if (t.kind == LEX_EOL || t.kind == LEX_EOF) {
            lex_push(rd->lx, t);
            return 0;
        }
        if (t.kind != LEX_WORD || t.text.n % 2 != 0)
            return rdata_wrong(rd, t, -BD_ESYNTAX, "is not an even number of hexadecimal digits");
        uint8_t *p = rdata_room(rd, t, t.text.n / 2);
        if (!p)
            return -BD_EINVALID;
        for (size_t i = 0; i < t.text.n; i += 2) {
            int high = rdata_hex_digit(t.text.p[i]), low = rdata_hex_digit(t.text.p[i + 1]);
            if (high < 0 || low < 0)
                return rdata_wrong(rd, t, -BD_ESYNTAX, "is not hexadecimal");
            p[i / 2] = (uint8_t)(high << 4 | low);
        }
    }
}

/* RFC 3597 §5, behind "\#". */
static int parse_generic(struct rdata_reader *rd, struct lex_token start)
{
    struct lex_token t;
    uint32_t length;
    int r = rdata_take(rd, &t);

    if (r < 0)
        return r;
    if (rdata_number(t, RDATA_MAX, &length) < 0)
        return rdata_wrong(rd, t, -BD_ESYNTAX, "is not the number of octets (0 to 65535)");
    r = parse_hex(rd);
    if (r < 0)
        return r;
    if (rd->to->n != length)
        return lex_fail(rd->lx, t, -BD_EINVALID, "\\# says %u octets, but %u follow", length,
                        rd->to->n);
    if (rdata_check(rd->type, rd->to->b, rd->to->n) < 0)
        return lex_fail(rd->lx, start, -BD_EINVALID,
                        "these octets are not a well-formed value of type %s", type_of(rd).text);
    return 0;
}

/* Nothing but the line's end may follow; it stays for the caller. */
static int expect_end(struct rdata_reader *rd)
{
    struct lex_token t = lex_next(rd->lx);

    if (t.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (t.kind == LEX_EOL || t.kind == LEX_EOF) {
        lex_push(rd->lx, t);
        return 0;
    }
    return rdata_wrong(rd, t, -BD_ESYNTAX, "is too much: a value of type %s ends before it",
                       type_of(rd).text);
}

static bool is_generic_mark(struct lex_token t)
{
    return t.kind == LEX_WORD && str_eq(t.text, STR("\\#"));
}

static int parse_value(struct rdata_reader *rd, struct lex_token t)
{
    if (is_generic_mark(t))
        return parse_generic(rd, t);
    if (!rd->row)
        return lex_fail(rd->lx, t, -BD_ESYNTAX,
                        "a value of %s is written as \\# LENGTH HEX (RFC 3597)", type_of(rd).text);
    return parse_fields(rd, t);
}

int rdata_parse(struct lexer *lx, uint16_t type, const struct dname_rules *rules,
                struct rdata *ret_rdata)
{
    struct rdata_reader rd = {
        .lx = lx, .type = type, .row = rrtype_by_code(type), .rules = rules, .to = ret_rdata};
    struct lex_token t;
    int r;

    ret_rdata->n = 0;
    r = rdata_more(&rd, &t);
    if (r < 0)
        return r;
    if (r == 0)
        return rd.row && rdata_kinds[rd.row->fields[0]]->optional ? 0 : too_early(&rd);
    if (type == 0 || (rd.row && rd.row->flags & RRTYPE_META))
        return lex_fail(lx, t, -BD_EINVALID, "type %s is for questions only, it has no records",
                        type_of(&rd).text);
    r = parse_value(&rd, t);
    return r < 0 ? r : expect_end(&rd);
}

int rdata_from_text(uint16_t type, struct str text, const struct dname_rules *rules,
                    struct rdata *ret_rdata, struct lex_error *ret_error)
{
    struct lexer lx;
    struct lex_token t;
    int r;

    lex_start(&lx, text);
    r = rdata_parse(&lx, type, rules, ret_rdata);
    if (r < 0)
        goto failed;
    do
        t = lex_next(&lx);
    while (t.kind == LEX_EOL);
    if (t.kind == LEX_EOF)
        return 0;
    r = t.kind == LEX_BAD
            ? -BD_ESYNTAX
            : lex_fail(&lx, t, -BD_ESYNTAX, "one value is one record: something follows its line");
failed:
    *ret_error = lx.error;
    if (text.n == 0)
        ret_error->at = text.p; /* the lexer has a place of its own for no text at all */
    return r;
}

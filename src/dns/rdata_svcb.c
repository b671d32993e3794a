/* The parameters of SVCB and HTTPS (RFC 9460): keys in ascending order, each with a length of 16
 * bits and a value. Text has them in any order, "key=value", with the value quoted or not; each key
 * that has a name has a row. */
#include "rdata_svcb.h"

#include <stdio.h>

#define HEAD 4 /* octets of key and length */

/* ---- all of them ------------------------------------------------------------------------------
 */

static const uint8_t *find(const uint8_t *p, size_t n, uint16_t key)
{
    for (const uint8_t *end = p + n; p < end; p += HEAD + wire_u16(p + 2))
        if (wire_u16(p) == key)
            return p;
    return NULL;
}

/* What the parameters say of each other: NULL, or what is wrong. */
static const char *fault_together(const uint8_t *p, size_t n)
{
    const uint8_t *mandatory = find(p, n, SVCB_MANDATORY);

    for (size_t i = 0; mandatory && i < wire_u16(mandatory + 2); i += 2)
        if (!find(p, n, wire_u16(mandatory + HEAD + i)))
            return "mandatory names a key that is not there"; /* RFC 9460 §8 */
    if (find(p, n, SVCB_NO_DEFAULT_ALPN) && !find(p, n, SVCB_ALPN))
        return "no-default-alpn needs alpn beside it"; /* RFC 9460 §7.1.1 */
    return NULL;
}

static int length_svcparams(const struct rdata_kind *kind, const uint8_t *rdata, size_t at,
                            size_t n)
{
    int before = -1;

    (void)kind;
    for (size_t p = at; p < n;) {
        if (n - p < HEAD)
            return -1;
        unsigned key = wire_u16(rdata + p), length = wire_u16(rdata + p + 2);
        if ((int)key <= before || key == SVCB_INVALID_KEY || length > n - p - HEAD)
            return -1;
        if (key < SVCB_NKEYS && svcb_keys[key].fault(rdata + p + HEAD, length))
            return -1;
        before = (int)key;
        p += HEAD + length;
    }
    return fault_together(rdata + at, n - at) ? -1 : (int)(n - at);
}

static void reverse(uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n / 2; i++) {
        uint8_t c = p[i];
        p[i] = p[n - 1 - i];
        p[n - 1 - i] = c;
    }
}

/* Moves the last parameter, which begins at last, to its place among those from start on. */
static int sort_in(struct svcb_param *param, size_t start, size_t last)
{
    uint8_t *p = param->rd->to->b + start, *moved = param->rd->to->b + last;
    uint16_t key = wire_u16(moved);
    size_t n = (size_t)(param->rd->to->n - last);

    while (p < moved && wire_u16(p) < key)
        p += HEAD + wire_u16(p + 2);
    if (p < moved && wire_u16(p) == key)
        return rdata_wrong(param->rd, param->key, -BD_EINVALID, "is a key that was there already");
    size_t before = (size_t)(moved - p);
    reverse(p, before);
    reverse(moved, n);
    reverse(p, before + n);
    return 0;
}

/* Splits "key=value"; a quoted value is a token of its own, right behind the "=". */
static int split(struct svcb_param *param, struct lex_token t)
{
    struct lexer *lx = param->rd->lx;
    const char *equals = t.kind == LEX_WORD ? memchr(t.text.p, '=', t.text.n) : NULL;

    param->key = t;
    param->value = (struct lex_token){.kind = LEX_EOL, .text = {t.text.p + t.text.n, 0}};
    if (!equals)
        return 0;
    size_t n = (size_t)(equals - t.text.p);
    param->key.text.n = n;
    param->value = (struct lex_token){
        .kind = LEX_WORD, .escaped = t.escaped, .text = {equals + 1, t.text.n - n - 1}};
    if (param->value.text.n > 0 || lx->p == lx->end || *lx->p != '"')
        return 0;
    param->value = lex_next(lx);
    if (param->value.kind == LEX_BAD)
        return -BD_ESYNTAX;
    if (lx->p < lx->end && !memchr(" \t\r\n;()", *lx->p, 7))
        return svcb_wrong_value(param, "has something right behind its closing quote");
    return 0;
}

static int unknown_key(struct rdata_reader *rd, struct lex_token key)
{
    struct str_nearest near = {.word = key.text};

    rdata_wrong(rd, key, -BD_ESYNTAX,
                "is not a parameter (alpn=h2,h3 or port=443 or key667=value)");
    for (size_t i = 0; i < SVCB_NKEYS; i++)
        str_nearest_try(&near, str_c(svcb_keys[i].name));
    if (near.best.n)
        snprintf(rd->lx->error.hint, sizeof(rd->lx->error.hint), "did you mean '%.*s'?",
                 STR_ARG(near.best));
    return -BD_ESYNTAX;
}

static int read_param(struct svcb_param *param, size_t start)
{
    struct rdata_reader *rd = param->rd;
    size_t last = rd->to->n;
    const char *fault = NULL;
    uint16_t key;
    bool generic;
    int r;

    if (param->key.kind != LEX_WORD || !svcb_key_from_text(param->key.text, &key, &generic))
        return unknown_key(rd, param->key);
    uint8_t *head = rdata_room(rd, param->key, HEAD);
    if (!head)
        return -BD_EINVALID;
    wire_put_u16(head, key);
    r = generic || key >= SVCB_NKEYS ? svcb_read_any(param) : svcb_keys[key].read(param);
    if (r < 0)
        return r;
    size_t n = rd->to->n - last - HEAD;
    wire_put_u16(head + 2, (uint16_t)n);
    if (key < SVCB_NKEYS)
        fault = svcb_keys[key].fault(head + HEAD, n);
    if (fault)
        return lex_fail(rd->lx, param->key, -BD_EINVALID, "%s", fault);
    return sort_in(param, start, last);
}

static int read_svcparams(struct rdata_reader *rd, struct lex_token t)
{
    struct svcb_param param = {.rd = rd};
    struct lex_token first = t;
    size_t start = rd->to->n;
    int r;

    do {
        r = split(&param, t);
        if (r == 0)
            r = read_param(&param, start);
        if (r == 0)
            r = rdata_more(rd, &t);
    } while (r > 0);
    if (r < 0)
        return r;
    const char *fault = fault_together(rd->to->b + start, rd->to->n - start);
    return fault ? lex_fail(rd->lx, first, -BD_EINVALID, "%s", fault) : 0;
}

static void write_svcparams(const struct rdata_kind *kind, struct buf *out, const uint8_t *rdata,
                            size_t at, size_t length)
{
    (void)kind;
    for (const uint8_t *p = rdata + at, *end = p + length; p < end;) {
        uint16_t key = wire_u16(p), n = wire_u16(p + 2);
        if (p > rdata + at)
            buf_add_c(out, ' ');
        svcb_add_key(out, key);
        if (n > 0)
            buf_add_c(out, '=');
        if (n > 0 && key < SVCB_NKEYS)
            svcb_keys[key].write(out, p + HEAD, n);
        else if (n > 0)
            rdata_add_quoted(out, p + HEAD, n);
        p += HEAD + n;
    }
}

const struct rdata_kind rdata_svcparams = {
    .length = length_svcparams, .read = read_svcparams, .write = write_svcparams, .optional = true};

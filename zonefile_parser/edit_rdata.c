/* One record's data becomes another: the words that differ are replaced where they stand. Whatever
 * comes of it is read back before it is believed. */
#include "edit.h"

void zp_edit_name(const struct dname *name, const struct dname *origin, bool relative,
                  struct buf *out)
{
    char text[DNAME_TEXT_MAX];

    if (relative && !dname_is_root(origin) && dname_below(name, origin))
        buf_add(out, text, dname_to_text_below(name, origin, text));
    else
        buf_add(out, text, dname_to_text(name, text));
}

/* A word that ends in a dot which is not escaped. */
bool zp_edit_absolute(struct str word)
{
    size_t slashes = 0;

    if (word.n == 0 || word.p[word.n - 1] != '.')
        return false;
    while (slashes + 1 < word.n && word.p[word.n - 2 - slashes] == '\\')
        slashes++;
    return slashes % 2 == 0;
}

/* The word, or its relative spelling if it is a name below the origin. */
static void add_word(struct edit *e, struct str word, const struct dname *origin, struct buf *out)
{
    const size_t start = out->n;
    struct dname name;

    if (origin && zp_edit_absolute(word) && word.p[0] != '"' &&
        dname_from_text(word, NULL, &name, NULL) == 0)
        zp_edit_name(&name, origin, true, out);
    else
        buf_add_str(out, word);
    if (word.n && word.p[0] == '"')
        zp_edit_readable(e, out, start);
}

/* Is a text this rdata, under that origin? */
static bool means(struct edit *e, const struct edit_hit *h, struct str text, struct str rdata)
{
    const struct dname_rules rules = {.origin = h->origin};
    struct lexer lx;

    lex_start(&lx, text);
    return rdata_parse(&lx, h->type, &rules, &e->rdata) == 0 && lex_next(&lx).kind == LEX_EOF &&
           rdata_cmp(h->type, e->rdata.b, e->rdata.n, (const uint8_t *)rdata.p, rdata.n) == 0;
}

void zp_edit_rdata_text(struct edit *e, uint16_t type, struct str rdata,
                        const struct dname *relative_to, struct buf *out)
{
    const struct edit_hit place = {.type = type, .origin = relative_to};
    const size_t start = out->n;

    zp_edit_reset(e, &e->new_text);
    rdata_to_text(type, (const uint8_t *)rdata.p, rdata.n, &e->new_text);
    if (zp_edit_words(buf_str(&e->new_text), &e->new) == 0) {
        for (size_t i = 0; i < e->new.n; i++) {
            if (i)
                buf_add_c(out, ' ');
            add_word(e, e->new.word[i], relative_to, out);
        }
        if (out->error || means(e, &place, (struct str){out->p + start, out->n - start}, rdata))
            return;
        out->n = start;
    }
    buf_add_str(out, buf_str(&e->new_text));
}

/* ---- word by word ---- */

enum way { BY_FOLDED_WORDS, BY_WORDS, EVERY_WORD, NWAYS };

/* How many of the written words have one of the old record and one of the new in their place. A
 * last one that does not change may be written in several (a key on several lines). */
static size_t comparable(const struct edit *e)
{
    const size_t n = e->new.n;

    if (e->old.n != n || n == 0)
        return 0;
    if (e->written.n == n)
        return n;
    return e->written.n > n && str_eq_fold(e->old.word[n - 1], e->new.word[n - 1]) ? n - 1 : 0;
}

/* Are the i-th words, as written before, of the old and of the new record, so different that the
 * written one goes? */
static bool differs(const struct edit *e, size_t i, enum way way)
{
    struct str a, b;

    if (i >= comparable(e))
        return false;
    a = e->old.word[i];
    b = e->new.word[i];
    if (way == EVERY_WORD)
        return true;
    return way == BY_WORDS ? !str_eq(a, b) : !str_eq_fold(a, b);
}

static bool is_letter(char c)
{
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

/* A time with units: 1h30m, not 1.2.3.4 nor 2001:db8::a. */
static bool has_unit(struct str word)
{
    uint32_t seconds;

    return word.n && is_letter(word.p[word.n - 1]) && lex_ttl(word, &seconds) == 0;
}

/* Hexadecimal digits in the case of those that they replace. */
static bool put_lower(struct str word, struct str written, struct buf *out)
{
    bool lower = false;

    for (size_t i = 0; i < written.n; i++) {
        if (written.p[i] >= 'A' && written.p[i] <= 'Z')
            return false;
        lower |= written.p[i] >= 'a' && written.p[i] <= 'z';
    }
    for (size_t i = 0; i < word.n; i++) {
        if (!memchr("0123456789ABCDEF", word.p[i], 16))
            return false;
    }
    for (size_t i = 0; i < word.n && lower; i++)
        buf_add_c(out, (char)ascii_lower((unsigned char)word.p[i]));
    return lower;
}

/* What stands in the place of the i-th word. */
static void put_word(struct edit *e, const struct edit_hit *h, size_t i, struct buf *out)
{
    struct str word = e->new.word[i], written = e->written.word[i];
    char ttl[EDIT_TTL_MAX];
    uint64_t number;

    if (has_unit(written) && str_u64(word, INT32_MAX, &number) == 0)
        buf_add_str(out, zp_edit_ttl_text((uint32_t)number, written, ttl));
    else if (!put_lower(word, written, out))
        add_word(e, word, zp_edit_absolute(written) ? NULL : h->origin, out);
}

static bool would_do(struct edit *e, const struct edit_hit *h, enum way way)
{
    struct buf *text = &e->scratch;

    zp_edit_reset(e, text);
    for (size_t i = 0; i < e->written.n; i++) {
        if (i)
            buf_add_c(text, ' ');
        if (differs(e, i, way))
            put_word(e, h, i, text);
        else
            buf_add_str(text, e->written.word[i]);
    }
    return text->error == 0 && means(e, h, buf_str(text), h->wanted);
}

static int replace_words(struct edit *e, const struct edit_hit *h, enum way way)
{
    int r = 0;

    for (size_t i = 0; i < e->written.n && r == 0; i++) {
        if (!differs(e, i, way))
            continue;
        zp_edit_reset(e, &e->scratch);
        put_word(e, h, i, &e->scratch);
        r = e->scratch.error ? e->scratch.error
                             : zp_edit_token(e, e->written.word[i], buf_str(&e->scratch));
    }
    return r;
}

static bool has_relative_name(const struct edit_words *words)
{
    for (size_t i = 0; i < words->n; i++) {
        if (zp_edit_absolute(words->word[i]))
            return false;
    }
    return true;
}

/* The whole rdata, on one line: inside the parentheses that are there, if they close behind it. */
static int rewrite(struct edit *e, const struct edit_hit *h, const struct edit_layout *l)
{
    const char *behind = l->type.p + l->type.n, *from = behind, *end = l->end;
    const bool relative = has_relative_name(l->rdata);
    const size_t n = l->rdata->n;
    int r;

    if (n && l->level) {
        from = l->rdata->word[0].p;
        end = l->rdata->word[n - 1].p + l->rdata->word[n - 1].n;
    } else if (n && !l->open) {
        from = l->rdata->word[0].p;
    }
    r = zp_edit_patch(e, from, (size_t)(end - from));
    if (r < 0)
        return r;
    if (from == behind)
        buf_add_c(&e->out, ' ');
    zp_edit_rdata_text(e, h->type, h->wanted, relative ? h->origin : NULL, &e->out);
    for (size_t i = 0; from == behind && i < l->depth; i++)
        buf_add_str(&e->out, STR(" )")); /* they were opened before the type */
    zp_edit_patch_end(e);
    return 0;
}

int zp_edit_rdata(struct edit *e, const struct edit_hit *h, const struct edit_layout *l)
{
    int r;

    zp_edit_reset(e, &e->old_text);
    zp_edit_reset(e, &e->new_text);
    rdata_to_text(h->type, (const uint8_t *)h->rdata.p, h->rdata.n, &e->old_text);
    rdata_to_text(h->type, (const uint8_t *)h->wanted.p, h->wanted.n, &e->new_text);
    if (e->old_text.error || e->new_text.error)
        return -ENOMEM;
    r = zp_edit_words(buf_str(&e->old_text), &e->old);
    if (r == 0)
        r = zp_edit_words(buf_str(&e->new_text), &e->new);
    if (r < 0)
        return r;
    if (comparable(e)) {
        for (enum way way = BY_FOLDED_WORDS; way < NWAYS; way++) {
            if (would_do(e, h, way))
                return replace_words(e, h, way);
        }
    }
    return rewrite(e, h, l);
}

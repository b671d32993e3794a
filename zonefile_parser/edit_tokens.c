/* Where the parts of a record are written, and how one of them is replaced so that what stands
 * behind it keeps its column. */
#include "edit.h"

#include <stdio.h>

static struct str token_text(struct lex_token t)
{
    return t.kind == LEX_QUOTED ? (struct str){t.text.p - 1, t.text.n + 2} : t.text;
}

/* What is written together stays together: key667="hello". */
static int add_word(struct edit_words *words, struct str word)
{
    struct str *last = words->n ? &words->word[words->n - 1] : NULL;
    void *array = words->word;
    int r;

    if (last && last->p + last->n == word.p) {
        last->n += word.n;
        return 0;
    }
    r = zp_edit_grow(&array, words->n, &words->cap, sizeof(*words->word));

    words->word = array;
    if (r == 0)
        words->word[words->n++] = word;
    return r;
}

int zp_edit_words(struct str text, struct edit_words *words)
{
    struct lexer lx;
    struct lex_token t;
    int r = 0;

    words->n = 0;
    lex_start(&lx, text);
    while (r == 0 && (t = lex_next(&lx), t.kind == LEX_WORD || t.kind == LEX_QUOTED))
        r = add_word(words, token_text(t));
    return r;
}

static bool is_class(struct str text)
{
    return str_eq_fold(text, STR("IN")) ||
           (text.n > 5 && str_eq_fold((struct str){text.p, 5}, STR("CLASS")));
}

bool zp_edit_fields(struct lexer *lx, struct lex_token t, struct edit_layout *l)
{
    for (; t.kind == LEX_WORD; t = lex_next(lx)) {
        if (t.text.p[0] >= '0' && t.text.p[0] <= '9') {
            l->ttl = t.text;
        } else if (is_class(t.text)) {
            l->class = t.text;
        } else {
            l->type = t.text;
            l->depth = lx->depth;
            return true;
        }
    }
    return false;
}

/* Owner, TTL, class and type, in the words of a record that was understood once. */
static bool read_head(struct lexer *lx, struct edit_layout *l)
{
    struct lex_token t = lex_next(lx);

    l->blank = t.after_blank;
    if (!l->blank) {
        l->owner = t.text;
        t = lex_next(lx);
    }
    return zp_edit_fields(lx, t, l);
}

bool zp_edit_head(struct str line, struct edit_layout *ret_layout, const char **ret_rdata)
{
    struct edit_layout l = {.blank = false};
    struct lexer lx;
    struct lex_token t;
    uint16_t type;

    if (line.n == 0 || line.p[0] == ';' || line.p[0] == '$')
        return false;
    for (size_t i = 0; i < line.n; i++) { /* what is in parentheses is data */
        if (line.p[i] == '(' || line.p[i] == ')')
            line.n = i;
    }
    lex_start(&lx, line);
    if (!read_head(&lx, &l) || rrtype_from_text(l.type, &type) < 0)
        return false;
    t = lex_next(&lx);
    if (t.kind == LEX_BAD)
        return false;
    *ret_layout = l;
    *ret_rdata = t.kind == LEX_WORD || t.kind == LEX_QUOTED ? token_text(t).p : line.p + line.n;
    return true;
}

int zp_edit_layout(struct edit *e, struct str span, struct edit_layout *ret_layout)
{
    struct edit_layout l = {.rdata = &e->written};
    struct lexer lx;
    struct lex_token t;
    size_t first = 0, last = 0;
    int r = 0;

    e->written.n = 0;
    lex_start(&lx, span);
    if (!read_head(&lx, &l))
        return -BD_ESYNTAX;
    while (r == 0 && (t = lex_next(&lx), t.kind == LEX_WORD || t.kind == LEX_QUOTED)) {
        if (e->written.n == 0)
            first = lx.depth;
        last = lx.depth;
        r = add_word(&e->written, token_text(t));
    }
    if (r == 0 && t.kind == LEX_BAD)
        r = -BD_ESYNTAX;
    if (r < 0)
        return r;
    l.end = t.text.p;
    l.level = first == last;
    l.open = first > 0;
    *ret_layout = l;
    return 0;
}

size_t zp_edit_column(const char *line, const char *at, size_t column)
{
    for (; line < at; line++) {
        if (*line == '\t')
            column = (column | 7) + 1;
        else if (((unsigned char)*line & 0xc0) != 0x80) /* of UTF-8 the first octet counts */
            column++;
    }
    return column;
}

/* ---- patches ---- */

int zp_edit_patch(struct edit *e, const char *at, size_t n)
{
    void *array = e->patches;
    int r = zp_edit_grow(&array, e->npatches, &e->cap_patches, sizeof(*e->patches));

    e->patches = array;
    if (r == 0)
        e->patches[e->npatches++] = (struct edit_patch){.at = at, .n = n, .from = e->out.n};
    return r;
}

void zp_edit_patch_end(struct edit *e)
{
    struct edit_patch *p = &e->patches[e->npatches - 1];

    p->nnew = e->out.n - p->from;
}

static const char *text_end(const struct edit *e)
{
    return e->text.p + e->text.n;
}

static size_t spaces_from(const char *p, const char *end)
{
    const char *start = p;

    while (p < end && *p == ' ')
        p++;
    return (size_t)(p - start);
}

static size_t spaces_before(const char *line, const char *p)
{
    const char *end = p;

    while (p > line && p[-1] == ' ')
        p--;
    return (size_t)(end - p);
}

static const char *line_of(const struct edit *e, const char *p)
{
    while (p > e->text.p && p[-1] != '\n')
        p--;
    return p;
}

static bool is_number(struct str text)
{
    uint64_t value;

    return str_u64(text, UINT32_MAX, &value) == 0;
}

/* Where a token ends in the line at p that begins at the same number of tokens as ours: the column;
 * *ret_start its start. 0: there is none. */
static size_t nth_end(const char *line, const char *end, size_t nth, size_t *ret_start)
{
    const char *p = line, *start;

    for (;;) {
        while (p < end && (*p == ' ' || *p == '\t'))
            p++;
        start = p;
        while (p < end && (unsigned char)*p > ' ' && *p != ';')
            p++;
        if (p == start)
            return 0;
        if (nth-- == 0)
            break;
    }
    *ret_start = zp_edit_column(line, start, 0);
    if (!is_number((struct str){start, (size_t)(p - start)}))
        return 0;
    return zp_edit_column(line, p, 0);
}

static bool line_agrees(const char *line, const char *end, size_t nth, size_t start, size_t stop)
{
    size_t its_start = 0;

    return nth_end(line, end, nth, &its_start) == stop && its_start != start;
}

/* Numbers that stand under each other with their last digits: does a line beside this one end at
 * the same column in the same word, but begin elsewhere? */
static bool is_right_aligned(const struct edit *e, struct str token)
{
    const char *line = line_of(e, token.p), *end = text_end(e), *next, *p = line;
    const size_t start = zp_edit_column(line, token.p, 0);
    const size_t stop = zp_edit_column(line, token.p + token.n, 0);
    size_t nth = 0;

    while (p < token.p) {
        bool blank = *p == ' ' || *p == '\t';
        p++;
        nth += !blank && p < token.p && (*p == ' ' || *p == '\t');
    }
    next = memchr(token.p, '\n', (size_t)(end - token.p));
    if (next && line_agrees(next + 1, end, nth, start, stop))
        return true;
    return line > e->text.p && line_agrees(line_of(e, line - 1), line - 1, nth, start, stop);
}

/* What the token's new length does to the blanks around it: how many fewer (or more) stand before
 * and behind it. */
static void fit(const struct edit *e, struct str token, size_t width, long *ret_before,
                long *ret_behind)
{
    const char *behind = token.p + token.n;
    const long longer = (long)width - (long)token.n;
    const long after = (long)spaces_from(behind, text_end(e));
    const long before = (long)spaces_before(line_of(e, token.p), token.p);
    const char *next = behind + after;
    const bool more = next < text_end(e) && *next != '\n' && *next != '\r' && *next != '\t';

    *ret_before = *ret_behind = 0;
    if (longer == 0)
        return;
    if (before > longer && before > 1 && is_number(token) && is_right_aligned(e, token)) {
        *ret_before = longer;
    } else if (more && after > 1) {
        *ret_behind = longer < after ? longer : after - 1;
    }
}

int zp_edit_token(struct edit *e, struct str token, struct str text)
{
    long before, behind;
    size_t old_after;
    int r;

    fit(e, token, text.n, &before, &behind);
    old_after = behind ? spaces_from(token.p + token.n, text_end(e)) : 0;
    r = zp_edit_patch(e, token.p - (before > 0 ? before : 0),
                      token.n + (size_t)(before > 0 ? before : 0) + old_after);
    if (r < 0)
        return r;
    for (; before < 0; before++)
        buf_add_c(&e->out, ' ');
    buf_add_str(&e->out, text);
    if (old_after) {
        for (long i = (long)old_after - behind; i > 0; i--)
            buf_add_c(&e->out, ' ');
    }
    zp_edit_patch_end(e);
    return 0;
}

/* ---- TTLs ---- */

struct str zp_edit_ttl_text(uint32_t ttl, struct str like, char out[EDIT_TTL_MAX])
{
    static const struct {
        char unit;
        uint32_t seconds;
    } units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}};
    char last = like.n ? like.p[like.n - 1] : '0';
    const bool upper = last >= 'A' && last <= 'Z', weeks = (last | 32) == 'w';

    if (last >= '0' && last <= '9') {
        size_t n = (size_t)(str_put_u64(out, ttl) - out);
        return (struct str){out, n};
    }
    for (size_t i = weeks ? 0 : 1; i < ARRAY_SIZE(units) && ttl; i++) {
        if (ttl % units[i].seconds == 0) {
            int n = snprintf(out, EDIT_TTL_MAX, "%u%c", ttl / units[i].seconds,
                             upper ? units[i].unit - 32 : units[i].unit);
            return (struct str){out, (size_t)n};
        }
    }
    return zp_edit_ttl_text(ttl, (struct str){NULL, 0}, out);
}

static bool is_blank(const char *p, const char *end)
{
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    return p == end;
}

/* Tabs as far as they go. */
size_t zp_edit_pad(struct buf *out, size_t column, size_t target, bool tabs)
{
    do {
        const size_t stop = (column | 7) + 1;
        const bool tab = tabs && (stop <= target || column >= target);
        buf_add_c(out, tab ? '\t' : ' ');
        column = tab ? stop : column + 1;
    } while (column < target);
    return column;
}

/* Where a TTL goes between what ends at the column and what begins at the target: just before that,
 * if there is room; else a line that begins with blanks keeps them. */
static size_t ttl_column(size_t column, size_t target, size_t n, bool tabs)
{
    if (tabs)
        return 0;
    if (column + n + (column ? 2 : 3) <= target)
        return target - n - 1;
    return column ? 0 : target;
}

int zp_edit_write_out(struct edit *e, const char *line, const struct edit_layout *l,
                      struct str owner, uint32_t ttl)
{
    const bool ttl_first = l->ttl.p && (!l->class.p || l->ttl.p < l->class.p);
    const char *next = ttl_first ? l->ttl.p : l->class.p ? l->class.p : l->type.p;
    const char *from = l->owner.p ? l->owner.p + l->owner.n : line;
    const size_t gap = (size_t)(next - from), target = zp_edit_column(line_of(e, next), next, 0);
    const bool plain = is_blank(from, next);
    bool tabs = plain && memchr(from, '\t', gap);
    size_t column = zp_edit_column(line, from, 0) + owner.n;
    char spelled[EDIT_TTL_MAX];
    struct str text = {NULL, 0};
    int r = zp_edit_patch(e, plain || owner.n ? from : next, plain ? gap : 0);

    if (r < 0)
        return r;
    if (ttl != ZP_NO_TTL)
        text = zp_edit_ttl_text(ttl, zp_edit_ttl_around(e, line), spelled);
    buf_add_str(&e->out, owner);
    if (text.n && (plain || owner.n)) {
        const size_t start = ttl_column(column, target, text.n, tabs);
        column = zp_edit_pad(&e->out, column, start, tabs);
        tabs &= *(l->class.p ? l->class.p + l->class.n : l->type.p + l->type.n) == '\t' ||
                column + text.n < target;
    }
    buf_add_str(&e->out, text);
    if (plain)
        zp_edit_pad(&e->out, column + text.n, target, tabs);
    else if (text.n)
        buf_add_c(&e->out, ' ');
    zp_edit_patch_end(e);
    return 0;
}

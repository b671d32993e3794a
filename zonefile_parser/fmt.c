/* A zone file tidied up: what stands in it stays, to the letter and in order; only the blanks
 * between the words change, and the order of TTL and class. */
#include "parser.h"

#include <stdlib.h>

#define OWNER_WIDTH 24    /* longer ones do not widen the column */
#define COMMENT_COLUMN 72 /* comments stand in one column as far as that goes */
#define RUN_MAX 256       /* lines whose comments are aligned together */

enum kind { WORD, OPEN, CLOSE, COMMENT, END };

/* What the scanner sees. The text was parsed before: no quote and no group is open at its end. */
struct piece {
    enum kind kind;
    bool joined; /* to the piece before, without a blank: key="value" */
    struct str text;
};

enum shape { EMPTY, REMARK, SETTING, RECORD, RAW };

/* One line, or several that a group holds together. */
struct entry {
    enum shape shape;
    struct str raw; /* with the line end, if there is one */
    struct str owner, ttl, class, type;
    const char *rest; /* behind the type, or a setting's first word */
};

/* Where the fields begin. */
struct columns {
    size_t class, type, rdata;
};

/* Lines whose comments wait for their column. */
struct run {
    struct {
        size_t start, n; /* in text */
        struct str comment;
    } line[RUN_MAX];
    size_t n;
    struct buf text;
};

struct fmt {
    const char *end;
    struct columns at;
    struct str eol;
    struct run run;
    struct buf *out;
};

/* ---- reading ---- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static const char *skip_quoted(const char *p, const char *end)
{
    for (p++; p < end && *p != '"'; p++)
        p += *p == '\\';
    return p < end ? p + 1 : end;
}

static const char *skip_word(const char *p, const char *end)
{
    while (p < end && !is_blank(*p) && !strchr("\n\"();", *p))
        p += *p == '\\' ? 2 : 1;
    return p < end ? p : end;
}

static struct piece next_piece(const char **p, const char *end)
{
    const char *from = *p, *start = from, *stop;
    struct piece piece = {.kind = WORD};

    while (start < end && is_blank(*start))
        start++;
    piece.joined = start == from;
    stop = start + 1;
    if (start == end) {
        piece.kind = END;
        stop = end;
    } else if (*start == '\n') {
        piece.kind = END;
    } else if (*start == '(' || *start == ')') {
        piece.kind = *start == '(' ? OPEN : CLOSE;
    } else if (*start == ';') {
        stop = memchr(start, '\n', (size_t)(end - start));
        piece.kind = COMMENT;
        stop = *p = stop ? stop : end;
        while (is_blank(stop[-1]))
            stop--;
        piece.text = (struct str){start, (size_t)(stop - start)};
        return piece;
    } else {
        stop = *start == '"' ? skip_quoted(start, end) : skip_word(start, end);
    }
    *p = stop;
    piece.text = (struct str){start, (size_t)(stop - start)};
    return piece;
}

/* To behind the line end that is outside groups. */
static void skip_entry(const char **p, const char *end, size_t depth)
{
    for (;;) {
        struct piece piece = next_piece(p, end);
        if (piece.kind == OPEN)
            depth++;
        else if (piece.kind == CLOSE)
            depth--;
        else if (piece.kind == END && (depth == 0 || *p == end))
            return;
    }
}

static bool is_class(struct str word)
{
    return str_eq_fold(word, STR("IN")) ||
           (word.n > 5 && str_eq_fold((struct str){word.p, 5}, STR("CLASS")) && word.p[5] >= '0' &&
            word.p[5] <= '9');
}

/* The words up to the type, where nothing else stands between them. */
static bool read_head(const char **p, const char *end, bool blank, struct entry *e)
{
    for (;;) {
        struct piece piece = next_piece(p, end);
        if (piece.kind != WORD || piece.text.p[0] == '"')
            return false;
        if (!blank && e->owner.n == 0)
            e->owner = piece.text;
        else if (strchr("0123456789+-", piece.text.p[0]))
            e->ttl = piece.text;
        else if (is_class(piece.text))
            e->class = piece.text;
        else {
            e->type = piece.text;
            e->rest = *p;
            return true;
        }
    }
}

static bool is_setting(struct str word)
{
    return str_eq_fold(word, STR("$TTL")) || str_eq_fold(word, STR("$ORIGIN"));
}

/* The entry at *p, and *p behind it. */
static struct entry read_entry(const char **p, const char *end)
{
    const char *start = *p, *q = start;
    const bool blank = is_blank(*start);
    struct piece first = next_piece(&q, end);
    struct entry e = {.shape = RAW};
    const char *inside = start;

    if (first.kind == END || first.kind == COMMENT) {
        e.shape = first.kind == END ? EMPTY : REMARK;
    } else if (first.kind == WORD && !blank && is_setting(first.text)) {
        e.shape = SETTING;
        e.owner = first.text;
        e.rest = q;
    } else if (first.kind == WORD && (blank || first.text.p[0] != '$')) {
        e.shape = read_head(&inside, end, blank, &e) ? RECORD : RAW;
    }
    skip_entry(p, end, 0);
    e.raw = (struct str){start, (size_t)(*p - start)};
    return e;
}

/* ---- writing ---- */

/* Columns that a text takes: octets but those that continue a character. */
static size_t columns(const char *p, size_t n)
{
    size_t count = 0;

    for (size_t i = 0; i < n; i++)
        count += ((unsigned char)p[i] & 0xc0) != 0x80;
    return count;
}

/* The same of a buffer from start on; nothing may be in it yet. */
static size_t columns_from(const struct buf *b, size_t start, size_t n)
{
    return b->p ? columns(b->p + start, n) : 0;
}

static void pad(struct buf *out, size_t from, size_t to)
{
    for (; from < to; from++)
        buf_add_c(out, ' ');
}

static void flush(struct fmt *f)
{
    const struct run *run = &f->run;
    size_t column = 0;

    for (size_t i = 0; i < run->n; i++) {
        size_t n = columns_from(&run->text, run->line[i].start, run->line[i].n);
        if (run->line[i].comment.n && n > column && n <= COMMENT_COLUMN)
            column = n;
    }
    for (size_t i = 0; i < run->n && !run->text.error; i++) {
        const size_t start = run->line[i].start, n = run->line[i].n;
        if (n)
            buf_add(f->out, run->text.p + start, n);
        if (run->line[i].comment.n) {
            pad(f->out, columns_from(&run->text, start, n), column);
            buf_add_c(f->out, ' ');
            buf_add_str(f->out, run->line[i].comment);
        }
        buf_add_str(f->out, f->eol);
    }
    if (run->text.error)
        f->out->error = run->text.error;
    f->run.n = 0;
    buf_reset(&f->run.text);
}

/* The line that begins at start of run.text is complete. */
static void end_line(struct fmt *f, size_t start, struct str comment)
{
    struct run *run = &f->run;

    run->line[run->n].start = start;
    run->line[run->n].n = run->text.n - start;
    run->line[run->n++].comment = comment;
    if (comment.n == 0 || run->n == RUN_MAX)
        flush(f);
}

/* The pieces behind the head, of which n columns are written. Each line of the text stays one. */
static void write_rest(struct fmt *f, const char *p, size_t start, size_t column)
{
    struct buf *text = &f->run.text;
    struct str comment = {NULL, 0};
    bool spaced = false; /* something stands in this line already, behind its column */
    bool word = false;   /* and a word is the last of it */
    size_t depth = 0;

    for (;;) {
        struct piece piece = next_piece(&p, f->end);
        if (piece.kind == END) {
            end_line(f, start, comment);
            if (depth == 0 || p == f->end)
                return;
            start = text->n;
            comment.n = 0;
            spaced = false;
            continue;
        }
        if (piece.kind == COMMENT && text->n > start) {
            comment = piece.text;
            continue;
        }
        depth = depth + (piece.kind == OPEN) - (piece.kind == CLOSE);
        if (!spaced) {
            if (text->n > start)
                buf_add_c(text, ' ');
            pad(text, columns_from(text, start, text->n - start), column);
        } else if (!(piece.joined && piece.kind == WORD && word)) {
            buf_add_c(text, ' ');
        }
        buf_add_str(text, piece.text);
        spaced = true;
        word = piece.kind == WORD;
    }
}

/* Blanks up to the column, at least one, and the field; nothing for one that is not there. */
static void add_field(struct buf *text, size_t start, size_t column, struct str field)
{
    if (field.n == 0)
        return;
    buf_add_c(text, ' ');
    pad(text, columns_from(text, start, text->n - start), column);
    buf_add_str(text, field);
}

static void write_record(struct fmt *f, const struct entry *e)
{
    struct buf *text = &f->run.text;
    size_t start = text->n;

    buf_add_str(text, e->owner);
    /* TTLs end in one column, the others begin in one. */
    add_field(text, start, f->at.class - 1 - e->ttl.n, e->ttl);
    add_field(text, start, f->at.class, e->class);
    add_field(text, start, f->at.type, e->type);
    write_rest(f, e->rest, start, f->at.rdata);
}

static void write_entry(struct fmt *f, const struct entry *e)
{
    size_t start = f->run.text.n, n = e->raw.n;
    const char *raw = e->raw.p;

    if (e->shape == RECORD) {
        write_record(f, e);
        return;
    }
    if (e->shape == SETTING) {
        buf_add_str(&f->run.text, e->owner);
        write_rest(f, e->rest, start, 0);
        return;
    }
    flush(f);
    if (e->shape == RAW) {
        buf_add(f->out, raw, n);
        if (raw[n - 1] != '\n')
            buf_add_str(f->out, f->eol);
        return;
    }
    while (n && (raw[n - 1] == '\n' || is_blank(raw[n - 1])))
        n--;
    buf_add(f->out, raw, n);
    buf_add_str(f->out, f->eol);
}

/* ---- the file ---- */

static void widen(size_t *width, struct str field, size_t most)
{
    size_t n = columns(field.p, field.n);

    if (n > *width && n <= most)
        *width = n;
}

static void measure(struct fmt *f, struct str text)
{
    const char *lf = memchr(text.p, '\n', text.n);
    size_t owner = 0, ttl = 0, class = 0, type = 0;

    f->eol = lf && lf > text.p && lf[-1] == '\r' ? STR("\r\n") : STR("\n");
    for (const char *p = text.p; p < f->end;) {
        struct entry e = read_entry(&p, f->end);
        if (e.shape != RECORD)
            continue;
        widen(&owner, e.owner, OWNER_WIDTH);
        widen(&ttl, e.ttl, SIZE_MAX);
        widen(&class, e.class, SIZE_MAX);
        widen(&type, e.type, SIZE_MAX);
    }
    f->at.class = owner + 1 + (ttl ? ttl + 1 : 0);
    f->at.type = f->at.class + (class ? class + 1 : 0);
    f->at.rdata = f->at.type + type + 1;
}

static int ignore_record(void *arg, const struct zp_record *record)
{
    (void)arg, (void)record;
    return 0;
}

/* What a file includes is not formatted, hence not read. */
static int include_nothing(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    (void)arg, (void)name, (void)depth;
    *ret_source = (struct zp_source){.name = "", .text = {"", 0}};
    return 0;
}

int zp_fmt(struct str text, const struct zp_options *options, struct buf *out)
{
    struct zp_options loose = *options;
    struct fmt *f;
    int r;

    loose.any_owner = true;
    loose.default_ttl = 0;
    loose.include = include_nothing;
    r = zp_parse(text, &loose, ignore_record, NULL);
    if (r < 0 || text.n == 0)
        return r;
    f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->end = text.p + text.n;
    f->out = out;
    measure(f, text);
    for (const char *p = text.p; p < f->end && !out->error;) {
        struct entry e = read_entry(&p, f->end);
        write_entry(f, &e);
    }
    flush(f);
    buf_free(&f->run.text);
    free(f);
    return out->error;
}

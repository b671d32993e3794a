/* A new record's line as the people who keep the file would write it: what is shown, and in which
 * columns, is read from the lines around the place. */
#include "edit.h"

enum field { TTL, CLASS, TYPE, RDATA, NFIELDS };

/* How a field stands in a line. */
struct spot {
    size_t column, before; /* where it begins, and where what is before it ends */
    size_t nblanks;
    bool tabs;
    bool after_blank; /* the owner is inherited, and this is what comes first */
};

#define LINES_BEFORE 8
#define LINES_MAX 16

struct samples {
    struct spot spots[NFIELDS][LINES_MAX];
    size_t n[NFIELDS];
    size_t nbehind;                      /* TTLs behind their class */
    bool own;                            /* the first spots are the model's */
    size_t nlines, nabsolute, nrelative; /* lines that are records; their owners */
    size_t absolute_data, relative_data; /* names in rdata */
    struct str ttl;                      /* the nearest one, for its spelling */
};

static void add_spot(struct samples *s, enum field field, const struct edit_layout *l,
                     const char *line, const char *before, const char *at)
{
    const size_t gap = (size_t)(at - before);

    s->spots[field][s->n[field]++] = (struct spot){
        .column = zp_edit_column(line, at, 0),
        .before = zp_edit_column(line, before, 0),
        .nblanks = gap,
        .tabs = memchr(before, '\t', gap) != NULL,
        .after_blank = !l->owner.p && before == line,
    };
}

/* Does the data of this type end in a name? */
static bool ends_in_name(uint16_t type)
{
    const struct rrtype *row = rrtype_by_code(type);
    uint8_t last = RDATA_END;

    for (size_t i = 0; row && i < RDATA_FIELDS_MAX && row->fields[i] != RDATA_END; i++)
        last = row->fields[i];
    return last == RDATA_NAME || last == RDATA_NAME_EXACT;
}

static void count_names(struct samples *s, const struct edit_layout *l, struct str data)
{
    uint16_t type;
    const char *p = memchr(data.p, ';', data.n);
    struct str word;

    if (l->owner.p && l->owner.p[0] != '@') {
        s->nabsolute += zp_edit_absolute(l->owner);
        s->nrelative += !zp_edit_absolute(l->owner);
    }
    if (rrtype_from_text(l->type, &type) < 0 || !ends_in_name(type))
        return;
    word.n = p ? (size_t)(p - data.p) : data.n;
    while (word.n && (unsigned char)data.p[word.n - 1] <= ' ')
        word.n--;
    word.p = data.p;
    s->absolute_data += zp_edit_absolute(word);
    s->relative_data += !zp_edit_absolute(word);
}

static void take_line(struct samples *s, struct str line)
{
    struct edit_layout l;
    const char *data, *before;

    if (!zp_edit_head(line, &l, &data))
        return;
    s->nlines++;
    count_names(s, &l, (struct str){data, (size_t)(line.p + line.n - data)});
    before = l.owner.p ? l.owner.p + l.owner.n : line.p;
    if (!s->ttl.p)
        s->ttl = l.ttl;
    for (int i = 0; i < 2; i++) { /* TTL and class come in either order */
        bool ttl_next = l.ttl.p >= before && (l.class.p < before || l.ttl.p < l.class.p);
        struct str next = ttl_next ? l.ttl : l.class;
        if (!next.p || next.p < before)
            continue;
        add_spot(s, ttl_next ? TTL : CLASS, &l, line.p, before, next.p);
        s->nbehind += ttl_next && before == l.class.p + l.class.n;
        before = next.p + next.n;
    }
    add_spot(s, TYPE, &l, line.p, before, l.type.p);
    add_spot(s, RDATA, &l, line.p, l.type.p + l.type.n, data);
}

/* The line that begins at p. */
static struct str line_at(const struct edit *e, const char *p)
{
    const char *end = e->text.p + e->text.n, *lf = memchr(p, '\n', (size_t)(end - p));

    return (struct str){p, (size_t)((lf ? lf : end) - p)};
}

/* The model's line, those before it, nearest first, then those behind it. */
static void look_around(const struct edit *e, const char *start, struct samples *s)
{
    const char *p = start, *end = e->text.p + e->text.n;
    struct str line;

    take_line(s, line_at(e, start));
    s->own = s->nlines == 1;
    for (int i = 0; i < LINES_BEFORE - 1 && p > e->text.p; i++) {
        for (p--; p > e->text.p && p[-1] != '\n';)
            p--;
        take_line(s, line_at(e, p));
    }
    line = line_at(e, start);
    for (int i = LINES_BEFORE; i < LINES_MAX; i++) {
        p = line.p + line.n;
        if (p == end || p + 1 == end)
            return;
        line = line_at(e, p + 1);
        take_line(s, line);
    }
}

/* Where a field begins in these lines. */
struct rule {
    size_t column; /* 0: in none in particular */
    bool tabs;
};

/* Does the column of a spot mean something, and how many share it? Lines with an owner are compared
 * with their like, and lines without. */
static size_t agreement(const struct samples *s, enum field field, const struct spot *spot,
                        bool *ret_aligned)
{
    size_t count = 0;

    *ret_aligned = spot->nblanks > 1;
    for (size_t i = 0; i < s->n[field]; i++) {
        const struct spot *other = &s->spots[field][i];
        if (other->column != spot->column || other->after_blank != spot->after_blank)
            continue;
        count++;
        *ret_aligned |= other->before != spot->before || other->nblanks > 1;
    }
    return count;
}

/* For a field that comes first in a line with a blank owner, or not. */
static struct rule rule_of(const struct samples *s, enum field field, bool after_blank)
{
    struct rule best = {.column = 0};
    size_t most = 0;

    for (size_t i = 0; i < s->n[field]; i++) {
        const struct spot *spot = &s->spots[field][i];
        bool aligned, like = spot->after_blank == after_blank;
        size_t weight = agreement(s, field, spot, &aligned) + (like ? LINES_MAX : 0);
        if (i == 0 && s->own && like && after_blank)
            return (struct rule){spot->column, spot->tabs}; /* as its sibling */
        if (weight <= most)
            continue;
        most = weight;
        /* Under an owner of its own the field of a line without stands as it does there. */
        aligned |= !like && after_blank;
        best = (struct rule){aligned ? spot->column : 0, spot->tabs};
    }
    return best;
}

/* ---- writing ---- */

struct pen {
    struct buf *out;
    size_t line; /* where it begins in out */
    const struct samples *samples;
    bool after_blank; /* nothing is written yet, and no owner comes */
};

static size_t here(const struct pen *pen)
{
    const char *text = pen->out->p;

    return text ? zp_edit_column(text + pen->line, text + pen->out->n, 0) : 0;
}

/* Blanks, at least one, up to the column. */
static void blanks(struct pen *pen, size_t column, bool tabs)
{
    do {
        buf_add_c(pen->out, tabs ? '\t' : ' ');
    } while (pen->out->error == 0 && here(pen) < column);
}

static void put(struct pen *pen, enum field field, struct str text)
{
    struct rule rule = rule_of(pen->samples, field, pen->after_blank);

    blanks(pen, rule.column, rule.tabs);
    buf_add_str(pen->out, text);
    pen->after_blank = false;
}

/* A TTL where none of the lines around shows one: in the blanks before the next field, if they are
 * enough. */
static void put_extra_ttl(struct pen *pen, enum field next, struct str text)
{
    struct rule rule = rule_of(pen->samples, next, pen->after_blank);
    const size_t now = here(pen);
    const bool room = !rule.tabs && now + text.n + 2 <= rule.column;

    blanks(pen, room ? rule.column - text.n - 1 : 0, rule.tabs);
    buf_add_str(pen->out, text);
    pen->after_blank = false;
}

static void put_owner(struct edit *e, struct pen *pen, const struct edit_line *line)
{
    const struct samples *s = pen->samples;

    if (line->blank)
        return;
    if (line->owner_text.n)
        buf_add_str(pen->out, line->owner_text);
    else
        zp_edit_name(line->owner, line->model->origin, s->nrelative >= s->nabsolute, &e->out);
}

static void put_fields(struct pen *pen, const struct edit_line *line, struct str ttl)
{
    const struct samples *s = pen->samples;
    const bool class = 2 * s->n[CLASS] > s->nlines;
    const bool behind = class && 2 * s->nbehind > s->n[TTL];
    const enum field next = class ? CLASS : TYPE;
    char type[RRTYPE_TEXT_MAX];

    if (ttl.n && !behind) {
        if (s->n[TTL])
            put(pen, TTL, ttl);
        else
            put_extra_ttl(pen, next, ttl);
    }
    if (class)
        put(pen, CLASS, STR("IN"));
    if (ttl.n && behind)
        put(pen, TTL, ttl);
    put(pen, TYPE, str_c(rrtype_to_text(line->type, type)));
}

static bool shows_ttl(const struct samples *s, const struct edit_line *line)
{
    struct edit_layout l;
    const char *data;

    if (line->in_force != line->ttl)
        return true;
    if (line->sibling && zp_edit_head(line->model->span, &l, &data))
        return l.ttl.p != NULL;
    return 2 * s->n[TTL] > s->nlines;
}

struct str zp_edit_ttl_around(struct edit *e, const char *line)
{
    struct samples samples = {.nlines = 0};

    look_around(e, line, &samples);
    return samples.ttl;
}

void zp_edit_line(struct edit *e, const struct edit_line *line)
{
    struct samples samples = {.nlines = 0};
    struct pen pen = {&e->out, e->out.n, &samples, line->blank};
    char spelled[EDIT_TTL_MAX];
    struct str ttl = {NULL, 0};
    struct rule rule;
    bool relative;

    look_around(e, line->model->span.p, &samples);
    samples.own &= dname_eq(line->model->owner, line->owner);
    if (shows_ttl(&samples, line))
        ttl = zp_edit_ttl_text(line->ttl, samples.ttl, spelled);
    put_owner(e, &pen, line);
    put_fields(&pen, line, ttl);
    rule = rule_of(&samples, RDATA, false);
    blanks(&pen, rule.column, rule.tabs);
    relative =
        samples.relative_data > samples.absolute_data ||
        (samples.relative_data == samples.absolute_data && samples.nrelative > samples.nabsolute);
    zp_edit_rdata_text(e, line->type, line->rdata, relative ? line->model->origin : NULL, &e->out);
}

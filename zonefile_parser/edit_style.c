/* What the lines around a place have in common: what is shown, and in which columns. */
#include "edit_style.h"

static void add_spot(struct edit_samples *s, enum edit_field field, const struct edit_layout *l,
                     const char *line, const char *before, const char *at)
{
    const size_t gap = (size_t)(at - before);

    s->spots[field][s->n[field]++] = (struct edit_spot){
        .column = zp_edit_column(line, at, 0),
        .before = zp_edit_column(line, before, 0),
        .nblanks = gap,
        .tabs = memchr(before, '\t', gap) != NULL,
        .first = before == (l->owner.p ? l->owner.p + l->owner.n : line),
        .after_blank = before == line,
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

/* The zone's own name is written out in many a file where all others are not. */
static bool is_apex(const struct edit *e, struct str owner)
{
    struct dname name;

    return owner.p[0] == '@' ||
           (dname_from_text(owner, NULL, &name, NULL) == 0 && dname_eq(&name, &e->options.origin));
}

static void count_names(const struct edit *e, struct edit_samples *s, const struct edit_layout *l,
                        struct str data)
{
    uint16_t type;
    const char *p = memchr(data.p, ';', data.n);
    struct str word;

    if (l->owner.p && !is_apex(e, l->owner)) {
        s->nabsolute += zp_edit_absolute(l->owner);
        s->nrelative += !zp_edit_absolute(l->owner);
    }
    if (rrtype_from_text(l->type, &type) < 0 || !ends_in_name(type) || memchr(data.p, '(', data.n))
        return;
    word.n = p ? (size_t)(p - data.p) : data.n;
    while (word.n && (unsigned char)data.p[word.n - 1] <= ' ')
        word.n--;
    word.p = data.p;
    s->absolute_data += zp_edit_absolute(word);
    s->relative_data += !zp_edit_absolute(word);
}

static void note_ttl_end(struct edit_samples *s, const struct edit_layout *l, struct str line)
{
    const char *end = l->ttl.p + l->ttl.n;
    const char *next = l->class.p > end ? l->class.p : l->type.p;

    s->ttl_end[s->n[TTL]] = zp_edit_column(line.p, end, 0);
    s->ttl_gap[s->n[TTL]] = (size_t)(next - end);
}

/* Where class or type of a line begin. */
struct start {
    size_t column; /* 0: it is no record */
    bool blank;
};

/* Is the field that comes first in a line with a blank owner where it is in the owner's own line?
 */
static void compare_starts(struct edit_samples *s, struct start owner, struct start line,
                           int *balance)
{
    if (!line.blank || owner.blank || !line.column || !owner.column)
        return;
    *balance += line.column == owner.column ? -1 : 1;
    s->indented = *balance >= 0;
}

static struct start take_line(const struct edit *e, struct edit_samples *s, struct str line)
{
    struct edit_layout l;
    const char *data, *before, *first;

    if (!zp_edit_head(line, &l, &data))
        return (struct start){0, false};
    s->nlines++;
    if (l.ttl.p)
        note_ttl_end(s, &l, line);
    s->nlower += l.type.p[0] >= 'a';
    count_names(e, s, &l, (struct str){data, (size_t)(line.p + line.n - data)});
    before = l.owner.p ? l.owner.p + l.owner.n : line.p;
    if (!s->ttl.p)
        s->ttl = l.ttl;
    for (int i = 0; i < 2; i++) { /* TTL and class come in either order */
        bool ttl_next = l.ttl.p >= before && (l.class.p < before || l.ttl.p < l.class.p);
        struct str next = ttl_next ? l.ttl : l.class;
        if (!next.p || next.p < before)
            continue;
        add_spot(s, ttl_next ? TTL : CLASS, &l, line.p, before, next.p);
        s->nbehind += ttl_next && l.class.p && l.class.p < next.p;
        before = next.p + next.n;
    }
    add_spot(s, TYPE, &l, line.p, before, l.type.p);
    add_spot(s, RDATA, &l, line.p, l.type.p + l.type.n, data);
    first = l.class.p ? l.class.p : l.type.p;
    return (struct start){zp_edit_column(line.p, first, 0), !l.owner.p};
}

/* The line that begins at p. */
static struct str line_at(const struct edit *e, const char *p)
{
    const char *end = e->text.p + e->text.n, *lf = memchr(p, '\n', (size_t)(end - p));

    return (struct str){p, (size_t)((lf ? lf : end) - p)};
}

/* The model's line first, then those before it, nearest first, then those behind it. */
void zp_edit_look(const struct edit *e, const char *start, struct edit_samples *s)
{
    const char *p = start, *end = e->text.p + e->text.n;
    struct str line = line_at(e, start);
    const struct start model = take_line(e, s, line);
    struct start last = model, now;
    int balance = 0;

    for (int i = 0; i < EDIT_NFIELDS; i++)
        s->own[i] = s->n[i] > 0; /* if the owner is the same: the caller's to say */
    for (int i = 0; i < EDIT_LINES_BEFORE - 1 && p > e->text.p; i++) {
        for (p--; p > e->text.p && p[-1] != '\n';)
            p--;
        now = take_line(e, s, line_at(e, p));
        compare_starts(s, now, last, &balance);
        last = now;
    }
    last = model;
    for (int i = EDIT_LINES_BEFORE; i < EDIT_LINES_MAX; i++) {
        p = line.p + line.n;
        if (p == end || p + 1 == end)
            return;
        line = line_at(e, p + 1);
        now = take_line(e, s, line);
        compare_starts(s, last, now, &balance);
        last = now;
    }
}

/* Does the column of a spot mean something, and how many share it? Lines with an owner are compared
 * with their like, and lines without. */
static size_t agreement(const struct edit_samples *s, enum edit_field field,
                        const struct edit_spot *spot, bool *ret_aligned)
{
    size_t count = 0;

    *ret_aligned = spot->nblanks > 1;
    for (size_t i = 0; i < s->n[field]; i++) {
        const struct edit_spot *other = &s->spots[field][i];
        if (other->column != spot->column || other->after_blank != spot->after_blank)
            continue;
        count++;
        *ret_aligned |= other->before != spot->before || other->nblanks > 1;
    }
    return count;
}

/* As the record of the same owner has it beside which this one comes. False: that does not say. */
static bool own_rule(const struct edit_samples *s, enum edit_field field, bool after_blank,
                     size_t now, struct edit_rule *ret_rule)
{
    const struct edit_spot *spot = &s->spots[field][0];
    const bool wide = spot->nblanks > 1 || spot->tabs;

    if (!s->own[field] || (after_blank && s->indented && !spot->after_blank))
        return false;
    if (field == RDATA && !s->own_type && spot->column <= now) {
        *ret_rule = (struct edit_rule){0, spot->tabs};
        return true;
    }
    if (field == RDATA && !(wide && s->own_type))
        return false; /* types are not of one length */
    *ret_rule =
        (struct edit_rule){wide || spot->first || after_blank ? spot->column : 0, spot->tabs};
    return true;
}

struct edit_rule zp_edit_rule(const struct edit_samples *s, enum edit_field field, bool after_blank,
                              size_t now)
{
    struct edit_rule best = {.tabs = s->n[field] && s->spots[field][0].tabs};
    size_t most = 0;

    if (own_rule(s, field, after_blank, now, &best))
        return best;
    for (size_t i = 0; i < s->n[field]; i++) {
        const struct edit_spot *spot = &s->spots[field][i];
        bool aligned, like = spot->after_blank == after_blank;
        size_t weight = agreement(s, field, spot, &aligned) + (like ? EDIT_LINES_MAX : 0);
        /* Under an owner of its own the field of a line without stands as it does there. */
        aligned |= !like && after_blank;
        if (weight <= most || (aligned && spot->column <= now))
            continue;
        most = weight;
        best = (struct edit_rule){aligned ? spot->column : 0, spot->tabs};
    }
    /* Its one blank shows that the record beside it keeps to no column. */
    if (field == RDATA && s->own[RDATA] && s->spots[RDATA][0].nblanks == 1 &&
        !s->spots[RDATA][0].tabs && s->spots[RDATA][0].column != best.column)
        best.column = 0;
    return best;
}

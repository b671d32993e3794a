/* A new record's line as the people who keep the file would write it. */
#include "edit_style.h"

struct pen {
    struct buf *out;
    size_t line; /* where it begins in out */
    const struct edit_samples *samples;
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
    zp_edit_pad(pen->out, here(pen), column, tabs);
}

static void put(struct pen *pen, enum edit_field field, struct str text)
{
    struct edit_rule rule = zp_edit_rule(pen->samples, field, pen->after_blank, here(pen));

    blanks(pen, rule.column, rule.tabs);
    buf_add_str(pen->out, text);
    pen->after_blank = false;
}

/* Numbers whose last digits stand under each other: where they end; 0: they do not. */
static size_t right_end(const struct edit_samples *s)
{
    bool wide = false;

    for (size_t i = 0; i < s->n[TTL]; i++) {
        if (s->ttl_end[i] != s->ttl_end[0] || s->ttl_gap[i] != 1 || s->spots[TTL][i].tabs)
            return 0;
        wide |= s->spots[TTL][i].nblanks > 1;
    }
    return wide ? s->ttl_end[0] : 0;
}

static void put_ttl(struct pen *pen, struct str text)
{
    const size_t end = right_end(pen->samples);

    if (end <= here(pen) + text.n) {
        put(pen, TTL, text);
        return;
    }
    blanks(pen, end - text.n, false);
    buf_add_str(pen->out, text);
    pen->after_blank = false;
}

/* A TTL where none of the lines around shows one: in the blanks before the next field, if they are
 * enough. */
static void put_extra_ttl(struct pen *pen, enum edit_field next, struct str text)
{
    struct edit_rule rule =
        zp_edit_rule(pen->samples, next, pen->after_blank, here(pen) + text.n + 1);
    const size_t now = here(pen);
    const bool room = !rule.tabs && now + text.n + 2 <= rule.column;

    blanks(pen, room ? rule.column - text.n - 1 : 0, rule.tabs);
    buf_add_str(pen->out, text);
    pen->after_blank = false;
}

static void put_owner(struct edit *e, struct pen *pen, const struct edit_line *line)
{
    const struct edit_samples *s = pen->samples;

    if (line->blank)
        return;
    if (line->owner_text.n)
        buf_add_str(pen->out, line->owner_text);
    else
        zp_edit_owner(e, line->owner, line->model->origin, s->nrelative >= s->nabsolute, &e->out);
}

static void put_fields(struct pen *pen, const struct edit_line *line, struct str ttl)
{
    const struct edit_samples *s = pen->samples;
    const bool class = s->own[TYPE] ? s->own[CLASS] : 2 * s->n[CLASS] > s->nlines;
    const bool behind = class && 2 * s->nbehind > s->n[TTL];
    const bool lower = 2 * s->nlower > s->nlines;
    const enum edit_field next = class ? CLASS : TYPE;
    char type[RRTYPE_TEXT_MAX];

    if (ttl.n && !behind) {
        if (s->n[TTL])
            put_ttl(pen, ttl);
        else
            put_extra_ttl(pen, next, ttl);
    }
    if (class)
        put(pen, CLASS, lower ? STR("in") : STR("IN"));
    if (ttl.n && behind)
        put_ttl(pen, ttl);
    rrtype_to_text(line->type, type);
    for (char *p = type; lower && *p; p++)
        *p = (char)ascii_lower((unsigned char)*p);
    put(pen, TYPE, str_c(type));
}

static bool shows_ttl(const struct edit_samples *s, const struct edit_line *line)
{
    struct edit_layout l;
    const char *data;

    if (line->in_force != line->ttl)
        return true;
    if (line->sibling && zp_edit_head(line->model->span, &l, &data))
        return l.ttl.p != NULL;
    return 2 * s->n[TTL] > s->nlines;
}

/* The blanks before a word, or a space where there is more than blanks. */
static void put_gap(struct buf *out, const struct edit_words *words, size_t i)
{
    const char *p = words->word[i - 1].p + words->word[i - 1].n, *end = words->word[i].p;
    const size_t start = out->n;

    for (; p < end; p++) {
        if (*p != ' ' && *p != '\t')
            break;
        buf_add_c(out, *p);
    }
    if (p < end || out->n == start) {
        out->n = start;
        buf_add_c(out, ' ');
    }
}

/* The blanks between the words of a model's data are the custom: MX  10  mail. */
static void put_data(struct edit *e, const struct edit_line *line, const struct dname *origin)
{
    struct edit_layout l;

    zp_edit_reset(e, &e->scratch);
    zp_edit_rdata_text(e, line->type, line->rdata, origin, &e->scratch);
    if (line->model->type != line->type || line->model->generated ||
        zp_edit_layout(e, line->model->span, &l) < 0 || l.open ||
        zp_edit_words(buf_str(&e->scratch), &e->new) < 0 || e->new.n != l.rdata->n) {
        buf_add_str(&e->out, buf_str(&e->scratch));
        return;
    }
    for (size_t i = 0; i < e->new.n; i++) {
        if (i)
            put_gap(&e->out, l.rdata, i);
        buf_add_str(&e->out, e->new.word[i]);
    }
}

struct str zp_edit_ttl_around(struct edit *e, const char *line)
{
    struct edit_samples samples = {.nlines = 0};

    zp_edit_look(e, line, &samples);
    return samples.ttl;
}

void zp_edit_line(struct edit *e, const struct edit_line *line)
{
    struct edit_samples samples = {.nlines = 0};
    struct pen pen = {&e->out, e->out.n, &samples, line->blank};
    char spelled[EDIT_TTL_MAX];
    struct str ttl = {NULL, 0};
    struct edit_rule rule;
    bool relative;

    zp_edit_look(e, line->model->span.p, &samples);
    for (int i = 0; i < EDIT_NFIELDS; i++)
        samples.own[i] &= dname_eq(line->model->owner, line->owner);
    samples.own_type = line->model->type == line->type;
    if (shows_ttl(&samples, line))
        ttl = zp_edit_ttl_text(line->ttl, samples.ttl, spelled);
    put_owner(e, &pen, line);
    put_fields(&pen, line, ttl);
    rule = zp_edit_rule(&samples, RDATA, false, here(&pen));
    blanks(&pen, rule.column, rule.tabs);
    relative =
        samples.relative_data > samples.absolute_data ||
        (samples.relative_data == samples.absolute_data && samples.nrelative > samples.nabsolute);
    put_data(e, line, relative ? line->model->origin : NULL);
}

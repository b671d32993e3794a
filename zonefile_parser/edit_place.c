/* Where the records of a new owner go: under the deepest $ORIGIN that they are below; among their
 * like, where those stand in some order, in their place in it; else behind their family, or behind
 * the last of their kind, or at the end. Two passes more over the text: one that looks for order,
 * one that finds the places. */
#include "edit_place.h"

#include <stdlib.h>

#define RUN_MIN 3 /* owners: fewer are in order by chance */

/* A new owner's first set, and where it goes. */
struct newcomer {
    const struct dname *owner;
    uint32_t set;
    enum edit_kind kind;
    size_t scope;
    const struct edit_run *run; /* NULL: it is placed */
    enum edit_order order;
    const char *at;
    bool before;
    uint32_t hit, rank;
};

/* Newcomers that are merged into the records of their run, in its order. */
struct merge {
    size_t next, end;
};

struct search {
    struct edit *e;
    struct edit_survey survey;
    struct newcomer *newcomers;
    size_t n; /* those of one run stand together, in its order */
    struct merge *merges;
    size_t nmerges;
    const char *last; /* the line of the record before, in the text itself */
};

/* ---- the newcomers ---- */

static size_t deepest_scope(const struct search *s, const struct dname *owner)
{
    size_t best = 0;
    bool found = false;

    for (size_t i = 0; i < s->survey.nscopes; i++) {
        const struct dname *origin = &s->survey.scopes[i].origin;
        if (dname_below(owner, origin) && (!found || origin->n > s->survey.scopes[best].origin.n)) {
            best = i;
            found = true;
        }
    }
    return found ? best : s->survey.scope;
}

/* Where nothing is in order. */
static const char *place_by_likeness(struct search *s, const struct newcomer *who)
{
    const struct edit_scope *scope = &s->survey.scopes[who->scope];
    const struct edit_family *family = zp_edit_family(&s->survey, who->owner);
    const size_t depth = zp_edit_depth(who->owner, &scope->origin);

    if (depth && family->last)
        return family->last;
    if (scope->last_of[depth][who->kind])
        return scope->last_of[depth][who->kind];
    return scope->last_of[!depth][who->kind] ? scope->last_of[!depth][who->kind] : scope->last.p;
}

static void choose_run(struct search *s, struct newcomer *who)
{
    const struct edit_scope *scope = &s->survey.scopes[who->scope];
    uint32_t most = RUN_MIN - 1;

    for (enum edit_order i = 0; i < EDIT_NORDERS; i++) {
        const struct edit_run *run = &scope->best[i][who->kind];
        if (run->owners[who->kind] <= most ||
            3 * run->owners[who->kind] <= 2 * scope->owners[who->kind])
            continue;
        most = run->owners[who->kind];
        who->run = run;
        who->order = i;
    }
    if (!who->run)
        who->at = place_by_likeness(s, who);
}

static int compare_newcomers(const void *x, const void *y)
{
    const struct newcomer *a = x, *b = y;

    if (a->run != b->run)
        return a->run < b->run ? -1 : 1;
    return zp_edit_order(a->order, a->owner, b->owner);
}

static int list_newcomers(struct search *s)
{
    struct edit *e = s->e;

    s->newcomers = calloc(e->nadditions, sizeof(*s->newcomers));
    if (!s->newcomers)
        return -ENOMEM;
    for (size_t i = 0; i < e->nadditions; i++) {
        const struct edit_addition *a = &e->additions[i];
        const uint32_t owner = e->sets[a->set].owner;
        struct newcomer *who = &s->newcomers[s->n];
        if (a->hit != EDIT_NONE || (s->n && e->sets[who[-1].set].owner == owner))
            continue;
        *who = (struct newcomer){.owner = &e->edits->sets[owner].owner, .set = a->set};
        who->kind = zp_edit_kind(e->edits->sets[a->set].type);
        who->scope = deepest_scope(s, who->owner);
        choose_run(s, who);
        s->n++;
    }
    qsort(s->newcomers, s->n, sizeof(*s->newcomers), compare_newcomers);
    return 0;
}

/* ---- the places ---- */

/* The newcomers of a run that come before this record; at the run's end all. */
static void settle(struct search *s, struct merge *m, const struct zp_record *rec)
{
    const struct edit_run *run = s->newcomers[m->next].run;

    for (; m->next < m->end; m->next++) {
        struct newcomer *who = &s->newcomers[m->next];
        if (zp_edit_order(who->order, who->owner, &rec->owner) < 0) {
            who->before = rec->span.p == run->first;
            who->at = who->before ? rec->span.p : s->last;
        } else if (rec->span.p == run->last) {
            who->at = rec->span.p;
        } else {
            return;
        }
    }
}

static int find_places(void *arg, const struct zp_record *rec)
{
    struct search *s = arg;

    if (rec->file)
        return 0;
    for (size_t i = 0; i < s->nmerges; i++) {
        struct merge *m = &s->merges[i];
        if (m->next < m->end && rec->span.p >= s->newcomers[m->next].run->first)
            settle(s, m, rec);
    }
    s->last = rec->span.p;
    return 0;
}

static int place_newcomers(struct search *s)
{
    struct edit *e = s->e;

    s->merges = malloc((s->n + 1) * sizeof(*s->merges));
    if (!s->merges)
        return -ENOMEM;
    for (size_t i = 0; i < s->n; i++) {
        if (!s->newcomers[i].run)
            continue;
        if (s->nmerges == 0 || s->newcomers[i].run != s->newcomers[i - 1].run)
            s->merges[s->nmerges++] = (struct merge){i, i};
        s->merges[s->nmerges - 1].end = i + 1;
    }
    return s->nmerges ? zp_parse_watched(e->text, &e->options, find_places, s, &e->ps) : 0;
}

static int compare_points(const void *x, const void *y)
{
    const char *a = *(const char *const *)x, *b = *(const char *const *)y;

    return (a > b) - (a < b);
}

/* The records beside the places are looked at more closely. */
static int collect_again(struct search *s)
{
    struct edit *e = s->e;
    size_t n = 0, where = 0;
    int r;

    e->points = malloc((s->n + 1) * sizeof(*e->points));
    if (!e->points)
        return -ENOMEM;
    for (size_t i = 0; i < s->n; i++)
        e->points[i] = s->newcomers[i].at;
    qsort(e->points, s->n, sizeof(*e->points), compare_points);
    for (size_t i = 0; i < s->n; i++) {
        if (n == 0 || e->points[n - 1] != e->points[i])
            e->points[n++] = e->points[i];
    }
    e->npoints = n;
    r = zp_edit_collect(e);
    return r < 0 ? r : zp_edit_plan(e, &where);
}

static int compare_sets(const void *x, const void *y)
{
    const struct newcomer *a = x, *b = y;

    return (a->set > b->set) - (a->set < b->set);
}

static int compare_places(const void *x, const void *y)
{
    const struct newcomer *a = x, *b = y;

    return (a->at > b->at) - (a->at < b->at);
}

/* Each newcomer's hit is that of its line: the last one, where a directive has made several; the
 * first, to come before it. */
static void find_hits(struct search *s)
{
    const struct edit *e = s->e;
    uint32_t first = EDIT_NONE, last = EDIT_NONE, i = 0;

    for (size_t k = 0; k < s->n; k++)
        s->newcomers[k].rank = (uint32_t)k + 1;
    qsort(s->newcomers, s->n, sizeof(*s->newcomers), compare_places);
    for (size_t k = 0; k < s->n; k++) {
        struct newcomer *who = &s->newcomers[k];
        for (; i < e->nhits && (e->hits[i].file || e->hits[i].span.p <= who->at); i++) {
            if (e->hits[i].file || e->hits[i].span.p != who->at)
                continue;
            if (first == EDIT_NONE || e->hits[first].span.p != who->at)
                first = i;
            last = i;
        }
        who->hit = who->before ? first : last;
    }
}

static void link_additions(struct search *s)
{
    struct edit *e = s->e;
    size_t k = 0;

    find_hits(s);
    qsort(s->newcomers, s->n, sizeof(*s->newcomers), compare_sets);
    for (size_t i = 0; i < e->nadditions; i++) {
        struct edit_addition *a = &e->additions[i];
        if (a->hit != EDIT_NONE)
            continue;
        while (k + 1 < s->n && s->newcomers[k + 1].set <= a->set)
            k++;
        a->hit = s->newcomers[k].hit;
        a->before = s->newcomers[k].before;
        a->rank = s->newcomers[k].rank;
    }
}

static int search(struct search *s)
{
    struct edit *e = s->e;
    int r = zp_edit_survey(e, &s->survey);

    if (r == 0)
        r = list_newcomers(s);
    if (r == 0)
        r = place_newcomers(s);
    if (r == 0)
        r = collect_again(s);
    if (r == 0)
        link_additions(s);
    return r;
}

int zp_edit_place(struct edit *e)
{
    struct search s = {.e = e};
    bool wanted = false;
    int r;

    for (size_t i = 0; i < e->nadditions; i++)
        wanted |= e->additions[i].hit == EDIT_NONE;
    if (!wanted)
        return 0;
    r = search(&s);
    free(s.merges);
    free(s.newcomers);
    zp_edit_survey_free(&s.survey);
    return r;
}

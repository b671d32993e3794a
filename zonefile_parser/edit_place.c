/* Where the records of a new owner go: under the deepest $ORIGIN that they are below, among their
 * like; where those stand in some order, in their place in it; else behind the last of them; else
 * at the end. Two passes more over the text: one that looks for order, one that finds the places.
 */
#include "edit.h"
#include "edit_order.h"

#include <stdlib.h>

#define SCOPES_MAX 64 /* origins that are told apart */
#define RUN_MIN 3     /* owners: fewer are in order by chance */

/* What people keep together. */
enum kind { HOST, ALIAS, POINTER, SERVER, MAIL, TEXT, SERVICE, OTHER, NKINDS };

/* Owners that follow each other in some order: as found, the longest by kind. */
struct run {
    const char *first, *last; /* their first and last lines */
    uint32_t owners[NKINDS];
};

/* All of the text that is under one $ORIGIN. */
struct scope {
    struct dname origin;
    struct run now[EDIT_NORDERS], best[EDIT_NORDERS][NKINDS];
    uint32_t owners[NKINDS]; /* but for the zone's own name */
    const char *last_of[NKINDS];
    struct str last;    /* the last record's lines */
    enum kind kind;     /* of the owner before, by its first record */
    struct dname owner; /* of the record before; n 0: none */
};

/* The first new set of a new owner, and where it goes. */
struct newcomer {
    const struct dname *owner;
    uint32_t set;
    enum kind kind;
    size_t scope;
    const struct run *run; /* NULL: it is placed */
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
    struct scope *scopes;
    size_t nscopes, scope; /* scope: of the record before */
    struct newcomer *newcomers;
    size_t n; /* those of one run stand together, in its order */
    struct merge *merges;
    size_t nmerges;
    const char *last; /* the line of the record before, in the text itself */
};

static enum kind kind_of(uint16_t type)
{
    switch (type) {
    case RRTYPE_A:
    case RRTYPE_AAAA: return HOST;
    case RRTYPE_CNAME: return ALIAS;
    case RRTYPE_PTR: return POINTER;
    case RRTYPE_NS: return SERVER;
    case RRTYPE_MX: return MAIL;
    case RRTYPE_TXT: return TEXT;
    case RRTYPE_SRV: return SERVICE;
    default: return OTHER;
    }
}

/* ---- the text ---- */

static int find_scope(struct search *s, const struct dname *origin, struct scope **ret_scope)
{
    for (size_t i = 0; i < s->nscopes; i++) {
        size_t at = (s->scope + i) % s->nscopes;
        if (dname_eq(&s->scopes[at].origin, origin)) {
            s->scope = at;
            *ret_scope = &s->scopes[at];
            return 0;
        }
    }
    if (s->nscopes == SCOPES_MAX) {
        *ret_scope = NULL;
        return 0;
    }
    s->scope = s->nscopes++;
    *ret_scope = &s->scopes[s->scope];
    **ret_scope = (struct scope){.origin = *origin};
    return 0;
}

static void end_run(struct scope *scope, enum edit_order order)
{
    const struct run *run = &scope->now[order];

    for (size_t i = 0; i < NKINDS; i++) {
        struct run *best = &scope->best[order][i];
        if (run->owners[i] > best->owners[i])
            *best = *run;
    }
}

/* A record of another owner than the one before. */
static void next_owner(struct scope *scope, const struct zp_record *rec)
{
    const enum kind kind = kind_of(rec->type);
    int signs[EDIT_NORDERS] = {1, 1, 1}; /* no run goes on */
    const bool gap = scope->last.p + scope->last.n != rec->span.p;

    /* Blank lines and comments part hosts from aliases. */
    if (scope->owner.n && !(gap && kind != scope->kind))
        zp_edit_orders(&scope->owner, &rec->owner, &scope->origin, signs);
    for (enum edit_order i = 0; i < EDIT_NORDERS; i++) {
        struct run *run = &scope->now[i];
        if (signs[i] >= 0) {
            end_run(scope, i);
            *run = (struct run){.first = rec->span.p};
        }
        run->owners[kind]++;
    }
    scope->owners[kind]++;
    scope->kind = kind;
    scope->owner.n = rec->owner.n;
    memcpy(scope->owner.b, rec->owner.b, rec->owner.n);
}

/* The zone's own name stands at the top of every file, in no order. */
static void note_record(struct scope *scope, const struct zp_record *rec, bool apex)
{
    const bool again =
        rec->owner.n == scope->owner.n && memcmp(rec->owner.b, scope->owner.b, rec->owner.n) == 0;

    if (!again && !apex)
        next_owner(scope, rec);
    for (enum edit_order i = 0; i < EDIT_NORDERS && !apex; i++)
        scope->now[i].last = rec->span.p;
    /* Nothing comes between the records of an owner. */
    for (size_t i = 0; i < NKINDS && again; i++) {
        if (scope->last_of[i] == scope->last.p)
            scope->last_of[i] = rec->span.p;
    }
    if (!apex)
        scope->last_of[kind_of(rec->type)] = rec->span.p;
    scope->last = rec->span;
}

static int survey(void *arg, const struct zp_record *rec)
{
    struct search *s = arg;
    struct scope *scope;
    const bool elsewhere =
        s->nscopes && !dname_eq(&s->scopes[s->scope].origin, &s->e->ps->origin.name);
    int r;

    if (rec->file)
        return 0;
    r = find_scope(s, &s->e->ps->origin.name, &scope);
    if (r < 0 || !scope)
        return r;
    if (elsewhere)
        scope->owner.n = 0; /* what is under two $ORIGIN lines is not one run */
    note_record(scope, rec, dname_eq(&rec->owner, &s->e->options.origin));
    return 0;
}

/* ---- the newcomers ---- */

static size_t deepest_scope(const struct search *s, const struct dname *owner)
{
    size_t best = 0;
    bool found = false;

    for (size_t i = 0; i < s->nscopes; i++) {
        const struct dname *origin = &s->scopes[i].origin;
        if (dname_below(owner, origin) && (!found || origin->n > s->scopes[best].origin.n)) {
            best = i;
            found = true;
        }
    }
    return found ? best : s->scope;
}

static void choose_run(struct search *s, struct newcomer *who)
{
    const struct scope *scope = &s->scopes[who->scope];
    uint32_t most = RUN_MIN - 1;

    for (enum edit_order i = 0; i < EDIT_NORDERS; i++) {
        const struct run *run = &scope->best[i][who->kind];
        if (run->owners[who->kind] <= most ||
            3 * run->owners[who->kind] <= 2 * scope->owners[who->kind])
            continue;
        most = run->owners[who->kind];
        who->run = run;
        who->order = i;
    }
    if (!who->run)
        who->at = scope->last_of[who->kind] ? scope->last_of[who->kind] : scope->last.p;
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
        who->kind = kind_of(e->edits->sets[a->set].type);
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
    const struct run *run = s->newcomers[m->next].run;

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
    int r;

    s->scopes = malloc(SCOPES_MAX * sizeof(*s->scopes));
    if (!s->scopes)
        return -ENOMEM;
    r = zp_parse_watched(e->text, &e->options, survey, s, &e->ps);
    for (size_t i = 0; i < s->nscopes; i++) {
        for (enum edit_order order = 0; order < EDIT_NORDERS; order++)
            end_run(&s->scopes[i], order);
    }
    if (r == 0 && s->nscopes == 0)
        r = -BD_ESYNTAX; /* no record at all: no place, and no zone */
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
    free(s.scopes);
    return r;
}

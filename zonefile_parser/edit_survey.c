/* A look through the text for order: runs of sorted owners, sections of one kind, families. */
#include "edit_place.h"

#include <stdlib.h>

enum edit_kind zp_edit_kind(uint16_t type)
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

size_t zp_edit_depth(const struct dname *owner, const struct dname *origin)
{
    return owner->n > 1 && owner->n > owner->b[0] + 1U + origin->n;
}

/* ---- families ---- */

static struct dname parent_of(const struct dname *owner)
{
    const size_t label = owner->n > 1 ? owner->b[0] + 1U : 0;
    struct dname parent = {.n = (uint8_t)(owner->n - label)};

    memcpy(parent.b, owner->b + label, parent.n);
    return parent;
}

static struct edit_family *find_family(struct edit_survey *s, const struct dname *parent)
{
    for (size_t at = zp_edit_hash(parent);; at++) {
        struct edit_family *f = &s->family[at & s->mask];
        if (f->parent.n == 0 || dname_eq(&f->parent, parent))
            return f;
    }
}

const struct edit_family *zp_edit_family(struct edit_survey *s, const struct dname *owner)
{
    const struct dname parent = parent_of(owner);

    return find_family(s, &parent);
}

static int list_families(struct edit_survey *s)
{
    const struct edit *e = s->e;
    size_t size = 8;

    while (size < 2 * e->nadditions)
        size *= 2;
    s->mask = size - 1;
    s->family = calloc(size, sizeof(*s->family));
    if (!s->family)
        return -ENOMEM;
    for (size_t i = 0; i < e->nadditions; i++) {
        const struct dname parent = parent_of(&e->edits->sets[e->additions[i].set].owner);
        if (e->additions[i].hit != EDIT_NONE)
            continue;
        find_family(s, &parent)->parent = parent;
        s->lengths[parent.n] = true;
    }
    return 0;
}

static void note_family(struct edit_survey *s, const struct zp_record *rec, bool again)
{
    if (!again) {
        const struct dname *owner = &rec->owner;
        s->now = NULL;
        if (owner->n > 1 && s->lengths[owner->n - owner->b[0] - 1U]) {
            const struct dname parent = parent_of(owner);
            s->now = find_family(s, &parent);
        }
    }
    if (s->now && s->now->parent.n)
        s->now->last = rec->span.p;
}

/* ---- the text ---- */

/* NULL: there are too many. */
static struct edit_scope *find_scope(struct edit_survey *s, const struct dname *origin)
{
    for (size_t i = 0; i < s->nscopes; i++) {
        size_t at = (s->scope + i) % s->nscopes;
        if (dname_eq(&s->scopes[at].origin, origin)) {
            s->scope = at;
            return &s->scopes[at];
        }
    }
    if (s->nscopes == EDIT_SCOPES_MAX)
        return NULL;
    s->scope = s->nscopes++;
    s->scopes[s->scope] = (struct edit_scope){.origin = *origin};
    return &s->scopes[s->scope];
}

static void end_run(struct edit_scope *scope, enum edit_order order)
{
    const struct edit_run *run = &scope->now[order];

    for (size_t i = 0; i < EDIT_NKINDS; i++) {
        struct edit_run *best = &scope->best[order][i];
        if (run->owners[i] > best->owners[i])
            *best = *run;
    }
}

/* A record of another owner than the one before. */
static void next_owner(struct edit_scope *scope, const struct zp_record *rec)
{
    const enum edit_kind kind = zp_edit_kind(rec->type);
    int signs[EDIT_NORDERS] = {1, 1, 1}; /* no run goes on */
    const bool gap = !scope->last.p || scope->last.p + scope->last.n != rec->span.p;

    /* Blank lines and comments part hosts from aliases. */
    if (scope->owner.n && !(gap && kind != scope->kind))
        zp_edit_orders(&scope->owner, &rec->owner, &scope->origin, signs);
    for (enum edit_order i = 0; i < EDIT_NORDERS; i++) {
        struct edit_run *run = &scope->now[i];
        if (signs[i] >= 0) {
            end_run(scope, i);
            *run = (struct edit_run){.first = rec->span.p};
        }
        run->owners[kind]++;
    }
    scope->owners[kind]++;
    scope->kind = kind;
    scope->owner.n = rec->owner.n;
    memcpy(scope->owner.b, rec->owner.b, rec->owner.n);
}

/* The zone's own name stands at the top of every file, in no order. */
static void note_record(struct edit_survey *s, struct edit_scope *scope,
                        const struct zp_record *rec, bool apex)
{
    const bool again =
        rec->owner.n == scope->owner.n && memcmp(rec->owner.b, scope->owner.b, rec->owner.n) == 0;
    const char **last_of = scope->last_of[zp_edit_depth(&rec->owner, &scope->origin)];

    note_family(s, rec, again);
    if (!again && !apex)
        next_owner(scope, rec);
    for (enum edit_order i = 0; i < EDIT_NORDERS && !apex; i++)
        scope->now[i].last = rec->span.p;
    /* Nothing comes between the records of an owner. */
    for (size_t i = 0; i < EDIT_NKINDS && again; i++) {
        if (last_of[i] == scope->last.p)
            last_of[i] = rec->span.p;
    }
    if (!apex)
        last_of[zp_edit_kind(rec->type)] = rec->span.p;
    scope->last = rec->span;
}

static int survey(void *arg, const struct zp_record *rec)
{
    struct edit_survey *s = arg;
    struct edit_scope *scope;
    const bool elsewhere =
        s->nscopes && !dname_eq(&s->scopes[s->scope].origin, &s->e->ps->origin.name);

    if (rec->file)
        return 0;
    scope = find_scope(s, &s->e->ps->origin.name);
    if (!scope)
        return 0;
    if (elsewhere)
        scope->owner.n = 0; /* what is under two $ORIGIN lines is not one run */
    note_record(s, scope, rec, dname_eq(&rec->owner, &s->e->options.origin));
    return 0;
}

int zp_edit_survey(struct edit *e, struct edit_survey *ret_survey)
{
    struct edit_survey *s = ret_survey;
    int r;

    *s = (struct edit_survey){.e = e};
    s->scopes = malloc(EDIT_SCOPES_MAX * sizeof(*s->scopes));
    r = s->scopes ? list_families(s) : -ENOMEM;
    if (r == 0)
        r = zp_parse_watched(e->text, &e->options, survey, s, &e->ps);
    for (size_t i = 0; i < s->nscopes; i++) {
        for (enum edit_order order = 0; order < EDIT_NORDERS; order++)
            end_run(&s->scopes[i], order);
    }
    if (r == 0 && s->nscopes == 0)
        r = -BD_ESYNTAX; /* no record at all: no place, and no zone */
    return r;
}

void zp_edit_survey_free(struct edit_survey *s)
{
    free(s->family);
    free(s->scopes);
}

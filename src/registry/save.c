/* registry_save: from a file to a change. What can be found out on the thread of the one who saves
 * is; the committer only decides. */
#include <betterdns/save.h>

#include <malloc.h>

#include "base.h"
#include "merge.h"

#define LARGE 100000 /* RRsets */

static int no_memory(struct saving *s)
{
    return problem_set(s->problem, -ENOMEM, NULL, "no memory");
}

static int begin(struct saving *s)
{
    const struct zp_zone *z = s->save->records;

    if (s->save->zone >= s->r->nzones)
        return problem_set(s->problem, -BD_ENOZONE, NULL, "there is no such zone");
    s->change = change_new(CHANGE_FILE, s->save->actor);
    if (!s->change || merge_new(s->change, s->save->zone) < 0)
        return -ENOMEM;
    s->change->merge->limit = !s->save->accept;
    s->change->merge->has_included = true;
    if (s->save->content) {
        s->change->merge->has_content = true;
        s->change->merge->content = (struct state_export){s->save->content_seq, *s->save->content};
    }
    int r = included_new(z, &s->change->merge->included);
    if (r == 0)
        r = version_of_zone(&s->pool, z, NULL, &s->file);
    s->own = s->file;
    if (r == 0 && zp_zone_nfiles(z) > 0)
        r = version_of_zone(&s->pool, z, "", &s->own);
    return r;
}

static void end(struct saving *s)
{
    bool large = s->file.n > LARGE;

    change_put(s->rows);
    change_put(s->change);
    snap_put(s->now);
    snap_put(s->at);
    pool_free(&s->pool);
    if (large)
        malloc_trim(0); /* what a large file took does not stay */
}

/* ---- what stays as another save left it, though that may not be meant (rule 2) ---- */

static void note_records(struct saving *s, const struct version *records, const char *what)
{
    for (size_t i = 0; i < records->n; i++)
        merge_note(s->change->merge, records->p[i].key, records->p[i].type, "%u of the records %s",
                   records->p[i].rdatas.count, what);
}

/* The other way round: two authors who share an edit pass for one. */
static int note_leaves(struct saving *s, const struct base *base)
{
    struct version missing, leaves;

    if (base->kind != BASE_EARLIER)
        return 0;
    int r = version_minus(&s->pool, &base->version, &s->file, &missing);
    if (r == 0)
        r = version_minus(&s->pool, &missing, &s->zone_at, &leaves);
    if (r == 0)
        note_records(s, &leaves,
                     "go that an earlier save with the same marker added, and this one does not "
                     "have");
    return r;
}

static int note_stays(struct saving *s, const struct base *base)
{
    struct version now, there, away;

    if (base->stays.n == 0 && base->away.n == 0)
        return 0;
    int r = version_of_snap(&s->pool, s->now, s->save->zone, &now);
    if (r == 0)
        r = version_both(&s->pool, &base->stays, &now, &there);
    if (r == 0)
        r = version_minus(&s->pool, &base->away, &now, &away);
    if (r < 0)
        return r;
    note_records(s, &there,
                 "stay that another save with the same marker added, and this one does not have");
    note_records(s, &away,
                 "stay away that another save with the same marker deleted, and this one has");
    return 0;
}

/* ---- a save that asks for nothing (rule 5) ---- */

/* A serial that is not ahead is not followed, and so asks for nothing. */
static bool asks(const struct saving *s)
{
    const struct merge *m = s->change->merge;
    uint32_t serial = snap_zone(s->now, s->save->zone)->serial;

    if (m->nedits > 0 || m->soa.fields & SOA_ALL)
        return true;
    return m->soa.fields & SOA_SERIAL && serial_gt(m->soa.values.serial, serial);
}

static int is_so(struct saving *s, bool *ret_so)
{
    struct version now;

    int r = version_of_snap(&s->pool, s->now, s->save->zone, &now);
    if (r == 0)
        *ret_so = version_same(&s->file, &now);
    return r;
}

/* ---- the committer's answer ---- */

static void give(struct saving *s, const struct receipt *receipt, struct saved *ret_saved)
{
    struct merge *m = s->change->merge;

    *ret_saved = (struct saved){
        .verdict = m->verdict,
        .seq = receipt->seq,
        .serial = receipt->serial,
        .added = m->added,
        .deleted = m->deleted,
    };
    if (m->verdict == SAVE_TOO_MANY || m->notes.error < 0)
        return;
    ret_saved->notes = m->notes;
    m->notes = (struct buf){0};
}

static int submit(struct saving *s, struct saved *ret_saved)
{
    struct receipt receipt = {0};

    int r = registry_run(s->r, s->change, s->deadline_ns, &receipt, s->problem);
    if (r == 0)
        give(s, &receipt, ret_saved);
    /* Before it is decided all of this is the committer's. */
    if (r < 0 && atomic_load_explicit(&s->change->decided, memory_order_acquire)) {
        ret_saved->owner = s->change->merge->owner;
        ret_saved->type = s->change->merge->type;
    }
    return r;
}

/* Nothing is to be decided, and nothing to be written. */
static int answer(struct saving *s, enum save_verdict verdict, struct saved *ret_saved)
{
    struct receipt receipt = {
        .seq = snap_seq(s->now),
        .serial = snap_zone(s->now, s->save->zone)->serial,
    };

    if (verdict == SAVE_SAME)
        registry_set_included(s->r, s->save->zone, included_ref(s->change->merge->included));
    s->change->merge->verdict = verdict;
    give(s, &receipt, ret_saved);
    return 0;
}

static int merge(struct saving *s, const struct base *base, struct saved *ret_saved)
{
    struct merge *m = s->change->merge;
    bool so = false;

    int r = note_stays(s, base);
    if (r == 0)
        r = note_leaves(s, base);
    if (r == 0)
        r = save_rows(s, base);
    if (r < 0)
        return r;
    if (asks(s) || m->nputs > 0)
        return submit(s, ret_saved);
    r = is_so(s, &so);
    if (r < 0)
        return r;
    if (so)
        return answer(s, SAVE_SAME, ret_saved);
    if (!s->save->accept)
        return answer(s, SAVE_STALE, ret_saved);
    r = accept_undo(s, base->seq);
    return r < 0 ? r : submit(s, ret_saved);
}

/* What the whole file is compared with: records of included files are not their includer's. */
static int with_included(struct saving *s, const struct base *base, struct version *ret_version)
{
    struct version own;

    int r = version_minus(&s->pool, &base->version, &s->gone, &own);
    return r < 0 ? r : version_union(&s->pool, &own, &s->included, ret_version);
}

int save_by(struct registry *r, const struct save *save, uint64_t deadline_ns, base_rule_fn *rule,
            struct saved *ret_saved, struct problem *ret_problem)
{
    struct problem problem = {0};
    struct saving s = {.r = r, .save = save, .deadline_ns = deadline_ns, .problem = &problem};
    struct version version;
    struct base base;

    *ret_saved = (struct saved){0};
    int result = begin(&s);
    if (result == 0)
        result = base_find(&s);
    if (result == 0) {
        s.change->merge->spare = !s.at;
        s.change->merge->unclaimed = !s.at && save->marked && save->seq > snap_seq(s.now);
        result = rule(&s, &base);
    }
    if (result == 0)
        result = with_included(&s, &base, &version);
    if (result == 0)
        result = save_compare(&s, &version);
    if (result == 0)
        result = merge(&s, &base, ret_saved);
    if (result < 0 && problem.error == 0)
        result = result == -ENOMEM ? no_memory(&s)
                                   : problem_set(&problem, -BD_EREADONLY, NULL,
                                                 "earlier versions of the zone file cannot be "
                                                 "read: %s",
                                                 bd_strerror(result));
    if (result < 0 && ret_problem)
        *ret_problem = problem;
    end(&s);
    return result;
}

int registry_save(struct registry *r, const struct save *save, uint64_t deadline_ns,
                  struct saved *ret_saved, struct problem *ret_problem)
{
    return save_by(r, save, deadline_ns, base_choose, ret_saved, ret_problem);
}

int registry_note_included(struct registry *r, unsigned zone, const struct zp_zone *records)
{
    struct included *in;

    int result = included_new(records, &in);
    if (result == 0)
        registry_set_included(r, zone, in);
    return result;
}

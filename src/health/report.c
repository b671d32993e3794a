/* What hosts say about themselves (ttl checks). */
#include "inner.h"

struct report {
    struct str owner_key, id;
    struct probe_end end;
    unsigned nreports, nchecks; /* ttl checks that heard it; all checks of the name */
    bool unwritten;             /* what it has changed is not durable yet … */
    struct notes_wait wait;     /* … but soon is */
};

static void report_to(struct engine *e, struct report *report, struct target *list)
{
    for (struct target *t = list; t; t = t->next) {
        report->nchecks++;
        if (t->check->spec.kind != CHECK_TTL)
            continue;
        report->nreports++;
        target_result(e, t, &report->end);
        report->unwritten |= notes_unwritten(e, t);
    }
}

static bool is_meant(const struct reg *reg, struct str id)
{
    struct registration as;

    return id.n == 0 || (engine_registration(reg, &as) && str_eq(as.id, id));
}

static void take_report(struct engine *e, void *arg)
{
    struct report *report = arg;
    uint64_t hash = follow_owner_hash(report->owner_key);

    for (struct table_link *at = NULL; (at = table_next(&e->sets, hash, at));) {
        struct set *s = TABLE_OF(at, struct set, link);
        if (!str_eq(rrset_owner_key(s->rrset), report->owner_key))
            continue;
        for (struct reg *reg = s->regs; reg; reg = reg->next)
            if (is_meant(reg, report->id))
                report_to(e, report, reg->targets);
        if (report->id.n == 0)
            report_to(e, report, s->hand);
    }
    if (report->unwritten)
        notes_now(e, &report->wait);
}

static int wait_for_notes(struct engine *e, const struct notes_wait *wait)
{
    pthread_mutex_lock(&e->lock);
    if (!e->in->writer_runs)
        jobs_finish(e);
    while (wait->waiting)
        pthread_cond_wait(&e->in->called, &e->lock);
    int r = wait->result;
    pthread_mutex_unlock(&e->lock);
    return r;
}

int health_report(struct health *h, const struct dname *owner, struct str id,
                  enum health_status status, struct str output, struct problem *ret_problem)
{
    static const char example[] = "register it with check=ttl:60s";
    uint8_t key[DNAME_KEY_MAX];
    struct report report = {
        .owner_key = {(const char *)key, dname_key(owner, key)},
        .id = id,
        .end = {.ok = status != HEALTH_FAIL, .output = output},
    };
    int r = engine_call(&h->engine, take_report, &report);

    if (r == 0 && report.unwritten)
        r = wait_for_notes(&h->engine, &report.wait);
    if (r < 0)
        return problem_set(ret_problem, r, NULL, "%s", bd_strerror(r));
    if (report.nreports > 0)
        return 0;
    problem_set(ret_problem, -BD_ENOTFOUND, NULL, "%s",
                report.nchecks > 0 ? "it is probed, and cannot report for itself"
                                   : "there is no check that it could report to");
    return problem_hint(ret_problem, "%s", example);
}

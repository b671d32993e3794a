/* Running time, renewals, terminations, notes: from outside, and as jobs of the committer. */
#include <stdlib.h>

#include <betterdns/clock.h>
#include <betterdns/lease.h>
#include <betterdns/pause.h>

#include "impl.h"
#include "job.h"

#define RUN_LEAST_NS NS_PER_S
#define RUN_MOST_NS (10 * NS_PER_S)
#define TERMINATIONS_KEPT_NS (30 * 24 * 3600 * NS_PER_S)

/* ---- running time ---- */

/* Nobody could renew now. Under the lock. */
static bool is_frozen(const struct registry *r)
{
    return r->stats.read_only || r->stats.full || r->renewals_held;
}

uint64_t lease_now(struct registry *r)
{
    return running_now(&r->running, clock_mono_ns(), is_frozen(r));
}

uint64_t registry_running_ns(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    uint64_t ns = lease_now(r);
    pthread_mutex_unlock(&r->lock);
    return ns;
}

struct run_work {
    uint64_t ran_ns; /* as it was written */
};

static int write_run(struct commit *k, struct change *c)
{
    struct run_work *w = c->work;

    w->ran_ns = k->running_ns;
    return book_write_run(k->r->book, k->r->state, w->ran_ns);
}

static void note_run(struct registry *r, struct change *c)
{
    const struct run_work *w = c->work;

    r->run_written_ns = w->ran_ns;
}

static const struct job_kind run_job = {
    .while_stopping = true, .write = write_run, .done = note_run};

/* Nobody waits for it: what could not be written is written the next time. */
static void queue_run(struct registry *r)
{
    const struct run_work work = {0};
    struct change *c = job_new(&run_job, &work, sizeof(work)), *old = c;

    if (c && registry_queue(r, c) == 0) {
        pthread_mutex_lock(&r->lock);
        old = r->run_job;
        r->run_job = c;
        pthread_mutex_unlock(&r->lock);
    }
    change_put(old);
}

/* A crash takes half of what this run has lasted, and 10 s at most: where one crash soon follows
 * the other, leases still end. Under the lock. */
static uint64_t next_run_ns(struct registry *r, uint64_t mono_ns)
{
    if (r->run_began_ns == 0)
        r->run_began_ns = mono_ns;
    uint64_t wait = mono_ns - r->run_began_ns;
    if (wait < RUN_LEAST_NS)
        wait = RUN_LEAST_NS;
    return mono_ns + (wait < RUN_MOST_NS ? wait : RUN_MOST_NS);
}

/* On a full disk it is also how we find out that there is room again. Under the lock. */
static bool is_due(struct registry *r, uint64_t mono_ns)
{
    bool waits = r->run_job && !atomic_load(&r->run_job->decided);

    if (r->run_next_ns == 0)
        r->run_next_ns = next_run_ns(r, mono_ns);
    if (waits || mono_ns < r->run_next_ns ||
        (r->running.ran_ns == r->run_written_ns && !r->stats.full))
        return false;
    r->run_next_ns = next_run_ns(r, mono_ns);
    return true;
}

void lease_tick(struct registry *r, uint64_t mono_ns)
{
    pthread_mutex_lock(&r->lock);
    running_tick(&r->running, mono_ns, is_frozen(r));
    bool due = is_due(r, mono_ns);
    pthread_mutex_unlock(&r->lock);
    if (due)
        queue_run(r);
}

void registry_tick(struct registry *r)
{
    lease_tick(r, clock_mono_ns());
}

/* What passed before counts, what passes meanwhile does not: a tick at both ends. */
void lease_hold(struct registry *r, bool on, uint64_t mono_ns)
{
    pthread_mutex_lock(&r->lock);
    if (r->running.last_ns != 0)
        running_tick(&r->running, mono_ns, is_frozen(r));
    r->renewals_held = on;
    pthread_mutex_unlock(&r->lock);
}

void registry_hold_renewals(struct registry *r, bool on)
{
    lease_hold(r, on, clock_mono_ns());
}

void lease_end(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    bool moved = r->running.last_ns != 0 && lease_now(r) != r->run_written_ns;
    pthread_mutex_unlock(&r->lock);
    if (moved)
        queue_run(r);
}

uint64_t registry_renewed_ns(struct registry *r, uint64_t number)
{
    return book_renewed_ns(r->book, number);
}

/* ---- terminations ---- */

struct terminate_work {
    const struct registry_target *targets;
    size_t n;
    uint64_t since_ns;
};

static bool is_as_it_was(const struct commit *k, const struct registry_target *t, uint64_t since_ns)
{
    struct snap_key key = {.zone = t->zone, .type = t->type};
    uint8_t owner[DNAME_KEY_MAX];
    struct registration reg;

    if (t->zone >= k->r->nzones)
        return false;
    key.owner = (struct str){(const char *)owner, dname_key(&t->owner, owner)};
    const struct rrset *set = snap_edit_find(k->apply.edit, key);
    for (size_t i = 0; set && i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (reg.number == t->number)
            return !(reg.flags & REG_DRAINING) &&
                   !book_renewed_since(k->r->book, t->number, since_ns);
    }
    return false;
}

static int decide_terminate(struct commit *k, struct change *c)
{
    const struct terminate_work *w = c->work;

    for (size_t i = 0; i < w->n; i++)
        if (!is_as_it_was(k, &w->targets[i], w->since_ns))
            return problem_set(&c->problem, -BD_ENOTFOUND, NULL,
                               "registration %llu was replaced, has ended or has renewed",
                               (unsigned long long)w->targets[i].number);
    for (size_t i = 0; i < w->n; i++)
        if (book_terminate(k->r->book, w->targets[i].number) < 0)
            k->apply.broken = true;
    return 0;
}

static int write_terminate(struct commit *k, struct change *c)
{
    const struct terminate_work *w = c->work;
    int r = 0;

    for (size_t i = 0; r == 0 && i < w->n; i++) {
        const struct state_termination t = {w->targets[i].number, k->running_ns, k->apply.now};
        r = state_termination_put(k->r->state, &t);
    }
    if (r == 0 && k->running_ns > TERMINATIONS_KEPT_NS)
        r = state_terminations_prune(k->r->state, k->running_ns - TERMINATIONS_KEPT_NS);
    return r;
}

static const struct job_kind terminate_job = {.decide = decide_terminate, .write = write_terminate};

int registry_terminate(struct registry *r, const struct registry_target *targets, size_t n,
                       uint64_t not_renewed_since_ns, uint64_t deadline_ns)
{
    struct terminate_work work = {.n = n, .since_ns = not_renewed_since_ns};
    struct change *c = job_new(&terminate_job, &work, sizeof(work));

    if (!c)
        return -ENOMEM;
    struct terminate_work *w = c->work;
    w->targets = pool_copy(&c->pool, targets, n * sizeof(*targets));
    if (!w->targets) {
        change_put(c);
        return -ENOMEM;
    }
    return job_run(r, c, deadline_ns, NULL);
}

struct terminated_work {
    uint64_t number;
    struct str result;
};

static int decide_terminated(struct commit *k, struct change *c)
{
    const struct terminated_work *w = c->work;

    if (str_starts(w->result, STR("failed")))
        book_terminated(k->r->book, w->number);
    return 0;
}

static int write_terminated(struct commit *k, struct change *c)
{
    const struct terminated_work *w = c->work;

    return state_termination_end(k->r->state, w->number, w->result);
}

static const struct job_kind terminated_job = {
    .while_stopping = true, .decide = decide_terminated, .write = write_terminated};

int registry_terminated(struct registry *r, uint64_t number, struct str result,
                        uint64_t deadline_ns)
{
    struct terminated_work work = {.number = number};
    struct change *c = job_new(&terminated_job, &work, sizeof(work));

    if (!c)
        return -ENOMEM;
    struct terminated_work *w = c->work;
    w->result = change_copy(c, result.n ? result : STR(""));
    if (!w->result.p) {
        change_put(c);
        return -ENOMEM;
    }
    return job_run(r, c, deadline_ns, NULL);
}

/* ---- notes ---- */

struct notes_work {
    struct registry_note *notes;
    size_t n;
};

static int write_notes(struct commit *k, struct change *c)
{
    const struct notes_work *w = c->work;
    int r = 0;

    for (size_t i = 0; r == 0 && i < w->n; i++)
        r = state_note_put(k->r->state, w->notes[i].number, w->notes[i].value);
    return r;
}

static const struct job_kind notes_job = {.while_stopping = true, .write = write_notes};

static int copy_notes(struct change *c, const struct registry_note *notes, size_t n)
{
    struct notes_work *w = c->work;

    w->n = n;
    w->notes = pool_copy(&c->pool, notes, n * sizeof(*notes));
    for (size_t i = 0; w->notes && i < n; i++) {
        struct str *value = &w->notes[i].value;
        *value = change_copy(c, value->n ? *value : STR(""));
        if (!value->p)
            return -ENOMEM;
    }
    return w->notes ? 0 : -ENOMEM;
}

int registry_notes_put(struct registry *r, const struct registry_note *notes, size_t n,
                       uint64_t deadline_ns)
{
    struct notes_work work = {0};
    struct change *c = job_new(&notes_job, &work, sizeof(work));

    if (!c)
        return -ENOMEM;
    if (copy_notes(c, notes, n) < 0) {
        change_put(c);
        return -ENOMEM;
    }
    return job_run(r, c, deadline_ns, NULL);
}

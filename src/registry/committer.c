/* The committer: takes what has queued up, decides each change against the state before it, commits
 * them together, answers. */
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>
#include <betterdns/pause.h>

#include "impl.h"
#include "job.h"
#include "merge.h"
#include "tell.h"

#define GROUP_CHANGES 1000
#define GROUP_OPS 10000

/* Waits for work, which is also an attempt to write a fresh state.db, or a look for old changes,
 * when its time has come. Under the lock. */
static void wait_for_work(struct registry *r)
{
    while (!r->head && !r->closing) {
        uint64_t due = rebuild_due_ns(r);
        if (due == 0)
            due = prune_due_ns(r);
        if (clock_mono_ns() >= due)
            return;
        struct timespec until = clock_timespec(due);
        pthread_cond_timedwait(&r->work, &r->lock, &until);
    }
}

/* False: closing, and nothing is left. No group: there is other work. A change of
 * more than GROUP_OPS operations is a group of its own. */
static bool take_group(struct registry *r, struct change **ret_group)
{
    struct change *group = NULL, **tail = &group;
    unsigned n = 0;
    size_t ops = 0;

    pthread_mutex_lock(&r->lock);
    r->work_since_ns = r->head ? clock_mono_ns() : 0;
    wait_for_work(r);
    while (r->head && n < GROUP_CHANGES && (n == 0 || ops + r->head->nops <= GROUP_OPS)) {
        struct change *c = r->head;
        r->head = c->next;
        c->next = NULL;
        *tail = c;
        tail = &c->next;
        ops += c->nops;
        n++;
    }
    if (!r->head)
        r->tail = &r->head;
    r->stats.queued -= n;
    bool more = n > 0 || !r->closing;
    r->work_since_ns = more ? clock_mono_ns() : 0;
    pthread_mutex_unlock(&r->lock);
    *ret_group = group;
    return more;
}

static bool is_read_only(struct registry *r)
{
    pthread_mutex_lock(&r->lock);
    bool read_only = r->stats.read_only;
    pthread_mutex_unlock(&r->lock);
    return read_only;
}

static void decide(struct commit *k, struct change *c)
{
    c->receipt = (struct receipt){.seq = k->last.seq};
    if (c->job) {
        job_decide(k, c);
        return;
    }
    c->result = c->merge ? merge_apply(&k->apply, c) : apply_change(&k->apply, c);
    if (c->result == 0 && c->diffs.n > 0)
        commit_note(k, c);
    if (c->result == 0 && c->merge && c->merge->verdict != SAVE_TOO_MANY)
        commit_note_merge(k, c);
}

static int decide_group(struct commit *k)
{
    if (is_read_only(k->r))
        return -BD_EREADONLY;
    for (struct change *c = k->changes; c; c = c->next) {
        decide(k, c);
        if (k->apply.broken)
            return -ENOMEM;
    }
    if (k->writes || book_writes(k->r->book))
        return commit_write(k);
    /* A group that writes nothing rests on nothing uncommitted. */
    book_commit(k->r->book, false);
    return 0;
}

static int say(struct change *c, int result)
{
    static const char retry[] = "repeat the change, which changes nothing if it happened";

    rrset_put(c->receipt.set);
    c->receipt.set = NULL;
    problem_set(&c->problem, result, NULL, "%s", bd_strerror(result));
    if (result == -BD_EUNKNOWN)
        problem_hint(&c->problem, "%s", retry);
    return result;
}

static void count(struct registry *r, struct change *c)
{
    if (c->job)
        job_done(r, c);
    else if (c->result < 0)
        r->stats.refused++;
    else if (c->diffs.n > 0)
        r->stats.changes++;
    else
        r->stats.unchanged++;
}

static void bump(struct registry *r)
{
    const uint64_t one = 1;

    pthread_mutex_lock(&r->watching);
    for (unsigned i = 0; i < r->nwatchers; i++) {
        /* EAGAIN: its counter is full, so its reader is awake anyway. */
        ssize_t written = write(r->watchers[i], &one, sizeof(one));
        (void)written;
    }
    pthread_mutex_unlock(&r->watching);
}

/* Numbers and watchers first: whoever was answered finds them up to date. */
static void account(struct commit *k, int result)
{
    struct registry *r = k->r;

    for (struct change *c = k->changes; c; c = c->next) {
        if (result < 0)
            c->result = say(c, result);
        else if (c->result == 0 && !c->job)
            c->receipt.serial = k->serials[c->receipt.zone];
    }
    pthread_mutex_lock(&r->lock);
    for (struct change *c = k->changes; c; c = c->next)
        count(r, c);
    pthread_mutex_unlock(&r->lock);
}

/* Events come before the answer, as numbers and watchers do. */
static void tell_group(const struct registry *r, const struct change *c)
{
    for (; c; c = c->next)
        if (c->result == 0 && !c->dry_run)
            tell_change(r->events, r->origins, c);
}

static void answer(struct change *c)
{
    while (c) {
        struct change *next = c->next;
        change_decide(c);
        change_put(c);
        c = next;
    }
}

static void run_group(struct registry *r, struct change *group)
{
    struct commit k;

    PAUSE_POINT("committer: group taken");
    int result = commit_start(&k, r);
    k.changes = group;
    if (result == 0)
        result = decide_group(&k);
    if (result < 0)
        book_abandon(r->book);
    account(&k, result);
    const bool moved = result == 0 && k.last.seq != k.first_seq;
    commit_free(&k);
    if (moved)
        bump(r);
    if (result == 0)
        tell_group(r, group);
    answer(group);
}

void *committer_main(void *registry)
{
    struct registry *r = registry;
    struct change *group;

    while (take_group(r, &group)) {
        if (group)
            run_group(r, group);
        else if (is_read_only(r))
            rebuild_try(r);
        else
            prune_step(r);
    }
    rebuild_end(r);
    return NULL;
}

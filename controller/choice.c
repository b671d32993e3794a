/* Which strategy is in force, and why. */
#include "choice.h"

#include <stdio.h>

#include <betterdns/log.h>

#include "supervisor.h"

/* ---- the rule ---- */

static void say_measured(const struct choice_facts *f, char *out, size_t size)
{
    int n = snprintf(out, size, "the largest zone has %zu records", f->nrecords);

    if (f->load_ns > 0 && n > 0 && (size_t)n < size)
        n += snprintf(out + n, size - (size_t)n, ", a load takes %.1f ms",
                      (double)f->load_ns / (double)NS_PER_MS);
    if (f->changes > 0 && n > 0 && (size_t)n < size)
        n += snprintf(out + n, size - (size_t)n, ", %u changes an hour", f->changes);
    if (f->poll_ms > 0 && n > 0 && (size_t)n < size)
        snprintf(out + n, size - (size_t)n, ": it is looked at every %u ms", f->poll_ms);
}

/* Polling loses no query, closes no connection, and is as quick as the signal but for the wait for
 * a look, at any size; a load is what takes the time (coredns-facts.md, the last table). */
const struct strategy *choice_auto(const struct choice_facts *f, char ret_why[CONTROLLER_WHY_SIZE])
{
    char measured[140];

    if (f->never) {
        snprintf(ret_why, CONTROLLER_WHY_SIZE,
                 "the Corefile has no 'reload' of 2s or less for each zone: %.40s is told of each "
                 "change",
                 f->server);
        return &strategy_signal;
    }
    if (!f->polls) {
        snprintf(ret_why, CONTROLLER_WHY_SIZE,
                 "%.40s does not look at its files itself: it is told of each change", f->server);
        return &strategy_signal;
    }
    say_measured(f, measured, sizeof(measured));
    snprintf(ret_why, CONTROLLER_WHY_SIZE, "no query is lost and no connection closed; %s",
             measured);
    return &strategy_file;
}

/* ---- what it is fed with ---- */

static struct choice_facts look(struct controller *c)
{
    struct choice_facts f = {
        .server = c->kind->name, .polls = c->kind->polls, .never = c->never_polls};
    uint64_t now = clock_mono_ns();

    for (unsigned i = 0; i < c->nzones; i++) {
        struct ctl_zone *z = &c->zones[i];
        unsigned changes = rate_an_hour(&z->changes, now);
        if (i == 0 || z->nrecords > f.nrecords) {
            f.nrecords = z->nrecords;
            f.poll_ms = z->poll_ms;
        }
        if (z->load_ns > f.load_ns)
            f.load_ns = z->load_ns;
        if (changes > f.changes)
            f.changes = changes;
    }
    return f;
}

/* Under the lock. */
static void decide(struct controller *c)
{
    if (c->asked_strategy) {
        c->strategy = c->asked_strategy;
        snprintf(c->why, sizeof(c->why), "%s",
                 c->exchanged ? "asked for at run time, until the next start" : "as configured");
        return;
    }
    const struct choice_facts f = look(c);
    c->strategy = choice_auto(&f, c->why);
    size_t n = strlen(c->why);
    if (c->exchanged)
        snprintf(c->why + n, sizeof(c->why) - n, " (until the next start)");
}

/* ---- what others ask ---- */

static bool is_auto(const char *name)
{
    return strcmp(name, CHOICE_AUTO) == 0;
}

/* NULL for "auto". */
static int find(struct controller *c, const char *name, const struct strategy **ret_strategy,
                struct problem *p)
{
    const struct strategy *s = strategy_by_name(name);

    if (!s && !is_auto(name))
        return no_strategy(name, p);
    if (s && s->needs_polls && !c->kind->polls)
        return problem_set(p, -BD_EINVALID, "strategy",
                           "%s does not look at its files itself, as the strategy '%s' needs it",
                           c->kind->name, s->name);
    pthread_mutex_lock(&c->lock);
    bool never = c->never_polls;
    pthread_mutex_unlock(&c->lock);
    if (s && s->needs_polls && never) {
        problem_set(p, -BD_EINVALID, "strategy",
                    "the Corefile has no 'reload' of 2s or less for each zone, as the strategy "
                    "'%s' needs it",
                    s->name);
        return problem_hint(p, "give each 'file' a 'reload 100ms', or take the strategy 'auto'");
    }
    *ret_strategy = s;
    return 0;
}

int choice_begin(struct controller *c, const char *name, struct problem *ret_problem)
{
    int r = find(c, name, &c->asked_strategy, ret_problem);

    if (r == 0)
        decide(c);
    return r;
}

void choice_review(struct controller *c)
{
    pthread_mutex_lock(&c->lock);
    const struct strategy *before = c->strategy;
    decide(c);
    const struct strategy *now = c->strategy;
    pthread_mutex_unlock(&c->lock);
    if (now == before)
        return;
    log_info("the strategy is another one", LOG_C("before", before->name), LOG_C("now", now->name));
}

const struct strategy *choice_now(struct controller *c)
{
    pthread_mutex_lock(&c->lock);
    const struct strategy *s = c->strategy;
    pthread_mutex_unlock(&c->lock);
    return s;
}

void controller_strategy(struct controller *c, struct controller_choice *ret_choice)
{
    pthread_mutex_lock(&c->lock);
    decide(c);
    *ret_choice = (struct controller_choice){.strategy = c->asked_strategy ? c->asked_strategy->name
                                                                           : CHOICE_AUTO,
                                             .chosen = c->strategy->name};
    memcpy(ret_choice->why, c->why, sizeof(c->why));
    pthread_mutex_unlock(&c->lock);
}

static void on_exchanged(void *arg)
{
    supervisor_exchanged(arg);
}

int controller_set_strategy(struct controller *c, const char *name, struct problem *ret_problem)
{
    const struct strategy *asked;

    int r = find(c, name, &asked, ret_problem);
    if (r < 0)
        return r;
    pthread_mutex_lock(&c->lock);
    c->asked_strategy = asked;
    c->exchanged = true;
    decide(c);
    const struct strategy *now = c->strategy;
    pthread_mutex_unlock(&c->lock);
    log_info("the strategy was exchanged", LOG_C("asked", name), LOG_C("now", now->name));
    /* Without memory the next tick does it. */
    (void)loop_wake(c->loop, on_exchanged, c->supervisor);
    return 0;
}

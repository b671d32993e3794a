/* Making and freeing health: its options are copied, nothing runs. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include <betterdns/network.h>

#include "inner.h"
#include "probing.h"

/* ---- options ---- */

static void *copy(struct pool *pool, const void *from, size_t count, size_t size, bool *failed)
{
    void *to = pool_copy(pool, from, count * size);

    *failed |= !to;
    return to;
}

static struct str copy_str(struct pool *pool, struct str s, bool *failed)
{
    return (struct str){copy(pool, s.p, s.n, 1, failed), s.n};
}

static const char *copy_text(struct pool *pool, const char *text, bool *failed)
{
    return text ? copy(pool, text, strlen(text) + 1, 1, failed) : NULL;
}

static const struct str *copy_strs(struct pool *pool, const struct str *from, unsigned n,
                                   bool *failed)
{
    struct str *to = pool_array(pool, n, sizeof(*to));

    *failed |= !to;
    for (unsigned i = 0; to && i < n; i++)
        to[i] = copy_str(pool, from[i], failed);
    return to;
}

static void copy_rules(struct pool *pool, struct health_options *o, bool *failed)
{
    struct health_rule *rules = copy(pool, o->rules, o->nrules, sizeof(*rules), failed);

    for (unsigned i = 0; rules && i < o->nrules; i++) {
        rules[i].pattern = copy_str(pool, rules[i].pattern, failed);
        rules[i].check = copy_str(pool, rules[i].check, failed);
    }
    o->rules = rules;
}

static void copy_witnesses(struct pool *pool, struct health_options *o, bool *failed)
{
    struct health_witness *all = copy(pool, o->witnesses, o->nwitnesses, sizeof(*all), failed);

    for (unsigned i = 0; all && i < o->nwitnesses; i++)
        all[i].check = copy_str(pool, all[i].check, failed);
    o->witnesses = all;
}

static void copy_commands(struct pool *pool, struct health_options *o, bool *failed)
{
    struct health_command *all = copy(pool, o->commands, o->ncommands, sizeof(*all), failed);

    for (unsigned i = 0; all && i < o->ncommands; i++) {
        all[i].name = copy_str(pool, all[i].name, failed);
        all[i].argv = copy_strs(pool, all[i].argv, all[i].nargv, failed);
    }
    o->commands = all;
}

static void copy_terminate(struct pool *pool, struct health_terminate *t, bool *failed)
{
    t->kind = copy_text(pool, t->kind ? t->kind : "none", failed);
    t->argv = copy_strs(pool, t->argv, t->nargv, failed);
    t->user = copy_text(pool, t->user, failed);
    t->url = copy_text(pool, t->url, failed);
    t->secret_file = copy_text(pool, t->secret_file, failed);
}

static int copy_options(struct engine *e, const struct health_options *from)
{
    struct pool *pool = &e->in->pool;
    struct health_options *o = &e->options;
    bool failed = false;

    *o = *from;
    o->allow = copy(pool, from->allow, from->nallow, sizeof(*from->allow), &failed);
    o->own = copy(pool, from->own, from->nown, sizeof(*from->own), &failed);
    copy_rules(pool, o, &failed);
    copy_witnesses(pool, o, &failed);
    copy_commands(pool, o, &failed);
    copy_terminate(pool, &o->terminate, &failed);
    return failed ? -ENOMEM : 0;
}

static int copy_origins(struct engine *e)
{
    struct engine_inner *in = e->in;
    struct snap *snap = registry_snapshot(e->registry);

    in->nzones = snap_nzones(snap);
    in->origins = pool_array(&in->pool, in->nzones, sizeof(*in->origins));
    for (unsigned i = 0; in->origins && i < in->nzones; i++)
        in->origins[i] = snap_zone(snap, i)->origin;
    snap_put(snap);
    return in->origins ? 0 : -ENOMEM;
}

/* A text that the configuration has read cannot be wrong here; where it is, it says so at start. */
static int check_rules(struct engine *e, struct problem *ret_problem)
{
    for (unsigned i = 0; i < e->options.nrules; i++) {
        struct check_text *text;
        int r = check_text_get(e, e->options.rules[i].check, ASKED_BY_RULE, &text);
        if (r < 0)
            return problem_set(ret_problem, r, NULL, "the check of the rule for '%.*s': %s",
                               STR_ARG(e->options.rules[i].pattern), bd_strerror(r));
        check_text_put(e, text);
    }
    return 0;
}

/* ---- making ---- */

static int inner_new(struct engine *e)
{
    struct engine_inner *in = calloc(1, sizeof(*in));

    if (!in)
        return -ENOMEM;
    e->in = in;
    in->feed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    in->jobs_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    in->decide_ns = in->remove_ns = NEVER;
    in->jobs_end = &in->jobs;
    in->done_end = &in->done;
    pthread_mutex_init(&in->jobs_lock, NULL);
    pthread_cond_init(&in->jobs_cond, NULL);
    pthread_cond_init(&in->called, NULL);
    if (getrandom(&in->random, sizeof(in->random), 0) != sizeof(in->random) || !in->random)
        in->random = clock_mono_ns() | 1;
    return in->feed_fd < 0 || in->jobs_fd < 0 ? -EMFILE : 0;
}

static int parts_new(struct engine *e, struct problem *ret_problem)
{
    int r = check_rules(e, ret_problem);

    if (r == 0)
        r = loop_new(&e->loop);
    if (r == 0)
        r = probing_new(e, ret_problem);
    if (r == 0)
        r = witness_new(e);
    if (r == 0)
        r = leases_new(e);
    if (r == 0)
        r = drain_new(e);
    return r == 0 ? removal_new(e, ret_problem) : r;
}

int health_new(const struct health_options *options, struct registry *registry,
               struct health **ret_health, struct problem *ret_problem)
{
    struct health *h = calloc(1, sizeof(*h));
    int r;

    if (!h)
        return -ENOMEM;
    struct engine *e = &h->engine;
    e->registry = registry;
    e->ways = &engine_real_ways;
    pthread_mutex_init(&e->lock, NULL);
    guard_start(&e->guard);
    problem_set(ret_problem, 0, NULL, "%s", "");
    r = inner_new(e);
    if (r == 0)
        r = copy_options(e, options);
    if (r == 0)
        r = copy_origins(e);
    if (r == 0)
        r = parts_new(e, ret_problem);
    if (r < 0) {
        if (ret_problem && !ret_problem->detail[0])
            problem_set(ret_problem, r, NULL, "health cannot start: %s", bd_strerror(r));
        health_free(h);
        return r;
    }
    *ret_health = h;
    return 0;
}

/* ---- freeing ---- */

static void inner_free(struct engine_inner *in)
{
    if (in->feed_fd >= 0)
        close(in->feed_fd);
    if (in->jobs_fd >= 0)
        close(in->jobs_fd);
    pthread_mutex_destroy(&in->jobs_lock);
    pthread_cond_destroy(&in->jobs_cond);
    pthread_cond_destroy(&in->called);
    free(in->heap);
    free(in->local);
    pool_free(&in->pool);
    free(in);
}

static void sets_free(struct engine *e)
{
    struct table_link *at = table_walk(&e->sets, NULL);

    while (at) {
        struct set *s = TABLE_OF(at, struct set, link);
        at = table_walk(&e->sets, at);
        follow_drop(e, s);
    }
}

void health_free(struct health *h)
{
    if (!h)
        return;
    struct engine *e = &h->engine;
    if (e->in) {
        health_stop(h);
        sets_free(e);
        removal_free(e);
        drain_free(e);
        leases_free(e);
        witness_free(e);
        probing_free(e);
        notes_free(e);
        loop_free(e->loop);
        table_free(&e->sets);
        table_free(&e->regs);
        table_free(&e->hosts);
        table_free(&e->checks);
        table_free(&e->in->addresses);
        table_free(&e->in->leased);
        inner_free(e->in);
    }
    pthread_mutex_destroy(&e->lock);
    free(h);
}

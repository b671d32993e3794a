#include "removal_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>

#include "inner.h"
#include "pause_kit.h"

static struct removalkit *kit; /* the one that runs */

/* ---- the ways ---- */

static uint64_t mono(struct engine *e)
{
    (void)e;
    return kit->mono_ns;
}

static uint64_t running(struct engine *e)
{
    return registry_running_ns(e->registry);
}

static int probe(struct engine *e, struct target *t)
{
    (void)e;
    if (kit->nflying == kit->cap) {
        kit->cap = kit->cap ? 2 * kit->cap : 64;
        kit->flying = reallocarray(kit->flying, kit->cap, sizeof(struct target *));
        assert_non_null(kit->flying);
    }
    kit->flying[kit->nflying++] = t;
    t->probe = (struct probe *)(void *)kit;
    return 0;
}

static void cancel(struct engine *e, struct target *t)
{
    (void)e;
    for (size_t i = 0; i < kit->nflying; i++)
        if (kit->flying[i] == t) {
            kit->flying[i] = kit->flying[--kit->nflying];
            t->probe = NULL;
            return;
        }
    fail_msg("cancelled what is not in flight");
}

static const struct engine_ways ways = {mono, running, probe, cancel};

static void answer_all(struct removalkit *k)
{
    while (k->nflying > 0) {
        struct target *t = k->flying[--k->nflying];
        bool ok = !k->dead[t->address[t->naddress - 1]];
        engine_probed(&k->h->engine, t, &(struct probe_end){.ok = ok, .output = STR("probed")});
    }
}

/* A registry's commit may have come after the last look at the feed. */
static void turn(struct removalkit *k)
{
    pthread_mutex_lock(&k->h->engine.lock);
    engine_turn(&k->h->engine);
    answer_all(k);
    engine_turn(&k->h->engine);
    pthread_mutex_unlock(&k->h->engine.lock);
}

void removalkit_run(struct removalkit *k, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        k->mono_ns += NS_PER_S;
        lease_run_for(&k->reg, 1);
        turn(k);
    }
}

static void stop_loop(void *loop)
{
    loop_stop(loop);
}

void removalkit_pump(struct removalkit *k)
{
    struct loop *loop = k->h->engine.loop;
    struct loop_timer *timer;

    assert_int_equal(loop_timer_new(loop, stop_loop, loop, &timer), 0);
    loop_timer_at(timer, clock_deadline(2 * NS_PER_MS));
    assert_int_equal(loop_run(loop), 0);
    loop_timer_free(timer);
    turn(k);
}

/* ---- set up ---- */

int removalkit_make(void **state)
{
    struct removalkit *k = calloc(1, sizeof(*k));

    assert_non_null(k);
    regkit_start(&k->reg);
    assert_int_equal(events_new(0, &k->events), 0);
    assert_int_equal(events_open(k->events, (struct str){NULL, 0}, &k->reader), 0);
    k->mono_ns = 1000 * NS_PER_S;
    k->options = (struct health_options){
        .defaults = CHECK_DEFAULTS,
        .keep_last = true,
        .maintenance_ttl = 5,
        .events = k->events,
        .terminate = {.kind = "none", .timeout_ms = 30000, .argv = k->argv},
    };
    assert_int_equal(regkit_open(&k->reg), 0);
    kit = k;
    *state = k;
    return 0;
}

static void make(struct removalkit *k)
{
    struct problem problem = {0};

    if (health_new(&k->options, k->reg.r, &k->h, &problem) < 0)
        fail_msg("%s", problem.detail);
}

void removalkit_start(struct removalkit *k)
{
    make(k);
    assert_int_equal(health_start(k->h), 0);
}

void removalkit_open(struct removalkit *k)
{
    struct engine *e;

    make(k);
    e = &k->h->engine;
    e->ways = &ways;
    lease_run_for(&k->reg, 1);
    e->in->local_ns = NEVER; /* this machine may have any address, but not for the test */
    pthread_mutex_lock(&e->lock);
    assert_int_equal(engine_open(e), 0);
    pthread_mutex_unlock(&e->lock);
    turn(k);
}

void removalkit_close(struct removalkit *k)
{
    if (!k->h)
        return;
    health_stop(k->h);
    health_free(k->h);
    k->h = NULL;
    assert_int_equal(k->nflying, 0);
}

void removalkit_restart(struct removalkit *k)
{
    removalkit_close(k);
    regkit_reopen(&k->reg);
    removalkit_open(k);
}

void removalkit_crash(struct removalkit *k)
{
    removalkit_close(k);
    lease_crash(&k->reg);
    removalkit_open(k);
}

int removalkit_remove(void **state)
{
    struct removalkit *k = *state;

    pause_release_all();
    removalkit_close(k);
    events_close(k->reader);
    events_stop(k->events);
    regkit_end(&k->reg);
    events_free(k->events);
    free(k->flying);
    free(k);
    kit = NULL;
    return 0;
}

void removalkit_use_script(struct removalkit *k, const char *script)
{
    unsigned n = 0;

    k->options.terminate.enabled = true;
    k->options.terminate.kind = "exec";
    k->argv[n++] = STR("/bin/sh");
    k->argv[n++] = STR("-c");
    k->argv[n++] = str_c(script);
    k->argv[n++] = STR("sh");
    k->argv[n++] = STR("{id}");
    k->argv[n++] = str_c(k->reg.dir);
    k->options.terminate.nargv = n;
}

/* ---- hosts ---- */

uint64_t removalkit_register_as(struct removalkit *k, const struct ask *ask)
{
    assert_int_equal(regkit_ask(&k->reg, ask), 0);
    uint64_t number = k->reg.receipt.number;
    turn(k);
    return number;
}

uint64_t removalkit_register(struct removalkit *k, const char *name, unsigned host)
{
    char address[20];

    snprintf(address, sizeof(address), "192.0.2.%u", host);
    return removalkit_register_as(
        k, &WHAT(OP_REGISTER, name, .values = address, .check = REMOVALKIT_CHECK));
}

bool removalkit_is_there(struct removalkit *k, const char *name)
{
    return strcmp(regkit_records(&k->reg, name, RRTYPE_A), "-") != 0;
}

static struct str member(struct str json, const char *key)
{
    const char *at = memmem(json.p, json.n, key, strlen(key));

    if (!at)
        return STR("?");
    at += strlen(key);
    return (struct str){at, strcspn(at, "\",}")};
}

static int take_event(void *arg, const struct event_view *event)
{
    struct removalkit *k = arg;
    size_t n = strlen(k->told);

    if (event->kind != EVENT_TERMINATED)
        return 0;
    snprintf(k->told + n, sizeof(k->told) - n, "ok=%.*s dry=%.*s %.*s %.*s: %.*s\n",
             STR_ARG(member(event->json, "\"ok\":")), STR_ARG(member(event->json, "\"dry_run\":")),
             STR_ARG(event->name), STR_ARG(member(event->json, "\"registration\":\"")),
             STR_ARG(member(event->json, "\"detail\":\"")));
    return 0;
}

const char *removalkit_told(struct removalkit *k)
{
    assert_int_equal(events_read(k->reader, take_event, k), 0);
    return k->told;
}

const char *removalkit_file(struct removalkit *k, const char *name)
{
    static char text[2000];
    struct buf b = {0};
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", k->reg.dir, name);
    text[0] = '\0';
    if (file_read(path, sizeof(text), &b) == 0)
        snprintf(text, sizeof(text), "%.*s", (int)b.n, b.p ? b.p : "");
    buf_free(&b);
    return text;
}

bool removalkit_terminating(struct removalkit *k, uint64_t number)
{
    struct health_registration reg = {.terminating = false};

    return health_registration(k->h, number, &reg) && reg.terminating;
}

void removalkit_touch(struct removalkit *k, const char *name)
{
    char path[160];

    snprintf(path, sizeof(path), "%s/%s", k->reg.dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
}

void removalkit_three_hosts(struct removalkit *k)
{
    removalkit_open(k);
    removalkit_register(k, "a", 1);
    removalkit_register(k, "b", 2);
    removalkit_register(k, "c", 3);
    removalkit_run(k, 3);
    k->dead[2] = true;
}

void removalkit_until_it_runs(struct removalkit *k)
{
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3,
                     removalkit_terminating(k, regkit_number(&k->reg, "b", "b")));
    REMOVALKIT_PUMP(k, strstr(removalkit_file(k, "ran"), "began"));
}

void removalkit_in_the_middle(struct removalkit *k)
{
    removalkit_use_script(k, REMOVALKIT_WAITS);
    removalkit_three_hosts(k);
    removalkit_until_it_runs(k);
}

static void *run_on(void *arg)
{
    struct removalkit *k = arg;

    removalkit_run(k, k->seconds);
    return NULL;
}

void removalkit_begin(struct removalkit *k, unsigned seconds)
{
    k->seconds = seconds;
    assert_int_equal(pthread_create(&k->thread, NULL, run_on, k), 0);
}

void removalkit_end(struct removalkit *k)
{
    assert_int_equal(pthread_join(k->thread, NULL), 0);
}

/* Health for tests, with a clock and probes of its own. */
#include "health_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "inner.h"

#define BEGIN_NS (1000 * NS_PER_S)

static struct healthkit *kit; /* the one that runs */

/* ---- the simulated ways ---- */

static uint64_t mono(struct engine *e)
{
    (void)e;
    return kit->mono_ns;
}

static uint64_t running(struct engine *e)
{
    (void)e;
    return kit->running_ns;
}

static int probe(struct engine *e, struct target *t)
{
    struct healthkit *k = kit;

    (void)e;
    assert_null(t->probe);
    for (size_t i = 0; i < k->nprobes; i++)
        assert_ptr_not_equal(k->probes[i].target, t);
    if (k->nprobes == k->cap) {
        k->cap = k->cap ? 2 * k->cap : 64;
        k->probes = reallocarray(k->probes, k->cap, sizeof(*k->probes));
        assert_non_null(k->probes);
    }
    k->probes[k->nprobes++] = (struct healthkit_probe){t, k->mono_ns + k->takes_ns};
    t->probe = (struct probe *)(void *)k;
    k->begun++;
    return 0;
}

static void cancel(struct engine *e, struct target *t)
{
    (void)e;
    for (size_t i = 0; i < kit->nprobes; i++) {
        if (kit->probes[i].target != t)
            continue;
        kit->probes[i] = kit->probes[--kit->nprobes];
        kit->cancelled++;
        return;
    }
    fail_msg("cancelled what is not in flight");
}

const struct engine_ways healthkit_ways = {mono, running, probe, cancel};

static unsigned host_of(const struct target *t)
{
    return t->address[0] == 192 ? t->address[3] : t->address[2] * 256U + t->address[3];
}

static void end_probe(struct healthkit *k, size_t i)
{
    struct target *t = k->probes[i].target;
    unsigned host = host_of(t);
    bool ok = k->answer ? k->answer(k, t) : !k->dead[host];
    const struct probe_end end = {
        .ok = ok && !k->unasked,
        .unasked = k->unasked,
        .latency_ns = k->takes_ns,
        .output = ok ? STR("answers") : STR("does not answer"),
    };

    k->probes[i] = k->probes[--k->nprobes];
    k->answered[host]++;
    engine_probed(&k->h->engine, t, &end);
}

static size_t first_probe(const struct healthkit *k)
{
    size_t first = 0;

    for (size_t i = 1; i < k->nprobes; i++)
        if (k->probes[i].at_ns < k->probes[first].at_ns)
            first = i;
    return first;
}

bool healthkit_step(struct healthkit *k, uint64_t until_ns)
{
    struct engine *e = &k->h->engine;

    pthread_mutex_lock(&e->lock);
    uint64_t next = engine_turn(e);
    size_t first = first_probe(k);
    bool is_probe = k->nprobes > 0 && k->probes[first].at_ns <= next;
    if (is_probe)
        next = k->probes[first].at_ns;
    bool more = next <= until_ns;
    uint64_t now = more ? next : until_ns;
    if (now > k->mono_ns) {
        k->running_ns += now - k->mono_ns;
        k->mono_ns = now;
    }
    if (more && is_probe)
        end_probe(k, first);
    pthread_mutex_unlock(&e->lock);
    return more;
}

void healthkit_advance(struct healthkit *k, uint64_t ns)
{
    uint64_t until = k->mono_ns + ns;

    while (healthkit_step(k, until))
        ;
}

/* ---- set up ---- */

int healthkit_make(void **state)
{
    struct healthkit *k = calloc(1, sizeof(*k));

    assert_non_null(k);
    regkit_start(&k->reg);
    k->mono_ns = k->running_ns = BEGIN_NS;
    k->takes_ns = NS_PER_MS;
    k->options = (struct health_options){
        .defaults = CHECK_DEFAULTS, .keep_last = true, .maintenance_ttl = 5};
    assert_int_equal(regkit_open(&k->reg), 0);
    *state = kit = k;
    return 0;
}

static void make(struct healthkit *k)
{
    struct problem problem;

    assert_int_equal(health_new(&k->options, k->reg.r, &k->h, &problem), 0);
}

void healthkit_open(struct healthkit *k)
{
    struct engine *e;

    make(k);
    e = &k->h->engine;
    e->ways = &healthkit_ways;
    /* This machine may have any address, but not for the test. */
    e->in->local_ns = NEVER;
    pthread_mutex_lock(&e->lock);
    assert_int_equal(engine_open(e), 0);
    pthread_mutex_unlock(&e->lock);
}

void healthkit_start(struct healthkit *k)
{
    make(k);
    assert_int_equal(health_start(k->h), 0);
}

void healthkit_close(struct healthkit *k)
{
    if (!k->h)
        return;
    health_stop(k->h);
    health_free(k->h);
    k->h = NULL;
    assert_int_equal(k->nprobes, 0);
}

void healthkit_restart(struct healthkit *k)
{
    healthkit_close(k);
    regkit_reopen(&k->reg);
    healthkit_open(k);
}

int healthkit_remove(void **state)
{
    struct healthkit *k = *state;

    healthkit_close(k);
    regkit_end(&k->reg);
    free(k->probes);
    free(k);
    kit = NULL;
    return 0;
}

/* ---- hosts ---- */

static const char *address(unsigned host)
{
    static char text[32];

    if (host < 256)
        snprintf(text, sizeof(text), "192.0.2.%u", host);
    else
        snprintf(text, sizeof(text), "10.0.%u.%u", host / 256, host % 256);
    return text;
}

uint64_t healthkit_register(struct healthkit *k, const char *name, const char *id, unsigned host,
                            const char *check)
{
    assert_int_equal(
        ASK(&k->reg, OP_REGISTER, name, .id = id, .values = address(host), .check = check), 0);
    return k->reg.receipt.number;
}

struct found {
    unsigned host;
    struct healthkit_check *check;
};

static int find(void *arg, const struct health_check *check)
{
    struct found *f = arg;
    struct target like = {.naddress = check->naddress};
    static char history[4000];
    char *to = history, *end = to + sizeof(history);

    memcpy(like.address, check->address, sizeof(like.address));
    if (check->naddress > 0 && host_of(&like) != f->host)
        return 0;
    f->check->found = true;
    f->check->check = *check;
    f->check->history = history;
    *to = 0;
    for (unsigned i = 0; i < check->ntransitions && end - to > 64; i++)
        to += snprintf(to, (size_t)(end - to), "%s%s>%s", i ? " " : "",
                       check_state_name(check->transitions[i].from),
                       check_state_name(check->transitions[i].to));
    return 0;
}

struct healthkit_check healthkit_check(struct healthkit *k, const char *name, unsigned host)
{
    struct healthkit_check found = {.history = ""};
    struct found f = {.host = host, .check = &found};
    struct dname owner, origin;
    struct dname_rules rules = {.origin = &origin};

    assert_int_equal(dname_from_text(STR("lab.example."), NULL, &origin, NULL), 0);
    assert_int_equal(dname_from_text(str_c(name), &rules, &owner, NULL), 0);
    assert_int_equal(health_each(k->h, &owner, find, &f), 0);
    return found;
}

const char *healthkit_state(struct healthkit *k, const char *name, unsigned host)
{
    struct healthkit_check found = healthkit_check(k, name, host);

    return found.found ? check_state_name(found.check.state) : "";
}

const char *healthkit_shown(struct healthkit *k, const char *name)
{
    return regkit_shown(&k->reg, name, RRTYPE_A);
}

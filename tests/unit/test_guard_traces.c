/* Hosts one by one and second by second, with verdicts and the guard together: what becomes of them
 * when they die, when our link is cut, and when many are gone for good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "guard.h"

#define HOSTS_MAX 100
#define NEVER UINT64_MAX
#define HOUR 3600

/* Times are seconds since the start. */
struct host {
    bool check, removed;
    uint64_t phase; /* of its probes or renewals */
    uint64_t dead_from, dead_to;
    uint64_t renewed, gone; /* gone: when it was removed */
    struct verdict v;
};

struct trace {
    struct host hosts[HOSTS_MAX];
    unsigned n;
    struct check_spec spec;
    uint64_t interval, lease;
    uint64_t cut_from, cut_to;
    unsigned witnesses;
    struct guard guard;
    uint64_t now, heard_ns;
};

#define START UINT64_C(100000)

static uint64_t ns(uint64_t s)
{
    return (START + s) * NS_PER_S;
}

/* checks of n are checked each interval, the others renew a lease at each third of it. */
static void start(struct trace *t, unsigned n, unsigned checks)
{
    *t = (struct trace){.n = n, .interval = 10, .lease = 180, .cut_from = NEVER};
    t->spec = (struct check_spec){.fall = 3, .rise = 2, .deregister_after_s = 120};
    for (unsigned i = 0; i < n; i++) {
        struct host *h = &t->hosts[i];
        h->check = i < checks;
        h->phase = i * 7;
        h->dead_from = NEVER;
        verdict_start(&h->v, &t->spec, ns(0));
    }
    guard_start(&t->guard);
}

static bool reachable(const struct trace *t, const struct host *h)
{
    bool cut = t->now >= t->cut_from && t->now < t->cut_to;
    return !cut && !(t->now >= h->dead_from && t->now < h->dead_to);
}

static void live(struct trace *t, struct host *h)
{
    uint64_t period = h->check ? t->interval : t->lease / 3;
    enum check_state from;

    if ((t->now + h->phase) % period != 0)
        return;
    bool ok = reachable(t, h);
    if (h->check) {
        verdict_feed(&h->v, &t->spec, ok, ns(t->now), &from);
        if (!ok)
            verdict_prove(&h->v, t->heard_ns);
    } else if (ok) {
        h->renewed = t->now;
    }
    if (ok)
        t->heard_ns = ns(t->now);
}

static bool is_down(const struct trace *t, const struct host *h)
{
    return h->check ? h->v.state == CHECK_UNAVAILABLE : t->now >= h->renewed + t->lease;
}

static struct guard_facts facts_of(const struct trace *t)
{
    struct guard_facts f = {.now_ns = ns(t->now), .heard_ns = t->heard_ns};

    for (unsigned i = 0; i < t->n; i++) {
        const struct host *h = &t->hosts[i];
        f.hosts += !h->removed;
        f.down += !h->removed && is_down(t, h);
        f.late +=
            !h->removed && !h->check && !is_down(t, h) && 2 * (t->now - h->renewed) > t->lease;
        f.available += !h->removed && h->check && h->v.state == CHECK_AVAILABLE;
    }
    f.witnesses = t->witnesses;
    f.answering = t->now >= t->cut_from && t->now < t->cut_to ? 0 : t->witnesses;
    return f;
}

static void remove_who_may(struct trace *t, struct host *h)
{
    uint64_t end = h->check ? guard_check_ends_ns(&t->guard, &h->v, &t->spec)
                            : guard_lease_ends_ns(&t->guard, ns(h->renewed), t->lease * NS_PER_S);

    if (h->removed || ns(t->now) < end)
        return;
    struct guard_facts f = facts_of(t);
    if ((h->check ? guard_may_terminate : guard_may_expire)(&t->guard, ns(t->now), f.hosts) !=
        GUARD_GO)
        return;
    h->removed = true;
    h->gone = t->now;
    if (h->check)
        guard_terminated(&t->guard, ns(t->now));
    else
        guard_expired(&t->guard, ns(t->now));
}

static void run(struct trace *t, uint64_t until)
{
    for (; t->now < until; t->now++) {
        for (unsigned i = 0; i < t->n; i++) {
            if (!t->hosts[i].removed)
                live(t, &t->hosts[i]);
        }
        struct guard_facts f = facts_of(t);
        guard_look(&t->guard, &f);
        for (unsigned i = 0; i < t->n; i++)
            remove_who_may(t, &t->hosts[i]);
    }
}

static void kill_from(struct trace *t, unsigned first, unsigned n, uint64_t from, uint64_t to)
{
    for (unsigned i = first; i < first + n; i++) {
        t->hosts[i].dead_from = from;
        t->hosts[i].dead_to = to;
    }
}

static void restart(const struct trace *t, struct host *h)
{
    uint8_t note[VERDICT_NOTE_SIZE];
    size_t n = verdict_write(&h->v, note);

    assert_int_equal(verdict_read((struct str){(char *)note, n}, ns(t->now), &h->v), 0);
}

static unsigned removed(const struct trace *t)
{
    unsigned n = 0;

    for (unsigned i = 0; i < t->n; i++)
        n += t->hosts[i].removed;
    return n;
}

static void test_a_cut_link_removes_nobody(void **state)
{
    static const struct {
        unsigned hosts, checks;
        uint64_t lease, interval;
        uint32_t deregister_after_s;
    } rows[] = {
        {100, 100, 180, 10, 120}, {100, 100, 180, 10, 10}, {100, 0, 180, 10, 120},
        {100, 0, 30, 10, 120},    {100, 0, 12, 10, 120},   {100, 50, 180, 10, 10},
        {100, 95, 12, 10, 120},   {100, 10, 3600, 10, 10}, {100, 2, 3600, 10, 10},
        {100, 5, 180, 1, 10},     {20, 0, 180, 10, 120},   {3, 3, 180, 10, 10},
        {3, 0, 30, 10, 10},       {2, 2, 180, 10, 10},     {2, 0, 30, 10, 10},
        {4, 3, 12, 10, 120},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        for (uint64_t from = 1000; from < 1020; from += 3) {
            static struct trace t;
            start(&t, rows[i].hosts, rows[i].checks);
            t.lease = rows[i].lease;
            t.interval = rows[i].interval;
            t.spec.deregister_after_s = rows[i].deregister_after_s;
            t.cut_from = from;
            t.cut_to = from + 300;
            run(&t, from + 300 + 2 * t.lease);
            if (removed(&t) != 0)
                fail_msg("row %zu: %u removed", i, removed(&t));
            assert_false(guard_panic(&t.guard));
        }
    }
}

/* interval x fall + deregister_after + 1 s. */
static void test_one_dead_host(void **state)
{
    static const unsigned fleets[] = {1, 3, 20, 100};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fleets); i++) {
        for (uint64_t from = 1000; from < 1010; from++) {
            static struct trace t;
            start(&t, fleets[i], fleets[i]);
            kill_from(&t, 0, 1, from, NEVER);
            run(&t, from + 30 + 120 + 1);
            assert_int_equal(removed(&t), 1);
            assert_true(t.hosts[0].gone >= from + 20 + 120);
        }
    }
}

static void test_one_overdue_lease(void **state)
{
    static const unsigned fleets[] = {1, 3, 20, 100};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fleets); i++) {
        static struct trace t;
        start(&t, fleets[i], 0);
        kill_from(&t, 0, 1, 1000, NEVER);
        run(&t, 1000 + 180 + 1);
        assert_int_equal(removed(&t), 1);
        assert_true(t.hosts[0].gone >= 1000 + 180 - 60);
    }
}

/* 25 of 100 are scaled away for good, and say nothing. */
static void test_a_quarter_for_good(void **state)
{
    (void)state;
    for (unsigned checks = 0; checks <= 100; checks += 100) {
        static struct trace t;
        uint64_t last = 0;
        start(&t, 100, checks);
        kill_from(&t, 0, 25, 1000, NEVER);
        run(&t, 1000 + HOUR);
        assert_int_equal(removed(&t), 0);
        run(&t, 1000 + 10 * HOUR);
        assert_int_equal(removed(&t), 25);
        for (unsigned i = 0; i < 100; i++) {
            assert_int_equal(t.hosts[i].removed, i < 25);
            last = t.hosts[i].gone > last ? t.hosts[i].gone : last;
        }
        printf("25 of 100 %s: the last one is removed after %llu min\n",
               checks ? "checks fail for good" : "leases end",
               (unsigned long long)((last - 1000) / 60));
        assert_false(guard_panic(&t.guard));
    }
}

/* A switch with 25 of 100 behind it is off for half an hour, and we start anew meanwhile: with the
 * guard's note and what verdicts keep. */
static void test_a_rack_comes_back(void **state)
{
    (void)state;
    for (unsigned checks = 0; checks <= 100; checks += 50) {
        static struct trace t;
        uint8_t note[GUARD_NOTE_SIZE];
        start(&t, 100, checks);
        kill_from(&t, 38, 25, 1000, 1000 + HOUR / 2);
        run(&t, 1000 + HOUR / 4);
        assert_true(guard_panic(&t.guard));
        size_t n = guard_write(&t.guard, note);
        guard_start(&t.guard);
        assert_int_equal(guard_read(&t.guard, (struct str){(char *)note, n}), 0);
        for (unsigned i = 0; i < t.n; i++)
            restart(&t, &t.hosts[i]);
        t.now -= 8;
        run(&t, 1000 + HOUR);
        assert_int_equal(removed(&t), 0);
        assert_false(guard_panic(&t.guard));
    }
}

static void test_two_of_three(void **state)
{
    static struct trace t;
    (void)state;
    start(&t, 3, 3);
    kill_from(&t, 0, 2, 1000, NEVER);
    run(&t, 1000 + HOUR);
    assert_true(guard_panic(&t.guard));
    assert_int_equal(removed(&t), 0);
    /* One; then one of two is no panic, its clock begins anew, and an hour has one. */
    run(&t, 1000 + HOUR + 60);
    assert_int_equal(removed(&t), 1);
    assert_false(guard_panic(&t.guard));
    run(&t, 1000 + 2 * HOUR);
    assert_int_equal(removed(&t), 1);
    run(&t, 1000 + 2 * HOUR + 120);
    assert_int_equal(removed(&t), 2);
    assert_false(t.hosts[2].removed);
}

static void test_two_of_two(void **state)
{
    static struct trace t;
    (void)state;
    start(&t, 2, 2);
    kill_from(&t, 0, 2, 1000, NEVER);
    run(&t, 1000 + 20 * HOUR);
    assert_int_equal(removed(&t), 0);
    /* A witness that answers says that it is not us. */
    t.witnesses = 1;
    run(&t, 1000 + 21 * HOUR - 5);
    assert_int_equal(removed(&t), 0);
}

/* Three more than a panic begins with come back after half an hour: their clocks begin anew. */
static void test_the_end_of_a_panic(void **state)
{
    static struct trace t;
    (void)state;
    start(&t, 20, 20);
    kill_from(&t, 0, 4, 1000, 1000 + HOUR / 2);
    kill_from(&t, 4, 1, 1000, NEVER);
    run(&t, 1000 + HOUR / 2);
    assert_int_equal(removed(&t), 0);
    while (guard_panic(&t.guard))
        run(&t, t.now + 1);
    uint64_t end = t.now;
    run(&t, end + 115);
    assert_int_equal(removed(&t), 0);
    run(&t, end + 125);
    assert_int_equal(removed(&t), 1);
    assert_true(t.hosts[4].removed);
}

/* 13 of 87 are gone and a fourteenth flaps: they go all the same, and the one that flaps may. */
static void test_flaps_at_the_border(void **state)
{
    static const uint64_t periods[] = {100, 240, 700, 1500, 4000};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(periods); i++) {
        static struct trace t;
        start(&t, 87, 87);
        kill_from(&t, 0, 13, 1000, NEVER);
        while (t.now < 1000 + 8 * HOUR) {
            kill_from(&t, 13, 1, t.now + periods[i] / 2, t.now + periods[i]);
            run(&t, t.now + periods[i]);
        }
        unsigned gone = 0;
        for (unsigned k = 0; k < 13; k++)
            gone += t.hosts[k].removed;
        if (gone < 12 || removed(&t) > gone + 1)
            fail_msg("period %llu: %u of 13, %u", (unsigned long long)periods[i], gone,
                     removed(&t));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_cut_link_removes_nobody),
        cmocka_unit_test(test_one_dead_host),
        cmocka_unit_test(test_one_overdue_lease),
        cmocka_unit_test(test_a_quarter_for_good),
        cmocka_unit_test(test_a_rack_comes_back),
        cmocka_unit_test(test_two_of_three),
        cmocka_unit_test(test_two_of_two),
        cmocka_unit_test(test_the_end_of_a_panic),
        cmocka_unit_test(test_flaps_at_the_border),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A million hours of fleets that a seeded adversary plays with: the budget holds in any window,
 * nothing is removed in isolation, in the first hour of a panic, or because our link was cut; and
 * removals do happen when they may. BETTERDNS_SEED=N repeats one fleet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "fleet_kit.h"

#define HOURS 1000000

static unsigned some(struct fleet *f, unsigned n)
{
    return n ? (unsigned)fleet_random(f, n) + 1 : 0;
}

static void join(struct fleet *f)
{
    bool check = fleet_random(f, 2);
    unsigned hosts = fleet_hosts(f);

    if (hosts < 3000 && f->cut_ns == 0)
        f->alive[check] += some(f, 1 + (3000 - hosts) / 20);
}

/* One to three hosts come and go, each way in its own time, for some hours. */
static void flap(struct fleet *f)
{
    uint64_t until = f->now_ns + fleet_random(f, 5 * HOUR);
    uint64_t on = (30 + fleet_random(f, 1200)) * SECOND,
             off = (30 + fleet_random(f, 1200)) * SECOND;
    unsigned n = some(f, 3);

    while (f->now_ns < until && !f->fault[0] && f->ngroups < GROUPS / 2 && f->cut_ns == 0) {
        unsigned before = f->ngroups;
        fleet_kill(f, true, n);
        fleet_run(f, f->now_ns + on);
        for (unsigned i = f->ngroups; i-- > before;)
            fleet_return(f, i);
        fleet_run(f, f->now_ns + off);
    }
}

static void act(struct fleet *f)
{
    bool check = fleet_random(f, 2);
    unsigned alive = f->alive[check];

    switch (fleet_random(f, 12)) {
    case 0:
    case 1: fleet_kill(f, check, some(f, 3)); break;
    case 2: fleet_kill(f, check, some(f, 1 + alive / 5)); break;
    case 3: fleet_kill(f, check, some(f, alive)); break;
    case 4:
        if (f->ngroups > 0 && f->cut_ns == 0)
            fleet_return(f, (unsigned)fleet_random(f, f->ngroups));
        break;
    case 5:
    case 6: join(f); break;
    case 7: fleet_cut(f); break;
    case 8:
        f->witnesses = (unsigned)fleet_random(f, 4);
        f->witnesses_fail = !fleet_random(f, 3);
        break;
    case 9: fleet_restart(f, fleet_random(f, 2)); break;
    case 10: /* the clock goes on, and nobody has looked */
        f->now_ns += fleet_random(f, 2 * HOUR);
        break;
    default: flap(f);
    }
}

/* The adversary rests: whoever is dead is removed, after the hour of a panic and as fast as the
 * budget lets it (we look about once a minute here: not all of the sixty that an hour could have).
 */
static void rest(struct fleet *f)
{
    fleet_mend(f);
    f->witnesses_fail = false;
    fleet_run(f, f->now_ns + f->lease_ns + MINUTE);
    uint64_t alive = f->alive[0] + f->alive[1];
    if (alive == 0 && f->witnesses == 0)
        return; /* nobody is left to say that it is not our link */
    uint64_t hours = 3 + 2 * f->lease_ns / HOUR, gone = fleet_gone(f);
    hours += gone / (alive < 40 ? 1 : alive < 500 ? alive / 20 : 25);
    fleet_run(f, f->now_ns + hours * HOUR);
    if (fleet_gone(f) > 0 && !f->fault[0])
        snprintf(f->fault, sizeof(f->fault), "seed %llu: %u of %u are still there after %llu hours",
                 (unsigned long long)f->seed, fleet_gone(f), fleet_hosts(f),
                 (unsigned long long)hours);
}

static uint64_t play(struct fleet *f, uint64_t seed)
{
    fleet_start(f, seed);
    f->alive[0] = (unsigned)fleet_random(f, fleet_random(f, 2) ? 1500 : 5);
    f->alive[1] = (unsigned)fleet_random(f, fleet_random(f, 2) ? 1500 : 5);
    f->witnesses = fleet_random(f, 2) ? 0 : (unsigned)fleet_random(f, 4);
    uint64_t start = f->now_ns + f->skew_ns, end = start + (20 + fleet_random(f, 2000)) * HOUR;
    uint64_t pause = (1 + fleet_random(f, 150)) * HOUR;
    while (f->now_ns < end && !f->fault[0]) {
        act(f);
        fleet_run(f, f->now_ns + fleet_random(f, fleet_random(f, 3) ? pause : 10 * MINUTE));
        if (f->cut_ns > 0 && fleet_random(f, 2))
            fleet_mend(f);
    }
    rest(f);
    return f->now_ns + f->skew_ns - start;
}

static void test_a_million_hours(void **state)
{
    const char *one = getenv("BETTERDNS_SEED");
    unsigned long terminated = 0, expired = 0, panics = 0, looks = 0;
    struct fleet *f = malloc(sizeof(*f));
    uint64_t played = 0, seed = one ? strtoull(one, NULL, 10) : 1;
    (void)state;
    assert_non_null(f);
    for (; played < HOURS * HOUR; seed++) {
        uint64_t hours = play(f, seed);
        if (f->fault[0])
            fail_msg("%s", f->fault);
        played += one ? HOURS * HOUR : hours;
        terminated += f->nterminated;
        expired += f->nexpired;
        panics += f->npanics;
        looks += f->nlooks;
    }
    printf("%llu hours, %llu fleets, %lu looks: %lu panics, %lu terminated, %lu expired\n",
           (unsigned long long)(played / HOUR), (unsigned long long)(seed - 1), looks, panics,
           terminated, expired);
    assert_true(one || (terminated > 10000 && expired > 10000 && panics > 1000));
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_million_hours)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Running time: what counts, and what does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "running.h"

#define S NS_PER_S

static void ticks_sum_up_what_passed(void **state)
{
    struct running t = {.ran_ns = 7 * S, .shown_ns = 7 * S};

    (void)state;
    running_tick(&t, 1000 * S, false); /* the first one: nothing is known of what was before */
    assert_int_equal(running_now(&t, 1000 * S, false), 7 * S);
    running_tick(&t, 1001 * S, false);
    running_tick(&t, 1001 * S + S / 2, false);
    assert_int_equal(running_now(&t, 1001 * S + S / 2, false), 8 * S + S / 2);
}

/* A host that renews between two ticks has renewed then, and not at the tick before. */
static void time_goes_on_between_ticks(void **state)
{
    struct running t = {.ran_ns = 1, .shown_ns = 1};

    (void)state;
    running_tick(&t, 10 * S, false);
    assert_int_equal(running_now(&t, 10 * S + S / 4, false), 1 + S / 4);
    running_tick(&t, 11 * S, false);
    assert_int_equal(t.ran_ns, 1 + S);
}

static void without_ticks_it_stands_still_after_two_seconds(void **state)
{
    struct running t = {.ran_ns = 1, .shown_ns = 1};

    (void)state;
    assert_int_equal(running_now(&t, 500 * S, false), 1);
    running_tick(&t, 10 * S, false);
    assert_int_equal(running_now(&t, 5000 * S, false), 1 + 2 * S);
    running_tick(&t, 9000 * S, false); /* suspended, or stopped in a debugger */
    assert_int_equal(running_now(&t, 9000 * S, false), 1 + 2 * S);
    running_tick(&t, 9001 * S, false);
    assert_int_equal(t.ran_ns, 1 + 3 * S);
}

static void it_stands_still_while_nobody_could_renew(void **state)
{
    struct running t = {.ran_ns = 1, .shown_ns = 1};

    (void)state;
    running_tick(&t, 10 * S, false);
    for (unsigned i = 1; i < 100; i++)
        running_tick(&t, (10 + i) * S, true);
    assert_int_equal(running_now(&t, 109 * S + S / 2, true), 1);
    running_tick(&t, 110 * S, false);
    assert_int_equal(running_now(&t, 110 * S, false), 1 + S);
}

/* Whoever was told a time, and then nobody could renew: it goes on from there. */
static void it_goes_on_from_where_it_was_told(void **state)
{
    struct running t = {.ran_ns = 1, .shown_ns = 1};

    (void)state;
    running_tick(&t, 10 * S, false);
    assert_int_equal(running_now(&t, 11 * S, false), 1 + S);
    running_tick(&t, 11 * S, true);
    assert_int_equal(running_now(&t, 11 * S, true), 1 + S);
    running_tick(&t, 12 * S, false);
    assert_int_equal(running_now(&t, 12 * S, false), 1 + 2 * S);
}

static void it_never_goes_back(void **state)
{
    struct running t = {.ran_ns = 1, .shown_ns = 1};
    uint64_t last = 0, now = 10 * S;
    unsigned seed = 1;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        seed = seed * 1103515245 + 12345;
        unsigned what = seed >> 16;
        /* The clock itself never goes back; what threads saw of it may come in late. */
        uint64_t seen = now - (what % 5 == 0 ? S / 10 : 0);
        if (what % 3 == 0)
            running_tick(&t, seen, what % 7 == 0);
        uint64_t told = running_now(&t, seen, what % 11 == 0);
        assert_true(told >= last);
        assert_true(told <= now);
        last = told;
        now += what % 2000 * NS_PER_MS;
    }
    assert_true(last > 1000 * S);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_sum_up_what_passed),
        cmocka_unit_test(time_goes_on_between_ticks),
        cmocka_unit_test(without_ticks_it_stands_still_after_two_seconds),
        cmocka_unit_test(it_stands_still_while_nobody_could_renew),
        cmocka_unit_test(it_goes_on_from_where_it_was_told),
        cmocka_unit_test(it_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

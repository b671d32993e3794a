/* A pause of removals, as before a reload: nobody begins to go, and who has begun goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "removal_kit.h"

#define LONG_S 100

static void nobody_begins_to_go(void **state)
{
    struct removalkit *k = *state;

    removalkit_three_hosts(k);
    health_pause_removals(k->h, true);
    removalkit_run(k, LONG_S);
    assert_true(removalkit_is_there(k, "b"));
    assert_true(health_removals_idle(k->h));
    health_pause_removals(k->h, false);
    removalkit_run(k, 2);
    assert_false(removalkit_is_there(k, "b"));
}

static void who_has_begun_goes(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    health_pause_removals(k->h, true);
    removalkit_run(k, 5);
    assert_false(health_removals_idle(k->h));
    removalkit_touch(k, "go");
    REMOVALKIT_PUMP(k, health_removals_idle(k->h));
    assert_false(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_file(k, "ran"), "began\nended\n");
    assert_non_null(strstr(removalkit_told(k), "ok=true dry=false b.lab.example. b: exit code 0"));
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination WHERE result = 'ok'"),
                     1);
}

static void a_second_try_waits(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, "echo began >>\"$2/ran\"; exit 3");
    removalkit_three_hosts(k);
    REMOVALKIT_UNTIL(k, REMOVALKIT_FALL_S + REMOVALKIT_GONE_S + 3,
                     removalkit_terminating(k, regkit_number(&k->reg, "b", "b")));
    REMOVALKIT_PUMP(k, !removalkit_terminating(k, regkit_number(&k->reg, "b", "b")));
    health_pause_removals(k->h, true);
    assert_true(health_removals_idle(k->h));
    removalkit_run(k, LONG_S);
    assert_string_equal(removalkit_file(k, "ran"), "began\n");
    health_pause_removals(k->h, false);
    removalkit_run(k, 2);
    REMOVALKIT_PUMP(k, !removalkit_terminating(k, regkit_number(&k->reg, "b", "b")));
    assert_string_equal(removalkit_file(k, "ran"), "began\nbegan\n");
}

/* Whatever holds it up: not for ever. */
static void one_without_an_end_is_not_waited_for(void **state)
{
    struct removalkit *k = *state;

    removalkit_in_the_middle(k);
    health_pause_removals(k->h, true);
    removalkit_run(k, k->options.terminate.timeout_ms / 1000);
    assert_false(health_removals_idle(k->h));
    removalkit_run(k, 60);
    assert_true(health_removals_idle(k->h));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(nobody_begins_to_go),
        TEST(who_has_begun_goes),
        TEST(a_second_try_waits),
        TEST(one_without_an_end_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

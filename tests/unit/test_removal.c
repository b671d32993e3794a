/* Hosts that stay down: who is removed, when, and who is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include <betterdns/clock.h>

#include "pause_kit.h"
#include "removal_kit.h"

#define FALL_S REMOVALKIT_FALL_S
#define GONE_S REMOVALKIT_GONE_S

static const char *const names[] = {"a", "b", "c", "d"};

static void register_some(struct removalkit *k, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        removalkit_register(k, names[i], i + 1);
    removalkit_run(k, 3);
}

static void one_dead_host_of_three(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    register_some(k, 3);
    k->dead[2] = true;
    unsigned took = REMOVALKIT_UNTIL(k, FALL_S + GONE_S + 2, !removalkit_is_there(k, "b"));
    assert_true(took >= FALL_S + GONE_S - 1);
    assert_string_equal(removalkit_told(k),
                        "ok=true dry=true b.lab.example. b: dry run: would nothing\n");
    removalkit_run(k, 100);
    assert_true(removalkit_is_there(k, "a") && removalkit_is_there(k, "c"));
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination "
                                          "WHERE result = 'dry run'"),
                     1);
    struct health_stats stats;
    health_stats(k->h, &stats);
    assert_int_equal(stats.terminated[1][1], 1);
}

static void it_is_withdrawn_first(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    register_some(k, 3);
    k->dead[2] = true;
    REMOVALKIT_UNTIL(k, FALL_S + 3, strcmp(regkit_shown(&k->reg, "b", RRTYPE_A), "-") == 0);
    assert_true(removalkit_is_there(k, "b"));
}

static void a_host_that_comes_back_in_time(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    register_some(k, 3);
    k->dead[2] = true;
    removalkit_run(k, FALL_S + GONE_S - 4);
    k->dead[2] = false;
    removalkit_run(k, 10);
    /* The clock has begun anew. */
    k->dead[2] = true;
    removalkit_run(k, FALL_S + GONE_S - 4);
    assert_true(removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_told(k), "");
}

static void deregister_after_never(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    register_some(k, 3);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "d", .values = "192.0.2.9",
                                    .check = "url tcp://:80\ninterval 1s\ntimeout 1s\n"
                                             "deregister_after never\n"));
    k->dead[9] = true;
    removalkit_run(k, 200);
    assert_true(removalkit_is_there(k, "d"));
    assert_string_equal(regkit_shown(&k->reg, "d", RRTYPE_A), "-");
}

static void panic(void **state)
{
    struct removalkit *k = *state;

    removalkit_open(k);
    register_some(k, 3);
    k->dead[1] = k->dead[2] = true;
    removalkit_run(k, 200);
    assert_true(health_panic(k->h));
    assert_true(removalkit_is_there(k, "a") && removalkit_is_there(k, "b"));
    assert_string_equal(removalkit_told(k), "");
    /* One of them is back: for the other the clock begins anew. */
    k->dead[1] = false;
    REMOVALKIT_UNTIL(k, 80, !health_panic(k->h));
    removalkit_run(k, GONE_S - 2);
    assert_true(removalkit_is_there(k, "b"));
    REMOVALKIT_UNTIL(k, GONE_S + 4, !removalkit_is_there(k, "b"));
    assert_true(removalkit_is_there(k, "a"));
}

/* One a minute, and no more than the hour has room for. */
static void budget(void **state)
{
    struct removalkit *k = *state;
    char name[20];

    removalkit_open(k);
    for (unsigned i = 1; i <= 50; i++) {
        snprintf(name, sizeof(name), "host%u", i);
        removalkit_register(k, name, i);
    }
    removalkit_run(k, 3);
    k->dead[1] = k->dead[2] = k->dead[3] = true;
    REMOVALKIT_UNTIL(k, FALL_S + GONE_S + 3, strlen(removalkit_told(k)) > 0);
    size_t first = strlen(removalkit_told(k));
    unsigned took = REMOVALKIT_UNTIL(k, 70, strlen(removalkit_told(k)) > first);
    assert_true(took >= 60);
    /* Two of fifty are all of an hour. */
    size_t second = strlen(removalkit_told(k));
    removalkit_run(k, 300);
    assert_int_equal(strlen(removalkit_told(k)), second);
    assert_true(removalkit_is_there(k, "host1") || removalkit_is_there(k, "host2") ||
                removalkit_is_there(k, "host3"));
    /* A restart does not fill it. */
    removalkit_restart(k);
    removalkit_run(k, 200);
    assert_int_equal(strlen(removalkit_told(k)), second);
}

/* A and AAAA of one machine. */
static void one_host_of_two_addresses(void **state)
{
    struct removalkit *k = *state;

    removalkit_use_script(k, "echo \"$1\" >>\"$2/ran\"");
    removalkit_open(k);
    register_some(k, 3);
    removalkit_register(k, "both", 20);
    removalkit_register_as(k, &WHAT(OP_REGISTER, "both", .type = RRTYPE_AAAA,
                                    .values = "2001:db8::15", .check = REMOVALKIT_CHECK));
    removalkit_run(k, 3);
    k->dead[20] = true;
    removalkit_run(k, FALL_S + GONE_S + 20);
    assert_true(removalkit_is_there(k, "both"));
    assert_string_equal(removalkit_file(k, "ran"), "");
    k->dead[0x15] = true;
    removalkit_run(k, FALL_S + GONE_S - 2);
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination"), 0);
    removalkit_run(k, 5);
    REMOVALKIT_PUMP(k, !removalkit_is_there(k, "both"));
    assert_string_equal(regkit_records(&k->reg, "both", RRTYPE_AAAA), "-");
    assert_string_equal(removalkit_file(k, "ran"), "both\n");
}

/* Who renews in the last moment is not touched. */
static void a_repeat_in_the_last_moment(void **state)
{
    struct removalkit *k = *state;
    const unsigned seconds = FALL_S + GONE_S + 3;

    removalkit_open(k);
    register_some(k, 3);
    /* Not withdrawn, so that a repeat gives it no new number: the name has another host. */
    removalkit_register_as(
        k, &WHAT(OP_REGISTER, "two", .id = "x", .values = "192.0.2.30", .check = REMOVALKIT_CHECK));
    removalkit_register_as(k,
                           &WHAT(OP_REGISTER, "two", .id = "y", .values = "192.0.2.30",
                                 .check = "url tcp://:80\ninterval 1s\nderegister_after never\n"));
    removalkit_run(k, 3);
    uint64_t number = regkit_number(&k->reg, "two", "x");
    pause_hold("health: a host is about to go");
    k->dead[30] = true;
    removalkit_begin(k, seconds);
    pause_wait("health: a host is about to go", 1);
    assert_int_equal(ASK(&k->reg, OP_REGISTER, "two", .id = "x", .values = "192.0.2.30",
                         .check = REMOVALKIT_CHECK),
                     0);
    pause_release("health: a host is about to go");
    removalkit_end(k);
    assert_int_equal(regkit_number(&k->reg, "two", "x"), number);
    assert_string_equal(removalkit_told(k), "");
    assert_int_equal(lease_query(&k->reg, "SELECT count(*) FROM termination"), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, removalkit_make, removalkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(one_dead_host_of_three),
        TEST(it_is_withdrawn_first),
        TEST(a_host_that_comes_back_in_time),
        TEST(deregister_after_never),
        TEST(panic),
        TEST(budget),
        TEST(one_host_of_two_addresses),
        TEST(a_repeat_in_the_last_moment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

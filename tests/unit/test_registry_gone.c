/* state.db, its WAL or all of its directory removed or replaced while it is open: what is written
 * to a file without a name is durable nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>

#include "registry_kit.h"

static const char *in_data(const struct regkit *k, const char *name)
{
    static char path[160];

    snprintf(path, sizeof(path), "%s/data/%s", k->dir, name);
    return path;
}

static void drop(const struct regkit *k, const char *name)
{
    assert_int_equal(unlink(in_data(k, name)), 0);
}

/* It is said of no change that it is durable before it is, and nothing is lost. */
static void assert_mended(struct regkit *k, const char *name)
{
    const uint64_t before = regkit_stats(k).rebuilds;

    assert_int_equal(ASK(k, OP_REGISTER, name, .values = "192.0.2.9"), -BD_EUNKNOWN);
    REGKIT_WAIT(!regkit_stats(k).read_only)
    assert_int_equal(regkit_stats(k).rebuilds, before + 1);
    assert_int_equal(ASK(k, OP_REGISTER, name, .values = "192.0.2.9"), 0);
    assert_true(k->receipt.created);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_records(k, name, RRTYPE_A), "30 192.0.2.9");
}

static void a_file_that_is_gone_is_written_again(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    drop(k, "state.db");
    assert_mended(k, "b");
    drop(k, "state.db-wal");
    assert_mended(k, "c");
    drop(k, "state.db");
    drop(k, "state.db-wal");
    drop(k, "state.db-shm");
    assert_mended(k, "d");
    assert_int_equal(file_write_atomic(in_data(k, "state.db"), STR("another"), 0640, false), 0);
    assert_mended(k, "e");
}

/* Nothing was written since, and the end is near: it is written again all the same. */
static void an_end_finds_it_gone(void **state)
{
    struct regkit *k = *state;
    char aside[160];

    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    drop(k, "state.db");
    drop(k, "state.db-wal");
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
    drop(k, "state.db");
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.9"), -BD_EUNKNOWN);
    regkit_reopen(k); /* soon after it was found */
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
    snprintf(aside, sizeof(aside), "%s/aside", k->dir);
    assert_int_equal(rename(in_data(k, ""), aside), 0);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
}

/* With its lock: a second betterdns is refused there still. */
static void so_is_a_directory(void **state)
{
    struct regkit *k = *state;
    struct registry *second = NULL;
    struct problem p = {0};
    char aside[160];

    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    snprintf(aside, sizeof(aside), "%s/aside", k->dir);
    assert_int_equal(rename(in_data(k, ""), aside), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.9"), -BD_EUNKNOWN);
    REGKIT_WAIT(!regkit_stats(k).read_only)
    assert_int_equal(registry_open(&k->options, &second, &p), -BD_EINUSE);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.9"), 0);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_records(k, "b", RRTYPE_A), "30 192.0.2.9");
}

/* Another betterdns has begun there meanwhile: the directory is its own. */
static void another_that_came_meanwhile_stays_alone(void **state)
{
    struct regkit *k = *state;
    char aside[160];
    int fd = -1;

    snprintf(aside, sizeof(aside), "%s/aside", k->dir);
    assert_int_equal(rename(in_data(k, ""), aside), 0);
    assert_int_equal(mkdir(in_data(k, ""), 0750), 0);
    assert_int_equal(file_lock(in_data(k, "state.lock"), &fd), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.9"), -BD_EUNKNOWN);
    REGKIT_WAIT(regkit_stats(k).failed_rebuilds >= 3)
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.9"), -BD_EREADONLY);
    assert_int_equal(access(in_data(k, "state.db"), F_OK), -1);
    close(fd); /* it has ended */
    REGKIT_WAIT(!regkit_stats(k).read_only)
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.9"), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_file_that_is_gone_is_written_again),
        TEST(an_end_finds_it_gone),
        TEST(so_is_a_directory),
        TEST(another_that_came_meanwhile_stays_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

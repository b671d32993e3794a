/* A state.db of another version than ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <sqlite3.h>

#include "registry_kit.h"

/* Runs SQL on the closed state.db. */
static void sql(const struct regkit *k, const char *text)
{
    char path[160];
    sqlite3 *db;

    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void a_newer_state_is_refused(void **state)
{
    struct regkit *k = *state;

    regkit_close(k);
    sql(k, "PRAGMA user_version=3");
    assert_int_equal(regkit_open(k), -BD_EINVALID);
    assert_non_null(strstr(k->problem.detail, "version 3"));
    assert_true(k->problem.hint[0]);
    sql(k, "PRAGMA user_version=2");
    assert_int_equal(regkit_open(k), 0);
}

/* What version 2 has added goes again. */
static void make_version_1(const struct regkit *k)
{
    sql(k, "ALTER TABLE rrset DROP COLUMN withdrawn");
    sql(k, "ALTER TABLE termination DROP COLUMN ran");
    sql(k, "DROP TABLE run");
    sql(k, "DROP TABLE renewal");
    sql(k, "DROP TABLE note");
    sql(k, "PRAGMA user_version=1");
}

static void an_earlier_state_is_brought_to_this_version(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t seq = regkit_seq(k), number = k->receipt.number;
    struct hash128 mark = regkit_mark(k, 0);
    regkit_close(k);
    make_version_1(k);
    assert_int_equal(regkit_open(k), 0);
    struct hash128 after = regkit_mark(k, 0);
    assert_true(hash128_eq(&mark, &after));
    assert_int_equal(regkit_seq(k), seq);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "web=192.0.2.1");
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "30 192.0.2.1");
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {number}), 0);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "-");
}

/* Its own tables are in the way: nothing of it is changed, and the next start says so again. */
static void a_state_that_cannot_be_changed_stays(void **state)
{
    struct regkit *k = *state;

    regkit_close(k);
    make_version_1(k);
    sql(k, "CREATE TABLE note(x)");
    assert_true(regkit_open(k) < 0);
    assert_true(k->problem.detail[0]);
    sql(k, "DROP TABLE note");
    assert_int_equal(regkit_open(k), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_newer_state_is_refused),
        T(an_earlier_state_is_brought_to_this_version),
        T(a_state_that_cannot_be_changed_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

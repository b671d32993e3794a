/* A state.db of another version than ours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <endian.h>
#include <sqlite3.h>

#include <betterdns/clock.h>

#include "history_kit.h"

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

/* The chain runs over the number and the operations of each change. */
static void write_row(sqlite3 *db, uint64_t seq, const char *ops, size_t n, struct hash128 *chain)
{
    uint64_t number = htobe64(seq);
    struct buf bytes = {0};
    sqlite3_stmt *st;

    buf_add(&bytes, &number, sizeof(number));
    buf_add(&bytes, ops, n);
    *chain = hash128_pair(chain->b, sizeof(chain->b), bytes.p, bytes.n);
    assert_int_equal(sqlite3_prepare_v2(db, "UPDATE change SET ops = ?1, chain = ?2 WHERE seq = ?3",
                                        -1, &st, NULL),
                     SQLITE_OK);
    sqlite3_bind_blob(st, 1, ops, (int)n, SQLITE_TRANSIENT);
    sqlite3_bind_blob(st, 2, chain->b, sizeof(chain->b), SQLITE_TRANSIENT);
    sqlite3_bind_int64(st, 3, (sqlite3_int64)seq);
    assert_int_equal(sqlite3_step(st), SQLITE_DONE);
    sqlite3_finalize(st);
    buf_free(&bytes);
}

/* As version 1 wrote them; nothing was ever withdrawn in these. */
static void make_rows_version_1(const struct regkit *k)
{
    struct hash128 chain = {0};
    char path[160], ops[4096];
    sqlite3_stmt *st;
    sqlite3 *db;

    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT seq, ops FROM change ORDER BY seq", -1, &st, NULL),
        SQLITE_OK);
    while (sqlite3_step(st) == SQLITE_ROW) {
        size_t n = (size_t)sqlite3_column_bytes(st, 1);
        assert_true(n > 0 && n <= sizeof(ops));
        memcpy(ops, sqlite3_column_blob(st, 1), n);
        assert_int_equal(ops[0], 2);
        ops[0] = 1;
        write_row(db, (uint64_t)sqlite3_column_int64(st, 0), ops, n, &chain);
    }
    sqlite3_finalize(st);
    sqlite3_close(db);
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
    regkit_close(k);
    make_version_1(k);
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(regkit_seq(k), seq);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "web=192.0.2.1");
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "30 192.0.2.1");
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {number}), 0);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "-");
}

static void an_earlier_history_is_read(void **state)
{
    struct regkit *k = *state;
    struct snap *then;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .ttl = 60), 0);
    uint64_t seq = regkit_seq(k), number = k->receipt.number;
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "late", .values = "192.0.2.3"), 0);
    regkit_close(k);
    make_rows_version_1(k);
    make_version_1(k);
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.2", .numbers = {number}), 0);
    assert_int_equal(registry_at(k->r, 0, &then), 0);
    assert_int_equal(snap_zone(then, 0)->nrecords, 0);
    snap_put(then);
    assert_int_equal(registry_rollback(k->r, 0, seq, STR("operator"), clock_deadline(60 * NS_PER_S),
                                       NULL, &k->problem),
                     0);
    assert_string_equal(regkit_records(k, "late", RRTYPE_A), "-");
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "60 192.0.2.1");
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "web=192.0.2.1");
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
        T(an_earlier_history_is_read),
        T(a_state_that_cannot_be_changed_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

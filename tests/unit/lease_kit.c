/* Leases in tests. */
#include "lease_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include <sqlite3.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>

#include "impl.h"

#define DAY_S 86400

static uint64_t now_ns; /* 0: not begun */

void lease_settle(struct regkit *k)
{
    assert_int_equal(ASK(k, OP_REGISTER, "settle", .values = "192.0.2.250", .dry_run = true), 0);
}

void lease_run_for(struct regkit *k, unsigned seconds)
{
    if (now_ns == 0)
        now_ns = clock_mono_ns() + DAY_S * NS_PER_S;
    lease_tick(k->r, now_ns);
    for (unsigned i = 0; i < seconds; i++) {
        now_ns += NS_PER_S;
        lease_tick(k->r, now_ns);
        if (!regkit_stats(k).read_only)
            lease_settle(k);
    }
}

void lease_jump(uint64_t seconds)
{
    if (now_ns == 0)
        now_ns = clock_mono_ns() + DAY_S * NS_PER_S;
    now_ns += seconds * NS_PER_S;
}

static void copy(struct regkit *k, const char *from, const char *to)
{
    char path[160];
    struct buf bytes = {0};

    regkit_path(k, from, path);
    if (access(path, F_OK) == 0) {
        assert_int_equal(file_read(path, SIZE_MAX, &bytes), 0);
        regkit_path(k, to, path);
        assert_int_equal(file_write_atomic(path, buf_str(&bytes), 0640, false), 0);
    } else {
        regkit_path(k, to, path);
        unlink(path);
    }
    buf_free(&bytes);
}

void lease_crash(struct regkit *k)
{
    lease_settle(k);
    copy(k, "state.db", "killed");
    copy(k, "state.db-wal", "killed-wal");
    regkit_close(k);
    copy(k, "killed", "state.db");
    copy(k, "killed-wal", "state.db-wal");
    assert_int_equal(regkit_open(k), 0);
}

static sqlite3 *open_db(const struct regkit *k)
{
    char path[160];
    sqlite3 *db;

    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    return db;
}

long long lease_query(const struct regkit *k, const char *sql)
{
    sqlite3 *db = open_db(k);
    sqlite3_stmt *st;

    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    long long value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return value;
}

void lease_sql(const struct regkit *k, const char *sql)
{
    sqlite3 *db = open_db(k);

    if (sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
        fail_msg("%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

uint64_t lease_renewed(struct regkit *k, const char *name)
{
    return registry_renewed_ns(k->r, regkit_number(k, name, "a"));
}

void lease_rebuild(struct regkit *k)
{
    uint64_t before = regkit_stats(k).rebuilds;

    rebuild_ask(k->r, "a test asks for it", -EIO, "nothing");
    REGKIT_WAIT(regkit_stats(k).rebuilds > before && !regkit_stats(k).read_only)
}

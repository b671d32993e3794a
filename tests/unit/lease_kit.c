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

void lease_hold_renewals(struct regkit *k, bool on)
{
    lease_hold(k->r, on, now_ns);
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

struct registry_target lease_target(struct regkit *k, const char *name)
{
    struct registry_target t = {.type = RRTYPE_A, .number = regkit_number(k, name, "a")};
    char text[64];

    snprintf(text, sizeof(text), "%s.LAB.example.", name);
    assert_int_equal(dname_from_text(str_c(text), NULL, &t.owner, NULL), 0);
    return t;
}

int lease_terminate(struct regkit *k, const struct registry_target *targets, size_t n,
                    uint64_t since_ns)
{
    return registry_terminate(k->r, targets, n, since_ns, clock_deadline(60 * NS_PER_S));
}

int lease_terminated(struct regkit *k, const char *name, const char *result)
{
    return registry_terminated(k->r, regkit_number(k, name, "a"), str_c(result),
                               clock_deadline(60 * NS_PER_S));
}

/* ---- what is kept, as "number started result;" with seconds ---- */

static char said[2048];

static int say(void *arg, const struct registry_termination *t)
{
    size_t n = strlen(said);

    (void)arg;
    assert_in_range(clock_real_s() - t->started, 0, 600);
    snprintf(said + n, sizeof(said) - n, "%llu %llu %.*s;", (unsigned long long)t->number,
             (unsigned long long)(t->started_ns / NS_PER_S),
             STR_ARG(t->result.p ? t->result : STR("-")));
    return 0;
}

const char *lease_terminations(struct regkit *k, uint64_t since_ns)
{
    said[0] = '\0';
    assert_int_equal(registry_terminations(k->r, since_ns, say, NULL), 0);
    return said;
}

static int say_note(void *arg, const struct registry_note *note)
{
    size_t n = strlen(said);

    (void)arg;
    snprintf(said + n, sizeof(said) - n, "%lld %.*s;", (long long)note->number,
             STR_ARG(note->value));
    return 0;
}

const char *lease_notes(struct regkit *k)
{
    said[0] = '\0';
    assert_int_equal(registry_notes(k->r, say_note, NULL), 0);
    return said;
}

int lease_put_note(struct regkit *k, uint64_t number, const char *value)
{
    const struct registry_note note = {number, str_c(value)};

    return registry_notes_put(k->r, &note, 1, clock_deadline(60 * NS_PER_S));
}

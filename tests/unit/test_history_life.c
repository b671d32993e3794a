/* The history beside what else goes on: writers, a state.db that is replaced, one with holes. The
 * disk is played by functions of this program that stand before the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <dirent.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sqlite3.h>

#include <betterdns/clock.h>
#include <betterdns/history.h>

#include "history_kit.h"

static _Atomic int failing; /* so many syncs are still to fail */

static int sync_fd(long call, int fd)
{
    if (atomic_load(&failing) > 0 && atomic_fetch_sub(&failing, 1) > 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, fd);
}

int fdatasync(int fd)
{
    return sync_fd(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return sync_fd(SYS_fsync, fd);
}

static int start(void **state)
{
    static struct regkit kit;

    atomic_store(&failing, 0);
    regkit_start(&kit);
    *state = &kit;
    return regkit_open(&kit);
}

static int end(void **state)
{
    atomic_store(&failing, 0);
    regkit_end(*state);
    return 0;
}

static void execute(struct regkit *k, const char *sql)
{
    char path[160];
    sqlite3 *db;

    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

/* ---- writers and readers ---- */

#define WRITERS 2
#define READERS 2
#define CHANGES 150 /* a writer */

static struct {
    struct regkit *k;
    atomic_uint writing;
    atomic_bool failed;
} life;

static void *write_much(void *arg)
{
    static const char *const values[] = {"192.0.2.1", "192.0.2.2"};
    const char *name = arg;

    for (unsigned i = 0; i < CHANGES; i++) {
        struct change *c = change_new(CHANGE_HTTP, STR("test"));
        struct receipt receipt = {0};
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = values[i % 2]));
        regkit_add(c, &WHAT(OP_REGISTER, "1.2.0.192.in-addr.arpa.", .values = values[i % 2]));
        registry_submit(life.k->r, c, clock_deadline(60 * NS_PER_S), &receipt, NULL);
        rrset_put(receipt.set);
        change_put(c);
    }
    atomic_fetch_sub(&life.writing, 1);
    return NULL;
}

static int in_order(void *arg, const struct history_change *c)
{
    uint64_t *last = arg;

    if (c->seq <= *last || c->nzones == 0 || c->zones[0].serial == 0)
        return 1;
    *last = c->seq;
    return 0;
}

/* Snapshots that are some changes old are made again. */
static bool read_once(struct snap *then)
{
    struct history_filter filter = {snap_seq(then), UINT_MAX, NULL};
    uint64_t last = filter.since, seq;
    struct snap *again;

    int r = registry_at(life.k->r, snap_seq(then), &again);
    if (r == 0) {
        history_assert_same(again, then);
        snap_put(again);
    }
    if (r == 0)
        r = registry_history(life.k->r, &filter, in_order, &last);
    if (r == 0)
        r = registry_seq_at_serial(life.k->r, 0, snap_zone(then, 0)->serial, &seq);
    return r == 0 ? seq <= snap_seq(then) : r == -BD_EREADONLY;
}

static void *read_much(void *arg)
{
    struct snap *kept[4] = {0};

    for (unsigned i = 0; atomic_load(&life.writing) > 0 && !atomic_load(&life.failed); i++) {
        unsigned at = i % ARRAY_SIZE(kept);
        if (kept[at] && !read_once(kept[at]))
            atomic_store(&life.failed, true);
        snap_put(kept[at]);
        kept[at] = registry_snapshot(life.k->r);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(kept); i++)
        snap_put(kept[i]);
    return arg;
}

static void live(struct regkit *k, bool broken)
{
    static char names[WRITERS][2] = {"a", "b"};
    pthread_t threads[WRITERS + READERS];
    unsigned n = 0;

    life.k = k;
    atomic_store(&life.writing, WRITERS);
    atomic_store(&life.failed, false);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[n++], NULL, read_much, NULL), 0);
    for (unsigned i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&threads[n++], NULL, write_much, names[i]), 0);
    while (broken && atomic_load(&life.writing) > 0) {
        uint64_t rebuilds = regkit_stats(k).rebuilds;
        atomic_store(&failing, 1);
        REGKIT_WAIT(regkit_stats(k).rebuilds > rebuilds || atomic_load(&life.writing) == 0)
    }
    while (n > 0)
        pthread_join(threads[--n], NULL);
    atomic_store(&failing, 0);
    assert_false(atomic_load(&life.failed));
}

static void readers_and_writers_do_not_meet(void **state)
{
    struct regkit *k = *state;

    live(k, false);
    assert_int_equal(regkit_stats(k).refused, 0);
    assert_int_equal(registry_oldest(k->r), 0);
}

/* Each fsync that fails makes a fresh state.db. */
static void a_replaced_state_is_noticed(void **state)
{
    live(*state, true);
}

/* ---- somebody who takes his time ---- */

/* The whole WAL can be copied and cut: nobody reads from it. */
static bool can_be_cut(struct regkit *k)
{
    char path[160];
    sqlite3 *db;
    sqlite3_stmt *st;

    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA wal_checkpoint(TRUNCATE)", -1, &st, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    bool busy = sqlite3_column_int(st, 0) != 0;
    sqlite3_finalize(st);
    sqlite3_close(db);
    return !busy;
}

static int take_time(void *arg, const struct history_change *c)
{
    struct regkit *k = arg;

    (void)c;
    assert_int_equal(ASK(k, OP_PUT, "ns1", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_PUT, "ns1", .values = "192.0.2.2"), 0);
    return can_be_cut(k) ? 0 : 1;
}

static void a_slow_reader_holds_nothing(void **state)
{
    struct regkit *k = *state;
    struct history_filter all = {0, UINT_MAX, NULL};

    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ASK(k, OP_REGISTER, "a", .values = i % 2 ? "192.0.2.1" : "192.0.2.2"), 0);
    assert_int_equal(registry_history(k->r, &all, take_time, k), 0);
}

/* ---- what is left of a replaced state.db ---- */

/* Files that are open, and have no name any more. */
static unsigned count_deleted(void)
{
    char path[300], link[300];
    struct dirent *entry;
    unsigned n = 0;

    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    while ((entry = readdir(dir))) {
        snprintf(path, sizeof(path), "/proc/self/fd/%s", entry->d_name);
        ssize_t length = readlink(path, link, sizeof(link) - 1);
        link[length > 0 ? length : 0] = '\0';
        n += strstr(link, "state.db") && strstr(link, "(deleted)");
    }
    closedir(dir);
    return n;
}

static void nothing_holds_the_old_one(void **state)
{
    struct regkit *k = *state;
    struct history_kept kept = {0};
    unsigned seed = 5;
    struct snap *then;
    uint64_t seq;

    for (unsigned i = 0; i < 40; i++) {
        history_random_change(k, &seed);
        history_keep(&kept, k);
    }
    history_assert_kept(&kept, k); /* it has the old one open */
    atomic_store(&failing, INT_MAX);
    assert_int_equal(ASK(k, OP_REGISTER, "x", .values = "192.0.2.1"), -BD_EUNKNOWN);
    REGKIT_WAIT(regkit_stats(k).failed_rebuilds > 1)
    assert_int_equal(registry_at(k->r, 1, &then), -BD_EREADONLY);
    assert_int_equal(registry_seq_at_serial(k->r, 0, 1, &seq), -BD_EREADONLY);
    assert_int_equal(registry_at(k->r, regkit_seq(k), &then), 0); /* that is in memory */
    snap_put(then);
    atomic_store(&failing, 0);
    REGKIT_WAIT(!regkit_stats(k).read_only)
    history_assert_kept(&kept, k);
    assert_int_equal(count_deleted(), 0);

    /* The number that was used in vain is none of its own. */
    assert_int_equal(ASK(k, OP_REGISTER, "x", .values = "192.0.2.1"), 0);
    seq = regkit_seq(k);
    assert_int_equal(seq, snap_seq(kept.p[kept.n - 1]) + 2);
    assert_int_equal(registry_at(k->r, seq - 1, &then), 0);
    history_assert_same(then, kept.p[kept.n - 1]);
    snap_put(then);
    history_forget(&kept);
}

/* ---- holes ---- */

static void fill(struct regkit *k)
{
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ASK(k, OP_REGISTER, "a", .values = i % 2 ? "192.0.2.1" : "192.0.2.2"), 0);
    regkit_close(k);
}

static void what_is_behind_a_hole_is_not_made_up(void **state)
{
    struct regkit *k = *state;
    struct snap *then;

    fill(k);
    execute(k, "DELETE FROM change WHERE seq = 10");
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(registry_oldest(k->r), 0);
    assert_int_equal(registry_at(k->r, 11, &then), 0);
    snap_put(then);
    assert_int_equal(registry_at(k->r, 9, &then), -BD_ENOTFOUND);
    assert_int_equal(registry_oldest(k->r), 11); /* now it is known */
    assert_int_equal(registry_at(k->r, 10, &then), -BD_ENOTFOUND);
    assert_int_equal(registry_at(k->r, 11, &then), 0);
    snap_put(then);
}

static void a_change_that_was_altered_is_not_undone(void **state)
{
    struct regkit *k = *state;
    struct snap *then;

    fill(k);
    execute(k, "UPDATE change SET ops = (SELECT ops FROM change WHERE seq = 11) WHERE seq = 10");
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(registry_at(k->r, 10, &then), 0);
    snap_put(then);
    assert_int_equal(registry_at(k->r, 9, &then), -BD_ENOTFOUND);
}

static void damage_is_said(void **state)
{
    struct regkit *k = *state;
    struct history_filter all = {0, UINT_MAX, NULL};
    uint64_t last = 0;
    struct snap *then;

    fill(k);
    execute(k, "UPDATE change SET ops = x'07' WHERE seq = 10");
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(registry_history(k->r, &all, in_order, &last), -BD_ECORRUPT);
    regkit_close(k);
    execute(k, "UPDATE change SET chain = x'07' WHERE seq = 10");
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(registry_at(k->r, 9, &then), -BD_ECORRUPT);
    regkit_close(k);
    execute(k, "UPDATE change SET chain = x'07' WHERE seq = 1");
    assert_int_equal(regkit_open(k), 0); /* what is true now does not rest on it */
    assert_int_equal(registry_oldest(k->r), regkit_seq(k));
    assert_int_equal(registry_at(k->r, regkit_seq(k) - 1, &then), -BD_ENOTFOUND);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(readers_and_writers_do_not_meet),
        T(a_replaced_state_is_noticed),
        T(a_slow_reader_holds_nothing),
        T(nothing_holds_the_old_one),
        T(what_is_behind_a_hole_is_not_made_up),
        T(a_change_that_was_altered_is_not_undone),
        T(damage_is_said),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

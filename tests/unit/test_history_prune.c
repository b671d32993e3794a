/* Old changes go, but none that a file or a base still needs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <limits.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sqlite3.h>

#include <betterdns/clock.h>
#include <betterdns/history.h>

#include "history_kit.h"
#include "history_impl.h"
#include "pause_kit.h"

static _Atomic int failing; /* so many syncs are still to fail */

int fdatasync(int fd)
{
    if (atomic_load(&failing) > 0 && atomic_fetch_sub(&failing, 1) > 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static int start(void **state)
{
    static struct regkit kit;

    atomic_store(&failing, 0);
    regkit_start(&kit);
    kit.options.history_age_s = 1000;
    *state = &kit;
    return regkit_open(&kit);
}

static int end(void **state)
{
    atomic_store(&failing, 0);
    pause_release_all();
    regkit_end(*state);
    return 0;
}

static long long run_sql(struct regkit *k, const char *sql)
{
    char path[160];
    sqlite3 *db;
    sqlite3_stmt *st;

    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    sqlite3_busy_timeout(db, 60000);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    long long value = sqlite3_step(st) == SQLITE_ROW ? sqlite3_column_int64(st, 0) : -1;
    assert_int_equal(sqlite3_finalize(st), SQLITE_OK);
    sqlite3_close(db);
    return value;
}

static void change_some(struct regkit *k, unsigned n)
{
    static unsigned i;

    for (unsigned left = n; left > 0; left--)
        assert_int_equal(ASK(k, OP_REGISTER, "a", .values = i++ % 2 ? "192.0.2.1" : "192.0.2.2"),
                         0);
}

/* The changes up to this one were made long ago. */
static void make_old(struct regkit *k, unsigned seq)
{
    char sql[96];

    snprintf(sql, sizeof(sql), "UPDATE change SET time = time - 2000 WHERE seq <= %u", seq);
    run_sql(k, sql);
}

/* As if a minute had gone by. */
static void look_now(struct regkit *k)
{
    pthread_mutex_lock(&k->r->lock);
    k->r->history->prune.next_ns = 1;
    pthread_cond_signal(&k->r->work);
    pthread_mutex_unlock(&k->r->lock);
}

static bool has_looked(struct regkit *k)
{
    pthread_mutex_lock(&k->r->lock);
    bool looked = k->r->history->prune.next_ns > clock_mono_ns();
    pthread_mutex_unlock(&k->r->lock);
    return looked;
}

/* Returns when the committer has looked: what it did not remove by then stays. */
static void keep_since(struct regkit *k, uint64_t seq)
{
    for (unsigned z = 0; z < KIT_ZONES; z++)
        registry_keep_since(k->r, z, seq);
    look_now(k);
    REGKIT_WAIT(has_looked(k))
}

#define ALL UINT64_MAX

static void what_is_old_goes(void **state)
{
    struct regkit *k = *state;
    struct history_kept kept = {0};
    struct snap *then;
    uint64_t seq;

    uint32_t first = regkit_serial(k, 0), other = regkit_serial(k, 1);
    for (unsigned i = 0; i < 20; i++) {
        change_some(k, 1);
        if (regkit_seq(k) >= 16)
            history_keep(&kept, k);
    }
    make_old(k, 15);
    keep_since(k, ALL);
    assert_int_equal(registry_oldest(k->r), 16);
    assert_int_equal(run_sql(k, "SELECT count(*) FROM change"), 7);
    assert_int_equal(run_sql(k, "SELECT count(*) FROM change_zone WHERE zone = 1"), 7);
    for (unsigned again = 0; again < 2; again++) {
        history_assert_kept(&kept, k);
        assert_int_equal(registry_at(k->r, 15, &then), -BD_ENOTFOUND);
        /* What a serial was then is known, though the change that gave it is not. */
        assert_int_equal(registry_at(k->r, 16, &then), 0);
        assert_int_equal(snap_zone(then, 1)->serial, other);
        snap_put(then);
        assert_int_equal(registry_seq_at_serial(k->r, 1, other, &seq), 0);
        assert_int_equal(seq, 16);
        assert_int_equal(registry_seq_at_serial(k->r, 0, first, &seq), -BD_ENOTFOUND);
        assert_int_equal(registry_seq_at_serial(k->r, 0, first + 15, &seq), 0);
        assert_int_equal(seq, 17);
        assert_true(strncmp(history_text(k, &(struct history_filter){0, 0, NULL}), "16 ", 3) == 0);
        assert_string_equal(history_text(k, &(struct history_filter){0, 1, NULL}), "");
        regkit_reopen(k);
        assert_int_equal(registry_oldest(k->r), 16);
    }
    assert_int_equal(registry_rollback(k->r, 0, 15, STR("x"), ALL, NULL, &k->problem),
                     -BD_ENOTFOUND);
    assert_string_equal(k->problem.hint, "the changes 16 to 22 are kept");
    history_forget(&kept);
}

static void what_a_file_needs_stays(void **state)
{
    struct regkit *k = *state;
    struct snap *then;

    change_some(k, 20);
    make_old(k, 22);
    /* Of one zone nobody has said yet what its file has. */
    registry_keep_since(k->r, 0, ALL);
    look_now(k);
    REGKIT_WAIT(has_looked(k))
    assert_int_equal(registry_oldest(k->r), 0);
    keep_since(k, 7);
    assert_int_equal(registry_oldest(k->r), 7);
    assert_int_equal(registry_at(k->r, 7, &then), 0);
    snap_put(then);
    keep_since(k, 9);
    assert_int_equal(registry_oldest(k->r), 9);
    keep_since(k, 8); /* an older file was put back: what is gone is gone */
    assert_int_equal(registry_oldest(k->r), 9);
    /* The last one always stays. */
    keep_since(k, ALL);
    assert_int_equal(registry_oldest(k->r), 22);
    change_some(k, 1);
    assert_int_equal(registry_at(k->r, 22, &then), 0);
    snap_put(then);
    regkit_reopen(k);
    assert_int_equal(regkit_seq(k), 23);
    assert_int_equal(registry_oldest(k->r), 22);
}

static void what_a_base_needs_stays(void **state)
{
    struct regkit *k = *state;

    change_some(k, 20);
    make_old(k, 22);
    run_sql(k, "INSERT INTO base(zone, marker, records) VALUES (1, '12 0123', x''), (1, '', x''),"
               " (1, '14 4567', x''), (2, 'include:/a', x'')");
    keep_since(k, ALL);
    assert_int_equal(registry_oldest(k->r), 12);
    run_sql(k, "DELETE FROM base WHERE marker LIKE '12 %'");
    keep_since(k, ALL - 1);
    assert_int_equal(registry_oldest(k->r), 14);
}

/* A version of a file that was itself saved long ago has no editor any more, and goes. */
static void an_old_base_needs_nothing(void **state)
{
    struct regkit *k = *state;

    change_some(k, 20);
    make_old(k, 18);
    run_sql(k, "INSERT INTO base(zone, marker, records) VALUES (1, '6 0123', x'0000000000000008'),"
               " (1, '9 0123', x'0000000000000009'), (1, '12 4567', x'0000000000000014')");
    keep_since(k, ALL);
    assert_int_equal(registry_oldest(k->r), 12);
    assert_int_equal(run_sql(k, "SELECT count(*) FROM base"), 1);
    run_sql(k, "UPDATE base SET records = x'0000000000000012'");
    keep_since(k, ALL - 1);
    assert_int_equal(registry_oldest(k->r), 19);
}

/* The state after a number that no change has is that of the change before it. */
static void numbers_used_in_vain_are_no_gap(void **state)
{
    struct regkit *k = *state;
    struct snap *then;

    change_some(k, 3);
    atomic_store(&failing, 1);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.1"), -BD_EUNKNOWN); /* 6 */
    REGKIT_WAIT(!regkit_stats(k).read_only)
    change_some(k, 3);
    make_old(k, 9);
    keep_since(k, 6);
    assert_int_equal(registry_oldest(k->r), 5);
    assert_int_equal(registry_at(k->r, 6, &then), 0);
    assert_int_equal(snap_seq(then), 5);
    snap_put(then);
}

static void it_goes_in_steps(void **state)
{
    struct regkit *k = *state;

    change_some(k, 2100);
    make_old(k, 5000);
    registry_keep_since(k->r, 0, ALL);
    look_now(k);
    REGKIT_WAIT(has_looked(k))
    pause_hold("committer: looked for old changes");
    registry_keep_since(k->r, 1, ALL);
    look_now(k);
    pause_wait("committer: looked for old changes", 1);
    assert_int_equal(registry_oldest(k->r), 1001);
    pause_release("committer: looked for old changes");
    REGKIT_WAIT(registry_oldest(k->r) == 2102)
    assert_int_equal(run_sql(k, "SELECT count(*) FROM change"), 1);
}

#define LIMIT 30000
#define SIZES "SELECT sum(length(ops) + length(actor) + 100) FROM change"

static void what_is_too_much_goes(void **state)
{
    struct regkit *k = *state;
    struct history_kept kept = {0};
    struct snap *then;

    k->options.history_bytes = LIMIT;
    regkit_reopen(k);
    for (unsigned i = 0; i < 500; i++) {
        change_some(k, 1);
        history_keep(&kept, k);
    }
    assert_true(run_sql(k, SIZES) > 3 * LIMIT);
    keep_since(k, ALL);
    assert_true(run_sql(k, SIZES) <= LIMIT);
    assert_true(run_sql(k, SIZES) > LIMIT - 1000); /* and no more than that */
    uint64_t oldest = registry_oldest(k->r);
    assert_true(oldest > 100);
    for (size_t i = 0; i < kept.n; i++) {
        if (snap_seq(kept.p[i]) >= oldest)
            continue;
        assert_int_equal(registry_at(k->r, snap_seq(kept.p[i]), &then), -BD_ENOTFOUND);
        snap_put(kept.p[i]);
        kept.p[i--] = kept.p[--kept.n];
    }
    history_assert_kept(&kept, k);
    history_forget(&kept);

    /* What comes after is counted too. */
    change_some(k, 100);
    keep_since(k, ALL - 1);
    assert_true(run_sql(k, SIZES) <= LIMIT);
    assert_true(run_sql(k, SIZES) > LIMIT - 1000);
}

static void a_failure_is_one_of_the_disk(void **state)
{
    struct regkit *k = *state;

    change_some(k, 20);
    make_old(k, 15);
    for (unsigned z = 0; z < KIT_ZONES; z++)
        registry_keep_since(k->r, z, ALL);
    atomic_store(&failing, 1);
    look_now(k);
    REGKIT_WAIT(regkit_stats(k).rebuilds == 1)
    REGKIT_WAIT(!regkit_stats(k).read_only)
    change_some(k, 1);
    keep_since(k, ALL - 1);
    assert_int_equal(registry_oldest(k->r), 16);
    regkit_reopen(k);
    assert_int_equal(registry_oldest(k->r), 16);
}

/* ---- beside writers and readers ---- */

static struct {
    struct regkit *k;
    atomic_bool stop;
    atomic_uint failed, gone;
} life;

static void *read_much(void *arg)
{
    struct snap *kept = NULL, *then;

    for (unsigned i = 0; !atomic_load(&life.stop); i++) {
        if (i % 20 == 0) {
            snap_put(kept);
            kept = registry_snapshot(life.k->r);
        }
        int r = registry_at(life.k->r, snap_seq(kept), &then);
        if (r == 0) {
            history_assert_same(then, kept);
            snap_put(then);
        }
        atomic_fetch_add(&life.gone, r == -BD_ENOTFOUND);
        atomic_fetch_add(&life.failed, r != 0 && r != -BD_ENOTFOUND);
    }
    snap_put(kept);
    return arg;
}

static void readers_do_not_see_it(void **state)
{
    struct regkit *k = *state;
    pthread_t threads[2];

    k->options.history_bytes = 2000;
    regkit_reopen(k);
    life.k = k;
    atomic_store(&life.stop, false);
    atomic_store(&life.failed, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, read_much, NULL), 0);
    for (unsigned i = 0; i < 100; i++) {
        change_some(k, 5);
        for (unsigned z = 0; z < KIT_ZONES; z++)
            registry_keep_since(k->r, z, regkit_seq(k));
        look_now(k);
    }
    atomic_store(&life.stop, true);
    for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&life.failed), 0);
    REGKIT_WAIT((look_now(k), registry_oldest(k->r) > 100))
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_is_old_goes),
        T(what_a_file_needs_stays),
        T(what_a_base_needs_stays),
        T(an_old_base_needs_nothing),
        T(numbers_used_in_vain_are_no_gap),
        T(it_goes_in_steps),
        T(what_is_too_much_goes),
        T(a_failure_is_one_of_the_disk),
        T(readers_do_not_see_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

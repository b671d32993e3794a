/* Rule 5 of the write path: what is true after an error of the disk, whatever happens meanwhile.
 * The disk is played by functions of this program that stand before the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include <betterdns/clock.h>

#include "registry_kit.h"

/* ---- the disk ---- */

enum { CALL_WRITE = 1, CALL_SYNC = 2, CALL_READ = 4, CALL_NAME = 8 };

static struct {
    _Atomic unsigned calls; /* those that fail */
    _Atomic int times;      /* so many of them are still to fail */
    char suffix[32];        /* of the files that they are for; names: of the new name */
    _Atomic int die_in; /* after so many calls that change the disk: as kill -9 does it; 0: no */
} disk;

static bool is_meant(const char *path)
{
    size_t n = strlen(path), m = strlen(disk.suffix);

    return n >= m && strcmp(path + n - m, disk.suffix) == 0;
}

static bool breaks(unsigned call, const char *path)
{
    if (call != CALL_READ && atomic_load(&disk.die_in) > 0 &&
        atomic_fetch_sub(&disk.die_in, 1) == 1)
        _exit(0);
    if (!(atomic_load(&disk.calls) & call) || !is_meant(path))
        return false;
    if (atomic_fetch_sub(&disk.times, 1) <= 0)
        return false;
    errno = EIO;
    return true;
}

static bool breaks_fd(unsigned call, int fd)
{
    char link[48], path[256];

    if (atomic_load(&disk.calls) == 0 && atomic_load(&disk.die_in) == 0)
        return false;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return breaks(call, path);
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    return breaks_fd(CALL_WRITE, fd) ? -1 : syscall(SYS_pwrite64, fd, bytes, n, at);
}

ssize_t pread64(int fd, void *bytes, size_t n, off64_t at)
{
    return breaks_fd(CALL_READ, fd) ? -1 : syscall(SYS_pread64, fd, bytes, n, at);
}

int fdatasync(int fd)
{
    return breaks_fd(CALL_SYNC, fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

int fsync(int fd)
{
    return breaks_fd(CALL_SYNC, fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    return breaks(CALL_NAME, to) ? -1
                                 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    return breaks(CALL_NAME, path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

static void break_disk(unsigned calls, int times, const char *suffix)
{
    snprintf(disk.suffix, sizeof(disk.suffix), "%s", suffix);
    atomic_store(&disk.times, times);
    atomic_store(&disk.calls, calls);
}

static void mend_disk(void)
{
    atomic_store(&disk.calls, 0);
}

static int start(void **state)
{
    static struct regkit kit;

    mend_disk();
    regkit_start(&kit);
    *state = &kit;
    return regkit_open(&kit);
}

static int end(void **state)
{
    mend_disk();
    regkit_end(*state);
    return 0;
}

static void wait_writable(struct regkit *k)
{
    REGKIT_WAIT(!regkit_stats(k).read_only)
}

/* The one number that a query of state.db gives; the registry may have it open. */
static long long query(const struct regkit *k, const char *sql)
{
    char path[160];
    sqlite3 *db;
    sqlite3_stmt *st;

    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(st), SQLITE_ROW);
    long long value = sqlite3_column_int64(st, 0);
    sqlite3_finalize(st);
    sqlite3_close(db);
    return value;
}

#define INTACT "SELECT (SELECT group_concat(integrity_check) FROM pragma_integrity_check) = 'ok'"

/* ---- what is true afterwards ---- */

static const struct hash128 export_a = {{1}}, export_b = {{2}};

/* Registrations, exports, and a zone that is not in memory. */
static void fill(struct regkit *k)
{
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    assert_int_equal(registry_export_end(k->r, 0, 3, &export_a), 0);
    assert_int_equal(registry_export_begin(k->r, 0, 4, &export_b), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR, "a.lab.example."),
                     0);
    assert_int_equal(ASK(k, OP_WITHDRAW, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR, "a.lab.example.",
                         .numbers = {k->receipt.number}),
                     0);
    regkit_close(k);
    k->options.nzones = 1;
    assert_int_equal(regkit_open(k), 0);
}

static void everything_is_back(struct regkit *k)
{
    uint64_t seq;

    regkit_close(k);
    k->options.nzones = KIT_ZONES;
    assert_int_equal(regkit_open(k), 0);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_records(k, "b", RRTYPE_A), "30 192.0.2.2");
    assert_string_equal(regkit_registrations(k, "a", RRTYPE_A), "a=192.0.2.1");
    assert_string_equal(regkit_records(k, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR),
                        "30 a.lab.example.");
    assert_string_equal(regkit_shown(k, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR), "-");
    assert_true(registry_export_known(k->r, 0, &export_a, &seq));
    assert_int_equal(seq, 3);
    assert_true(registry_export_known(k->r, 0, &export_b, NULL));
}

static void a_fresh_state_is_written(void **state)
{
    struct regkit *k = *state;
    struct stat before, after;
    char path[160];

    regkit_path(k, "state.db", path);
    fill(k);
    uint64_t last = regkit_seq(k), number = regkit_number(k, "a", "a");
    uint32_t serial = regkit_serial(k, 0);
    assert_int_equal(stat(path, &before), 0);

    break_disk(CALL_SYNC, 1, "state.db-wal");
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), -BD_EUNKNOWN);
    assert_true(k->problem.hint[0]);
    wait_writable(k);
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino != after.st_ino);
    assert_int_equal(after.st_mode & 0777, 0640);
    assert_false(regkit_exists(k, "state.db.new"));
    assert_false(regkit_exists(k, "state.db.tmp"));
    assert_int_equal(regkit_stats(k).rebuilds, 1);
    assert_string_equal(regkit_stats(k).read_only_reason, "");

    /* Nothing of the uncertain change is left: memory, history, serial and chain agree. */
    assert_int_equal(regkit_seq(k), last);
    assert_int_equal(regkit_serial(k, 0), serial);
    assert_string_equal(regkit_records(k, "b", RRTYPE_A), "-");
    assert_int_equal(query(k, INTACT), 1);
    assert_int_equal(query(k, "SELECT max(seq) FROM change"), last);
    assert_int_equal(query(k, "SELECT count(*) FROM change"), last);
    assert_int_equal(query(k, "SELECT count(*) FROM change_zone WHERE seq > 0"), last);
    assert_int_equal(query(k, "SELECT count(*) FROM rrset WHERE type = 12"), 1);
    assert_int_equal(query(k, "SELECT seq FROM sqlite_sequence"), number + 2);

    /* And it can be repeated, with a number, a seq and a serial that were never used. */
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), 0);
    assert_true(k->receipt.created);
    assert_int_equal(k->receipt.seq, last + 2);
    assert_int_equal(k->receipt.serial, serial + 2);
    assert_true(regkit_number(k, "b", "b") > number + 2);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(k->receipt.seq, last + 2);

    everything_is_back(k);
    assert_int_equal(regkit_seq(k), last + 2);
}

/* Before the COMMIT nothing has happened: what was read or written until then does not count. */
static void an_error_before_the_commit_is_no_doubt(void **state)
{
    struct regkit *k = *state;

    regkit_close(k);
    assert_int_equal(regkit_open(k), 0); /* nothing in SQLite's cache */
    break_disk(CALL_READ, 1000, "state.db");
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), -BD_EREADONLY);
    mend_disk();
    wait_writable(k);
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    assert_true(k->receipt.created);
}

static void a_disk_that_stays_broken_is_tried_again(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    break_disk(CALL_SYNC, INT32_MAX, "");
    uint64_t began = clock_mono_ns();
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), -BD_EUNKNOWN);
    REGKIT_WAIT(regkit_stats(k).failed_rebuilds >= 3) /* at once, after 100 ms, after 200 ms */
    assert_true(clock_mono_ns() > began + 290 * NS_PER_MS);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), -BD_EREADONLY);
    assert_true(regkit_stats(k).read_only_reason[0]);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
    mend_disk();
    wait_writable(k);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), 0);
}

static void closing_does_not_wait_for_the_disk(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    break_disk(CALL_SYNC, INT32_MAX, "");
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), -BD_EUNKNOWN);
    REGKIT_WAIT(regkit_stats(k).failed_rebuilds >= 5) /* the pause is 1.6 s by now */
    uint64_t began = clock_mono_ns();
    regkit_close(k);
    assert_true(clock_mono_ns() < began + NS_PER_S);
    mend_disk();
    assert_int_equal(regkit_open(k), 0);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
}

static void each_step_of_the_swap_can_fail(void **state)
{
    static const struct {
        unsigned call;
        const char *suffix;
    } steps[] = {
        {CALL_WRITE, "state.db.tmp"}, {CALL_SYNC, "state.db.tmp"}, {CALL_NAME, "state.db.new"},
        {CALL_SYNC, "/data"},         {CALL_NAME, "state.db-wal"}, {CALL_NAME, "state.db-shm"},
        {CALL_NAME, "/state.db"},     {CALL_WRITE, "/state.db"},   {CALL_SYNC, "/state.db"},
        {CALL_WRITE, "state.db-shm"}, {CALL_READ, "/state.db"},
    };
    struct regkit *k = *state;
    char name[16];

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        for (int times = 1; times < 3; times++) {
            snprintf(name, sizeof(name), "n%zu-%d", i, times);
            break_disk(CALL_SYNC, 1, "state.db-wal");
            assert_int_equal(ASK(k, OP_REGISTER, name, .values = "192.0.2.1"), -BD_EUNKNOWN);
            break_disk(steps[i].call, times, steps[i].suffix);
            wait_writable(k);
            mend_disk();
            assert_int_equal(ASK(k, OP_REGISTER, name, .values = "192.0.2.1"), 0);
            assert_true(k->receipt.created);
        }
    }
    assert_int_equal(query(k, INTACT), 1);
    assert_int_equal(query(k, "SELECT count(*) FROM change"), 2 + 2 * ARRAY_SIZE(steps));
    regkit_reopen(k);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
        snprintf(name, sizeof(name), "n%zu-1", i);
        assert_string_equal(regkit_records(k, name, RRTYPE_A), "30 192.0.2.1");
    }
}

/* What cannot be read for good is given up, but not what was acknowledged. */
static void an_unreadable_state_is_left(void **state)
{
    struct regkit *k = *state;

    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(ASK(k, OP_REGISTER, "a", .values = i % 2 ? "192.0.2.1" : "192.0.2.2"), 0);
    uint64_t last = regkit_seq(k);
    break_disk(CALL_SYNC, 1, "state.db-wal");
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), -BD_EUNKNOWN);
    break_disk(CALL_READ, INT32_MAX, "state.db-wal");
    wait_writable(k);
    assert_int_equal(regkit_stats(k).failed_rebuilds, 3);
    mend_disk();
    assert_int_equal(query(k, INTACT), 1);
    assert_int_equal(query(k, "SELECT max(seq) FROM change"), last);
    regkit_reopen(k);
    assert_int_equal(regkit_seq(k), last);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), 0);
}

/* So is one that somebody emptied. */
static void an_emptied_state_is_left(void **state)
{
    struct regkit *k = *state;
    char path[160];

    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    uint64_t last = regkit_seq(k);
    break_disk(CALL_SYNC, INT32_MAX, "");
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.2"), -BD_EUNKNOWN);
    REGKIT_WAIT(regkit_stats(k).failed_rebuilds >= 1)
    regkit_path(k, "state.db-wal", path);
    assert_int_equal(unlink(path), 0);
    regkit_path(k, "state.db", path);
    assert_int_equal(truncate(path, 0), 0);
    mend_disk();
    wait_writable(k);
    regkit_reopen(k);
    assert_int_equal(regkit_seq(k), last);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "30 192.0.2.1");
}

/* Pages that may not have reached the database count too, though no commit failed. */
static void a_failed_checkpoint_counts(void **state)
{
    struct regkit *k = *state;
    char name[16];

    break_disk(CALL_SYNC, 1, "/state.db");
    for (unsigned i = 0; i < 8; i++) {
        struct change *c = change_new(CHANGE_HTTP, STR("test"));
        for (unsigned n = 0; n < 20000; n++) {
            snprintf(name, sizeof(name), "n%u", n);
            regkit_add(c, &WHAT(OP_REGISTER, name, .values = i % 2 ? "192.0.2.2" : "192.0.2.1"));
        }
        int r = regkit_submit(k, c);
        assert_true(r == 0 || r == -BD_EREADONLY);
        if (r < 0)
            break;
    }
    REGKIT_WAIT(regkit_stats(k).rebuilds > 0)
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    assert_int_equal(query(k, INTACT), 1);
    regkit_reopen(k);
    assert_true(strncmp(regkit_records(k, "n19999", RRTYPE_A), "30 192.0.2.", 11) == 0);
}

/* ---- kill -9 at each step ---- */

#define KEPT 400
#define LATE 3

/* In one change. */
static int register_many(struct regkit *k, unsigned from, unsigned n)
{
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    char name[16];

    for (unsigned i = from; i < from + n; i++) {
        snprintf(name, sizeof(name), "k%u", i);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = "192.0.2.1"));
    }
    return regkit_submit(k, c);
}

/* The old database has its pages in another order than the fresh one, and some of them in its WAL
 * only: the one with the WAL of the other is nonsense. */
static _Noreturn void be_killed(struct regkit *k, int at)
{
    if (regkit_open(k) < 0)
        _exit(2);
    for (unsigned i = 0; i < KEPT; i += 100)
        if (register_many(k, (i + 200) % KEPT, 100) < 0)
            _exit(3);
    regkit_reopen(k);
    for (unsigned i = KEPT; i < KEPT + LATE; i++)
        if (register_many(k, i, 1) < 0)
            _exit(3);
    break_disk(CALL_SYNC, 1, "state.db-wal");
    atomic_store(&disk.die_in, at);
    if (ASK(k, OP_REGISTER, "unknown", .values = "192.0.2.1") != -BD_EUNKNOWN)
        _exit(4);
    wait_writable(k);
    if (ASK(k, OP_REGISTER, "later", .values = "192.0.2.1") < 0)
        _exit(5);
    _exit(1); /* no more steps */
}

/* True once it got through without dying. */
static bool kill_at(struct regkit *k, int at)
{
    char name[16];
    int status;

    pid_t pid = fork();
    if (pid == 0)
        be_killed(k, at);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_in_range(WEXITSTATUS(status), 0, 1);
    if (regkit_open(k) < 0)
        fail_msg("killed at step %d: %s", at, k->problem.detail);
    for (unsigned i = 0; i < KEPT + LATE; i++) {
        snprintf(name, sizeof(name), "k%u", i);
        assert_string_equal(regkit_records(k, name, RRTYPE_A), "30 192.0.2.1");
    }
    bool there = strcmp(regkit_records(k, "unknown", RRTYPE_A), "-") != 0;
    bool later = strcmp(regkit_records(k, "later", RRTYPE_A), "-") != 0;
    assert_int_equal(query(k, INTACT), 1);
    const unsigned changes = 2 + KEPT / 100 + LATE;
    assert_int_equal(regkit_seq(k), changes + (later ? 2 : there));
    assert_int_equal(query(k, "SELECT max(seq) FROM change"), regkit_seq(k));
    assert_int_equal(query(k, "SELECT count(*) FROM change"), changes + there + later);
    assert_int_equal(query(k, "SELECT count(*) FROM registration"), KEPT + LATE + there + later);
    assert_false(regkit_exists(k, "state.db.new"));
    assert_false(regkit_exists(k, "state.db.tmp"));
    assert_int_equal(ASK(k, OP_REGISTER, "unknown", .values = "192.0.2.1"), 0);
    assert_int_equal(k->receipt.created, !there);
    return WEXITSTATUS(status) == 1;
}

static void killed_at_each_step(void **state)
{
    struct regkit *k = *state;
    bool through = false;
    int at = 0;

    while (!through) {
        regkit_end(k);
        regkit_start(k);
        through = kill_at(k, ++at);
    }
    assert_true(at > 30);
    print_message("%d steps\n", at);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_fresh_state_is_written),
        T(an_error_before_the_commit_is_no_doubt),
        T(a_disk_that_stays_broken_is_tried_again),
        T(closing_does_not_wait_for_the_disk),
        T(each_step_of_the_swap_can_fail),
        T(an_unreadable_state_is_left),
        T(an_emptied_state_is_left),
        T(a_failed_checkpoint_counts),
        T(killed_at_each_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Groups, durability, failures of the disk, time-outs, closing. The disk is played by
 * functions of this program that stand before the C library's: they fail or wait when told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "registry_kit.h"

/* ---- the disk ---- */

static atomic_int write_error, sync_error;
static pthread_mutex_t disk_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t disk_free = PTHREAD_COND_INITIALIZER;
static bool disk_stuck; /* guarded by disk_lock */

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t at)
{
    int e = atomic_load(&write_error);
    if (e) {
        errno = e;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, n, at);
}

int fdatasync(int fd)
{
    pthread_mutex_lock(&disk_lock);
    while (disk_stuck)
        pthread_cond_wait(&disk_free, &disk_lock);
    pthread_mutex_unlock(&disk_lock);
    int e = atomic_load(&sync_error);
    if (e) {
        errno = e;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static void stick(bool stuck)
{
    pthread_mutex_lock(&disk_lock);
    disk_stuck = stuck;
    pthread_cond_broadcast(&disk_free);
    pthread_mutex_unlock(&disk_lock);
}

static int end(void **state)
{
    stick(false);
    atomic_store(&write_error, 0);
    atomic_store(&sync_error, 0);
    regkit_end(*state);
    return 0;
}

/* ---- many submitters ---- */

/* One change is in its fsync; the others gather behind it. */
static struct regkit_job first;
static void hold_the_disk(struct regkit *k)
{
    struct registry_stats stats;

    stick(true);
    BEGIN(k, &first, .ask = WHAT(OP_REGISTER, "first", .values = "192.0.2.1"));
    do
        registry_stats(k->r, &stats);
    while (stats.submitted == 0);
    regkit_wait_queued(k, 0);
}

static void let_go(void)
{
    stick(false);
    regkit_join(&first);
}

#define MANY 200

static void a_group_is_one_commit(void **state)
{
    struct regkit *k = *state;
    static struct regkit_job jobs[MANY];

    uint64_t before = regkit_stats(k).commits, seq = regkit_seq(k);
    hold_the_disk(k);
    for (unsigned i = 0; i < MANY; i++) {
        BEGIN(k, &jobs[i], .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
        regkit_wait_queued(k, i + 1);
    }
    /* Nothing is visible before it is durable. */
    assert_string_equal(regkit_records(k, "first", RRTYPE_A), "-");
    assert_int_equal(regkit_serial(k, 0), 1);
    let_go();
    assert_int_equal(first.result, 0);
    assert_int_equal(first.receipt.serial, 2);
    for (unsigned i = 0; i < MANY; i++) {
        assert_int_equal(regkit_join(&jobs[i]), 0);
        /* The first one made it, the others repeat it. */
        assert_int_equal(jobs[i].receipt.changed, i == 0);
        assert_int_equal(jobs[i].receipt.serial, 3);
        assert_int_equal(jobs[i].receipt.seq, seq + 2);
    }
    assert_int_equal(regkit_stats(k).commits, before + 2);
    assert_int_equal(regkit_serial(k, 0), 3);
}

/* In a group that is written: alone, a change that is undone would be thrown away with its group.
 */
static void what_is_undone_leaves_no_trace_in_its_group(void **state)
{
    struct regkit *k = *state;
    static struct regkit_job jobs[4];

    hold_the_disk(k);
    BEGIN(k, &jobs[0], .ask = WHAT(OP_REGISTER, "dry", .values = "192.0.2.1", .dry_run = true));
    regkit_wait_queued(k, 1);
    BEGIN(k, &jobs[1], .ask = WHAT(OP_DELETE, "ns1", .dry_run = true));
    regkit_wait_queued(k, 2);
    /* The second operation is refused. */
    BEGIN(k, &jobs[2], .ask = WHAT(OP_REGISTER, "half", .values = "192.0.2.1"), .and_cname = true);
    regkit_wait_queued(k, 3);
    BEGIN(k, &jobs[3], .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_wait_queued(k, 4);
    let_go();
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        assert_int_equal(regkit_join(&jobs[i]), i == 2 ? -BD_ECONFLICT : 0);
    }
    for (unsigned i = 0; i < 2; i++) {
        assert_string_equal(regkit_records(k, "dry", RRTYPE_A), "-");
        assert_string_equal(regkit_records(k, "half", RRTYPE_A), "-");
        assert_string_equal(regkit_records(k, "ns1", RRTYPE_A), "30 127.0.0.1");
        assert_int_equal(regkit_number(k, "web", "web"), 2);
        regkit_reopen(k);
    }
}

struct writer {
    struct regkit *k;
    pthread_t thread;
    unsigned number;
    int result;
};

static void *register_some(void *arg)
{
    struct writer *j = arg;
    char name[32];

    for (unsigned i = 0; i < 20 && j->result == 0; i++) {
        struct change *c = change_new(CHANGE_HTTP, STR("test"));
        snprintf(name, sizeof(name), "h%u-%u", j->number, i);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = "192.0.2.1"));
        j->result = registry_submit(j->k->r, c, clock_deadline(60 * NS_PER_S), NULL, NULL);
        change_put(c);
    }
    return NULL;
}

static void concurrent_changes_need_fewer_commits(void **state)
{
    struct regkit *k = *state;
    static struct writer jobs[32];
    struct registry_stats stats;

    uint64_t before = regkit_stats(k).commits;
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        jobs[i] = (struct writer){.k = k, .number = i};
        pthread_create(&jobs[i].thread, NULL, register_some, &jobs[i]);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        pthread_join(jobs[i].thread, NULL);
        assert_int_equal(jobs[i].result, 0);
    }
    registry_stats(k->r, &stats);
    assert_int_equal(stats.changes, 640);
    assert_true(stats.commits - before < 640);
    assert_int_equal(regkit_serial(k, 0), 1 + stats.commits - before);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "h31-19", RRTYPE_A), "30 192.0.2.1");
    assert_int_equal(regkit_seq(k), 2 + 640);
}

/* ---- failures ---- */

static void a_full_disk_refuses_and_resumes(void **state)
{
    struct regkit *k = *state;
    struct registry_stats stats;

    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    atomic_store(&write_error, ENOSPC);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.1"), -BD_EFULL);
    assert_true(k->problem.detail[0]);
    /* What changes nothing needs no room. */
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "b"), -BD_ENOTFOUND);
    atomic_store(&write_error, EDQUOT);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.1"), -BD_EFULL);
    atomic_store(&write_error, 0);
    registry_stats(k->r, &stats);
    assert_false(stats.read_only);
    uint32_t serial = regkit_serial(k, 0);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.1"), 0);
    assert_int_equal(k->receipt.serial, serial + 1);
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "b", RRTYPE_A), "30 192.0.2.1");
    assert_int_equal(regkit_serial(k, 0), serial + 1);
}

static void a_failed_fsync_is_unknown_to_all(void **state)
{
    struct regkit *k = *state;
    static struct regkit_job jobs[3];
    struct registry_stats stats;

    hold_the_disk(k);
    BEGIN(k, &jobs[0], .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_wait_queued(k, 1);
    BEGIN(k, &jobs[1], .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_wait_queued(k, 2);
    BEGIN(k, &jobs[2], .ask = WHAT(OP_DELETE, "none"));
    regkit_wait_queued(k, 3);
    atomic_store(&sync_error, EIO);
    let_go();
    assert_int_equal(first.result, -BD_EUNKNOWN);
    for (unsigned i = 0; i < 3; i++) { /* queued, and then read-only */
        assert_int_equal(regkit_join(&jobs[i]), -BD_EREADONLY);
    }
    assert_string_equal(regkit_records(k, "first", RRTYPE_A), "-");
    assert_int_equal(regkit_serial(k, 0), 1);
    registry_stats(k->r, &stats);
    assert_true(stats.read_only);
    assert_true(stats.read_only_reason[0]);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), -BD_EREADONLY);
    atomic_store(&sync_error, 0);
    regkit_reopen(k);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
}

/* A repeat and a refusal of the same group rest on what is not known to have happened. */
static void a_failed_group_is_unknown_whole(void **state)
{
    struct regkit *k = *state;
    static struct regkit_job jobs[3];

    hold_the_disk(k);
    BEGIN(k, &jobs[0], .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_wait_queued(k, 1);
    BEGIN(k, &jobs[1], .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_wait_queued(k, 2);
    BEGIN(k, &jobs[2], .ask = WHAT(OP_REGISTER, "web", RRTYPE_CNAME, "x"));
    regkit_wait_queued(k, 3);
    atomic_store(&write_error, EIO); /* the first has written already */
    let_go();
    assert_int_equal(first.result, 0);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(regkit_join(&jobs[i]), -BD_EUNKNOWN);
    }
    atomic_store(&write_error, 0);
}

/* ---- time-outs ---- */

static void wait_for(int fd)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t count;

    assert_int_equal(poll(&p, 1, 60000), 1);
    assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
}

static void a_late_change_may_still_happen(void **state)
{
    struct regkit *k = *state;
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    struct problem problem;
    int fd = eventfd(0, EFD_CLOEXEC);

    assert_int_equal(registry_watch(k->r, fd), 0);
    stick(true);
    regkit_add(c, &WHAT(OP_REGISTER, "late", .values = "192.0.2.1"));
    assert_int_equal(registry_submit(k->r, c, clock_deadline(20 * NS_PER_MS), NULL, &problem),
                     -BD_ETIMEDOUT);
    change_put(c);
    assert_string_equal(regkit_records(k, "late", RRTYPE_A), "-");
    stick(false);
    wait_for(fd);
    assert_string_equal(regkit_records(k, "late", RRTYPE_A), "30 192.0.2.1");
    close(fd);
}

static void closing_decides_what_was_submitted(void **state)
{
    struct regkit *k = *state;
    static struct regkit_job jobs[8];

    hold_the_disk(k);
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++)
        BEGIN(k, &jobs[i], .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_wait_queued(k, ARRAY_SIZE(jobs));
    registry_stop(k->r);
    assert_int_equal(ASK(k, OP_REGISTER, "more", .values = "192.0.2.1"), -BD_ESTOPPING);
    let_go();
    registry_close(k->r);
    for (unsigned i = 0; i < ARRAY_SIZE(jobs); i++) {
        assert_int_equal(regkit_join(&jobs[i]), 0);
    }
    k->r = NULL;
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_records(k, "more", RRTYPE_A), "-");
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_group_is_one_commit),
        T(what_is_undone_leaves_no_trace_in_its_group),
        T(concurrent_changes_need_fewer_commits),
        T(a_full_disk_refuses_and_resumes),
        T(a_failed_fsync_is_unknown_to_all),
        T(a_failed_group_is_unknown_whole),
        T(a_late_change_may_still_happen),
        T(closing_decides_what_was_submitted),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

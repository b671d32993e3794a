/* Saves while the disk fails, and in the middle of a commit. The disk is
 * played by a function of this program that stands before the C library's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "pause_kit.h"
#include "save_kit.h"

#define WRITTEN "commit: written, not durable"
#define DURABLE "commit: durable, not visible"
#define TAKEN "committer: group taken"

static _Atomic int syncs_to_fail; /* of the WAL */

int fdatasync(int fd)
{
    char link[48], path[256];

    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    if (n > 4 && strcmp(path + n - 4, "-wal") == 0 && atomic_load(&syncs_to_fail) > 0) {
        atomic_fetch_sub(&syncs_to_fail, 1);
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

static int start(void **state)
{
    static struct savekit kit;

    atomic_store(&syncs_to_fail, 0);
    savekit_start(&kit);
    *state = &kit;
    return 0;
}

static int end(void **state)
{
    pause_release_all();
    savekit_end(*state);
    return 0;
}

static void wait_writable(struct savekit *s)
{
    uint64_t deadline = clock_deadline(60 * NS_PER_S);

    while (regkit_stats(&s->k).read_only) {
        assert_true(clock_mono_ns() < deadline);
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    }
}

/* The commit of a save came to nothing, and so must its row in the table base: else the save that
 * is repeated would be its own base, and ask for nothing. */
static void a_save_is_repeated_after_a_failed_commit(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");

    file = savekit_without(file, "old");
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(savekit_save(s, file), -BD_EUNKNOWN);
    wait_writable(s);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "-");
    savekit_expect(s, file, SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "-");
}

static bool is_known(struct savekit *s, const char *file)
{
    const struct hash128 content = savekit_content(file);

    return registry_export_known(s->k.r, 0, &content, NULL);
}

/* The rows of commits that did happen are in the fresh state.db. */
static void earlier_saves_outlive_a_rebuild(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");

    file = savekit_with(file, "b 60 IN A 192.0.2.2");
    assert_int_equal(savekit_save(s, file), 0);
    assert_true(is_known(s, file));
    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), -BD_EUNKNOWN);
    wait_writable(s);
    assert_true(is_known(s, file));
    savekit_expect(s, savekit_without(file, "b 60"), SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "-");
}

/* A serial that a failed commit has used is not used again, a hand's neither. */
static void a_followed_serial_is_not_followed_twice(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_replace(savekit_export(s), " 8 3600", " 100 3600");

    atomic_store(&syncs_to_fail, 1);
    assert_int_equal(savekit_save(s, file), -BD_EUNKNOWN);
    wait_writable(s);
    assert_int_equal(regkit_serial(&s->k, 0), 8);
    free(file);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_int_equal(regkit_serial(&s->k, 0), 101);
}

static void while_it_is_read_only_nothing_is_merged(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");

    registry_stop(s->k.r);
    assert_int_equal(savekit_save(s, file), -BD_ESTOPPING);
    assert_int_equal(s->k.problem.error, -BD_ESTOPPING);
    free(file);
}

/* ---- in the middle of a commit ---- */

static void save_and_die_at(struct savekit *s, const char *point, const char *file)
{
    pid_t pid = fork();

    assert_true(pid >= 0);
    if (pid == 0) {
        assert_int_equal(regkit_open(&s->k), 0);
        pause_hold(point);
        pthread_t thread;
        struct savejob job = {.s = s, .file = file};
        pthread_create(&thread, NULL, savekit_main, &job);
        pause_wait(point, 1);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

/* Killed before the commit was durable or after: the save that is repeated is in once, and the file
 * is known to be in, so that the next start does not take it for an old one (rule 5). */
static void a_kill_leaves_all_of_a_save_or_nothing(void **state)
{
    static const char *const points[] = {WRITTEN, DURABLE};
    struct savekit *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
        char line[64], name[8];
        snprintf(name, sizeof(name), "k%zu", i);
        snprintf(line, sizeof(line), "%s 60 IN A 192.0.2.1", name);
        char *file = savekit_with(savekit_export(s), line);
        regkit_close(&s->k);
        save_and_die_at(s, points[i], file);
        assert_int_equal(regkit_open(&s->k), 0);
        ASSERT_RECORDS(s, name, RRTYPE_A, i == 0 ? "-" : "60 192.0.2.1");
        assert_int_equal(is_known(s, file), i == 1);
        assert_int_equal(savekit_save(s, file), 0);
        assert_int_equal(s->saved.verdict, i == 0 ? SAVE_MERGED : SAVE_SAME);
        ASSERT_RECORDS(s, name, RRTYPE_A, "60 192.0.2.1");
        assert_true(is_known(s, file));
        free(file);
    }
}

/* ---- the order of a group ---- */

/* A host registers while the save is on its way, in the same group before it: the save is decided
 * against the state that the host left. */
static void a_save_is_decided_after_its_neighbour(void **state)
{
    struct savekit *s = *state;
    static struct regkit_job host;
    struct savejob job = {.s = s};
    pthread_t thread;

    char *file = savekit_with(savekit_export(s), "web 60 IN CNAME www");
    job.file = file;
    pause_hold(TAKEN);
    pthread_create(&thread, NULL, savekit_main, &job);
    pause_wait(TAKEN, 1); /* its question for earlier saves */
    BEGIN(&s->k, &host, .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.7"));
    regkit_wait_queued(&s->k, 1);
    pause_release(TAKEN);
    pthread_join(thread, NULL);
    assert_int_equal(regkit_join(&host), 0);
    assert_int_equal(job.result, 0);
    ASSERT_RECORDS(s, "web", RRTYPE_CNAME, "60 www.lab.example.");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "-");
    ASSERT_NOTE(s, "web.lab.example. A: gave way");
    free(file);
}

/* The caller gives up; the save may still happen, and nothing dangles. */
static void a_save_that_nobody_waits_for_still_happens(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");

    pause_hold(WRITTEN);
    s->patience_ns = NS_PER_S / 4;
    assert_int_equal(savekit_save(s, file), -BD_ETIMEDOUT);
    assert_int_equal(s->saved.type, 0);
    s->patience_ns = 0;
    pause_release(WRITTEN);
    savekit_expect(s, file, SAVE_SAME);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_save_is_repeated_after_a_failed_commit),
        TEST(earlier_saves_outlive_a_rebuild),
        TEST(a_followed_serial_is_not_followed_twice),
        TEST(while_it_is_read_only_nothing_is_merged),
        TEST(a_kill_leaves_all_of_a_save_or_nothing),
        TEST(a_save_is_decided_after_its_neighbour),
        TEST(a_save_that_nobody_waits_for_still_happens),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

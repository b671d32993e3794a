/* kill -9, watchers, exports, checkpoints. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "registry_kit.h"

/* ---- kill -9 ---- */

struct writer {
    struct registry *r;
    int fd;
    unsigned id;
};

/* Says on the pipe what was acknowledged. Ends with the process. */
static void *write_for_ever(void *arg)
{
    struct writer *w = arg;
    char name[32];

    for (unsigned i = 0;; i++) {
        struct change *c = change_new(CHANGE_HTTP, STR("test"));
        snprintf(name, sizeof(name), "k%u-%u", w->id, i);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = "192.0.2.1"));
        int r = registry_submit(w->r, c, UINT64_MAX, NULL, NULL);
        change_put(c);
        const unsigned said[2] = {w->id, i};
        if (r < 0 || write(w->fd, said, sizeof(said)) != sizeof(said))
            _exit(1);
    }
}

#define WRITERS 4

static _Noreturn void be_killed(struct regkit *k, int fd)
{
    static struct writer writers[WRITERS];
    pthread_t thread;

    if (regkit_open(k) < 0)
        _exit(2);
    for (unsigned i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){k->r, fd, i};
        pthread_create(&thread, NULL, write_for_ever, &writers[i]);
    }
    for (;;)
        pause();
}

static void nothing_acknowledged_is_lost(void **state)
{
    struct regkit *k = *state;
    unsigned last[WRITERS] = {0}, said[2];
    int fds[2], status;

    regkit_close(k);
    assert_int_equal(pipe(fds), 0);
    pid_t pid = fork();
    if (pid == 0)
        be_killed(k, fds[1]);
    close(fds[1]);
    for (unsigned i = 0; read(fds[0], said, sizeof(said)) == sizeof(said); i++) {
        last[said[0]] = said[1];
        if (i == 100)
            kill(pid, SIGKILL);
    }
    close(fds[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    regkit_reopen(k);
    for (unsigned i = 0; i < WRITERS; i++) {
        for (unsigned n = 0; n <= last[i]; n++) {
            char name[32];
            snprintf(name, sizeof(name), "k%u-%u", i, n);
            assert_string_equal(regkit_records(k, name, RRTYPE_A), "30 192.0.2.1");
        }
    }
}

/* ---- watchers, exports, checkpoints ---- */

static void watchers_hear_of_changes_only(void **state)
{
    struct regkit *k = *state;
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    uint64_t count;

    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(registry_watch(k->r, fd), 0);
    assert_int_equal(registry_watch(k->r, fd), -ENOSPC);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_int_equal(read(fd, &count, sizeof(count)), sizeof(count));
    assert_int_equal(count, 8);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "none"), -BD_ENOTFOUND);
    assert_int_equal(ASK(k, OP_DELETE, "web", .dry_run = true), 0);
    assert_int_equal(registry_export_begin(k->r, 0, 1, &(struct hash128){{1}}), 0);
    assert_int_equal(read(fd, &count, sizeof(count)), -1);
    close(fd);
}

static void at_most_two_exports_are_known(void **state)
{
    struct regkit *k = *state;
    const struct hash128 a = {{1}}, b = {{2}}, c = {{3}};
    uint64_t seq = 0;

    assert_int_equal(registry_export_begin(k->r, 0, 5, &a), 0);
    assert_true(registry_export_known(k->r, 0, &a, &seq));
    assert_int_equal(seq, 5);
    assert_false(registry_export_known(k->r, 1, &a, NULL));
    assert_int_equal(registry_export_end(k->r, 0, 5, &a), 0);
    assert_int_equal(registry_export_begin(k->r, 0, 6, &b), 0);
    /* A crash here: the file is either of the two. */
    regkit_reopen(k);
    assert_true(registry_export_known(k->r, 0, &a, NULL));
    assert_true(registry_export_known(k->r, 0, &b, NULL));
    /* Given up and begun anew. */
    assert_int_equal(registry_export_begin(k->r, 0, 7, &c), 0);
    assert_true(registry_export_known(k->r, 0, &a, NULL));
    assert_false(registry_export_known(k->r, 0, &b, NULL));
    registry_stop(k->r); /* the last export comes after the last change */
    assert_int_equal(registry_export_end(k->r, 0, 7, &c), 0);
    assert_false(registry_export_known(k->r, 0, &a, NULL));
    regkit_reopen(k);
    assert_false(registry_export_known(k->r, 0, &a, NULL));
    assert_true(registry_export_known(k->r, 0, &c, &seq));
    assert_int_equal(seq, 7);
}

static struct hash128 marker(struct regkit *k, unsigned zone)
{
    struct snap *s = registry_snapshot(k->r);
    struct hash128 hash = registry_marker_hash(s, zone);

    snap_put(s);
    return hash;
}

static void a_marker_is_of_one_zone_and_one_history(void **state)
{
    struct regkit *k = *state;

    struct hash128 before = marker(k, 0), other = marker(k, 1);
    assert_false(hash128_eq(&before, &other));
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    struct hash128 after = marker(k, 0);
    assert_false(hash128_eq(&before, &after));
    regkit_reopen(k);
    struct hash128 again = marker(k, 0);
    assert_true(hash128_eq(&after, &again));
}

static struct change *large(unsigned n, const char *value)
{
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    char name[16];

    for (unsigned i = 0; i < n; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = value));
    }
    return c;
}

static void a_large_change_goes_to_the_database(void **state)
{
    struct regkit *k = *state;
    const struct timespec pause = {.tv_nsec = 10000000};
    uint64_t deadline = clock_deadline(60 * NS_PER_S);
    char path[160];
    struct stat st;

    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(regkit_submit(k, large(20000, i % 2 ? "192.0.2.2" : "192.0.2.1")), 0);
    snprintf(path, sizeof(path), "%s/state.db", k->options.data);
    /* The checkpoint thread does that; closing is not needed. */
    while (stat(path, &st) == 0 && st.st_size < 2 << 20) {
        assert_true(clock_mono_ns() < deadline);
        nanosleep(&pause, NULL);
    }
    regkit_reopen(k);
    assert_string_equal(regkit_records(k, "n19999", RRTYPE_A), "30 192.0.2.2");
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(nothing_acknowledged_is_lost),        T(watchers_hear_of_changes_only),
        T(at_most_two_exports_are_known),       T(a_marker_is_of_one_zone_and_one_history),
        T(a_large_change_goes_to_the_database),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

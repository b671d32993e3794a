/* What takes minutes and hours for a people's file, with a clock of the tests' own for the files
 * thread (design.md, "The people's file", rule 10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <betterdns/log.h>
#include <betterdns/zonefile.h>

#include "people_kit.h"

#define MINUTE_NS (60 * NS_PER_S)
#define SLACK_NS (10 * NS_PER_S) /* it is slow, but not that slow */

static _Thread_local bool is_files; /* no other thread of the program calls ppoll */
static atomic_uint_fast64_t ahead_ns, sleep_ns;
static atomic_uint_fast64_t still_ns; /* not 0: its clock stands at that */
static atomic_uint_fast64_t edit_ns;  /* so long an edit takes, by its clock */
static atomic_uint turns;
static atomic_uint vanished; /* so often the log says that a file has */

/* The linker puts these in the place of libc's. */
int __real_clock_gettime(clockid_t id, struct timespec *ts);
int __wrap_clock_gettime(clockid_t id, struct timespec *ts);
int __real_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask);
int __real_zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *e,
                   zp_text_fn *fn, void *arg, size_t *ret_where);
int __wrap_zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *e,
                   zp_text_fn *fn, void *arg, size_t *ret_where);
void __real_log_write(enum log_level level, const char *msg, const struct log_field *fields);
void __wrap_log_write(enum log_level level, const char *msg, const struct log_field *fields);

int __wrap_clock_gettime(clockid_t id, struct timespec *ts)
{
    int r = __real_clock_gettime(id, ts);

    if (r != 0 || !is_files || id != CLOCK_MONOTONIC)
        return r;
    if (atomic_load(&still_ns) > 0)
        *ts = clock_timespec(atomic_load(&still_ns));
    ts->tv_sec += (time_t)(atomic_load(&ahead_ns) / NS_PER_S);
    return r;
}

/* Notes how long the thread wants to sleep, and wakes it soon: by then it may be later. */
int __wrap_ppoll(struct pollfd *fds, nfds_t n, const struct timespec *ts, const sigset_t *mask)
{
    const struct timespec soon = {.tv_nsec = 10 * (long)NS_PER_MS};
    uint64_t ns = ts ? (uint64_t)ts->tv_sec * NS_PER_S + (uint64_t)ts->tv_nsec : UINT64_MAX;

    is_files = true;
    atomic_fetch_add(&turns, 1);
    atomic_store(&sleep_ns, ns);
    return __real_ppoll(fds, n, ns < 10 * NS_PER_MS ? ts : &soon, mask);
}

void __wrap_log_write(enum log_level level, const char *msg, const struct log_field *fields)
{
    if (level == LOG_LEVEL_WARNING && strstr(msg, "has vanished"))
        atomic_fetch_add(&vanished, 1);
    __real_log_write(level, msg, fields);
}

int __wrap_zp_edit(struct str text, const struct zp_options *options, const struct zp_edits *e,
                   zp_text_fn *fn, void *arg, size_t *ret_where)
{
    atomic_fetch_add(&ahead_ns, atomic_load(&edit_ns));
    return __real_zp_edit(text, options, e, fn, arg, ret_where);
}

static void wait_for_sleep(uint64_t ns)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE), wants;

    while ((wants = atomic_load(&sleep_ns)) > ns || wants < ns - SLACK_NS) {
        if (clock_mono_ns() > deadline)
            fail_msg("it does not sleep for %ju s, but for %ju ms", (uintmax_t)(ns / NS_PER_S),
                     (uintmax_t)(wants / NS_PER_MS));
        usleep(2000);
    }
}

static int set_up(void **state)
{
    atomic_store(&ahead_ns, 0);
    atomic_store(&still_ns, 0);
    atomic_store(&edit_ns, 0);
    atomic_store(&vanished, 0);
    return controller_kit_set_up(state);
}

/* From 1 min to 1 h, twice as long each time; and at once when a save changes something. */
static void an_enforcer_is_left_alone_for_longer_and_longer(void **state)
{
    static const char text[] = "@ 30 IN SOA ns1 admin 5 60 60 60 60\n"
                               "@ 30 IN NS ns1\nns1 30 IN A 192.0.2.200\n";
    static const unsigned minutes[] = {1, 2, 4, 8, 16, 32, 60, 60};
    struct controller_kit *f = *state;

    people_kit_put(f->file, str_c(text));
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    for (unsigned i = 0; i < 2; i++) {
        people_kit_wait_text(f->file, "host-1");
        people_kit_put(f->file, str_c(text));
    }
    for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
        people_kit_wait_text(f->file, "host-1");
        atomic_store(&sleep_ns, 0); /* what was wanted before this save does not count */
        people_kit_put(f->file, str_c(text));
        controller_kit_wait_file(f, FILE_CONTESTED, 0);
        wait_for_sleep(minutes[i] * MINUTE_NS);
        assert_false(people_kit_has(f->file, "host-1"));
        atomic_fetch_add(&ahead_ns, minutes[i] * MINUTE_NS);
    }
    people_kit_wait_text(f->file, "host-1");
    assert_int_equal(people_kit_seq(f), 2);
    atomic_store(&sleep_ns, 0);
    people_kit_put(f->file, str_c(text));
    wait_for_sleep(60 * MINUTE_NS);
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_text(f->file, "host-1");
    people_kit_rest(f);
}

/* Some editors rename the file and write another: that is not worth a warning. */
static void a_file_that_is_being_renamed_has_not_vanished(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    struct buf b = people_kit_read(f->file);
    atomic_store(&still_ns, clock_mono_ns());
    assert_int_equal(unlink(f->file), 0);
    controller_kit_wait_file(f, FILE_MISSING, 0);
    people_kit_put(f->file, buf_str(&b));
    atomic_store(&still_ns, 0);
    controller_kit_wait_file(f, FILE_CLEAN, 0);
    people_kit_rest(f);
    atomic_store(&still_ns, clock_mono_ns());
    assert_int_equal(unlink(f->file), 0);
    controller_kit_wait_file(f, FILE_MISSING, 0);
    assert_int_equal(atomic_load(&vanished), 0);
    atomic_fetch_add(&ahead_ns, NS_PER_S);
    for (uint64_t end = clock_deadline(CONTROLLER_KIT_PATIENCE); atomic_load(&vanished) == 0;) {
        assert_true(clock_mono_ns() < end);
        usleep(2000);
    }
    assert_int_not_equal(access(f->file, F_OK), 0);
    atomic_store(&still_ns, 0);
    atomic_fetch_add(&ahead_ns, 4 * NS_PER_S);
    controller_kit_wait_file(f, FILE_CLEAN, 0);
    assert_true(people_kit_has(f->file, "SOA"));
    assert_int_equal(atomic_load(&vanished), 1);
    buf_free(&b);
}

/* Registered, and the files thread has looked at it more than once since. */
static void add_host(struct controller_kit *f, unsigned n)
{
    uint64_t end = clock_deadline(CONTROLLER_KIT_PATIENCE);

    controller_kit_put_address(f, n);
    for (unsigned before = atomic_load(&turns); atomic_load(&turns) - before < 5;) {
        assert_true(clock_mono_ns() < end);
        usleep(2000);
    }
}

/* A second after the first change, and by a quarter of a core: one that takes 4 s is followed by
 * 12 s of peace. What has been saved is not kept waiting. */
static void exports_are_paced(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    atomic_store(&still_ns, clock_mono_ns());
    add_host(f, 10);
    assert_false(people_kit_has(f->file, "host-10"));
    atomic_store(&edit_ns, 4 * NS_PER_S);
    atomic_fetch_add(&ahead_ns, NS_PER_S);
    people_kit_wait_text(f->file, "host-10");
    people_kit_rest(f);
    add_host(f, 20);
    atomic_fetch_add(&ahead_ns, 11 * NS_PER_S);
    add_host(f, 30);
    assert_false(people_kit_has(f->file, "host-20"));
    atomic_fetch_add(&ahead_ns, NS_PER_S);
    people_kit_wait_text(f->file, "host-30");
    people_kit_rest(f);
    add_host(f, 40);
    assert_false(people_kit_has(f->file, "host-40"));
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_text(f->file, "host-40");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(an_enforcer_is_left_alone_for_longer_and_longer),
        TEST(a_file_that_is_being_renamed_has_not_vanished),
        TEST(exports_are_paced),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

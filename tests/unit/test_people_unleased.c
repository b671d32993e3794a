/* The people's file where nobody tells of a writer: another user's file without CAP_LEASE, NFS
 * (design.md, "The people's file", rules 6 and 8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "clock_kit.h"
#include "people_kit.h"

#define HOUR_NS (3600 * NS_PER_S)
#define QUIET_NS (3 * NS_PER_S) /* then what nobody has touched meanwhile is read */
#define KEPT_MOST 64U

/* The linker puts it in the place of libc's. */
int __real_fcntl(int fd, int command, ...);
int __wrap_fcntl(int fd, int command, ...);

int __wrap_fcntl(int fd, int command, ...)
{
    va_list args;

    va_start(args, command);
    void *arg = va_arg(args, void *);
    va_end(args);
    if (command != F_SETLEASE)
        return __real_fcntl(fd, command, arg);
    errno = EACCES;
    return -1;
}

static int set_up(void **state)
{
    clock_kit_reset();
    return controller_kit_set_up(state);
}

/* Time goes by until the file shows it. */
static void wait_export(struct controller_kit *f, const char *text)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (!people_kit_has(f->file, text)) {
        assert_true(clock_mono_ns() < deadline);
        clock_kit_add(QUIET_NS);
        clock_kit_wait_turns(5);
    }
}

/* Time goes by until what was written has been read. */
static void wait_zone(struct controller_kit *f, const char *name, unsigned last)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (!people_kit_zone_has(f, name, last)) {
        assert_true(clock_mono_ns() < deadline);
        clock_kit_add(QUIET_NS);
        clock_kit_wait_turns(5);
    }
}

static void add(int fd, const char *text)
{
    assert_int_equal(file_write_all(fd, text, strlen(text)), 0);
}

static bool notes_say(struct controller_kit *f, const char *text)
{
    static struct controller_fault notes[CONTROLLER_FAULTS_MAX];
    size_t n = controller_notes(f->controller, 0, notes, CONTROLLER_FAULTS_MAX);
    bool found = false;

    for (size_t i = 0; i < n && i < CONTROLLER_FAULTS_MAX; i++)
        found = found || strstr(notes[i].message, text);
    return found;
}

/* With the file open, then exported: what is written now goes into the displaced one. */
static int open_and_export(struct controller_kit *f, char prev[200])
{
    assert_int_equal(controller_kit_start(f), 0);
    wait_export(f, "SOA");
    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    controller_kit_put_address(f, 1);
    wait_export(f, "host-1");
    snprintf(prev, 200, "%s", people_kit_beside(f, "prev.1"));
    return fd;
}

/* `cat >> zone`: each line comes when it is written, and its comments go into the file. */
static void a_slow_writer_is_heard_to_the_end(void **state)
{
    struct controller_kit *f = *state;
    char prev[200];
    int fd = open_and_export(f, prev);

    clock_kit_add(60 * NS_PER_S);
    clock_kit_wait_turns(10);
    add(fd, "first 30 IN A 192.0.2.98 ; a comment of mine\n");
    wait_zone(f, "first", 98);
    wait_export(f, "\nfirst ");
    clock_kit_add(60 * NS_PER_S);
    clock_kit_wait_turns(10);
    add(fd, "second 30 IN A 192.0.2.99 ; another one\n");
    wait_zone(f, "second", 99);
    wait_export(f, "\nsecond ");
    assert_true(people_kit_has(f->file, "; a comment of mine\n"));
    assert_true(people_kit_has(f->file, "; another one\n"));
    assert_true(notes_say(f, "no lease can be had"));
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "first", 98));
    assert_int_equal(close(fd), 0);
    assert_true(people_kit_is_there(prev));
    clock_kit_add(HOUR_NS);
    people_kit_wait_gone(prev);
}

/* Also across our end. */
static void a_writer_is_heard_after_a_start(void **state)
{
    struct controller_kit *f = *state;
    char prev[200];
    int fd = open_and_export(f, prev);

    controller_kit_stop(f);
    assert_int_equal(controller_kit_start(f), 0);
    wait_export(f, "host-1");
    clock_kit_add(60 * NS_PER_S);
    clock_kit_wait_turns(10);
    add(fd, "late 30 IN A 192.0.2.99\n");
    wait_zone(f, "late", 99);
    wait_export(f, "\nlate ");
    assert_int_equal(close(fd), 0);
    assert_true(people_kit_zone_has(f, "host-1", 1));
}

/* Who is seen to have it open is waited for, for as long as it takes. */
static void an_open_file_outlives_the_hour(void **state)
{
    struct controller_kit *f = *state;
    char prev[200];
    int fd = open_and_export(f, prev);

    for (unsigned i = 0; i < 3; i++) {
        clock_kit_add(HOUR_NS);
        clock_kit_wait_turns(10);
    }
    assert_true(people_kit_is_there(prev));
    add(fd, "late 30 IN A 192.0.2.99\n");
    wait_zone(f, "late", 99);
    wait_export(f, "\nlate ");
    assert_int_equal(close(fd), 0);
    clock_kit_add(10 * NS_PER_S);
    people_kit_wait_gone(prev);
}

static unsigned count_kept(struct controller_kit *f)
{
    char suffix[20];
    unsigned n = 0;

    for (unsigned i = 1; i < 2 * KEPT_MOST; i++) {
        snprintf(suffix, sizeof(suffix), "prev.%u", i);
        n += people_kit_is_there(people_kit_beside(f, suffix));
    }
    return n;
}

/* A busy zone is exported every second: the oldest go, but for the one that is open. */
static void not_too_many_are_kept(void **state)
{
    struct controller_kit *f = *state;
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);
    char prev[200], host[20];
    int fd = open_and_export(f, prev);

    for (unsigned i = 2; i < KEPT_MOST + 10; i++) {
        controller_kit_put_address(f, i);
        snprintf(host, sizeof(host), "host-%u", i);
        wait_export(f, host);
    }
    while (count_kept(f) > KEPT_MOST + 1) {
        assert_true(clock_mono_ns() < deadline);
        clock_kit_add(10 * NS_PER_S);
        clock_kit_wait_turns(5);
    }
    assert_true(people_kit_is_there(prev));
    add(fd, "late 30 IN A 192.0.2.99\n");
    wait_zone(f, "late", 99);
    assert_int_equal(close(fd), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_slow_writer_is_heard_to_the_end),
        TEST(a_writer_is_heard_after_a_start),
        TEST(an_open_file_outlives_the_hour),
        TEST(not_too_many_are_kept),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

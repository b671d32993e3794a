/* What comes late, to a zone file that an export has displaced (design.md, "The people's file",
 * rule 8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "pause_kit.h"
#include "people_kit.h"

static bool no_room;          /* for a copy beside the file */
static const char *waits_for; /* the log is to say this */
static bool has_said;

/* The linker puts these in the place of the real ones. */
int __real_people_put_aside(const char *path, const char *suffix, struct str text,
                            struct buf *ret_path);
int __wrap_people_put_aside(const char *path, const char *suffix, struct str text,
                            struct buf *ret_path);
void __real_log_write(enum log_level level, const char *msg, const struct log_field *fields);
void __wrap_log_write(enum log_level level, const char *msg, const struct log_field *fields);

int __wrap_people_put_aside(const char *path, const char *suffix, struct str text,
                            struct buf *ret_path)
{
    return __atomic_load_n(&no_room, __ATOMIC_SEQ_CST)
               ? -ENOSPC
               : __real_people_put_aside(path, suffix, text, ret_path);
}

void __wrap_log_write(enum log_level level, const char *msg, const struct log_field *fields)
{
    const char *says = __atomic_load_n(&waits_for, __ATOMIC_SEQ_CST);

    if (level == LOG_LEVEL_WARNING && says && strstr(msg, says))
        __atomic_store_n(&has_said, true, __ATOMIC_SEQ_CST);
    __real_log_write(level, msg, fields);
}

static void listen_for(const char *says)
{
    __atomic_store_n(&has_said, false, __ATOMIC_SEQ_CST);
    __atomic_store_n(&waits_for, says, __ATOMIC_SEQ_CST);
}

static void wait_for_log(void)
{
    uint64_t deadline = clock_deadline(CONTROLLER_KIT_PATIENCE);

    while (!__atomic_load_n(&has_said, __ATOMIC_SEQ_CST)) {
        assert_true(clock_mono_ns() < deadline);
        usleep(2000);
    }
}

static int tear_down(void **state)
{
    __atomic_store_n(&no_room, false, __ATOMIC_SEQ_CST);
    listen_for(NULL);
    pause_release_all();
    return controller_kit_tear_down(state);
}

static const char *prev_of(struct controller_kit *f)
{
    return people_kit_beside(f, "prev.1");
}

/* `echo >> zone`: opened before the exchange, written after it. */
static void a_late_append_is_not_lost(void **state)
{
    struct controller_kit *f = people_kit_hold(*state, "people: about to exchange");

    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    pause_release("people: about to exchange");
    people_kit_wait_text(f->file, "host-2");
    assert_true(people_kit_is_there(prev_of(f)));
    assert_int_equal(write(fd, "late 30 IN A 192.0.2.99\n", 24), 24);
    assert_int_equal(close(fd), 0);
    people_kit_wait_zone(f, "late", 99);
    people_kit_wait_text(f->file, "late");
    people_kit_wait_gone(prev_of(f));
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "host-2", 2));
    people_kit_rest(f);
}

/* Its author has read a file that others have saved since: their comments stay in the file, and his
 * are kept beside it. */
static void a_late_append_beside_a_save(void **state)
{
    struct controller_kit *f = people_kit_hold(*state, "people: about to exchange");
    const char *late = "; a late comment\nlate 30 IN A 192.0.2.99\n";

    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    pause_release("people: about to exchange");
    people_kit_wait_text(f->file, "host-2");
    people_kit_sed(f->file, "host-1", "; a comment of mine\nby-hand 30 IN A 192.0.2.98\nhost-1");
    people_kit_wait_zone(f, "by-hand", 98);
    controller_kit_put_address(f, 3);
    people_kit_wait_text(f->file, "host-3");
    assert_int_equal(file_write_all(fd, late, strlen(late)), 0);
    assert_int_equal(close(fd), 0);
    people_kit_wait_zone(f, "late", 99);
    people_kit_wait_text(f->file, "\nlate ");
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "; a comment of mine\nby-hand 30 IN A 192.0.2.98\n"));
    assert_true(people_kit_has(people_kit_beside(f, "saved"), late));
    people_kit_wait_gone(prev_of(f));
}

/* It shows an earlier state, and says something of its own: that waits until there is room for it,
 * is told, and found again, whatever the operator decides. */
static void a_late_comment_is_kept_and_accepted(void **state)
{
    struct controller_kit *f = people_kit_hold(*state, "people: about to exchange");
    const char *late = "; a late comment\n";

    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    pause_release("people: about to exchange");
    people_kit_wait_text(f->file, "host-2");
    __atomic_store_n(&no_room, true, __ATOMIC_SEQ_CST);
    listen_for("cannot be kept");
    assert_int_equal(file_write_all(fd, late, strlen(late)), 0);
    assert_int_equal(close(fd), 0);
    wait_for_log();
    assert_true(people_kit_has(prev_of(f), late));
    listen_for("shows an earlier state");
    __atomic_store_n(&no_room, false, __ATOMIC_SEQ_CST);
    wait_for_log();
    people_kit_wait_said(f, "earlier state");
    people_kit_wait_text(people_kit_beside(f, "held"), late);
    people_kit_wait_gone(prev_of(f));
    people_kit_rest(f);
    assert_int_equal(controller_accept(f->controller, 0, clock_deadline(60 * NS_PER_S), NULL), 0);
    assert_false(people_kit_is_there(people_kit_beside(f, "held")));
    assert_true(people_kit_has(people_kit_beside(f, "saved"), late));
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "host-2", 2));
}

/* The writer outlives our process. */
static void a_late_append_across_a_start(void **state)
{
    struct controller_kit *f = people_kit_hold(*state, "people: about to exchange");

    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    pause_release("people: about to exchange");
    people_kit_wait_text(f->file, "host-2");
    controller_kit_stop(f);
    assert_true(people_kit_is_there(prev_of(f)));
    assert_int_equal(controller_kit_start(f), 0);
    assert_int_equal(write(fd, "late 30 IN A 192.0.2.99\n", 24), 24);
    assert_int_equal(close(fd), 0);
    people_kit_wait_zone(f, "late", 99);
    people_kit_wait_gone(prev_of(f));
    people_kit_rest(f);
}

/* The file vanishes while the line is written: what comes in its place is made of that text. */
static void a_late_append_to_a_file_that_vanishes(void **state)
{
    struct controller_kit *f = people_kit_hold(*state, "people: about to exchange");
    const char *late = "; a late comment\nlate 30 IN A 192.0.2.99\n";

    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    pause_release("people: about to exchange");
    people_kit_wait_text(f->file, "host-2");
    assert_int_equal(unlink(f->file), 0);
    controller_kit_wait_file(f, FILE_MISSING, 0);
    assert_int_equal(file_write_all(fd, late, strlen(late)), 0);
    assert_int_equal(close(fd), 0);
    people_kit_wait_zone(f, "late", 99);
    people_kit_wait_text(f->file, "\nlate ");
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "host-2") && people_kit_has(f->file, "; a late comment\n"));
    people_kit_wait_gone(prev_of(f));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_late_append_is_not_lost),
        TEST(a_late_append_beside_a_save),
        TEST(a_late_comment_is_kept_and_accepted),
        TEST(a_late_append_across_a_start),
        TEST(a_late_append_to_a_file_that_vanishes),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The people's file beside others who write to it: each interleaving that cost an edit once, held
 * at a pause point (design.md, "The people's file", rules 8 and 9). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "pause_kit.h"
#include "people_kit.h"

static int refuses; /* every exchange, for this reason */

/* In the place of libc's. */
int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (flags == RENAME_EXCHANGE && __atomic_load_n(&refuses, __ATOMIC_SEQ_CST)) {
        errno = __atomic_load_n(&refuses, __ATOMIC_SEQ_CST);
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

static int tear_down(void **state)
{
    __atomic_store_n(&refuses, 0, __ATOMIC_SEQ_CST);
    pause_release_all();
    return controller_kit_tear_down(state);
}

/* With host-1, exported; the thread stands at the point in the next export, of host-2. */
static struct controller_kit *start_and_hold(void **state, const char *point)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    pause_hold(point);
    controller_kit_put_address(f, 2);
    pause_wait(point, 1);
    return f;
}

static const char *prev_of(struct controller_kit *f)
{
    return people_kit_beside(f, "prev.1");
}

/* Opened to append by somebody whose shell found it before the exchange; that is over. */
static int open_displaced(struct controller_kit *f)
{
    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);

    assert_true(fd >= 0);
    pause_release("people: about to exchange");
    people_kit_wait_text(f->file, "host-2");
    return fd;
}

/* `echo >> zone`: opened before the exchange, written after it. */
static void a_late_append_is_not_lost(void **state)
{
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");
    int fd = open_displaced(f);
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
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");
    const char *late = "; a late comment\nlate 30 IN A 192.0.2.99\n";

    int fd = open_displaced(f);
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

/* It shows an earlier state, and says something of its own: that is found again, whatever the
 * operator decides. */
static void a_late_comment_is_kept_and_accepted(void **state)
{
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");
    const char *late = "; a late comment\n";

    int fd = open_displaced(f);
    assert_int_equal(file_write_all(fd, late, strlen(late)), 0);
    assert_int_equal(close(fd), 0);
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
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");
    int fd = open_displaced(f);
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
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");
    const char *late = "; a late comment\nlate 30 IN A 192.0.2.99\n";

    int fd = open_displaced(f);
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

/* `sed -i` renames its file into the place while ours is on its way there: it has the place, and
 * its comment too. */
static void a_rename_in_between_has_the_place(void **state)
{
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");

    people_kit_sed(f->file, "host-1", "; a comment of mine\nby-hand 30 IN A 192.0.2.99\nhost-1");
    pause_release("people: about to exchange");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "; a comment of mine\nby-hand 30 IN A 192.0.2.99\n"));
    people_kit_wait_gone(prev_of(f));
}

/* And another author reads ours in that very moment, and saves over it: giving the first save its
 * place again would let the second one replace it unread. */
static void two_saves_in_between(void **state)
{
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");

    pause_hold("people: exchanged");
    people_kit_sed(f->file, "host-1", "; a comment of mine\nfirst 30 IN A 192.0.2.98\nhost-1");
    pause_release("people: about to exchange");
    pause_wait("people: exchanged", 1);
    people_kit_sed(f->file, "host-1", "second 30 IN A 192.0.2.99\nhost-1");
    pause_release("people: exchanged");
    people_kit_wait_zone(f, "first", 98);
    people_kit_wait_zone(f, "second", 99);
    people_kit_wait_text(f->file, "\nfirst ");
    people_kit_wait_text(people_kit_beside(f, "saved"), "; a comment of mine\n");
    people_kit_rest(f);
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "host-2", 2));
    people_kit_wait_gone(prev_of(f));
}

/* The same, with what is no zone. */
static void a_bad_rename_in_between_is_rejected(void **state)
{
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");

    people_kit_put(f->file, STR("bad\n"));
    pause_release("people: about to exchange");
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_true(people_kit_has(f->file, "bad\n"));
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "host-2", 2));
    people_kit_wait_gone(prev_of(f));
}

static void removed_in_between(void **state)
{
    struct controller_kit *f = start_and_hold(state, "people: about to exchange");

    assert_int_equal(unlink(f->file), 0);
    pause_release("people: about to exchange");
    controller_kit_wait_file(f, FILE_MISSING, 0);
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
}

/* What has gone from an included file is gone: it does not come back into the file that includes.
 */
static void an_included_record_goes_in_between(void **state)
{
    struct controller_kit *f = *state;
    char included[120];

    snprintf(included, sizeof(included), "%s/more", f->dir);
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    people_kit_put(included, STR("included 30 IN A 192.0.2.77\n"));
    people_kit_append(f->file, "$INCLUDE more\n");
    people_kit_wait_zone(f, "included", 77);
    people_kit_rest(f);
    pause_hold("people: read, not edited");
    controller_kit_put_address(f, 2);
    pause_wait("people: read, not edited", 1);
    people_kit_put(included, STR("; nothing\n"));
    pause_release("people: read, not edited");
    people_kit_wait_zone(f, "included", 0);
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
    assert_false(people_kit_has(f->file, "included"));
}

/* A registration comes in while a save is merged and not exported yet. */
static void a_registration_between_merge_and_export(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    pause_hold("people: merged");
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    pause_wait("people: merged", 1);
    controller_kit_put_address(f, 2);
    pause_release("people: merged");
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
    assert_true(people_kit_zone_has(f, "by-hand", 99) && people_kit_zone_has(f, "host-2", 2));
    assert_true(people_kit_has(f->file, "by-hand 30 IN A 192.0.2.99\n"));
}

/* A large zone file takes seconds to be exported: DNS waits for none of that. */
static void what_is_served_does_not_wait_for_an_export(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    pause_hold("people: read, not edited");
    controller_kit_put_address(f, 1);
    pause_wait("people: read, not edited", 1);
    controller_kit_wait_served(f, controller_kit_put_address(f, 2));
    assert_false(people_kit_has(f->file, "host-1"));
    pause_release("people: read, not edited");
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "host-2"));
}

/* `install` removes the file, and then creates it anew: nothing comes in between, though the export
 * of a save before is due. */
static void a_file_that_is_about_to_be_created(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    struct buf b = people_kit_read(f->file);
    pause_hold("people: merged");
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    pause_wait("people: merged", 1);
    assert_int_equal(unlink(f->file), 0);
    pause_release("people: merged");
    controller_kit_wait_file(f, FILE_MISSING, 0);
    for (unsigned i = 2; i < 12; i++) /* a turn each */
        controller_kit_wait_served(f, controller_kit_put_address(f, i));
    int fd = open(f->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, b.p, b.n), 0);
    assert_int_equal(file_write_all(fd, "other 30 IN A 192.0.2.98\n", 25), 0);
    close(fd);
    buf_free(&b);
    people_kit_wait_zone(f, "other", 98);
    people_kit_wait_text(f->file, "host-11");
    people_kit_rest(f);
}

/* Nobody may write into the directory, or the file is mounted by itself: it is a source. */
static void a_file_that_cannot_be_replaced_is_read(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    __atomic_store_n(&refuses, EINVAL, __ATOMIC_SEQ_CST); /* as a file system that cannot */
    controller_kit_put_address(f, 9);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "host-9") && people_kit_says(f, "cannot exchange", NULL));
    __atomic_store_n(&refuses, EBUSY, __ATOMIC_SEQ_CST);
    controller_kit_put_address(f, 1);
    controller_kit_wait_file(f, FILE_READ_ONLY, 0);
    assert_true(people_kit_says(f, "mount its directory", NULL));
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    assert_true(people_kit_zone_has(f, "host-1", 1));
    assert_false(people_kit_is_there(prev_of(f)));
    controller_kit_wait_file(f, FILE_READ_ONLY, 0);
}

/* Who keeps the file open for long is named, and heard in the end. */
static void a_writer_that_does_not_close(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    int fd = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "slow 30 IN A 192.0.2.99\n", 24), 24);
    controller_kit_put_address(f, 1); /* an export is due, and waits */
    people_kit_wait_said(f, "open to write");
    controller_kit_wait_file(f, FILE_PENDING, 0);
    assert_int_equal(close(fd), 0);
    people_kit_wait_zone(f, "slow", 99);
    people_kit_wait_text(f->file, "host-1");
    people_kit_rest(f);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
}

/* The disk is full for a while. */
static void an_export_that_fails_is_made_later(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    __atomic_store_n(&refuses, ENOSPC, __ATOMIC_SEQ_CST);
    controller_kit_put_address(f, 1);
    people_kit_wait_said(f, "No space");
    controller_kit_wait_file(f, FILE_PENDING, 0);
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    __atomic_store_n(&refuses, 0, __ATOMIC_SEQ_CST);
    people_kit_wait_text(f->file, "host-1");
    people_kit_rest(f);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
}

/* ---- what is no file ---- */

/* Each is said, changes nothing that is served, and passes. */
static void wait_for_fault(struct controller_kit *f, const char *says)
{
    people_kit_wait_said(f, says);
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_true(people_kit_zone_has(f, "host-1", 1));
}

static void what_is_no_file(void **state)
{
    struct controller_kit *f = *state;
    char away[200], outside[] = "/tmp/test_people_outside.XXXXXX";
    struct buf good;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    good = people_kit_read(f->file);
    people_kit_write(f->file, "");
    wait_for_fault(f, "empty");
    snprintf(away, sizeof(away), "%s/away", f->dir);
    assert_int_equal(rename(f->file, away), 0);
    assert_int_equal(mkdir(f->file, 0755), 0);
    wait_for_fault(f, "directory");
    assert_int_equal(controller_discard(f->controller, 0, clock_deadline(NS_PER_S), NULL),
                     -BD_EINVALID);
    assert_int_equal(rmdir(f->file), 0);
    assert_int_equal(mkfifo(f->file, 0644), 0);
    wait_for_fault(f, "FIFO");
    assert_int_equal(unlink(f->file), 0);
    close(mkstemp(outside));
    assert_int_equal(symlink(outside, f->file), 0);
    wait_for_fault(f, "outside");
    assert_int_equal(unlink(f->file), 0);
    assert_int_equal(unlink(outside), 0);
    people_kit_put(f->file, buf_str(&good));
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_rest(f);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
    buf_free(&good);
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
        TEST(a_rename_in_between_has_the_place),
        TEST(two_saves_in_between),
        TEST(a_bad_rename_in_between_is_rejected),
        TEST(removed_in_between),
        TEST(an_included_record_goes_in_between),
        TEST(a_registration_between_merge_and_export),
        TEST(a_file_that_is_about_to_be_created),
        TEST(a_file_that_cannot_be_replaced_is_read),
        TEST(a_writer_that_does_not_close),
        TEST(an_export_that_fails_is_made_later),
        TEST(what_is_no_file),
        TEST(what_is_served_does_not_wait_for_an_export),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

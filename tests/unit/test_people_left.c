/* What a crash leaves beside the people's file, and what becomes of it at the next start
 * (design.md, "The people's file", rule 8). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

#include "people_kit.h"

/* In the moment after the exchange: a writer's line is in the displaced file alone. */
static void a_displaced_save_is_found_at_start(void **state)
{
    struct controller_kit *f = *state;
    char prev[200], temp[200];

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    struct buf old = people_kit_read(f->file);
    controller_kit_put_address(f, 2);
    people_kit_rest(f);
    controller_kit_stop(f);
    snprintf(prev, sizeof(prev), "%s", people_kit_beside(f, "prev.1"));
    people_kit_put(prev, buf_str(&old));
    people_kit_append(prev, "late 30 IN A 192.0.2.99\n");
    snprintf(temp, sizeof(temp), "%s/.lab.zone.tmp.%ld", f->dir, (long)getpid());
    people_kit_put(temp, (struct str){old.p, old.n / 2}); /* an export that was never complete */
    buf_free(&old);
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_zone(f, "late", 99);
    people_kit_wait_gone(prev);
    people_kit_wait_gone(temp);
    people_kit_rest(f);
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "host-2", 2));
}

/* One of ours, or what was merged long ago, is worth nothing. */
static void an_old_export_is_removed_at_start(void **state)
{
    struct controller_kit *f = *state;
    char prev[200];

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    struct buf old = people_kit_read(f->file);
    controller_kit_put_address(f, 2);
    uint64_t seq = people_kit_rest(f);
    controller_kit_stop(f);
    snprintf(prev, sizeof(prev), "%s", people_kit_beside(f, "prev.1"));
    people_kit_put(prev, buf_str(&old));
    buf_free(&old);
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_gone(prev);
    assert_int_equal(people_kit_seq(f), seq);
    assert_false(people_kit_is_there(people_kit_beside(f, "held")));
}

/* It was merged, and then we ended: its records are in the zone, its comments nowhere else. */
static void merged_and_left(struct controller_kit *f, size_t padding)
{
    char prev[200];

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    struct buf text = people_kit_read(f->file);
    while (text.n < padding)
        buf_add_str(&text, STR("; a comment that stands in both\n"));
    buf_add_str(&text, STR("; a comment of mine\nlate 30 IN A 192.0.2.99\n"));
    assert_int_equal(text.error, 0);
    people_kit_put(f->file, buf_str(&text));
    people_kit_wait_zone(f, "late", 99);
    people_kit_rest(f);
    people_kit_sed(f->file, "; a comment of mine\n", "");
    controller_kit_put_address(f, 2);
    people_kit_wait_text(f->file, "host-2");
    uint64_t seq = people_kit_rest(f);
    controller_kit_stop(f);
    snprintf(prev, sizeof(prev), "%s", people_kit_beside(f, "prev.1"));
    people_kit_put(prev, buf_str(&text));
    buf_free(&text);
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_gone(prev);
    assert_true(people_kit_has(people_kit_beside(f, "saved"), "; a comment of mine\n"));
    assert_int_equal(people_kit_seq(f), seq);
}

static void comments_of_a_merged_one_are_kept_at_start(void **state)
{
    merged_and_left(*state, 0);
}

static void comments_of_a_long_merged_one_are_kept_at_start(void **state)
{
    merged_and_left(*state, (size_t)2 << 20);
}

/* With what was exported before host-2, and then: in old. */
static struct controller_kit *start_with_a_comment(void **state, struct buf *old)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    *old = people_kit_read(f->file);
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.98\n");
    people_kit_wait_zone(f, "by-hand", 98);
    people_kit_rest(f);
    people_kit_sed(f->file, "by-hand 30 IN A 192.0.2.98\n", "");
    people_kit_wait_zone(f, "by-hand", 0);
    people_kit_rest(f);
    people_kit_append(f->file, "; a comment of mine\n");
    return f;
}

/* An old export, but all that it asks for is so: nothing of the file is worth less for that. */
static void what_has_the_same_records_does_not_take_the_place(void **state)
{
    struct buf old;
    struct controller_kit *f = start_with_a_comment(state, &old);
    char prev[200];

    controller_kit_stop(f);
    snprintf(prev, sizeof(prev), "%s", people_kit_beside(f, "prev.1"));
    people_kit_put(prev, buf_str(&old));
    buf_free(&old);
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_gone(prev);
    controller_kit_put_address(f, 3);
    people_kit_wait_text(f->file, "host-3");
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "; a comment of mine\n"));
    assert_false(people_kit_is_there(people_kit_beside(f, "saved")));
}

/* A line came late to a file that was displaced before a comment was written; then we ended. */
static void a_displaced_save_does_not_cost_a_newer_comment(void **state)
{
    struct buf old;
    struct controller_kit *f = start_with_a_comment(state, &old);
    char prev[200];

    controller_kit_put_address(f, 2);
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
    controller_kit_stop(f);
    snprintf(prev, sizeof(prev), "%s", people_kit_beside(f, "prev.1"));
    buf_add_str(&old, STR("late 30 IN A 192.0.2.99 ; a late comment\n"));
    people_kit_put(prev, buf_str(&old));
    buf_free(&old);
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_zone(f, "late", 99);
    people_kit_wait_gone(prev);
    people_kit_wait_text(f->file, "\nlate ");
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "; a comment of mine\n"));
    assert_true(people_kit_has(people_kit_beside(f, "saved"), "; a late comment\n"));
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "host-2", 2));
}

/* What cannot be merged is somebody's only copy. */
static void a_bad_displaced_save_is_kept(void **state)
{
    struct controller_kit *f = *state;
    char prev[200];

    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    controller_kit_stop(f);
    snprintf(prev, sizeof(prev), "%s", people_kit_beside(f, "prev.1"));
    people_kit_put(prev, STR("no zone\n"));
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_gone(prev);
    assert_true(people_kit_has(people_kit_beside(f, "saved"), "no zone\n"));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_displaced_save_is_found_at_start),
        TEST(an_old_export_is_removed_at_start),
        TEST(comments_of_a_merged_one_are_kept_at_start),
        TEST(comments_of_a_long_merged_one_are_kept_at_start),
        TEST(what_has_the_same_records_does_not_take_the_place),
        TEST(a_displaced_save_does_not_cost_a_newer_comment),
        TEST(a_bad_displaced_save_is_kept),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

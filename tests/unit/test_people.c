/* The people's file as a source of changes: what becomes of a save (design.md, "The people's file",
 * rules 4-7 and 10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/zonefile.h>

#include "people_kit.h"

static struct problem problem;

static uint64_t soon(void)
{
    return clock_deadline(CONTROLLER_KIT_PATIENCE);
}

/* With host-1, exported. */
static struct controller_kit *start(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    return f;
}

static void a_save_is_merged(void **state)
{
    struct controller_kit *f = start(state);
    uint64_t marker, seq;
    struct hash128 hash;

    people_kit_append(f->file, "; of mine\nby-hand 30 IN A 192.0.2.99 ; with a comment\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_wait_text(f->file, "host-1");
    seq = people_kit_rest(f);
    assert_int_equal(seq, 3);
    struct buf b = people_kit_read(f->file);
    assert_int_equal(zp_find_marker(buf_str(&b), &marker, &hash), 0);
    assert_int_equal(marker, seq);
    buf_free(&b);
    assert_true(
        people_kit_has(f->file, "; of mine\nby-hand 30 IN A 192.0.2.99 ; with a comment\n"));
    controller_kit_put_address(f, 2);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "host-2"));
    assert_true(
        people_kit_has(f->file, "; of mine\nby-hand 30 IN A 192.0.2.99 ; with a comment\n"));
    people_kit_sed(f->file, "by-hand 30 IN A 192.0.2.99 ; with a comment\n", "");
    people_kit_wait_zone(f, "by-hand", 0);
    people_kit_rest(f);
    assert_true(people_kit_zone_has(f, "host-1", 1) && people_kit_zone_has(f, "host-2", 2));
    assert_false(people_kit_says(f, "", NULL));
}

/* Rest: a comment is no change, and the file stays as its writer left it. */
static void a_comment_changes_nothing(void **state)
{
    struct controller_kit *f = start(state);
    struct stat before, after;

    people_kit_append(f->file, "; nothing but a comment\n");
    assert_int_equal(stat(f->file, &before), 0);
    controller_kit_stop(f); /* looks once more */
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_file(f, FILE_CLEAN, 2);
    assert_int_equal(stat(f->file, &after), 0);
    assert_int_equal(people_kit_seq(f), 2);
    assert_true(people_kit_has(f->file, "; nothing but a comment\n"));
    controller_kit_put_address(f, 2);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "; nothing but a comment\n"));
    assert_int_equal(people_kit_seq(f), 3);
}

static void an_edit_while_we_were_down_is_merged(void **state)
{
    struct controller_kit *f = start(state);

    controller_kit_stop(f);
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_sed(f->file, "192.0.2.1\n", "192.0.2.101\n");
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_wait_zone(f, "host-1", 101);
    people_kit_rest(f);
}

/* ---- rule 7 ---- */

static void a_bad_save_changes_nothing(void **state)
{
    struct controller_kit *f = start(state);
    struct controller_fault fault;
    struct buf before = people_kit_read(f->file);

    people_kit_append(f->file, "one IN AAA 192.0.2.1\ntwo IN A 192.0.2.300\n");
    struct buf bad = people_kit_read(f->file);
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 2);
    assert_true(people_kit_says(f, "AAAA", &fault));
    assert_string_equal(fault.file, f->file);
    assert_true(fault.line > 3 && fault.column == 8);
    controller_kit_wait_served(f, controller_kit_put_address(f, 2)); /* DNS goes on */
    assert_int_equal(controller_accept(f->controller, 0, soon(), &problem), -BD_EINVALID);
    assert_non_null(strstr(problem.detail, "AAA"));
    controller_kit_stop(f); /* not even then is it written */
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    struct buf b = people_kit_read(f->file);
    assert_true(str_eq(buf_str(&b), buf_str(&bad)));
    buf_free(&b);
    buf_free(&bad);
    /* The next good one ends it. */
    people_kit_put(f->file, buf_str(&before));
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "host-2"));
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
    buf_free(&before);
}

/* A zone by itself, but not beside what is registered: the place is that of the record. */
static void what_the_zone_cannot_have_is_rejected(void **state)
{
    struct controller_kit *f = start(state);
    struct controller_fault fault;

    people_kit_put(f->file, STR("@ 30 IN SOA ns1 admin 5 60 60 60 60\n@ 30 IN NS ns1\n"
                                "ns1 30 IN A 192.0.2.200\n\nhost-1 30 IN CNAME ns1\n"));
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_true(people_kit_says(f, "CNAME", &fault));
    assert_int_equal(fault.line, 5);
    assert_int_equal(people_kit_seq(f), 2);
    assert_true(people_kit_zone_has(f, "host-1", 1));
    assert_int_equal(controller_accept(f->controller, 0, soon(), &problem), -BD_ECONFLICT);
    assert_int_equal(controller_discard(f->controller, 0, soon(), &problem), 0);
    people_kit_rest(f);
}

/* What is no text has its place as long as it stands there, however often it is looked at. */
static void a_place_is_not_forgotten(void **state)
{
    struct controller_kit *f = start(state);
    struct controller_fault fault;
    struct buf b = people_kit_read(f->file);

    buf_add(&b, "x\0", 2);
    people_kit_put(f->file, buf_str(&b));
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    people_kit_put(f->file, buf_str(&b));
    for (unsigned i = 2; i < 40; i++) {
        controller_kit_wait_served(f, controller_kit_put_address(f, i));
        assert_true(people_kit_says(f, "NUL", &fault));
        assert_int_equal(fault.column, 2);
        assert_true(fault.line > 1);
    }
    buf_free(&b);
}

static void a_discarded_save_is_kept_beside(void **state)
{
    struct controller_kit *f = start(state);

    assert_int_equal(controller_discard(f->controller, 0, soon(), &problem), -BD_ENOTFOUND);
    assert_int_equal(controller_accept(f->controller, 0, soon(), NULL), -BD_ENOTFOUND);
    people_kit_write(f->file, "not a zone\n");
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_int_equal(controller_discard(f->controller, 0, soon(), &problem), 0);
    assert_true(people_kit_has(f->file, "host-1"));
    assert_true(people_kit_has(people_kit_beside(f, "discarded"), "not a zone\n"));
    people_kit_rest(f);
    assert_int_equal(people_kit_seq(f), 2);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
}

/* ---- rule 6 ---- */

static void add_many(struct controller_kit *f)
{
    struct buf b = {0};

    for (unsigned i = 1; i <= 50; i++)
        buf_addf(&b, "many-%u 30 IN A 192.0.2.%u\n", i, i);
    buf_add_c(&b, '\0');
    people_kit_append(f->file, b.p);
    people_kit_wait_zone(f, "many-50", 50);
    people_kit_rest(f);
    buf_free(&b);
}

/* As an editor that ran out of disk leaves it. */
static void cut(struct controller_kit *f)
{
    struct buf b = people_kit_read(f->file);

    const char *at = memmem(b.p, b.n, "many-3 ", 7);
    assert_non_null(at);
    people_kit_put(f->file, (struct str){b.p, (size_t)(at - b.p)});
    buf_free(&b);
    controller_kit_wait_file(f, FILE_HELD, 0);
    assert_true(people_kit_says(f, "deletes", NULL));
    assert_true(people_kit_zone_has(f, "many-3", 3));
}

static void half_a_save_is_held(void **state)
{
    struct controller_kit *f = start(state);

    add_many(f);
    cut(f);
    controller_kit_put_address(f, 2);
    assert_int_equal(controller_discard(f->controller, 0, soon(), &problem), 0);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "many-3 ") && people_kit_has(f->file, "host-2"));
    assert_false(people_kit_has(people_kit_beside(f, "discarded"), "many-3 "));
    cut(f);
    assert_int_equal(controller_accept(f->controller, 0, soon(), &problem), 0);
    assert_true(people_kit_zone_has(f, "many-3", 0) && people_kit_zone_has(f, "many-2", 2));
    people_kit_rest(f);
    assert_false(people_kit_has(f->file, "many-3 "));
    assert_true(people_kit_zone_has(f, "host-2", 2));
}

/* Whatever takes the file's place, the comments of the last good one are there again. */
static void comments_survive_what_is_given_up(void **state)
{
    struct controller_kit *f = start(state);

    add_many(f);
    people_kit_append(f->file, "; a comment of mine\nby-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_rest(f);
    cut(f);
    assert_int_equal(controller_discard(f->controller, 0, soon(), &problem), 0);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "; a comment of mine\nby-hand 30 IN A 192.0.2.99\n"));
    people_kit_write(f->file, "bad\n");
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    controller_kit_put_address(f, 2);
    assert_int_equal(controller_discard(f->controller, 0, soon(), &problem), 0);
    people_kit_rest(f);
    assert_true(people_kit_has(f->file, "; a comment of mine\nby-hand 30 IN A 192.0.2.99\n"));
    assert_true(people_kit_has(f->file, "host-2"));
    assert_int_equal(unlink(f->file), 0);
    controller_kit_wait_file(f, FILE_MISSING, 0);
    people_kit_wait_text(f->file, "; a comment of mine\nby-hand 30 IN A 192.0.2.99\n");
    people_kit_rest(f);
}

/* ---- rule 5 ---- */

/* An untouched old buffer, or a restored backup. */
static void an_old_state_is_kept_beside(void **state)
{
    struct controller_kit *f = start(state);
    struct buf old;

    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_rest(f);
    old = people_kit_read(f->file);
    people_kit_sed(f->file, "by-hand 30 IN A 192.0.2.99", "by-hand 30 IN A 192.0.2.100");
    people_kit_wait_zone(f, "by-hand", 100);
    controller_kit_put_address(f, 2);
    people_kit_rest(f);
    people_kit_put(f->file, buf_str(&old));
    people_kit_wait_text(people_kit_beside(f, "held"), "by-hand 30 IN A 192.0.2.99");
    people_kit_wait_text(f->file, "192.0.2.100");
    people_kit_rest(f);
    assert_true(people_kit_zone_has(f, "by-hand", 100) && people_kit_zone_has(f, "host-2", 2));
    assert_true(people_kit_says(f, "earlier state", NULL));
    /* It is found after a start, too, and accepted. */
    controller_kit_stop(f);
    assert_int_equal(controller_kit_start(f), 0);
    people_kit_rest(f);
    assert_true(people_kit_says(f, "earlier state", NULL));
    assert_int_equal(controller_accept(f->controller, 0, soon(), &problem), 0);
    assert_true(people_kit_zone_has(f, "by-hand", 99) && people_kit_zone_has(f, "host-2", 2));
    assert_false(people_kit_is_there(people_kit_beside(f, "held")));
    people_kit_wait_text(f->file, "192.0.2.99");
    assert_int_equal(controller_accept(f->controller, 0, soon(), &problem), -BD_ENOTFOUND);
    buf_free(&old);
}

/* A deployment writes the time into a comment of a version that changes nothing: the last one is
 * kept. */
static void what_asks_for_the_same_is_kept_once(void **state)
{
    struct controller_kit *f = start(state);
    char line[40], host[40];

    struct buf old = people_kit_read(f->file);
    const size_t n = old.n;
    for (unsigned i = 1; i < 4; i++) {
        controller_kit_put_address(f, i + 1);
        people_kit_rest(f);
        snprintf(line, sizeof(line), "; made at %u\n", i);
        old.n = n;
        buf_add(&old, line, strlen(line));
        people_kit_put(f->file, buf_str(&old));
        people_kit_wait_text(people_kit_beside(f, "held"), line);
        snprintf(host, sizeof(host), "host-%u", i + 1); /* which that version has not */
        people_kit_wait_text(f->file, host);
        people_kit_rest(f);
        assert_true(people_kit_has(f->file, line));
    }
    assert_false(people_kit_is_there(people_kit_beside(f, "held.2")));
    buf_free(&old);
}

/* ---- rule 10 ---- */

static void a_source_is_never_written(void **state)
{
    static const char text[] = "@ 30 IN SOA ns1 admin 5 60 60 60 60\n"
                               "@ 30 IN NS ns1\nns1 30 IN A 192.0.2.200\n";
    struct controller_kit *f = *state;
    struct buf b;

    f->source_only = true;
    people_kit_put(f->file, str_c(text));
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    controller_kit_wait_file(f, FILE_READ_ONLY, 0);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0); /* it is as it shall be */
    assert_int_equal(controller_notes(f->controller, 0, NULL, 0), 1);
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_append(f->file, "bad IN AAA 192.0.2.99\n");
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_int_equal(controller_discard(f->controller, 0, soon(), &problem), -BD_ECONFLICT);
    people_kit_sed(f->file, "bad IN AAA 192.0.2.99\n", "more 30 IN A 192.0.2.98\n");
    people_kit_wait_zone(f, "more", 98);
    controller_kit_wait_file(f, FILE_READ_ONLY, 0);
    uint64_t seq = people_kit_seq(f);
    controller_kit_stop(f);
    assert_int_equal(controller_kit_start(f), 0); /* what it holds is known */
    controller_kit_wait_file(f, FILE_READ_ONLY, 0);
    assert_int_equal(people_kit_seq(f), seq);
    assert_true(people_kit_zone_has(f, "host-1", 1));
    controller_kit_stop(f);
    b = people_kit_read(f->file);
    assert_int_equal(strncmp(b.p, text, strlen(text)), 0);
    assert_false(people_kit_has(f->file, "host-1"));
    buf_free(&b);
}

/* A deployment that writes its own file again after each export, without our comment. */
static void an_enforcer_is_not_fought(void **state)
{
    static const char text[] = "@ 30 IN SOA ns1 admin 5 60 60 60 60\n"
                               "@ 30 IN NS ns1\nns1 30 IN A 192.0.2.200\n";
    struct controller_kit *f = *state;
    char dated[sizeof(text) + 20];

    people_kit_put(f->file, str_c(text));
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    for (unsigned i = 0; i < 3; i++) {
        people_kit_wait_text(f->file, "host-1");
        snprintf(dated, sizeof(dated), "%s; of day %u\n", text, i);
        people_kit_put(f->file, str_c(dated));
    }
    controller_kit_wait_file(f, FILE_CONTESTED, 0);
    assert_true(people_kit_says(f, "rewrites", NULL));
    /* Not a file more each time. */
    assert_true(people_kit_has(people_kit_beside(f, "held"), "; of day 2\n"));
    assert_false(people_kit_is_there(people_kit_beside(f, "held.2")));
    assert_false(people_kit_has(f->file, "host-1"));
    assert_true(people_kit_zone_has(f, "host-1", 1)); /* registered: no such save deletes it */
    /* What changes something is another matter. */
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    people_kit_wait_zone(f, "by-hand", 99);
    people_kit_wait_text(f->file, "host-1");
    people_kit_rest(f);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_save_is_merged),
        TEST(a_comment_changes_nothing),
        TEST(an_edit_while_we_were_down_is_merged),
        TEST(a_bad_save_changes_nothing),
        TEST(a_place_is_not_forgotten),
        TEST(what_the_zone_cannot_have_is_rejected),
        TEST(a_discarded_save_is_kept_beside),
        TEST(half_a_save_is_held),
        TEST(comments_survive_what_is_given_up),
        TEST(what_asks_for_the_same_is_kept_once),
        TEST(an_old_state_is_kept_beside),
        TEST(a_source_is_never_written),
        TEST(an_enforcer_is_not_fought),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

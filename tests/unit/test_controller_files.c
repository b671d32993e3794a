/* The controller with a real registry and a real coredns: the people's file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/zonefile.h>

#include "people_kit.h"

static bool has(const struct buf *b, const char *text)
{
    return memmem(b->p, b->n, text, strlen(text)) != NULL;
}

static void the_file_is_exported(void **state)
{
    struct controller_kit *f = *state;
    uint64_t seq;
    struct hash128 marker, expected;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 7);
    struct snap *s = registry_snapshot(f->registry);
    uint64_t now = snap_seq(s);
    expected = registry_marker_hash(s, 0);
    snap_put(s);
    controller_kit_wait_file(f, FILE_CLEAN, now);
    struct buf b = people_kit_read(f->file);
    assert_true(has(&b, "host-7") && has(&b, "192.0.2.7"));
    assert_int_equal(zp_find_marker(buf_str(&b), &seq, &marker), 0);
    assert_int_equal(seq, now);
    assert_true(hash128_eq(&marker, &expected));
    buf_free(&b);
    /* What is due is written at the stop, without waiting. */
    controller_kit_put_address(f, 8);
    controller_kit_stop(f);
    b = people_kit_read(f->file);
    assert_true(has(&b, "host-8"));
    buf_free(&b);
}

static uint32_t addresses_served(struct controller_kit *f, const char *name)
{
    struct dnsmsg_answer answer;
    struct dname owner;

    assert_int_equal(dname_from_text(str_c(name), NULL, &owner, NULL), 0);
    assert_int_equal(controller_lookup(f->controller, &owner, RRTYPE_A,
                                       clock_deadline(CONTROLLER_KIT_PATIENCE), &answer),
                     0);
    free(answer.bytes);
    return answer.rdatas.count;
}

/* People see all of the zone, DNS what is alive of it. */
static void what_is_withdrawn_stays_in_the_file(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_served(f, controller_kit_put_address(f, 8));
    assert_int_equal(addresses_served(f, "host-8.lab.example."), 1);
    controller_kit_put_address(f, 7);
    controller_kit_wait_served(f, controller_kit_withdraw_address(f, 7));
    assert_int_equal(addresses_served(f, "host-7.lab.example."), 0);
    assert_int_equal(addresses_served(f, "host-8.lab.example."), 1);
    struct snap *s = registry_snapshot(f->registry);
    uint64_t now = snap_seq(s);
    snap_put(s);
    controller_kit_wait_file(f, FILE_CLEAN, now);
    struct buf b = people_kit_read(f->file);
    assert_true(has(&b, "host-7") && has(&b, "192.0.2.7"));
    buf_free(&b);
}

static void a_vanished_file_comes_back(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_file(f, FILE_CLEAN, 1);
    assert_int_equal(unlink(f->file), 0);
    controller_kit_wait_file(f, FILE_MISSING, 0);
    controller_kit_wait_file(f, FILE_CLEAN, 1);
    assert_int_equal(access(f->file, F_OK), 0);
}

/* A file that was there before us is taken over by the first export. */
static void an_imported_file_is_taken_over(void **state)
{
    static const char text[] = "@ 30 IN SOA ns1 admin 5 60 60 60 60\n"
                               "@ 30 IN NS ns1\nns1 30 IN A 192.0.2.200\n";
    struct controller_kit *f = *state;

    assert_int_equal(file_write_atomic(f->file, str_c(text), 0644, false), 0);
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    controller_kit_wait_file(f, FILE_CLEAN, 2);
    struct buf b = people_kit_read(f->file);
    assert_true(has(&b, "host-1") && has(&b, "192.0.2.200"));
    buf_free(&b);
}

static ino_t inode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_ino;
}

/* A start in between, with both files as they are; true: the live copy was written again. */
static bool copy_is_written_at_start(struct controller_kit *f, const char *live)
{
    ino_t before = inode_of(live);

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_file(f, FILE_CLEAN, 2);
    controller_kit_stop(f);
    return inode_of(live) != before;
}

/* A large zone's copy costs time at each start. Not one that shows another serial, another version
 * of ours, or that stood there when the machine was started. */
static void a_copy_that_stands_is_not_written_again(void **state)
{
    struct controller_kit *f = *state;
    struct controller_zone_status z;
    char live[200], serial[32], other[32];

    assert_int_equal(controller_kit_start(f), 0);
    uint32_t now = controller_kit_put_address(f, 7);
    controller_kit_wait_file(f, FILE_CLEAN, 2);
    controller_kit_status(f, &z);
    snprintf(live, sizeof(live), "%s", z.live);
    controller_kit_stop(f);
    assert_false(copy_is_written_at_start(f, live));
    snprintf(serial, sizeof(serial), " %u ", now);
    snprintf(other, sizeof(other), " %u ", now - 1);
    people_kit_sed(live, serial, other);
    assert_true(copy_is_written_at_start(f, live));
    assert_false(copy_is_written_at_start(f, live));
    people_kit_sed(live, "; betterdns ", "; betterdns 0.0.");
    assert_true(copy_is_written_at_start(f, live));
    people_kit_sed(live, ", boot ", ", boot 0");
    assert_true(copy_is_written_at_start(f, live));
    assert_false(copy_is_written_at_start(f, live));
}

/* Two histories that once were one come to the same serial; then one gets the other's live copies,
 * as where a state.db comes back from the machine that stood in for this one. */
static void a_copy_of_another_history_is_replaced(void **state)
{
    struct controller_kit *f = *state;
    struct controller_zone_status z;
    char command[400], live[sizeof(f->live)];
    struct buf b = {0};

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 7);
    controller_kit_stop(f);
    snprintf(command, sizeof(command), "cp -a %s %s/fork && cp -a %s %s/fork.zone", f->data, f->dir,
             f->file, f->dir);
    assert_int_equal(system(command), 0);
    assert_int_equal(controller_kit_start(f), 0);
    uint32_t serial = controller_kit_put_address(f, 8);
    controller_kit_stop(f);
    snprintf(live, sizeof(live), "%s", f->live);
    snprintf(f->data, sizeof(f->data), "%s/fork", f->dir);
    snprintf(f->file, sizeof(f->file), "%s/fork.zone", f->dir);
    snprintf(f->live, sizeof(f->live), "%s/fork-live", f->dir);
    assert_int_equal(controller_kit_start(f), 0);
    assert_int_equal(controller_kit_put_address(f, 9), serial);
    controller_kit_stop(f);
    snprintf(f->live, sizeof(f->live), "%s", live);
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_status(f, &z);
    assert_int_equal(file_read(z.live, 1 << 20, &b), 0);
    assert_true(has(&b, "host-9") && !has(&b, "host-8"));
    buf_free(&b);
    assert_true(
        serial_gt(z.served_serial, serial)); /* a living server would not read it otherwise */
}

/* The export of a large zone too; what was edited meanwhile is seen. */
static void a_file_that_shows_the_zone_is_not_written_again(void **state)
{
    struct controller_kit *f = *state;
    struct controller_zone_status z;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 7);
    controller_kit_wait_file(f, FILE_CLEAN, 2);
    controller_kit_stop(f);
    ino_t before = inode_of(f->file);
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_file(f, FILE_CLEAN, 2); /* never pending: no export is due */
    controller_kit_status(f, &z);
    assert_int_equal(z.exported_seq, 2);
    controller_kit_stop(f);
    assert_int_equal(inode_of(f->file), before);
    people_kit_sed(f->file, "192.0.2.7", "192.0.2.8");
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_file(f, FILE_CLEAN, 3);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, controller_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(the_file_is_exported),
        TEST(what_is_withdrawn_stays_in_the_file),
        TEST(a_vanished_file_comes_back),
        TEST(an_imported_file_is_taken_over),
        TEST(a_copy_that_stands_is_not_written_again),
        TEST(a_copy_of_another_history_is_replaced),
        TEST(a_file_that_shows_the_zone_is_not_written_again),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A save that waits holds up the exports: until it is merged, or is not there any more (design.md,
 * "The people's file", rules 5 to 7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/zonefile.h>

#include "pause_kit.h"
#include "people_kit.h"

static bool full;      /* no save can be kept beside */
static bool no_memory; /* to read any zone to its end */

int __real_zp_zone_load(struct str text, const struct zp_options *options,
                        struct zp_zone **ret_zone);
int __wrap_zp_zone_load(struct str text, const struct zp_options *options,
                        struct zp_zone **ret_zone);

int __wrap_zp_zone_load(struct str text, const struct zp_options *options,
                        struct zp_zone **ret_zone)
{
    struct zp_zone *zone = NULL;

    int r = __real_zp_zone_load(text, options, &zone);
    if (__atomic_load_n(&no_memory, __ATOMIC_SEQ_CST)) {
        zp_zone_free(zone);
        return -ENOMEM;
    }
    if (r == 0)
        *ret_zone = zone;
    return r;
}

/* In the place of libc's. */
int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    if (__atomic_load_n(&full, __ATOMIC_SEQ_CST) && strstr(to, ".held")) {
        errno = ENOSPC;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

static int tear_down(void **state)
{
    __atomic_store_n(&full, false, __ATOMIC_SEQ_CST);
    __atomic_store_n(&no_memory, false, __ATOMIC_SEQ_CST);
    pause_release_all();
    return controller_kit_tear_down(state);
}

/* A state before the present one is saved, and cannot be kept; *ret_now: what stood there. */
static struct controller_kit *start_waiting(void **state, struct buf *ret_now)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    struct buf old = people_kit_read(f->file);
    controller_kit_put_address(f, 2);
    people_kit_rest(f);
    *ret_now = people_kit_read(f->file);
    __atomic_store_n(&full, true, __ATOMIC_SEQ_CST);
    people_kit_put(f->file, buf_str(&old));
    buf_free(&old);
    people_kit_wait_said(f, "cannot be kept");
    return f;
}

/* And so again and again: that it waited makes it no save of ours. */
static void who_saves_it_again_each_time(void **state)
{
    struct buf now, old;
    struct controller_kit *f = start_waiting(state, &now);

    buf_free(&now);
    old = people_kit_read(f->file);
    for (unsigned i = 0; i < 3; i++) {
        __atomic_store_n(&full, true, __ATOMIC_SEQ_CST);
        if (i > 0)
            people_kit_put(f->file, buf_str(&old));
        people_kit_wait_said(f, "cannot be kept");
        __atomic_store_n(&full, false, __ATOMIC_SEQ_CST);
        if (i < 2)
            people_kit_wait_text(f->file, "host-2");
    }
    buf_free(&old);
    controller_kit_wait_file(f, FILE_CONTESTED, 0);
}

/* The one before it stays until it is kept. */
static void what_was_kept_before(void **state)
{
    static const char text[] = "@ 30 IN SOA ns1 admin 5 60 60 60 60\n"
                               "@ 30 IN NS ns1\nns1 30 IN A 192.0.2.200\n";
    struct controller_kit *f = *state;
    char dated[sizeof(text) + 20];

    people_kit_put(f->file, str_c(text));
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_wait_text(f->file, "host-1");
    people_kit_rest(f);
    for (unsigned i = 0; i < 2; i++) {
        __atomic_store_n(&full, i == 1, __ATOMIC_SEQ_CST);
        snprintf(dated, sizeof(dated), "%s; of day %u\n", text, i);
        people_kit_put(f->file, str_c(dated));
        if (i == 0)
            people_kit_wait_text(f->file, "host-1");
    }
    people_kit_wait_said(f, "cannot be kept");
    assert_true(people_kit_has(people_kit_beside(f, "held"), "; of day 0\n"));
    __atomic_store_n(&full, false, __ATOMIC_SEQ_CST);
    people_kit_wait_text(people_kit_beside(f, "held"), "; of day 1\n");
    people_kit_wait_text(f->file, "host-1");
    people_kit_rest(f);
}

static void its_author_takes_it_back(void **state)
{
    struct buf now;
    struct controller_kit *f = start_waiting(state, &now);

    people_kit_put(f->file, buf_str(&now));
    buf_free(&now);
    controller_kit_put_address(f, 3);
    people_kit_wait_text(f->file, "host-3");
    people_kit_rest(f);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
}

static void its_author_removes_it(void **state)
{
    struct buf now;
    struct controller_kit *f = start_waiting(state, &now);

    buf_free(&now);
    assert_int_equal(unlink(f->file), 0);
    controller_kit_wait_file(f, FILE_MISSING, 0);
    assert_false(people_kit_says(f, "not merged", NULL));
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
}

static void there_is_room_again(void **state)
{
    struct buf now;
    struct controller_kit *f = start_waiting(state, &now);

    buf_free(&now);
    __atomic_store_n(&full, false, __ATOMIC_SEQ_CST);
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
    assert_false(people_kit_has(people_kit_beside(f, "held"), "host-2"));
    assert_true(people_kit_has(people_kit_beside(f, "held"), "host-1"));
}

/* Of its errors not all are known. */
static void there_is_memory_again(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    __atomic_store_n(&no_memory, true, __ATOMIC_SEQ_CST);
    people_kit_append(f->file, "bad 30 IN A no-address\n");
    people_kit_wait_said(f, "not merged yet");
    assert_true(people_kit_says(f, "memory", NULL));
    __atomic_store_n(&no_memory, false, __ATOMIC_SEQ_CST);
    controller_kit_wait_file(f, FILE_REJECTED, 0);
    assert_true(people_kit_says(f, "no-address", NULL));
    assert_false(people_kit_says(f, "not merged yet", NULL));
}

static void on_stopped(void *arg)
{
    loop_stop(arg);
}

static void ask_stop(void *arg)
{
    struct controller_kit *f = arg;

    controller_stop(f->controller, on_stopped, f->loop);
}

/* It is saved so shortly before that nobody was told of it yet; the registry stays. */
static void a_save_just_before_a_stop(void **state)
{
    struct controller_kit *f = *state;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    people_kit_append(f->file, "by-hand 30 IN A 192.0.2.99\n");
    assert_int_equal(loop_wake(f->loop, ask_stop, f), 0);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    bool merged = people_kit_zone_has(f, "by-hand", 99);
    f->running = false;
    controller_free(f->controller);
    registry_stop(f->registry);
    registry_close(f->registry);
    loop_free(f->loop);
    assert_true(merged);
}

/* The operator is told that it took too long; then it comes in all the same. */
static void an_acceptance_that_comes_late(void **state)
{
    struct controller_kit *f = *state;
    struct problem problem;

    assert_int_equal(controller_kit_start(f), 0);
    for (unsigned i = 100; i < 130; i++)
        controller_kit_put_address(f, i);
    people_kit_rest(f);
    struct buf all = people_kit_read(f->file);
    const char *at = memmem(all.p, all.n, "host-103 ", 9);
    assert_non_null(at);
    people_kit_put(f->file, (struct str){all.p, (size_t)(at - all.p)});
    buf_free(&all);
    controller_kit_wait_file(f, FILE_HELD, 0);
    pause_hold("commit: durable, not visible");
    assert_int_equal(controller_accept(f->controller, 0, clock_deadline(500 * NS_PER_MS), &problem),
                     -BD_ETIMEDOUT);
    pause_wait("commit: durable, not visible", 1);
    pause_release("commit: durable, not visible");
    people_kit_wait_zone(f, "host-103", 0);
    controller_kit_put_address(f, 2);
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
    assert_false(people_kit_has(f->file, "host-103"));
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
}

/* Both files have a line more, and there is no descriptor to read them with. */
static void there_are_descriptors_again(void **state)
{
    struct controller_kit *f = *state;
    struct rlimit was, low;

    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_put_address(f, 1);
    people_kit_rest(f);
    pause_hold("people: about to exchange");
    controller_kit_put_address(f, 2);
    pause_wait("people: about to exchange", 1);
    int displaced = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    pause_release("people: about to exchange");
    people_kit_wait_text(f->file, "host-2");
    people_kit_rest(f);
    int present = open(f->file, O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_true(displaced >= 0 && present >= 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    low = was;
    low.rlim_cur = 3;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_int_equal(write(displaced, "late 30 IN A 192.0.2.99\n", 24), 24);
    assert_int_equal(close(displaced), 0);
    assert_int_equal(write(present, "by-hand 30 IN A 192.0.2.98\n", 27), 27);
    assert_int_equal(close(present), 0);
    const uint64_t until = clock_deadline(10 * NS_PER_S);
    bool said = false;
    while (!(said = people_kit_says(f, "cannot be read yet", NULL)) && clock_mono_ns() < until)
        usleep(2000);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    people_kit_wait_zone(f, "late", 99);
    people_kit_wait_zone(f, "by-hand", 98);
    people_kit_wait_text(f->file, "\nlate ");
    people_kit_rest(f);
    assert_true(said);
    assert_int_equal(controller_faults(f->controller, 0, NULL, 0), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(who_saves_it_again_each_time), TEST(what_was_kept_before),
        TEST(its_author_takes_it_back),     TEST(its_author_removes_it),
        TEST(there_is_room_again),          TEST(an_acceptance_that_comes_late),
        TEST(there_are_descriptors_again),  TEST(there_is_memory_again),
        TEST(a_save_just_before_a_stop),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

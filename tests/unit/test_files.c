/* The files thread beside the controller's lock, and what it is asked to keep. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BETTERDNS_PAUSE_POINTS
#include <betterdns/pause.h>

#include "internal.h"
#include "pause_kit.h"
#include "people_kit.h"

static char held[120]; /* the file that is held up */

/* In the place of libc's: the file system does not answer. */
int stat(const char *path, struct stat *st)
{
    if (strcmp(path, held) == 0)
        PAUSE_POINT("test: a file is looked at");
    return (int)syscall(SYS_newfstatat, AT_FDCWD, path, st, 0);
}

static int tear_down(void **state)
{
    pause_release_all();
    return controller_kit_tear_down(state);
}

struct asker {
    struct controller_kit *f;
    bool answered;
};

static void *ask_status(void *arg)
{
    struct asker *a = arg;

    controller_kit_status(a->f, NULL);
    __atomic_store_n(&a->answered, true, __ATOMIC_SEQ_CST);
    return NULL;
}

static void nobody_waits_for_a_live_copy(void **state)
{
    struct controller_kit *f = *state;
    struct asker a = {.f = f};
    pthread_t thread;

    snprintf(held, sizeof(held), "%s/lab.example.zone", f->live);
    assert_int_equal(controller_kit_start(f), 0);
    controller_kit_wait_served(f, controller_kit_put_address(f, 1));
    people_kit_rest(f);
    pause_hold("test: a file is looked at");
    files_rescan(f->controller->files);
    pause_wait("test: a file is looked at", 1);
    assert_int_equal(pthread_create(&thread, NULL, ask_status, &a), 0);
    const uint64_t until = clock_deadline(20 * NS_PER_S);
    while (!__atomic_load_n(&a.answered, __ATOMIC_SEQ_CST) && clock_mono_ns() < until)
        usleep(2000);
    bool answered = __atomic_load_n(&a.answered, __ATOMIC_SEQ_CST);
    pause_release("test: a file is looked at");
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(answered);
}

static void what_cannot_be_kept(void **state)
{
    struct controller_kit *f = *state;
    struct buf content = {.error = -ENOMEM};
    char path[120];

    snprintf(path, sizeof(path), "%s/kept", f->dir);
    assert_int_equal(controller_kit_start(f), 0);
    assert_int_equal(files_keep(f->controller->files, path, &content), -ENOMEM);
    assert_int_equal(content.error, 0);
    buf_add_str(&content, STR("good\n"));
    assert_int_equal(files_keep(f->controller->files, path, &content), 0);
    assert_int_equal(content.n, 0);
    people_kit_wait_text(path, "good\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, controller_kit_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(nobody_waits_for_a_live_copy),
        TEST(what_cannot_be_kept),
    };
#undef TEST
    if (!controller_kit_find_coredns()) {
        fprintf(stderr, "no coredns: set COREDNS, or run `make coredns`\n");
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}

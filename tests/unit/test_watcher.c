/* The watcher: every way of saving leads to a look at what was saved, and nothing else to any. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>

#include "forbid_kit.h"
#include "watcher.h"

#define PATIENCE_NS (60 * NS_PER_S)
#define NEVER_NS (3600 * NS_PER_S) /* the regular look, which would hide what was not noticed */

struct eye {
    struct watcher *watcher;
    char path[160];
    pthread_mutex_t lock;
    pthread_cond_t cond;
    unsigned looks; /* guarded by lock */
    char saw[256];  /* guarded by lock: the content at the last look; "-": none */
};

static char dir[64];
static struct loop *loop;
static pthread_t thread;
static struct eye eye, control;

/* ---- looking ---- */

static void on_look(void *arg)
{
    struct eye *e = arg;
    struct buf b = {0};

    bool there = file_read_start(e->path, sizeof(e->saw) - 1, &b) == 0;
    pthread_mutex_lock(&e->lock);
    e->looks++;
    snprintf(e->saw, sizeof(e->saw), "%.*s", there ? (int)b.n : 1,
             there && b.n ? b.p
             : there      ? ""
                          : "-");
    pthread_cond_broadcast(&e->cond);
    pthread_mutex_unlock(&e->lock);
    buf_free(&b);
}

static unsigned looks(struct eye *e)
{
    pthread_mutex_lock(&e->lock);
    unsigned n = e->looks;
    pthread_mutex_unlock(&e->lock);
    return n;
}

static void wait_for_look(struct eye *e, unsigned after)
{
    struct timespec until = clock_timespec(clock_deadline(PATIENCE_NS));
    int r = 0;

    pthread_mutex_lock(&e->lock);
    while (e->looks <= after && r == 0)
        r = pthread_cond_timedwait(&e->cond, &e->lock, &until);
    pthread_mutex_unlock(&e->lock);
    assert_int_equal(r, 0);
}

/* A look sees that content; there may have been others before it. */
static void wait_for_sight(struct eye *e, const char *content, const char *what)
{
    struct timespec until = clock_timespec(clock_deadline(PATIENCE_NS));
    char saw[sizeof(e->saw)];
    int r = 0;

    pthread_mutex_lock(&e->lock);
    while (strcmp(e->saw, content) != 0 && r == 0)
        r = pthread_cond_timedwait(&e->cond, &e->lock, &until);
    memcpy(saw, e->saw, sizeof(saw));
    pthread_mutex_unlock(&e->lock);
    if (r != 0)
        fail_msg("%s: the last look saw \"%s\"", what, saw);
}

static void *run_loop(void *arg)
{
    loop_run(arg);
    return NULL;
}

static void open_eye(struct eye *e, const char *name, uint64_t every_ns)
{
    *e = (struct eye){.looks = 0};
    pthread_mutex_init(&e->lock, NULL);
    clock_cond_init(&e->cond);
    snprintf(e->path, sizeof(e->path), "%s/%s", dir, name);
    assert_int_equal(watcher_new(loop, every_ns, on_look, e, &e->watcher), 0);
    assert_int_equal(watcher_set_paths(e->watcher, 0, (const char *[]){e->path}, 1), 0);
}

static void start(const char *name)
{
    assert_int_equal(loop_new(&loop), 0);
    open_eye(&eye, name, NEVER_NS);
    open_eye(&control, "control", NEVER_NS);
    assert_int_equal(pthread_create(&thread, NULL, run_loop, loop), 0);
    wait_for_look(&eye, 0); /* what was given to it is watched from now on */
    wait_for_look(&control, 0);
}

static void run(const char *commands)
{
    char command[1024];

    snprintf(command, sizeof(command), "cd %s && %s", dir, commands);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static int set_up(void **state)
{
    (void)state;
    loop = NULL;
    strcpy(dir, "/tmp/betterdns-watcher.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static void stop(void)
{
    if (!loop)
        return;
    loop_stop(loop);
    pthread_join(thread, NULL);
    watcher_free(eye.watcher);
    watcher_free(control.watcher);
    loop_free(loop);
    loop = NULL;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    stop();
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* Whatever of eye's was under way by now has been looked at: control's looks come after it. */
static void settle(void)
{
    for (int i = 0; i < 2; i++) {
        unsigned n = looks(&control);
        run("echo x >>control");
        wait_for_look(&control, n);
    }
}

/* ---- every way of saving ---- */

/* What programs do, as strace shows it. The file is "old" before, and "new" afterwards. */
static const struct {
    const char *name, *commands;
} saves[] = {
    {">", "echo new >zone"},
    {">>", ": >zone && echo new >>zone"},
    {"cp", "echo new >other && cp other zone"},
    {"cp --remove-destination", "echo new >other && cp --remove-destination other zone"},
    {"cp -l", "echo new >other && cp -fl other zone"},
    {"mv", "echo new >other && mv other zone"},
    {"mv from elsewhere", "echo new >out/other && mv out/other zone"},
    {"ln -sf", "echo new >other && ln -sf other zone"},
    {"install", "echo new >other && install -m 644 other zone"},
    {"sed -i", "sed -i s/old/new/ zone"},
    {"dd", "echo new | dd of=zone conv=notrunc status=none"},
    {"vi, backupcopy=yes", "cp zone zone~ && echo new >zone && rm zone~"},
    {"vi, backupcopy=no", "mv zone zone~ && echo new >zone && rm zone~"},
    {"emacs", "mv zone zone~ && echo new >.#t && mv .#t zone"},
    {"nano", "echo new >zone && touch zone"},
    {"rsync", "echo new >.zone.Xa3f2b && chmod 644 .zone.Xa3f2b && mv .zone.Xa3f2b zone"},
    {"rsync --inplace", "echo new 1<>zone"},
    {"git checkout", "rm zone && echo new >zone"},
    {"by its other name", "echo new >out/link"},
    {"chmod", "echo new >other && chmod 0 other && mv other zone && chmod 644 zone"},
};

static void test_saves(void **state)
{
    (void)state;
    run("mkdir out && echo old >zone");
    start("zone");
    for (size_t i = 0; i < ARRAY_SIZE(saves); i++) {
        run("rm -f zone out/link && echo old >zone && ln zone out/link");
        settle();
        wait_for_sight(&eye, "old\n", saves[i].name);
        run(saves[i].commands);
        wait_for_sight(&eye, "new\n", saves[i].name);
    }
}

static void test_comes_and_goes(void **state)
{
    (void)state;
    start("zone");
    wait_for_sight(&eye, "-", "nothing");
    run("echo one >zone");
    wait_for_sight(&eye, "one\n", "made");
    run("rm zone");
    wait_for_sight(&eye, "-", "removed");
    run("mkdir zone && touch zone/x");
    settle();
    run("rm -r zone && echo two >zone");
    wait_for_sight(&eye, "two\n", "made again");
}

/* ---- links ---- */

static void test_kubernetes(void **state)
{
    (void)state;
    run("mkdir ..1 ..2 ..3 && echo 1 >..1/zone && echo 2 >..2/zone && echo 3 >..3/zone && "
        "ln -s ..1 ..data && ln -s ..data/zone zone");
    start("zone");
    wait_for_sight(&eye, "1\n", "start");
    run("ln -s ..2 ..data_tmp && mv -T ..data_tmp ..data && rm -r ..1");
    wait_for_sight(&eye, "2\n", "first swap");
    run("ln -s ..3 ..data_tmp && mv -T ..data_tmp ..data && rm -r ..2");
    wait_for_sight(&eye, "3\n", "second swap");
    run("echo 4 >..3/zone");
    wait_for_sight(&eye, "4\n", "written below");
}

static void test_deployment(void **state)
{
    (void)state;
    run("mkdir -p releases/1/dns releases/2/dns && echo 1 >releases/1/dns/zone && "
        "echo 2 >releases/2/dns/zone && ln -s releases/1 current");
    start("current/dns/zone");
    wait_for_sight(&eye, "1\n", "start");
    run("ln -sfn releases/2 current");
    wait_for_sight(&eye, "2\n", "the link to the directory");
    run("sed -i s/2/3/ releases/2/dns/zone");
    wait_for_sight(&eye, "3\n", "in the other directory");
}

static void test_link_to_link(void **state)
{
    char link[200];

    (void)state;
    run("mkdir a b && echo real >b/real && ln -s ../b/second a/first && ln -s real b/second && "
        "ln -s ./a//first zone");
    snprintf(link, sizeof(link), "ln -s %s/b/real b/new && mv b/new b/second", dir);
    start("zone");
    run("echo changed >b/real");
    wait_for_sight(&eye, "changed\n", "at the end of the links");
    run(link);
    settle();
    run("echo again >b/other && mv b/other b/real");
    wait_for_sight(&eye, "again\n", "at the end of an absolute one");
    run("ln -sf zone b/second"); /* they lead to nothing */
    wait_for_sight(&eye, "-", "nowhere");
    run("ln -sf ../zone b/second"); /* and now in a circle */
    settle();
    run("rm zone && echo plain >zone");
    wait_for_sight(&eye, "plain\n", "no link any more");
}

/* ---- directories ---- */

static void test_directory_replaced(void **state)
{
    (void)state;
    run("mkdir -p a/b/c && echo old >a/b/c/zone");
    start("a/b/c/zone");
    run("mv a/b/c gone && mkdir a/b/c && echo new >a/b/c/zone");
    wait_for_sight(&eye, "new\n", "moved away");
    run("rm -r a");
    wait_for_sight(&eye, "-", "removed up to its parents");
    run("mkdir a && mkdir a/b && mkdir a/b/c && echo again >a/b/c/zone");
    wait_for_sight(&eye, "again\n", "made again");
    run("mkdir -p n/b/c && echo other >n/b/c/zone && mv a gone2 && mv n a");
    wait_for_sight(&eye, "other\n", "a parent moved away");
    run("echo last >>a/b/c/zone");
    wait_for_sight(&eye, "other\nlast\n", "in the new one");
}

/* ---- what leads to no look ---- */

static void test_no_look(void **state)
{
    (void)state;
    run("mkdir sub && echo old >zone && echo prev >.zone.prev.1");
    start("zone");
    settle();
    unsigned before = looks(&eye);
    run("echo x >other && echo x >.zone.tmp.77 && mv .zone.tmp.77 .zone.prev.2 && rm other && "
        "cat zone .zone.prev.1 >sub/copy && rm .zone.prev.2 && touch zone2 .zone .zon");
    settle();
    assert_int_equal(looks(&eye), before);
    run("echo late >>.zone.prev.1"); /* a writer that had the file open when it was displaced */
    wait_for_look(&eye, before);
}

static void test_paths_change(void **state)
{
    char other[200];
    const char *two[] = {eye.path, other};

    (void)state;
    start("zone");
    snprintf(other, sizeof(other), "%s/other", dir);
    unsigned before = looks(&eye);
    assert_int_equal(watcher_set_paths(eye.watcher, 3, two, 2), 0);
    wait_for_look(&eye, before);
    settle();
    before = looks(&eye);
    run("echo x >other");
    wait_for_look(&eye, before);
    settle();
    before = looks(&eye);
    assert_int_equal(watcher_set_paths(eye.watcher, 3, two, 2), 0); /* as they were: no look */
    settle();
    assert_int_equal(looks(&eye), before);
    assert_int_equal(watcher_set_paths(eye.watcher, 3, two, 1), 0);
    wait_for_look(&eye, before);
    settle();
    before = looks(&eye);
    run("echo y >other"); /* it is not watched any more */
    settle();
    assert_int_equal(looks(&eye), before);
}

/* ---- how often ---- */

static void test_debounce(void **state)
{
    (void)state;
    start("zone");
    settle();
    unsigned before = looks(&eye);
    run("for i in $(seq 1 200); do echo $i >zone; done");
    wait_for_sight(&eye, "200\n", "the last of many");
    assert_true(looks(&eye) - before < 50);
}

/* Somebody who never leaves 100 ms between two writes is looked at all the same. */
static void test_no_quiet(void **state)
{
    uint64_t end = clock_deadline(PATIENCE_NS);
    unsigned long wrote = 0;
    char path[160];

    (void)state;
    start("zone");
    settle();
    unsigned before = looks(&eye);
    snprintf(path, sizeof(path), "%s/zone", dir);
    for (; looks(&eye) == before; wrote++) {
        assert_true(clock_mono_ns() < end);
        int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        close(fd);
        poll(NULL, 0, 5);
    }
    assert_true(wrote > 0);
}

static pthread_barrier_t barrier;

static void hold(void *arg)
{
    (void)arg;
    pthread_barrier_wait(&barrier); /* we stand here */
    pthread_barrier_wait(&barrier); /* and may go on */
}

static unsigned long queue_length(void)
{
    unsigned long n = 0;
    FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");

    assert_non_null(f);
    assert_int_equal(fscanf(f, "%lu", &n), 1);
    fclose(f);
    return n;
}

static void test_overflow(void **state)
{
    char other[160];

    (void)state;
    start("zone");
    settle();
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(loop_wake(loop, hold, NULL), 0);
    pthread_barrier_wait(&barrier);
    snprintf(other, sizeof(other), "%s/other", dir);
    for (unsigned long i = 0; i < queue_length(); i++) { /* three events each */
        int fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
        close(fd);
        unlink(other);
    }
    run("echo lost >zone"); /* there is no room for this one */
    pthread_barrier_wait(&barrier);
    wait_for_sight(&eye, "lost\n", "after an overflow");
    pthread_barrier_destroy(&barrier);
}

/* In a child: without inotify there is the regular look. */
static int look_without_inotify(void)
{
    if (!forbid_call(SYS_inotify_init1, -1, EMFILE) || loop_new(&loop) < 0)
        return 1;
    open_eye(&eye, "zone", 10 * NS_PER_MS);
    if (pthread_create(&thread, NULL, run_loop, loop) != 0)
        return 2;
    wait_for_look(&eye, 5);
    run("echo new >zone");
    wait_for_sight(&eye, "new\n", "without inotify");
    return 0;
}

static void test_no_inotify(void **state)
{
    int status;

    (void)state;
    pid_t pid = fork();
    if (pid == 0)
        _exit(look_without_inotify());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_saves),      TEST(test_comes_and_goes), TEST(test_kubernetes),
        TEST(test_deployment), TEST(test_link_to_link),   TEST(test_directory_replaced),
        TEST(test_no_look),    TEST(test_paths_change),   TEST(test_debounce),
        TEST(test_no_quiet),   TEST(test_overflow),       TEST(test_no_inotify),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Files: src/base/file.c, in a directory of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/file.h>

#include "pause_kit.h"

static char dir[64];

static char *in_dir(const char *name)
{
    static char paths[4][PATH_MAX];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", dir, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    strcpy(dir, "/tmp/betterdns-file.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[128];
    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static unsigned count_entries(void)
{
    unsigned n = 0;
    DIR *d = opendir(dir);
    for (struct dirent *e; (e = readdir(d));)
        n += e->d_name[0] != '.' || (e->d_name[1] != '\0' && e->d_name[1] != '.');
    closedir(d);
    return n;
}

static void assert_content(const char *path, const char *expected)
{
    struct buf b = {0};
    assert_int_equal(file_read(path, 1 << 20, &b), 0);
    assert_true(str_eq(buf_str(&b), str_c(expected)));
    buf_free(&b);
}

static void writes_replace_whole_files(void **state)
{
    struct stat st;
    (void)state;
    mode_t mask = umask(077);
    assert_int_equal(file_write_atomic(in_dir("a"), STR("one"), 0640, true), 0);
    umask(mask);
    assert_int_equal(stat(in_dir("a"), &st), 0);
    assert_int_equal(st.st_mode & 07777, 0640);
    /* Who has the old file open keeps the old content. */
    int old = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
    assert_int_equal(file_write_atomic(in_dir("a"), STR("two, longer"), 0600, false), 0);
    char text[8] = "";
    assert_int_equal(read(old, text, sizeof(text)), 3);
    assert_string_equal(text, "one");
    close(old);
    assert_content(in_dir("a"), "two, longer");
    assert_int_equal(count_entries(), 1);
    assert_int_equal(file_write_atomic(in_dir("empty"), (struct str){0}, 0600, true), 0);
    assert_content(in_dir("empty"), "");
}

static void failed_writes_leave_nothing_behind(void **state)
{
    struct file_new f;
    char name[300];
    (void)state;
    assert_int_equal(file_write_atomic(in_dir("no/such"), STR("x"), 0600, true), -ENOENT);
    assert_int_equal(file_write_atomic(in_dir(""), STR("x"), 0600, true), -EISDIR);
    assert_int_equal(mkdir(in_dir("d"), 0700), 0);
    assert_int_equal(file_write_atomic(in_dir("d"), STR("x"), 0600, true), -EISDIR);
    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    assert_int_equal(file_write_atomic(in_dir(name), STR("x"), 0600, true), -ENAMETOOLONG);
    name[255] = 'n';
    name[299] = '\0';
    assert_int_equal(file_write_atomic(in_dir(name), STR("x"), 0600, true), -ENAMETOOLONG);
    assert_int_equal(file_new_open(&f, in_dir("a"), 0600), 0);
    assert_int_equal(count_entries(), 2);
    file_new_abort(&f);
    assert_int_equal(count_entries(), 1);
}

static void a_dead_namesake_is_no_obstacle(void **state)
{
    char name[64];
    (void)state;
    snprintf(name, sizeof(name), ".a.tmp.%ld", (long)getpid());
    assert_int_equal(file_write_atomic(in_dir(name), STR("left"), 0400, false), 0);
    assert_int_equal(file_write_atomic(in_dir("a"), STR("new"), 0600, false), 0);
    assert_content(in_dir("a"), "new");
    assert_int_equal(count_entries(), 1);
}

static bool take_left(void *arg, const char *temp)
{
    unsigned *n = arg;
    ++*n;
    assert_string_equal(temp, in_dir(".a.tmp.2147483646"));
    return false;
}

/* Those of this path alone, and of nobody who is still there. */
static void what_the_dead_have_left_is_found(void **state)
{
    unsigned n = 0;
    char living[64];
    (void)state;
    snprintf(living, sizeof(living), ".a.tmp.%ld", (long)getppid());
    const char *const names[] = {".a.tmp.2147483646", ".ab.tmp.2147483646", ".a.tmp.x", ".a.tmp.",
                                 "a.tmp.2147483646",  ".a.orig.tmp.1",      "a",        living};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        assert_int_equal(file_write_atomic(in_dir(names[i]), STR("x"), 0600, false), 0);
    assert_int_equal(file_each_left(in_dir("a"), take_left, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(file_each_left(in_dir("no/such"), take_left, &n), -ENOENT);
}

static void names_without_a_directory_are_in_the_current_one(void **state)
{
    char before[PATH_MAX];
    (void)state;
    assert_non_null(getcwd(before, sizeof(before)));
    assert_int_equal(chdir(dir), 0);
    int r = file_write_atomic("here", STR("x"), 0600, false);
    int made = file_make_dirs("rel/sub", 0700);
    assert_int_equal(chdir(before), 0);
    assert_int_equal(r, 0);
    assert_int_equal(made, 0);
    assert_content(in_dir("here"), "x");
}

static void reads_are_bounded(void **state)
{
    struct buf b = {0};
    (void)state;
    assert_int_equal(file_write_atomic(in_dir("a"), STR("12345678"), 0600, false), 0);
    buf_add_c(&b, '>');
    assert_int_equal(file_read(in_dir("a"), 7, &b), -EFBIG);
    assert_true(str_eq(buf_str(&b), STR(">")));
    assert_int_equal(file_read(in_dir("a"), 8, &b), 0);
    assert_true(str_eq(buf_str(&b), STR(">12345678")));
    for (size_t most = 7; most <= 9; most++) {
        buf_reset(&b);
        buf_add_c(&b, '>');
        assert_int_equal(file_read_start(in_dir("a"), most, &b), 0);
        assert_true(str_eq(buf_str(&b), (struct str){">12345678", most < 8 ? most + 1 : 9}));
    }
    assert_int_equal(file_read(in_dir("none"), 8, &b), -ENOENT);
    assert_int_equal(file_read(dir, 8, &b), -EISDIR);
    buf_free(&b);
}

static void a_fifo_does_not_block(void **state)
{
    struct buf b = {0};
    (void)state;
    assert_int_equal(mkfifo(in_dir("fifo"), 0600), 0);
    alarm(20); /* without O_NONBLOCK the open waits for a writer: the alarm ends the test, red */
    assert_int_equal(file_read(in_dir("fifo"), 8, &b), -EINVAL);
    alarm(0);
    assert_int_equal(file_read("/dev/zero", 8, &b), -EINVAL);
    buf_free(&b);
}

static void directories_are_made_on_the_way(void **state)
{
    struct stat st;
    (void)state;
    assert_int_equal(file_make_dirs(in_dir("x/y//z/"), 0750), 0);
    assert_int_equal(stat(in_dir("x/y/z"), &st), 0);
    assert_int_equal(chmod(in_dir("x"), 0700), 0);
    assert_int_equal(file_make_dirs(in_dir("x/y/z"), 0755), 0);
    assert_int_equal(stat(in_dir("x"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(file_write_atomic(in_dir("f"), STR(""), 0600, false), 0);
    assert_int_equal(file_make_dirs(in_dir("f"), 0750), -ENOTDIR);
    assert_int_equal(file_make_dirs(in_dir("f/g"), 0750), -ENOTDIR);
    assert_int_equal(file_make_dirs("", 0750), -ENOENT);
    assert_int_equal(file_make_dirs("/", 0750), 0);
}

/* A child with all descriptors of its parent, which lives until that closes *ret_end. */
static pid_t fork_holder(int *ret_end)
{
    int ends[2];

    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        char byte;
        close(ends[1]);
        _exit(read(ends[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(ends[0]);
    *ret_end = ends[1];
    return pid;
}

static void assert_ended(pid_t pid)
{
    int status = -1;

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* The lock lives in the open file description: the child holds it when the parent has closed its
 * descriptor. */
static void locks_live_in_the_child(void **state)
{
    int fd, second, end;
    (void)state;
    assert_int_equal(file_lock(in_dir("lock"), &fd), 0);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(file_lock(in_dir("lock"), &second), -BD_EINUSE);
    pid_t pid = fork_holder(&end);
    close(fd);
    assert_int_equal(file_lock(in_dir("lock"), &second), -BD_EINUSE);
    close(end);
    assert_ended(pid);
    assert_int_equal(file_lock(in_dir("lock"), &second), 0);
    close(second);
    assert_int_equal(file_lock(in_dir("no/lock"), &second), -ENOENT);
}

static void *hand_over(void *arg)
{
    pause_wait("file_lock.taken", 1);
    close(*(const int *)arg); /* the child ends */
    pause_release("file_lock.taken");
    return NULL;
}

/* As one that is killed between a fork and its exec. */
static void a_lock_that_a_child_has_inherited_is_waited_for(void **state)
{
    int fd = -1, end;
    pthread_t thread;
    (void)state;
    assert_int_equal(file_lock(in_dir("lock"), &fd), 0);
    pid_t pid = fork_holder(&end);
    close(fd);
    assert_int_equal(file_lock_within(in_dir("lock"), 0, &fd), -BD_EINUSE);
    pause_hold("file_lock.taken");
    assert_int_equal(pthread_create(&thread, NULL, hand_over, &end), 0);
    int r = file_lock_within(in_dir("lock"), clock_deadline(60 * NS_PER_S), &fd);
    pthread_join(thread, NULL);
    assert_int_equal(r, 0);
    assert_ended(pid);
    close(fd);
}

static void ignore_signal(int number)
{
    (void)number;
}

/* A slow reader and a signal that interrupts each write: all bytes arrive. */
static void writes_go_on_after_short_ones(void **state)
{
    static char sent[1 << 20];
    int fds[2];
    struct sigaction act = {.sa_handler = ignore_signal}; /* no SA_RESTART */
    (void)state;
    assert_int_equal(sigaction(SIGUSR1, &act, NULL), 0);
    memset(sent, 'x', sizeof(sent));
    assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
    pid_t pid = fork();
    if (pid == 0) {
        static char got[4096];
        size_t total = 0;
        close(fds[1]);
        for (ssize_t n; (n = read(fds[0], got, sizeof(got))) > 0; total += (size_t)n)
            kill(getppid(), SIGUSR1);
        _exit(total == sizeof(sent) ? 0 : 1);
    }
    close(fds[0]);
    assert_int_equal(file_write_all(fds[1], sent, sizeof(sent)), 0);
    close(fds[1]);
    int status = -1;
    while (waitpid(pid, &status, 0) < 0)
        assert_int_equal(errno, EINTR);
    assert_int_equal(status, 0);
    assert_int_equal(file_write_all(-1, "x", 1), -EBADF);
    assert_int_equal(file_write_all(-1, NULL, 0), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(writes_replace_whole_files),
        TEST(failed_writes_leave_nothing_behind),
        TEST(a_dead_namesake_is_no_obstacle),
        TEST(what_the_dead_have_left_is_found),
        TEST(names_without_a_directory_are_in_the_current_one),
        TEST(reads_are_bounded),
        TEST(a_fifo_does_not_block),
        TEST(directories_are_made_on_the_way),
        TEST(locks_live_in_the_child),
        TEST(a_lock_that_a_child_has_inherited_is_waited_for),
        TEST(writes_go_on_after_short_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

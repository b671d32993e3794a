/* Reading saves: controller/save_read.c, in a directory of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>

#include "forbid_kit.h"
#include "pause_kit.h"
#include "read_kit.h"

#define READ_POINT "save: read, not checked"

static int tear_down(void **state)
{
    pause_release_all();
    return readkit_tear_down(state);
}

static void put(const char *file, const char *content)
{
    int fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), strlen(content));
    close(fd);
}

static void assert_reads(const char *file, const char *expected)
{
    struct readkit_look l = {0};

    if (readkit_read(&l, file) != 0)
        fail_msg("%s: %d %s", file, l.result, l.fault.message);
    assert_int_equal(l.text.text.n, strlen(expected));
    assert_memory_equal(l.text.text.p, expected, strlen(expected));
    buf_free(&l.text.text);
}

static void test_whole(void **state)
{
    struct readkit_look l = {0};
    struct hash128 content;
    struct people_stat st;

    (void)state;
    put(readkit_path, "; a comment\n$TTL 60\n@ SOA a b 1 2 3 4 5\n");
    assert_int_equal(readkit_read(&l, readkit_path), 0);
    assert_int_equal(people_hash(readkit_path, &content), 0);
    assert_true(hash128_eq(&content, &l.text.content));
    assert_true(l.text.leased);
    assert_int_equal(people_stat(readkit_path, &st), 0);
    assert_true(people_stat_eq(&st, &l.text.stat));
    buf_free(&l.text.text);
    put(readkit_path, "");
    assert_reads(readkit_path, "");
}

/* Longer than a piece, and read to its end. */
static void test_pieces(void **state)
{
    struct readkit_look l = {0};

    (void)state;
    readkit_run("seq 1 60000 >zone");
    assert_int_equal(readkit_read(&l, readkit_path), 0);
    assert_int_equal(l.text.text.n, 348894);
    assert_memory_equal(l.text.text.p + l.text.text.n - 7, "\n60000\n", 7);
    buf_free(&l.text.text);
}

/* ---- writers ---- */

static void test_writer(void **state)
{
    struct readkit_look l = {0};
    uint64_t wait_ns = 0;

    (void)state;
    put(readkit_path, "half a");
    int fd = open(readkit_path, O_WRONLY | O_APPEND | O_CLOEXEC);
    for (int i = 0; i < 8; i++) {
        uint64_t before = clock_mono_ns();
        assert_int_equal(readkit_look(&l, readkit_path), -EAGAIN);
        assert_true(l.reader.wait_ns >= wait_ns && l.reader.wait_ns <= 250 * NS_PER_MS);
        assert_true(l.again_ns >= before + l.reader.wait_ns);
        wait_ns = l.reader.wait_ns;
    }
    assert_int_equal(wait_ns, 250 * NS_PER_MS);
    assert_int_equal(write(fd, " save", 5), 5);
    close(fd);
    assert_reads(readkit_path, "half a save");
}

static void *reading(void *arg)
{
    struct readkit_look *l = arg;

    /* A file that was written this moment is put off; that is not what is tested. */
    do {
        readkit_look(l, readkit_path);
        if (l->result == -EAGAIN && l->reader.wait_ns == 0)
            readkit_wait(l->again_ns);
    } while (l->result == -EAGAIN && l->reader.wait_ns == 0);
    return NULL;
}

/* Has read the file whole, and not looked whether it is still what it was. */
static void start_reading(struct readkit_look *l)
{
    pause_hold(READ_POINT);
    assert_int_equal(pthread_create(&l->thread, NULL, reading, l), 0);
    pause_wait(READ_POINT, 1);
}

static int end_reading(struct readkit_look *l)
{
    pause_release(READ_POINT);
    pthread_join(l->thread, NULL);
    return l->result;
}

/* Does somebody wait for the lease of the file? */
static bool is_breaking(void)
{
    char line[256], inode[40];
    bool found = false;
    struct stat st;

    assert_int_equal(stat(readkit_path, &st), 0);
    snprintf(inode, sizeof(inode), ":%lu ", (unsigned long)st.st_ino);
    FILE *f = fopen("/proc/locks", "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        found = found || (strstr(line, "LEASE") && strstr(line, "BREAKING") && strstr(line, inode));
    fclose(f);
    return found;
}

static pid_t append_from_child(const char *what)
{
    pid_t pid = fork();

    if (pid == 0) {
        int fd = open(readkit_path, O_WRONLY | O_APPEND | O_CLOEXEC);
        _exit(fd >= 0 && write(fd, what, strlen(what)) == (ssize_t)strlen(what) ? 0 : 1);
    }
    return pid;
}

static void test_lease_broken(void **state)
{
    uint64_t end = clock_deadline(READKIT_PATIENCE_NS);
    struct readkit_look l = {0};
    int status;

    (void)state;
    put(readkit_path, "one\n");
    start_reading(&l);
    pid_t pid = append_from_child("two\n");
    while (!is_breaking()) {
        assert_true(clock_mono_ns() < end);
        poll(NULL, 0, 1);
    }
    assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
    assert_int_equal(end_reading(&l), -EAGAIN); /* and no signal has ended us */
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_reads(readkit_path, "one\ntwo\n");
}

static void test_replaced(void **state)
{
    struct readkit_look l = {0};

    (void)state;
    put(readkit_path, "one\n");
    start_reading(&l);
    readkit_run("echo two >new && mv new zone");
    assert_int_equal(end_reading(&l), -EAGAIN);
    assert_reads(readkit_path, "two\n");
}

static void test_vanishes(void **state)
{
    struct readkit_look l = {0};

    (void)state;
    put(readkit_path, "one\n");
    start_reading(&l);
    readkit_run("rm zone");
    assert_int_equal(end_reading(&l), -EAGAIN);
    readkit_refuses(readkit_path, -ENOENT, "No such file");
}

static void test_touched(void **state)
{
    struct readkit_look l = {0};

    (void)state;
    put(readkit_path, "one\n");
    start_reading(&l);
    readkit_run("chmod 600 zone");
    assert_int_equal(end_reading(&l), -EAGAIN);
    assert_reads(readkit_path, "one\n");
}

/* Whatever is written after a read leaves other times: else nobody would look again. So a file is
 * read once its own are past. */
static void test_times_differ(void **state)
{
    struct people_stat st;
    unsigned put_off = 0;

    (void)state;
    for (int i = 0; i < 20 || put_off == 0; i++) {
        struct readkit_look l = {0};
        assert_true(i <
                    2000); /* a machine that needs 20 ms from the write to the look, each time */
        put(readkit_path, "aaa\n");
        put_off += readkit_look(&l, readkit_path) == -EAGAIN && l.reader.wait_ns == 0;
        if (l.result == -EAGAIN)
            assert_int_equal(readkit_read(&l, readkit_path), 0);
        put(readkit_path, "bbb\n");
        assert_int_equal(people_stat(readkit_path, &st), 0);
        assert_false(people_stat_eq(&st, &l.text.stat));
        buf_free(&l.text.text);
    }
}

/* ---- without leases ---- */

/* 0, or the step that went wrong. The reader's clock is turned back instead of waiting. */
static int read_without_lease(int error)
{
    struct readkit_look l = {0};

    if (!forbid_call(SYS_fcntl, F_SETLEASE, error))
        return 1;
    uint64_t before = clock_mono_ns();
    if (readkit_look(&l, readkit_path) != -EAGAIN || l.again_ns < before + 2 * NS_PER_S)
        return 2;
    l.reader.quiet_ns -= NS_PER_S; /* half of the time is not enough */
    if (readkit_look(&l, readkit_path) != -EAGAIN || l.again_ns != l.reader.quiet_ns + 2 * NS_PER_S)
        return 3;
    put(readkit_path, "written meanwhile\n"); /* begins anew */
    l.reader.quiet_ns -= NS_PER_S;
    before = clock_mono_ns();
    if (readkit_look(&l, readkit_path) != -EAGAIN || l.again_ns < before + 2 * NS_PER_S)
        return 4;
    l.reader.quiet_ns -= 2 * NS_PER_S;
    if (readkit_read(&l, readkit_path) != 0 || strncmp(l.text.text.p, "written", 7) != 0)
        return 5;
    buf_free(&l.text.text);
    return 0;
}

static void without_lease(int error)
{
    int status;

    put(readkit_path, "zone\n");
    pid_t pid = fork();
    if (pid == 0)
        _exit(read_without_lease(error));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_no_lease(void **state)
{
    (void)state;
    without_lease(EACCES); /* the file is another user's */
    without_lease(EINVAL); /* the file system has none */
}

/* ---- links ---- */

static void test_links(void **state)
{
    char other[160];

    (void)state;
    readkit_run("mkdir in in/sub && echo outside >outside && echo real >in/sub/real && "
                "ln -s sub/real in/zone && ln -s ../outside in/leaves && ln -s in elsewhere");
    snprintf(other, sizeof(other), "%s/in/zone", readkit_dir);
    assert_reads(other, "real\n");
    snprintf(other, sizeof(other), "%s/elsewhere/zone", readkit_dir); /* as the operator wants it */
    assert_reads(other, "real\n");
    snprintf(other, sizeof(other), "%s/in/leaves", readkit_dir);
    readkit_refuses(other, -EXDEV, "links and paths that leave it are not followed");
}

static void test_kubernetes(void **state)
{
    struct readkit_look l = {0};

    (void)state;
    readkit_run("mkdir ..1 ..2 && echo one >..1/zone && echo two >..2/zone && ln -s ..1 ..data && "
                "ln -s ..data/zone zone");
    assert_reads(readkit_path, "one\n");
    start_reading(&l);
    readkit_run("ln -s ..2 ..data_tmp && mv -T ..data_tmp ..data");
    assert_int_equal(end_reading(&l), -EAGAIN);
    assert_reads(readkit_path, "two\n");
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, readkit_set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_whole),    TEST(test_pieces),   TEST(test_writer),     TEST(test_lease_broken),
        TEST(test_replaced), TEST(test_vanishes), TEST(test_touched),    TEST(test_times_differ),
        TEST(test_no_lease), TEST(test_links),    TEST(test_kubernetes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

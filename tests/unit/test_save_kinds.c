/* What is read below a directory, and what is refused: controller/save_read.c, in a directory of
 * its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>

#include "save_read.h"

#define PATIENCE_NS (60 * NS_PER_S)

static char dir[64], path[128];

struct look {
    struct save_reader reader;
    struct save_text text;
    uint64_t again_ns;
    struct save_fault fault;
    int result;
};

static int set_up(void **state)
{
    (void)state;
    signal(SIGIO, SIG_IGN);
    strcpy(dir, "/dev/shm/betterdns-save.XXXXXX"); /* leases work there in containers too */
    if (!mkdtemp(dir)) {
        strcpy(dir, "/tmp/betterdns-save.XXXXXX");
        if (!mkdtemp(dir))
            return -1;
    }
    snprintf(path, sizeof(path), "%s/zone", dir);
    return 0;
}

static int tear_down(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static void run(const char *commands)
{
    char command[512];

    snprintf(command, sizeof(command), "cd %s && %s", dir, commands);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static int look(struct look *l, const char *file)
{
    l->result = save_read(&l->reader, file, &l->text, &l->again_ns, &l->fault);
    return l->result;
}

static void wait_until(uint64_t at_ns)
{
    uint64_t now = clock_mono_ns();

    if (at_ns > now)
        poll(NULL, 0, (int)((at_ns - now) / NS_PER_MS) + 1);
}

/* Comes again when it is told to, until there is a result. */
static int read_patiently(struct look *l, const char *file)
{
    uint64_t end = clock_deadline(PATIENCE_NS);

    while (look(l, file) == -EAGAIN) {
        assert_true(clock_mono_ns() < end);
        wait_until(l->again_ns);
    }
    return l->result;
}

static void assert_refused(const char *file, int error, const char *says)
{
    struct look l = {.text.text.n = 7};

    if (read_patiently(&l, file) != error || !strstr(l.fault.message, says))
        fail_msg("%s: %d %s", file, l.result, l.fault.message);
    assert_int_equal(l.text.text.n, 7); /* untouched */
}

static void test_other_kinds(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    (void)state;
    run("mkdir zone");
    assert_refused(path, -EISDIR, "it is a directory");
    run("rmdir zone && mkfifo zone");
    assert_refused(path, -EINVAL, "it is a FIFO, not a file");
    run("rm zone");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/zone", dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
    assert_refused(path, -EINVAL, "it is a socket, not a file");
    assert_refused("/dev/null", -EINVAL, "it is a device, not a file");
    assert_refused("/nowhere/at/all/zone", -ENOENT, "No such file");
}

static long peak_kib(void)
{
    char line[128];
    long kib = -1;
    FILE *f = fopen("/proc/self/status", "re");

    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        if (sscanf(line, "VmHWM: %ld kB", &kib) == 1)
            break;
    fclose(f);
    return kib;
}

static void test_zeros(void **state)
{
    struct look l = {0};

    (void)state;
    long before = peak_kib();
    run("truncate -s 1G zone");
    assert_refused(path, -EFBIG, "larger than 256 MiB");
    run("truncate -s 256M zone");
    assert_refused(path, -BD_ESYNTAX, "NUL");
    assert_true(peak_kib() - before < 8 * 1024);
    run("printf '; one\\nweb A 192.0.2.1\\nab\\0c\\n' >zone");
    assert_int_equal(read_patiently(&l, path), -BD_ESYNTAX);
    assert_int_equal(l.fault.line, 3);
    assert_int_equal(l.fault.column, 3);
}

static int read_as_nobody(void)
{
    struct look l = {0};

    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 1;
    return look(&l, path) == -EACCES && strstr(l.fault.message, "Permission denied") ? 0 : 2;
}

static void test_unreadable(void **state)
{
    int status;

    (void)state;
    run("echo zone >zone && chmod 711 . && chmod 0 zone");
    if (geteuid() != 0) {
        assert_refused(path, -EACCES, "Permission denied");
        return;
    }
    pid_t pid = fork();
    if (pid == 0)
        _exit(read_as_nobody());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* What is included may lead through all of the zone file's directory. */
static void test_below(void **state)
{
    struct save_fault fault;
    struct save_text text;
    struct save_reader reader = {.wait_ns = 0};
    uint64_t again_ns, end = clock_deadline(PATIENCE_NS);
    int r;

    (void)state;
    run("mkdir sub other && echo included >other/file && ln -s ../other/file sub/link && "
        "ln -s ../../outside sub/leaves");
    while ((r = save_read_below(&reader, dir, "sub/link", &text, &again_ns, &fault)) == -EAGAIN) {
        assert_true(clock_mono_ns() < end);
        wait_until(again_ns);
    }
    assert_int_equal(r, 0);
    assert_int_equal(text.text.n, 9);
    buf_free(&text.text);
    r = save_read_below(&reader, dir, "sub/leaves", &text, &again_ns, &fault);
    assert_int_equal(r, -EXDEV);
    snprintf(path, sizeof(path), "%s/other/file", dir);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    r = save_read_below(&reader, dir, "sub/link", &text, &again_ns, &fault);
    assert_int_equal(r, -EAGAIN);
    close(fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_other_kinds),
        TEST(test_zeros),
        TEST(test_unreadable),
        TEST(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What is read below a directory, and what is refused: controller/save_read.c, in a directory of
 * its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>

#include "read_kit.h"

static void test_other_kinds(void **state)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    (void)state;
    readkit_run("mkdir zone");
    readkit_refuses(readkit_path, -EISDIR, "it is a directory");
    readkit_run("rmdir zone && mkfifo zone");
    readkit_refuses(readkit_path, -EINVAL, "it is a FIFO, not a file");
    readkit_run("rm zone");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof(at.sun_path), "%s/zone", readkit_dir);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
    readkit_refuses(readkit_path, -EINVAL, "it is a socket, not a file");
    readkit_refuses("/dev/null", -EINVAL, "it is a device, not a file");
    readkit_refuses("/nowhere/at/all/zone", -ENOENT, "No such file");
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
    struct readkit_look l = {0};

    (void)state;
    long before = peak_kib();
    readkit_run("truncate -s 1G zone");
    readkit_refuses(readkit_path, -EFBIG, "larger than 256 MiB");
    readkit_run("truncate -s 256M zone");
    readkit_refuses(readkit_path, -BD_ESYNTAX, "NUL");
    assert_true(peak_kib() - before < 8 * 1024);
    readkit_run("printf '; one\\nweb A 192.0.2.1\\nab\\0c\\n' >zone");
    assert_int_equal(readkit_read(&l, readkit_path), -BD_ESYNTAX);
    assert_int_equal(l.fault.line, 3);
    assert_int_equal(l.fault.column, 3);
}

static int read_as_nobody(void)
{
    struct readkit_look l = {0};

    if (setgid(65534) < 0 || setuid(65534) < 0)
        return 1;
    return readkit_look(&l, readkit_path) == -EACCES && strstr(l.fault.message, "Permission denied")
               ? 0
               : 2;
}

static void test_unreadable(void **state)
{
    int status;

    (void)state;
    readkit_run("echo zone >zone && chmod 711 . && chmod 0 zone");
    if (geteuid() != 0) {
        readkit_refuses(readkit_path, -EACCES, "Permission denied");
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
    uint64_t again_ns, end = clock_deadline(READKIT_PATIENCE_NS);
    int r;

    (void)state;
    readkit_run("mkdir sub other && echo included >other/file && ln -s ../other/file sub/link && "
                "ln -s ../../outside sub/leaves");
    while ((r = save_read_below(&reader, readkit_dir, "sub/link", &text, &again_ns, &fault)) ==
           -EAGAIN) {
        assert_true(clock_mono_ns() < end);
        readkit_wait(again_ns);
    }
    assert_int_equal(r, 0);
    assert_int_equal(text.text.n, 9);
    buf_free(&text.text);
    r = save_read_below(&reader, readkit_dir, "sub/leaves", &text, &again_ns, &fault);
    assert_int_equal(r, -EXDEV);
    snprintf(readkit_path, sizeof(readkit_path), "%s/other/file", readkit_dir);
    int fd = open(readkit_path, O_WRONLY | O_CLOEXEC);
    r = save_read_below(&reader, readkit_dir, "sub/link", &text, &again_ns, &fault);
    assert_int_equal(r, -EAGAIN);
    close(fd);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, readkit_set_up, readkit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_other_kinds),
        TEST(test_zeros),
        TEST(test_unreadable),
        TEST(test_below),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

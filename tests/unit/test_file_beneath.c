/* Opening below a directory: src/base/file_beneath.c, with openat2 and without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

#include "forbid_kit.h"

static char top[64];
static int dirfd_; /* top/dir */

static void run(const char *format)
{
    char command[512];

    snprintf(command, sizeof(command), "cd %s && %s", top, format);
    if (system(command) != 0)
        fail_msg("%s", command);
}

static void make_socket(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(at.sun_path, sizeof(at.sun_path), "%s/dir/socket", top);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
}

static int set_up(void **state)
{
    char path[96];

    (void)state;
    strcpy(top, "/tmp/betterdns-beneath.XXXXXX");
    if (!mkdtemp(top))
        return -1;
    run("mkdir -p dir/sub/deep dir/..2026_11 dir/locked && echo out >outside && echo zone "
        ">dir/zone "
        "&& echo deep >dir/sub/deep/zone && echo data >dir/..2026_11/zone && mkfifo dir/fifo");
    run("cd dir && ln -s zone link && ln -s ../outside leaves && ln -s $PWD/zone absolute && "
        "ln -s loop loop && ln -s ../zone sub/up && ln -s ../../../outside sub/deep/leaves && "
        "ln -s sub/deep folder && ln -s nowhere dangling && ln -s ..2026_11 ..data && "
        "ln -s ..data/zone k8s && ln -s /dev/null device && ln -s .. parent");
    make_socket();
    snprintf(path, sizeof(path), "%s/dir", top);
    dirfd_ = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return dirfd_ < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    close(dirfd_);
    run("cd / && rm -rf $OLDPWD");
    return 0;
}

static const struct {
    const char *path;
    int result;
    const char *says; /* the content, or a part of the reason */
} cases[] = {
    {"zone", 0, "zone\n"},
    {"sub/deep/zone", 0, "deep\n"},
    {"./sub//deep/../../zone", 0, "zone\n"},
    {"link", 0, "zone\n"},
    {"sub/up", 0, "zone\n"},
    {"folder/zone", 0, "deep\n"},
    {"k8s", 0, "data\n"},
    {"parent/dir/zone", -EXDEV, "outside the directory"},
    {"leaves", -EXDEV, "outside the directory"},
    {"sub/deep/leaves", -EXDEV, "outside the directory"},
    {"folder/leaves", -EXDEV, "outside the directory"},
    {"absolute", -EXDEV, "outside the directory"},
    {"device", -EXDEV, "outside the directory"},
    {"../outside", -EXDEV, "outside the directory"},
    {"sub/../../dir/zone", -EXDEV, "outside the directory"},
    {"/etc/passwd", -EXDEV, "outside the directory"},
    {"loop", -ELOOP, "symbolic links"},
    {"dangling", -ENOENT, "No such file"},
    {"nothing", -ENOENT, "No such file"},
    {"sub/nothing/zone", -ENOENT, "No such file"},
    {"zone/zone", -ENOTDIR, "Not a directory"},
    {"sub", -EISDIR, "it is a directory"},
    {"sub/", -EISDIR, "it is a directory"},
    {"folder", -EISDIR, "it is a directory"},
    {".", -EISDIR, "it is a directory"},
    {"fifo", -EINVAL, "it is a FIFO, not a file"},
    {"socket", -EINVAL, "it is a socket, not a file"},
};

static bool is_content(int fd, const char *expected)
{
    char got[16] = "";

    bool good = (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0 &&
                read(fd, got, sizeof(got) - 1) == (ssize_t)strlen(expected) &&
                strcmp(got, expected) == 0;
    close(fd);
    return good;
}

/* How many of them are wrong; also for a child, which must not fail as a test does. */
static int wrong_cases(void)
{
    int wrong = 0;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *why = "";
        int fd = -7;
        int r = file_open_beneath(dirfd_, cases[i].path, &fd, &why);
        bool good = r == cases[i].result;
        if (r == 0)
            good = is_content(fd, cases[i].says) && good;
        else
            good = good && fd == -7 && strstr(why, cases[i].says);
        if (!good)
            fprintf(stderr, "%s: %d %s\n", cases[i].path, r, why);
        wrong += !good;
    }
    return wrong;
}

static void test_cases(void **state)
{
    (void)state;
    assert_int_equal(wrong_cases(), 0);
    assert_int_equal(file_open_beneath(dirfd_, "fifo", &(int){0}, NULL), -EINVAL);
}

static unsigned open_descriptors(void)
{
    unsigned n = 0;

    for (int fd = 0; fd < 256; fd++)
        n += fcntl(fd, F_GETFD) >= 0;
    return n;
}

static void without_openat2(int error)
{
    int status;

    pid_t pid = fork();
    if (pid == 0) {
        if (!forbid_call(SYS_openat2, -1, error))
            _exit(2);
        close(STDIN_FILENO); /* zero is a descriptor like any other */
        unsigned before = open_descriptors();
        int wrong = wrong_cases();
        _exit(wrong > 0 ? 1 : open_descriptors() == before ? 0 : 3);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void test_old_kernel(void **state)
{
    (void)state;
    without_openat2(ENOSYS);
}

static void test_sandbox(void **state)
{
    (void)state;
    without_openat2(EPERM);
}

/* A chain of links and directories that is too long is refused, not followed for ever. */
static void test_too_deep(void **state)
{
    (void)state;
    run("cd dir && ln -s zone l0 && for i in $(seq 1 60); do ln -s l$((i-1)) l$i; done");
    int status, fd;
    const char *why;

    assert_int_equal(file_open_beneath(dirfd_, "l60", &fd, &why), -ELOOP);
    pid_t pid = fork();
    if (pid == 0) {
        bool ok = forbid_call(SYS_openat2, -1, ENOSYS) &&
                  file_open_beneath(dirfd_, "l60", &fd, &why) == -ELOOP &&
                  file_open_beneath(dirfd_, "l30", &fd, &why) == 0;
        _exit(ok ? 0 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cases, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_old_kernel, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_sandbox, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_too_deep, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

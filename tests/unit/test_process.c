/* Programs that run: their families, and where they are found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/process.h>

/* A shell with a shell below it, below which three more processes are. */
static pid_t start_family(void)
{
    static const char *const argv[] = {
        "/bin/sh", "-c", "sh -c 'sleep 60 & sleep 60 & sleep 60 & wait' & wait", NULL};
    const struct process_plan plan = {.argv = argv, .out = STDERR_FILENO, .err = STDERR_FILENO};
    pid_t pid;

    assert_int_equal(process_spawn(&plan, &pid), 0);
    return pid;
}

static void grandchildren_are_counted(void **unused)
{
    const uint64_t until_ns = clock_deadline(10 * NS_PER_S);
    pid_t pid = start_family();
    int n = 0;

    (void)unused;
    while (n != 3 && clock_mono_ns() < until_ns) {
        poll(NULL, 0, 1);
        n = process_grandchildren(pid);
        assert_in_range(n, 0, 3);
    }
    assert_int_equal(n, 3);
    kill(-pid, SIGKILL); /* its session is its own */
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_true(process_grandchildren(pid) < 0);
    assert_int_equal(process_grandchildren(getpid()), 0);
}

static void a_program_runs_where_it_is_to(void **unused)
{
    static const char *const argv[] = {"/bin/sh", "-c", "test \"$PWD\" = /usr", NULL};
    struct process_plan plan = {.argv = argv, .out = STDERR_FILENO, .err = STDERR_FILENO};
    int status;
    pid_t pid;

    (void)unused;
    for (int there = 0; there < 2; there++) {
        plan.folder = there ? "/usr" : NULL;
        assert_int_equal(process_spawn(&plan, &pid), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(WIFEXITED(status) && WEXITSTATUS(status) == 0, there);
    }
}

/* An ordinary user's PATH has no /usr/sbin, where Debian's name servers are. */
static void programs_of_the_system_are_found(void **unused)
{
    char *path = NULL;

    (void)unused;
    assert_int_equal(setenv("PATH", "/usr/bin:/bin", 1), 0);
    assert_int_equal(process_find("ldconfig", &path), 0); /* of every Debian */
    free(path);
    path = NULL;
    assert_int_equal(process_find("sh", &path), 0);
    assert_string_equal(path, "/usr/bin/sh");
    free(path);
    assert_int_equal(process_find("no-such-program", &path), -ENOENT);
}

/* What uname says is said of our own program, as far as it is known; a script is for none. */
static void machines_have_their_names(void **unused)
{
    static const unsigned char head[] = {
        0x7f, 'E', 'L', 'F', 2, 2, 1, 0, 0, 0,
        0,    0,   0,   0,   0, 0, 0, 2, 0, 22}; /* the most significant octet first */
    char path[] = "/tmp/test_process.XXXXXX";
    struct utsname name;
    int fd = mkstemp(path);

    (void)unused;
    uname(&name);
    assert_string_equal(process_machine("/proc/self/exe"), name.machine);
    assert_true(fd >= 0 && write(fd, head, sizeof(head)) == sizeof(head));
    assert_string_equal(process_machine(path), "s390x");
    assert_int_equal(pwrite(fd, "\x77", 1, 19), 1);
    assert_string_equal(process_machine(path), "another machine");
    assert_int_equal(ftruncate(fd, sizeof(head) - 1), 0);
    assert_null(process_machine(path));
    assert_int_equal(pwrite(fd, "#!/bin/sh\n: a long comment\n", 28, 0), 28);
    assert_null(process_machine(path));
    close(fd);
    unlink(path);
    assert_null(process_machine(path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(grandchildren_are_counted),
        cmocka_unit_test(a_program_runs_where_it_is_to),
        cmocka_unit_test(programs_of_the_system_are_found),
        cmocka_unit_test(machines_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Sockets that a supervisor gives: src/base/activation.c. The descriptors from 3 on are what counts
 * there, so each test gives its own to a child that has nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/activation.h>
#include <betterdns/sockaddr.h>

enum { LISTENING, DATAGRAM, BOUND, PIPE, NGIVEN };

struct given {
    int fds[NGIVEN];
    struct sockaddr_storage addresses[NGIVEN];
};

static struct sockaddr_storage loopback(unsigned port)
{
    struct sockaddr_storage a;

    assert_int_equal(sockaddr_parse("127.0.0.1", &a), 0);
    sockaddr_set_port(&a, port);
    return a;
}

static void open_socket(struct given *g, unsigned i, int type, bool listens)
{
    const struct sockaddr_storage any = loopback(0);
    socklen_t n = sizeof(g->addresses[i]);

    g->addresses[i] = (struct sockaddr_storage){0};
    g->fds[i] = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(g->fds[i] >= 0);
    assert_int_equal(bind(g->fds[i], (const struct sockaddr *)&any, sockaddr_size(&any)), 0);
    if (listens)
        assert_int_equal(listen(g->fds[i], 1), 0);
    assert_int_equal(getsockname(g->fds[i], (struct sockaddr *)&g->addresses[i], &n), 0);
}

static int set_up(void **state)
{
    struct given *g = calloc(1, sizeof(*g));
    int ends[2];

    assert_non_null(g);
    open_socket(g, LISTENING, SOCK_STREAM, true);
    open_socket(g, DATAGRAM, SOCK_DGRAM, false);
    open_socket(g, BOUND, SOCK_STREAM, false);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    close(ends[1]);
    g->fds[PIPE] = ends[0];
    *state = g;
    return 0;
}

static int tear_down(void **state)
{
    struct given *g = *state;

    for (unsigned i = 0; i < NGIVEN; i++)
        close(g->fds[i]);
    free(g);
    return 0;
}

/* In the child: the descriptors are where a supervisor puts them. */
static void hand_over(const struct given *g, const char *pid, const char *n)
{
    int copies[NGIVEN];
    char own[32];

    snprintf(own, sizeof(own), "%ld", (long)getpid());
    for (unsigned i = 0; i < NGIVEN; i++)
        copies[i] = fcntl(g->fds[i], F_DUPFD, 100);
    for (unsigned i = 0; i < NGIVEN; i++)
        dup2(copies[i], 3 + (int)i);
    setenv("LISTEN_PID", pid ? pid : own, 1);
    setenv("LISTEN_FDS", n, 1);
    setenv("LISTEN_FDNAMES", "a:b", 1);
}

/* 0, or the number of what was wrong. */
static int is_taken(const struct given *g)
{
    int fd = -1, again = -1;

    if (activation_take() != 1)
        return 1;
    if (getenv("LISTEN_PID") || getenv("LISTEN_FDS") || getenv("LISTEN_FDNAMES"))
        return 2;
    if (activation_socket(&g->addresses[LISTENING], &fd) != 0 ||
        activation_socket(&g->addresses[LISTENING], &again) != 0 || fd == again || fd < 3)
        return 3;
    if (!(fcntl(fd, F_GETFD) & FD_CLOEXEC) || !(fcntl(fd, F_GETFL) & O_NONBLOCK))
        return 4;
    for (int i = 0; i < NGIVEN; i++) /* also what is of no use to us */
        if (!(fcntl(3 + i, F_GETFD) & FD_CLOEXEC))
            return 10 + i;
    close(fd);
    if (fcntl(3, F_GETFD) < 0)
        return 5;
    const struct sockaddr_storage *other = &g->addresses[BOUND];
    return activation_socket(other, &fd) == -ENOENT ? 0 : 6;
}

static int is_said_where_it_is_unused(const struct given *g)
{
    const struct sockaddr_storage used[] = {g->addresses[BOUND], g->addresses[LISTENING]};

    if (activation_say_unused(used, 2) != 0)
        return 1; /* nothing is taken yet */
    activation_take();
    if (activation_say_unused(used, 2) != 0)
        return 2;
    return activation_say_unused(used, 1) == 1 && activation_say_unused(NULL, 0) == 1 ? 0 : 3;
}

static int is_nothing(const struct given *g)
{
    int fd;

    if (activation_take() != 0 || getenv("LISTEN_FDS"))
        return 1;
    return activation_socket(&g->addresses[LISTENING], &fd) == -ENOENT ? 0 : 2;
}

static void assert_child(const struct given *g, const char *pid, const char *n,
                         int (*look)(const struct given *g))
{
    int status = -1;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        hand_over(g, pid, n);
        _exit(look(g));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static void what_listens_is_taken(void **state)
{
    assert_child(*state, NULL, "4", is_taken);
}

static void what_nobody_listens_at_is_said(void **state)
{
    assert_child(*state, NULL, "4", is_said_where_it_is_unused);
}

static void what_is_anothers_or_no_number_is_not(void **state)
{
    assert_child(*state, "1", "4", is_nothing);
    assert_child(*state, "", "4", is_nothing);
    assert_child(*state, NULL, "0", is_nothing);
    assert_child(*state, NULL, "-1", is_nothing);
    assert_child(*state, NULL, "4x", is_nothing);
    assert_child(*state, NULL, "99999999999999999999", is_nothing);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_listens_is_taken),
        TEST(what_nobody_listens_at_is_said),
        TEST(what_is_anothers_or_no_number_is_not),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

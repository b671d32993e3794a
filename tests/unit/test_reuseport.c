/* Two processes on one UDP address: who gets what is sent there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/reuseport.h>
#include <betterdns/sockaddr.h>

#include "controller_kit.h"

#define SENT 200

static struct sockaddr_storage address;
static int mine;
static struct reuseport_server older, newer;

static int bound(void)
{
    const int on = 1;
    int fd = socket(address.ss_family, SOCK_DGRAM | SOCK_NONBLOCK, 0);

    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sockaddr_size(&address)), 0);
    return fd;
}

static struct reuseport_server server_of(pid_t pid)
{
    return (struct reuseport_server){.pid = pid, .pidfd = (int)syscall(SYS_pidfd_open, pid, 0)};
}

/* With two sockets, bound after ours. */
static void start_newer(void)
{
    int ready[2];
    char octet;

    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(mine);
        bound();
        bound();
        if (write(ready[1], "", 1) == 1)
            pause();
        _exit(1);
    }
    assert_int_equal(read(ready[0], &octet, 1), 1);
    close(ready[0]);
    close(ready[1]);
    newer = server_of(pid);
}

static int set_up(int family)
{
    memset(&address, 0, sizeof(address));
    address.ss_family = (sa_family_t)family;
    if (family == AF_INET)
        ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    else
        ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
    sockaddr_set_port(&address, controller_kit_free_port());
    mine = bound();
    older = server_of(getpid());
    start_newer();
    return 0;
}

static int set_up_4(void **unused)
{
    (void)unused;
    return set_up(AF_INET);
}

static int set_up_6(void **unused)
{
    (void)unused;
    return set_up(AF_INET6);
}

static int tear_down(void **unused)
{
    (void)unused;
    kill(newer.pid, SIGKILL);
    waitpid(newer.pid, NULL, 0);
    close(newer.pidfd);
    close(older.pidfd);
    close(mine);
    return 0;
}

static void send_all(void)
{
    for (int i = 0; i < SENT; i++) { /* each from a port of its own */
        int fd = socket(address.ss_family, SOCK_DGRAM, 0);
        assert_true(fd >= 0);
        assert_int_equal(
            sendto(fd, "question", 8, 0, (struct sockaddr *)&address, sockaddr_size(&address)), 8);
        close(fd);
    }
}

static int take_all(void)
{
    char text[16];
    int n = 0;

    while (recv(mine, text, sizeof(text), 0) > 0)
        n++;
    return n;
}

static void the_newer_gets_all(void **unused)
{
    (void)unused;
    send_all();
    assert_true(reuseport_waiting(&address, &older) > 0);
    assert_true(reuseport_waiting(&address, &newer) > 0);
    int before = take_all();
    assert_in_range(before, 1, SENT - 1);
    assert_int_equal(reuseport_waiting(&address, &older), 0);
    int r = reuseport_steer(&address, &newer, &older);
    if (r == -EPERM) { /* not in this container: then nothing has changed */
        send_all();
        assert_in_range(take_all(), 1, SENT - 1);
        return;
    }
    assert_int_equal(r, 0);
    send_all();
    assert_int_equal(take_all(), 0);
    assert_int_equal(reuseport_release(&address, &newer), 0);
    send_all();
    assert_in_range(take_all(), 1, SENT - 1);
}

static void others_are_no_part_of_it(void **unused)
{
    (void)unused;
    const struct reuseport_server self = server_of(getppid());
    assert_int_equal(reuseport_steer(&address, &self, &older), -EBUSY);
    assert_int_equal(reuseport_steer(&address, &newer, &self), -EBUSY);
    assert_int_equal(reuseport_waiting(&address, &self), 0);
    close(self.pidfd);
    const struct reuseport_server gone = {.pid = -1, .pidfd = -1};
    assert_true(reuseport_waiting(&address, &gone) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newer_gets_all, set_up_4, tear_down),
        cmocka_unit_test_setup_teardown(the_newer_gets_all, set_up_6, tear_down),
        cmocka_unit_test_setup_teardown(others_are_no_part_of_it, set_up_4, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

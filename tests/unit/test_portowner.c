/* Who has a port: ourselves, a child, nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <betterdns/portowner.h>
#include <betterdns/sockaddr.h>

#include "controller_kit.h"

static struct sockaddr_storage v4(const char *text, unsigned port)
{
    struct sockaddr_storage ss = {0};
    struct sockaddr_in *in = (struct sockaddr_in *)&ss;

    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    assert_int_equal(inet_pton(AF_INET, text, &in->sin_addr), 1);
    return ss;
}

static struct sockaddr_storage v6(const char *text, unsigned port)
{
    struct sockaddr_storage ss = {0};
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&ss;

    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons((uint16_t)port);
    assert_int_equal(inet_pton(AF_INET6, text, &in6->sin6_addr), 1);
    return ss;
}

/* A socket bound there; TCP ones listen. Its port is none that the kernel gives to clients, one of
 * which could have it by the time that we look. */
static int bound(struct sockaddr_storage ss, int type, bool both, unsigned *ret_port)
{
    const int only = !both;
    int fd = socket(ss.ss_family, type, 0);

    assert_true(fd >= 0);
    if (ss.ss_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof(only));
    *ret_port = controller_kit_free_port();
    sockaddr_set_port(&ss, *ret_port);
    assert_int_equal(bind(fd, (struct sockaddr *)&ss, sockaddr_size(&ss)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static void assert_owner(struct sockaddr_storage ss, bool udp, const char *wanted)
{
    char owner[128] = "untouched";
    int r = port_owner(&ss, udp, NULL, 0, owner, sizeof(owner));

    assert_int_equal(r, wanted ? 0 : -ENOENT);
    assert_string_equal(owner, wanted ? wanted : "untouched");
}

static const char *myself(void)
{
    static char text[64];
    snprintf(text, sizeof(text), "test_portowner (pid %ld)", (long)getpid());
    return text;
}

static void test_families(void **state)
{
    unsigned port;
    int fd = bound(v4("127.0.0.1", 0), SOCK_STREAM, false, &port);

    (void)state;
    assert_owner(v4("127.0.0.1", port), false, myself());
    assert_owner(v4("0.0.0.0", port), false, myself());
    assert_owner(v4("127.0.0.2", port), false, NULL);
    close(fd);
    assert_owner(v4("127.0.0.1", port), false, NULL);

    fd = bound(v6("::1", 0), SOCK_STREAM, false, &port);
    assert_owner(v6("::1", port), false, myself());
    assert_owner(v6("::", port), false, myself());
    assert_owner(v6("::2", port), false, NULL);
    assert_owner(v4("127.0.0.1", port), false, NULL);
    close(fd);
}

static void test_wildcards(void **state)
{
    unsigned port;
    int fd = bound(v4("0.0.0.0", 0), SOCK_STREAM, false, &port);

    (void)state;
    assert_owner(v4("127.0.0.1", port), false, myself());
    close(fd);
    fd = bound(v6("::", 0), SOCK_STREAM, true, &port);
    assert_owner(v4("127.0.0.1", port), false, myself());
    assert_owner(v6("::1", port), false, myself());
    close(fd);
}

static void test_udp(void **state)
{
    unsigned port;
    int fd = bound(v4("127.0.0.1", 0), SOCK_DGRAM, false, &port);

    (void)state;
    assert_owner(v4("127.0.0.1", port), true, myself());
    close(fd);
    fd = bound(v6("::1", 0), SOCK_DGRAM, false, &port);
    assert_owner(v6("::1", port), true, myself());
    close(fd);
}

/* Only the child still has it. */
static void test_other_process(void **state)
{
    unsigned port;
    char wanted[64];
    int go[2];
    int fd = bound(v4("127.0.0.1", 0), SOCK_STREAM, false, &port);

    (void)state;
    assert_int_equal(pipe(go), 0);
    pid_t child = fork();
    if (child == 0) {
        char byte;
        close(go[1]);
        _exit(read(go[0], &byte, 1) == 0 ? 0 : 1);
    }
    close(fd);
    close(go[0]);
    snprintf(wanted, sizeof(wanted), "test_portowner (pid %ld)", (long)child);
    assert_owner(v4("127.0.0.1", port), false, wanted);
    close(go[1]);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_owner(v4("127.0.0.1", port), false, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_wildcards),
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_other_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

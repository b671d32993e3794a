/* Socket addresses, and who holds a port. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <unistd.h>

#include <betterdns/str.h>

#include "controller_kit.h"
#include "net.h"

static struct sockaddr_storage at(const char *host, unsigned port)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in *a = (struct sockaddr_in *)(void *)&s;

    a->sin_family = AF_INET;
    assert_int_equal(inet_pton(AF_INET, host, &a->sin_addr), 1);
    sockaddr_set_port(&s, port);
    return s;
}

/* A socket that shares its port without a word, like CoreDNS; listening where it is TCP. *ret_at
 * has its port: none that the kernel gives to clients, one of which could take it as soon as we
 * leave it. */
static int stranger(const char *host, int type, struct sockaddr_storage *ret_at)
{
    struct sockaddr_storage a = at(host, controller_kit_free_port());
    const int on = 1;

    int fd = socket(AF_INET, type, 0);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sockaddr_size(&a)), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 1), 0);
    *ret_at = a;
    return fd;
}

static void texts(void **unused)
{
    struct sockaddr_storage a = at("127.0.0.1", 53);
    char text[SOCKADDR_TEXT_SIZE], host[SOCKADDR_HOST_SIZE];

    (void)unused;
    assert_string_equal(sockaddr_text(&a, sockaddr_port(&a), text), "127.0.0.1:53");
    assert_string_equal(sockaddr_host(&a, host), "127.0.0.1");
    assert_int_equal(sockaddr_port(&a), 53);
    assert_false(sockaddr_is_wildcard(&a));
    a = at("0.0.0.0", 53);
    assert_true(sockaddr_is_wildcard(&a));
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(53)};
    memcpy(&a, &v6, sizeof(v6));
    assert_string_equal(sockaddr_text(&a, sockaddr_port(&a), text), "[::]:53");
    assert_true(sockaddr_is_wildcard(&a));
}

static void a_stranger_is_named(void **unused)
{
    static const struct {
        const char *host;
        int type;
        const char *text;
    } cases[] = {
        {"127.0.0.1", SOCK_DGRAM, "(UDP) is in use by test_net (pid "},
        {"127.0.0.1", SOCK_STREAM, "(TCP) is in use by test_net (pid "},
        {"0.0.0.0", SOCK_DGRAM, "(UDP) is in use by test_net (pid "},
        {"0.0.0.0", SOCK_STREAM, "(TCP) is in use by test_net (pid "},
    };
    char pid[32];

    (void)unused;
    snprintf(pid, sizeof(pid), "(pid %ld)", (long)getpid());
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct sockaddr_storage a;
        struct problem p = {0};
        int fd = stranger(cases[i].host, cases[i].type, &a);
        struct sockaddr_storage mine = at("127.0.0.1", sockaddr_port(&a));
        assert_int_equal(net_port_free(&mine, NULL, 0, &p), -BD_EINUSE);
        assert_non_null(strstr(p.detail, cases[i].text));
        assert_non_null(strstr(p.detail, pid));
        assert_true(p.hint[0] != '\0');
        close(fd);
        assert_int_equal(net_port_free(&mine, NULL, 0, &p), 0);
    }
}

static void our_own_is_no_stranger(void **unused)
{
    struct sockaddr_storage a;
    struct problem p;
    pid_t ours = getpid(), other = 1;

    (void)unused;
    int fd = stranger("127.0.0.1", SOCK_DGRAM, &a);
    assert_int_equal(net_port_free(&a, &ours, 1, &p), 0);
    if (geteuid() == 0) /* whose descriptors can be read, and are not these */
        assert_int_equal(net_port_free(&a, &other, 1, &p), -BD_EINUSE);
    close(fd);
}

static void other_addresses_do_not_matter(void **unused)
{
    struct sockaddr_storage a;
    struct problem p;

    (void)unused;
    int fd = stranger("127.53.9.9", SOCK_DGRAM, &a);
    struct sockaddr_storage mine = at("127.0.0.1", sockaddr_port(&a));
    assert_int_equal(net_port_free(&mine, NULL, 0, &p), 0);
    mine = at("0.0.0.0", sockaddr_port(&a));
    assert_int_equal(net_port_free(&mine, NULL, 0, &p), -BD_EINUSE);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(a_stranger_is_named),
        cmocka_unit_test(our_own_is_no_stranger),
        cmocka_unit_test(other_addresses_do_not_matter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Which addresses checks may reach, in all the clothes that an address can wear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "fence.h"

static struct network allow[4];
static struct sockaddr_storage own[2];
static struct fence fence = {.allow = allow, .own = own};

static struct address of(const char *text)
{
    struct address a = {.family = AF_INET6};

    /* As it is written: address_parse would take the clothes off. */
    if (inet_pton(AF_INET6, text, a.b) == 1)
        return a;
    a = (struct address){.family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, a.b), 1);
    return a;
}

static const char *ask(const char *to, uint16_t port, bool trusted, const char *caller)
{
    const char *why = "";
    struct fence_ask a = {.to = of(to), .port = port, .trusted = trusted};

    if (caller)
        a.caller = of(caller);
    return fence_allows(&fence, &a, &why) ? NULL : why;
}

static void open_to(const char *network)
{
    assert_int_equal(network_parse(str_c(network), &allow[fence.nallow++]), 0);
}

static void listen_on(const char *address, uint16_t port)
{
    struct address a = of(address);
    struct sockaddr_storage *ss = &own[fence.nown++];

    *ss = (struct sockaddr_storage){.ss_family = (sa_family_t)a.family};
    if (a.family == AF_INET) {
        struct sockaddr_in *in = (struct sockaddr_in *)(void *)ss;
        in->sin_port = htons(port);
        memcpy(&in->sin_addr, a.b, 4);
        return;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)ss;
    in6->sin6_port = htons(port);
    memcpy(&in6->sin6_addr, a.b, 16);
}

static int close_all(void **state)
{
    (void)state;
    fence.nallow = fence.nown = 0;
    return 0;
}

static void test_a_request_reaches_its_caller(void **state)
{
    (void)state;
    assert_null(ask("192.0.2.7", 80, false, "192.0.2.7"));
    assert_null(ask("2001:db8::7", 80, false, "2001:db8::7"));
    assert_null(ask("192.0.2.7", 80, false, "::ffff:192.0.2.7"));
    assert_null(ask("::ffff:192.0.2.7", 80, false, "192.0.2.7"));
    assert_string_equal(ask("192.0.2.8", 80, false, "192.0.2.7"), "is not the address that asks");
    assert_string_equal(ask("2001:db8::8", 80, false, "2001:db8::7"),
                        "is not the address that asks");
    assert_string_equal(ask("192.0.2.7", 80, false, NULL), "is not the address that asks");
    assert_string_equal(ask("::192.0.2.7", 80, false, "192.0.2.7"), "is not the address that asks");
}

static void test_the_operator_opens(void **state)
{
    (void)state;
    open_to("10.0.0.0/8");
    open_to("127.0.0.0/8");
    open_to("fe80::/10");
    assert_null(ask("10.1.2.3", 80, false, "192.0.2.7"));
    assert_null(ask("10.1.2.3", 80, false, NULL));
    assert_null(ask("127.0.0.9", 80, false, "127.0.0.1"));
    assert_null(ask("::ffff:127.0.0.9", 80, false, "127.0.0.1"));
    assert_null(ask("fe80::1", 80, false, NULL));
    assert_non_null(ask("11.1.2.3", 80, false, "192.0.2.7"));
    assert_non_null(ask("::1", 80, false, NULL)); /* that is not 127.0.0.0/8 */
    assert_non_null(ask("169.254.169.254", 80, false, NULL));
}

static void test_the_configuration_reaches_hosts(void **state)
{
    (void)state;
    assert_null(ask("192.0.2.8", 80, true, NULL));
    assert_null(ask("10.0.0.1", 80, true, NULL));
    assert_null(ask("fd00::1", 80, true, NULL));
    assert_string_equal(ask("127.0.0.1", 80, true, NULL), "is loopback");
    assert_string_equal(ask("169.254.169.254", 80, true, NULL), "is link-local");
}

/* Neither the configuration nor the caller's own word opens these. */
static void test_never(void **state)
{
    static const struct {
        const char *to, *why;
    } cases[] = {
        {"0.0.0.0", "is no address of a host"},
        {"0.1.2.3", "is no address of a host"},
        {"127.0.0.1", "is loopback"},
        {"127.255.255.254", "is loopback"},
        {"169.254.0.1", "is link-local"},
        {"169.254.169.254", "is link-local"},
        {"192.0.0.192", "is no address of a host"},
        {"100.100.100.200", "is where clouds keep secrets"},
        {"168.63.129.16", "is where clouds keep secrets"},
        {"224.0.0.1", "is multicast"},
        {"239.255.255.250", "is multicast"},
        {"240.0.0.1", "is no address of a host"},
        {"255.255.255.255", "is no address of a host"},
        {"::", "is no address of a host"},
        {"::1", "is loopback"},
        {"fe80::1", "is link-local"},
        {"febf:ffff::1", "is link-local"},
        {"fec0::1", "is link-local"},
        {"ff02::1", "is multicast"},
        {"fd00:ec2::254", "is where clouds keep secrets"},
        {"fd20:ce::254", "is where clouds keep secrets"},
        /* IPv4 inside. */
        {"::ffff:127.0.0.1", "is loopback"},
        {"::ffff:169.254.169.254", "is link-local"},
        {"::127.0.0.1", "is loopback"},
        {"::ffff:0:127.0.0.1", "is loopback"},
        {"64:ff9b::127.0.0.1", "is loopback"},
        {"64:ff9b::a9fe:a9fe", "is link-local"},
        {"64:ff9b:1::7f00:1", "is loopback"},
        {"64:ff9b:1:2:3:4:7f00:1", "is loopback"},
        {"64:ff9b:1:7f00:0:100:101:101", "is loopback"}, /* RFC 6052 §2.2: 48, 56, 64 bits */
        {"64:ff9b:1:a9:fe:a9fe:101:101", "is link-local"},
        {"64:ff9b:1:0:7f:0:101:101", "is loopback"},
        {"2002:7f00:1::", "is loopback"},
        {"2002:a9fe:a9fe::1", "is link-local"},
        {"2001:0:1:2:3:4:80ff:fffe", "is loopback"},
        {"2001:0:1:2:3:4:5601:5601", "is link-local"},
        {"2001:db8::5efe:127.0.0.1", "is loopback"},
        {"2001:db8::200:5efe:169.254.169.254", "is link-local"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("%s\n", cases[i].to);
        assert_string_equal(ask(cases[i].to, 80, true, NULL), cases[i].why);
        assert_string_equal(ask(cases[i].to, 80, false, cases[i].to), cases[i].why);
        assert_string_equal(ask(cases[i].to, 80, false, NULL), cases[i].why);
    }
    /* What carries the address of a host is none of these. */
    assert_null(ask("64:ff9b::192.0.2.7", 80, true, NULL));
    assert_null(ask("2002:c000:207::1", 80, true, NULL));
    assert_null(ask("64:ff9b:1::192.0.2.7", 80, true, NULL));
    assert_null(ask("::ffff:192.0.2.7", 80, true, NULL));
    assert_non_null(ask("192.0.2.7", 80, false, "127.0.0.1"));
}

static void test_not_ourselves(void **state)
{
    (void)state;
    listen_on("192.0.2.53", 8000);
    assert_string_equal(ask("192.0.2.53", 8000, false, "192.0.2.53"), "is this server itself");
    assert_string_equal(ask("::ffff:192.0.2.53", 8000, true, NULL), "is this server itself");
    assert_string_equal(ask("64:ff9b::192.0.2.53", 8000, true, NULL), "is this server itself");
    assert_string_equal(ask("2002:c000:235::", 8000, true, NULL), "is this server itself");
    assert_null(ask("64:ff9b::192.0.2.53", 8001, true, NULL));
    assert_null(ask("192.0.2.53", 8001, false, "192.0.2.53"));
    assert_null(ask("192.0.2.54", 8000, true, NULL));
    listen_on("0.0.0.0", 53);
    assert_null(ask("192.0.2.54", 53, true, NULL)); /* not one of this machine's */
    open_to("127.0.0.0/8");
    assert_null(ask("127.0.0.1", 53, true, NULL)); /* the operator's own word */
    fence.nallow = 0;
    open_to("192.0.2.53");
    assert_null(ask("192.0.2.53", 8000, false, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_request_reaches_its_caller, close_all),
        cmocka_unit_test_setup(test_the_operator_opens, close_all),
        cmocka_unit_test_setup(test_the_configuration_reaches_hosts, close_all),
        cmocka_unit_test_setup(test_never, close_all),
        cmocka_unit_test_setup(test_not_ourselves, close_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

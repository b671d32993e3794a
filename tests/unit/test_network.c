/* Addresses and networks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <betterdns/network.h>

static bool in(const char *address, const char *network)
{
    struct network n;
    struct address a;

    assert_int_equal(network_parse(str_c(network), &n), 0);
    assert_int_equal(address_parse(str_c(address), &a), 0);
    return network_has(&n, 1, &a);
}

static void test_contains(void **state)
{
    (void)state;
    assert_true(in("10.1.2.3", "10.0.0.0/8"));
    assert_false(in("11.1.2.3", "10.0.0.0/8"));
    assert_true(in("10.1.2.3", "0.0.0.0/0"));
    assert_true(in("192.0.2.127", "192.0.2.64/26"));
    assert_false(in("192.0.2.128", "192.0.2.64/26"));
    assert_true(in("192.0.2.7", "192.0.2.7"));
    assert_false(in("192.0.2.8", "192.0.2.7"));
    assert_true(in("2001:db8::1", "2001:db8::/32"));
    assert_false(in("2001:db9::1", "2001:db8::/32"));
    assert_true(in("::1", "::1"));
    assert_false(in("10.0.0.1", "::/0"));
    assert_false(in("::1", "0.0.0.0/0"));
    /* An IPv4 address in the clothes of IPv6. */
    assert_true(in("::ffff:10.1.2.3", "10.0.0.0/8"));
    assert_true(in("10.1.2.3", "::ffff:10.0.0.0/104"));
}

static void test_refused_networks(void **state)
{
    static const char *const bad[] = {
        "",          "/8",          "10.0.0.0/",     "10.0.0.0/33",  "10.0.0.1/8",
        "10.0/8",    "10.0.0.0/-1", "10.0.0.0/08",   "10.0.0.0/8/8", "2001:db8::1/32",
        "::/129",    "web/8",       "010.0.0.1",     " 10.0.0.1",    "10.0.0.1 ",
        "fe80::1%1", "[::1]",       "::ffff:0:0/95", "10.0.0.0/8x",  "10.0.0.0/+8",
    };
    struct network n = {.family = 77};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        if (network_parse(str_c(bad[i]), &n) != -BD_ESYNTAX)
            fail_msg("'%s' was taken", bad[i]);
        assert_int_equal(n.family, 77);
    }
}

static const char *text_of(const char *text)
{
    static char out[ADDRESS_TEXT_MAX];
    struct address a;

    if (address_parse_with_port(str_c(text), &a) < 0)
        return "refused";
    address_text(&a, out);
    return out;
}

static void test_from_octets(void **state)
{
    static const uint8_t octets[16] = {192, 0, 2, 1, [15] = 7};
    static const struct {
        size_t n;
        int family;
        const char *text;
    } rows[] = {{4, AF_INET, "192.0.2.1"}, {16, AF_INET6, "c000:201::7"}, {0, 0, ""}, {5, 0, ""}};
    char text[ADDRESS_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct address a = address_from(octets, rows[i].n);
        assert_int_equal(a.family, rows[i].family);
        assert_int_equal(address_text(&a, text), strlen(rows[i].text));
        assert_string_equal(text, rows[i].text);
    }
}

static void test_with_port(void **state)
{
    (void)state;
    assert_string_equal(text_of("192.0.2.1"), "192.0.2.1");
    assert_string_equal(text_of("192.0.2.1:80"), "192.0.2.1");
    assert_string_equal(text_of("2001:DB8::1"), "2001:db8::1");
    assert_string_equal(text_of("[2001:db8::1]"), "2001:db8::1");
    assert_string_equal(text_of("[2001:db8::1]:443"), "2001:db8::1");
    assert_string_equal(text_of("::ffff:192.0.2.1"), "192.0.2.1");
    assert_string_equal(text_of("192.0.2.1:"), "refused");
    assert_string_equal(text_of("192.0.2.1:99999"), "refused");
    assert_string_equal(text_of("[::1"), "refused");
    assert_string_equal(text_of("[::1]80"), "refused");
    assert_string_equal(text_of("unknown"), "refused");
    assert_string_equal(text_of(""), "refused");
}

static void test_loopback(void **state)
{
    static const struct {
        const char *text;
        bool is;
    } rows[] = {{"127.0.0.1", true},  {"127.9.9.9", true}, {"128.0.0.1", false},
                {"::1", true},        {"::2", false},      {"::ffff:127.0.0.1", true},
                {"10.0.0.127", false}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct address a;
        assert_int_equal(address_parse(str_c(rows[i].text), &a), 0);
        assert_int_equal(address_is_loopback(&a), rows[i].is);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_contains),    cmocka_unit_test(test_refused_networks),
        cmocka_unit_test(test_from_octets), cmocka_unit_test(test_with_port),
        cmocka_unit_test(test_loopback),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

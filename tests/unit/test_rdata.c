/* Record types and their values as text: what is read, what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns_kit.h"
#include "rdata_kit.h"

static void the_table_is_in_order(void **state)
{
    (void)state;
    size_t n;
    const struct rrtype *rows = rrtype_table(&n);
    struct lex_error error;
    char text[RRTYPE_TEXT_MAX];
    uint16_t code;

    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || rows[i - 1].code < rows[i].code);
        assert_ptr_equal(rrtype_by_code(rows[i].code), &rows[i]);
        assert_int_equal(rrtype_from_text(str_c(rows[i].name), &code), 0);
        assert_int_equal(code, rows[i].code);
        assert_string_equal(rrtype_to_text(rows[i].code, text), rows[i].name);
        if (rows[i].flags & RRTYPE_META)
            continue;
        assert_int_equal(
            rdata_from_text(rows[i].code, str_c(rows[i].example), NULL, &kit_rdata, &error), 0);
        assert_string_equal(kit_print(rows[i].code, kit_rdata.b, kit_rdata.n), rows[i].example);
    }
    assert_null(rrtype_by_code(65280));
    assert_null(rrtype_by_code(0));
}

static void types_have_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "AAA",    "TYPE", "TYPE65536",
                                      "TYPE-1", "TYPE1x", "A ",   "TYPE 1"};
    char text[RRTYPE_TEXT_MAX];
    uint16_t code = 99;

    assert_int_equal(kit_type("aAaA"), 28);
    assert_int_equal(kit_type("type65280"), 65280);
    assert_int_equal(kit_type("TYPE1"), RRTYPE_A);
    assert_int_equal(kit_type("TYPE65535"), 65535);
    assert_string_equal(rrtype_to_text(65280, text), "TYPE65280");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(rrtype_from_text(str_c(bad[i]), &code), -BD_ENOTFOUND);
    assert_int_equal(code, 99);
}

static void near_names_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *nearest;
    } cases[] = {
        {"AAA", "AAAA"},   {"aaaaa", "AAAA"},
        {"CNAM", "CNAME"}, {"ANAME", "CNAME"},
        {"MXX", "MX"},     {"tx", "TXT"},
        {"SVR", "SRV"},    {"RSV", "SRV"},
        {"XYZZY", NULL},   {"", NULL},
        {"B", NULL},       {"SRVV", "SRV"},
        {"ANYY", NULL},    {"averylongword", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct rrtype *row = rrtype_nearest(str_c(cases[i].text));
        if (!cases[i].nearest)
            assert_true(row == NULL);
        else if (!row)
            fail_msg("nothing near %s", cases[i].text);
        else
            assert_string_equal(row->name, cases[i].nearest);
    }
}

static void good_values_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text, *shown;
    } cases[] = {
        {"A", "192.0.2.7", "192.0.2.7"},
        {"A", " 0.0.0.0 ", "0.0.0.0"},
        {"A", "255.255.255.255\n", "255.255.255.255"},
        {"A", "( 192.0.2.7\n )", "192.0.2.7"},
        {"A", "\\# 4 C0000207", "192.0.2.7"},
        {"A", "\\# 4 c0 00 0207", "192.0.2.7"},
        {"AAAA", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"AAAA", "::", "::"},
        {"AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"AAAA", "1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"AAAA", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
        {"NS", "ns1", "ns1.lab.example."},
        {"CNAME", "@", "lab.example."},
        {"PTR", "Web.Lab.Example.", "Web.Lab.Example."},
        {"MX", "10 mail", "10 mail.lab.example."},
        {"MX", "0 .", "0 ."},
        {"SRV", "1 2 65535 a\\.b", "1 2 65535 a\\.b.lab.example."},
        {"TXT", "a b", "\"a\" \"b\""},
        {"TXT", "\"a; b\" \"c\"", "\"a; b\" \"c\""},
        {"TXT", "\"\"", "\"\""},
        {"TXT", "\"q\\\"b\\\\s\\000\\200\"", "\"q\\\"b\\\\s\\000\\200\""},
        {"TXT", "\xc3\xa9", "\"\\195\\169\""},
        {"SOA", "ns1 h.m 4294967295 1h 10m 1w 4294967295",
         "ns1.lab.example. h.m.lab.example. 4294967295 3600 600 604800 4294967295"},
        {"TYPE65280", "\\# 0", "\\# 0"},
        {"TYPE65280", "\\# 4 01020aFF", "\\# 4 01020AFF"},
    };
    struct lex_error error;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint16_t type = kit_type(cases[i].type);
        if (rdata_from_text(type, str_c(cases[i].text), &kit_rules, &kit_rdata, &error) < 0)
            fail_msg("%s %s: %s", cases[i].type, cases[i].text, error.message);
        assert_int_equal(rdata_check(type, kit_rdata.b, kit_rdata.n), 0);
        assert_string_equal(kit_print(type, kit_rdata.b, kit_rdata.n), cases[i].shown);
    }
}

/* Each wrong value, what is said of it, and which bytes the message points at. */
static const struct {
    const char *type, *text, *says, *hint;
    size_t at, n;
} bad_values[] = {
    {"A", "fe80::1", "'fe80::1' is an IPv6 address; type A takes an IPv4 address", "", 0, 7},
    {"A", "127.0.0.1/8", "'127.0.0.1/8' is a network, not an address", "", 0, 11},
    {"A", "010.0.0.1", "'010.0.0.1' has a leading zero", "A is written like: 192.0.2.7", 0, 9},
    {"A", "10.0.0.00", "'10.0.0.00' has a leading zero", "", 0, 9},
    {"A", "192.0.2.1:80", "has a port", "", 0, 12},
    {"A", "192.0.2", "is not an IPv4 address", "", 0, 7},
    {"A", "192.0.2.256", "is not an IPv4 address", "", 0, 11},
    {"A", "192.0.2.1.", "is not an IPv4 address", "", 0, 10},
    {"A", ".1.2.3.4", "is not an IPv4 address", "", 0, 8},
    {"A", "web", "'web' is not an IPv4 address", "", 0, 3},
    {"A", "w\xc3\xa9\x01",
     "'w??"
     "?' is not an IPv4 address",
     "", 0, 4},
    {"A", "\"192.0.2.1\"", "'192.0.2.1' is in quotes", "", 0, 11},
    {"A", "192.0.2.1 192.0.2.2", "'192.0.2.2' is too much: a value of type A ends before it", "",
     10, 9},
    {"A", "", "the value of type A ends too early", "A is written like: 192.0.2.7", 0, 1},
    {"A", "192.0.2.1\n192.0.2.2", "one value is one record", "", 10, 9},
    {"A", "\\# 5 C000020700", "are not a well-formed value of type A", "", 0, 2},
    {"A", "\\# 4 C00002", "\\# says 4 octets, but 3 follow", "", 3, 1},
    {"A", "\\# 4 C000020", "'C000020' is not an even number", "", 5, 7},
    {"A", "\\# 4 C000020x", "'C000020x' is not hexadecimal", "", 5, 8},
    {"A", "\\# -1", "'-1' is not the number of octets", "", 3, 2},
    {"A", "\\#", "ends too early", "", 2, 1},
    {"AAAA", "192.0.2.1", "'192.0.2.1' is an IPv4 address; type AAAA takes an IPv6 address", "", 0,
     9},
    {"AAAA", "fe80::1%eth0", "has an interface behind the address", "", 0, 12},
    {"AAAA", "2001:db8::/32", "is a network", "", 0, 13},
    {"AAAA", "[::1]", "has brackets", "", 0, 5},
    {"AAAA", "1::2::3", "is not an IPv6 address", "", 0, 7},
    {"AAAA", "::010.0.0.1", "is not an IPv6 address", "", 0, 11},
    {"MX", "mail.lab.example.", "'mail.lab.example.' is not a number from 0 to 65535",
     "MX is written like: 10 mail.lab.example.", 0, 17},
    {"MX", "65536 mail", "is not a number from 0 to 65535", "", 0, 5},
    {"MX", "10", "the value of type MX ends too early", "10 mail.lab.example.", 2, 1},
    {"MX", "10 a..b", "'a..b' is not a name: a label is empty", "", 5, 1},
    {"MX", "10 \"mail\"", "is in quotes", "", 3, 6},
    {"NS", "a\\300", "a backslash needs", "", 1, 1},
    {"SOA", "a b 1 2 3 4", "ends too early", "SOA is written like", 11, 1},
    {"SOA", "a b 1h 2 3 4 5", "'1h' is not a number from 0 to 4294967295", "", 4, 2},
    {"SOA", "a b 1 2 3 4 x", "'x' is not a time", "", 12, 1},
    {"SOA", "a b 1 2 3 4 4294967296", "is not a time", "", 12, 10},
    {"TXT", "", "ends too early", "v=spf1", 0, 1},
    {"TXT", "\"open", "quote", "", 0, 1},
    {"TXT", "a\\300", "backslash", "", 0, 5},
    {"TYPE65280", "01020304", "is written as \\# LENGTH HEX", "", 0, 8},
    {"ANY", "x", "type ANY is for questions only", "", 0, 1},
    {"TYPE0", "\\# 0", "type TYPE0 is for questions only", "", 0, 2},
};

static void bad_values_are_explained(void **state)
{
    (void)state;
    struct lex_error error;

    for (size_t i = 0; i < ARRAY_SIZE(bad_values); i++) {
        struct str text = str_c(bad_values[i].text);
        int r = rdata_from_text(kit_type(bad_values[i].type), text, &kit_rules, &kit_rdata, &error);
        if (r == 0)
            fail_msg("%s %s was read", bad_values[i].type, bad_values[i].text);
        assert_true(r == -BD_ESYNTAX || r == -BD_EINVALID);
        if (!strstr(error.message, bad_values[i].says) || !strstr(error.hint, bad_values[i].hint))
            fail_msg("%s %s: \"%s\" (%s)", bad_values[i].type, bad_values[i].text, error.message,
                     error.hint);
        if (error.at != text.p + bad_values[i].at || error.n != bad_values[i].n)
            fail_msg("%s %s: points at %zu+%zu", bad_values[i].type, bad_values[i].text,
                     (size_t)(error.at - text.p), error.n);
    }
    assert_int_equal(rdata_from_text(RRTYPE_CNAME, STR("web"), NULL, &kit_rdata, &error),
                     -BD_ESYNTAX);
    assert_non_null(strstr(error.message, "relative"));
}

static void strings_end_at_255(void **state)
{
    (void)state;
    struct lex_error error;
    char text[300];

    memset(text, 's', sizeof(text));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, (struct str){text, 255}, NULL, &kit_rdata, &error),
                     0);
    assert_int_equal(kit_rdata.n, 256);
    assert_int_equal(rdata_from_text(RRTYPE_TXT, (struct str){text, 256}, NULL, &kit_rdata, &error),
                     -BD_EINVALID);
    assert_non_null(strstr(error.message, "255"));
    assert_non_null(strstr(error.hint, "several strings"));
}

static void records_end_at_65535(void **state)
{
    (void)state;
    struct lex_error error;
    struct buf text = {.p = NULL};

    for (int i = 0; i < 32767; i++)
        buf_add_str(&text, STR("a "));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, buf_str(&text), NULL, &kit_rdata, &error), 0);
    assert_int_equal(kit_rdata.n, 65534);
    buf_add_str(&text, STR("\"\""));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, buf_str(&text), NULL, &kit_rdata, &error), 0);
    assert_int_equal(kit_rdata.n, 65535);
    assert_int_equal(strlen(kit_print(RRTYPE_TXT, kit_rdata.b, kit_rdata.n)), 32767 * 4 + 2);
    buf_add_str(&text, STR(" \"\""));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, buf_str(&text), NULL, &kit_rdata, &error),
                     -BD_EINVALID);
    assert_non_null(strstr(error.message, "65535"));
    buf_free(&text);
}

/* The parser stops in front of the line's end, and the next line can be read. */
static void lines_are_left_for_the_caller(void **state)
{
    (void)state;
    struct lexer lx;

    lex_start(&lx, STR("10 mail ; comment\n\"a\" (\n\"b\" ) \nrest"));
    assert_int_equal(rdata_parse(&lx, RRTYPE_MX, &kit_rules, &kit_rdata), 0);
    assert_int_equal(lex_next(&lx).kind, LEX_EOL);
    assert_int_equal(rdata_parse(&lx, RRTYPE_TXT, &kit_rules, &kit_rdata), 0);
    assert_int_equal(kit_rdata.n, 4);
    assert_int_equal(lex_next(&lx).kind, LEX_EOL);
    assert_true(str_eq(lex_next(&lx).text, STR("rest")));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_in_order),    cmocka_unit_test(types_have_names),
        cmocka_unit_test(near_names_are_found),     cmocka_unit_test(good_values_are_read),
        cmocka_unit_test(bad_values_are_explained), cmocka_unit_test(strings_end_at_255),
        cmocka_unit_test(records_end_at_65535),     cmocka_unit_test(lines_are_left_for_the_caller),
    };
    return cmocka_run_group_tests(tests, kit_rdata_setup, NULL);
}

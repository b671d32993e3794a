/* $GENERATE: what named-compilezone makes of it, its limits, what is said of its faults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "directive_kit.h"

/* What named-compilezone 9.18 makes of them. */
static void test_generate(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        {"$GENERATE 1-3 h$ A 192.0.2.$",
         "h1.example.org. 60 A 192.0.2.1\nh2.example.org. 60 A 192.0.2.2\n"
         "h3.example.org. 60 A 192.0.2.3\n"},
        {"$generate 2-10/3 h$ A 192.0.2.$ ; every third",
         "h2.example.org. 60 A 192.0.2.2\nh5.example.org. 60 A 192.0.2.5\n"
         "h8.example.org. 60 A 192.0.2.8\n"},
        {"$GENERATE 7-7 h$ 300 IN A 192.0.2.$", "h7.example.org. 300 A 192.0.2.7\n"},
        {"$GENERATE 7-7 h$ IN 300 A 192.0.2.$", "h7.example.org. 300 A 192.0.2.7\n"},
        {"$GENERATE 7-7 $.sub PTR h$", "7.sub.example.org. 60 PTR h7.example.org.\n"},
        {"$GENERATE 7-7 h$.example.org. CNAME h${1}.example.net.",
         "h7.example.org. 60 CNAME h8.example.net.\n"},
        {"$GENERATE 7-8 @ A 192.0.2.$",
         "example.org. 60 A 192.0.2.7\nexample.org. 60 A 192.0.2.8\n"},
        {"$GENERATE 1-1 h$$$ A 192.0.2.1", "h\\$1.example.org. 60 A 192.0.2.1\n"},
        {"$GENERATE 1-1 h\\$x$ A 192.0.2.1", "h\\$x1.example.org. 60 A 192.0.2.1\n"},
        {"$GENERATE 1-1 h\\\\$ A 192.0.2.1", "h\\\\1.example.org. 60 A 192.0.2.1\n"},
        {"$GENERATE 1-1 h\\046$ A 192.0.2.1", "h\\.1.example.org. 60 A 192.0.2.1\n"},
        {"$GENERATE 1-1 h MX \"$ m$\"", "h.example.org. 60 MX 1 m1.example.org.\n"},
        {"$GENERATE 1-1 h TXT \"a b $\"", "h.example.org. 60 TXT \"a\" \"b\" \"1\"\n"},
        {"$GENERATE 1-1 h TXT \"\\\"a b $\\\"\"", "h.example.org. 60 TXT \"a b 1\"\n"},
        {"$GENERATE 1-1 h TXT \"\\$ $ ; no\"", "h.example.org. 60 TXT \"$\" \"1\"\n"},
        {"$GENERATE 1-1 h TXT a\\ b$", "h.example.org. 60 TXT \"a b1\"\n"},
        {"$GENERATE 1-1 h$ ( A\n 192.0.2.$ )", "h1.example.org. 60 A 192.0.2.1\n"},
        {"$GENERATE 1-1 h TYPE65280 \"\\# 2 0$0$\"", "h.example.org. 60 TYPE65280 \\# 2 0101\n"},
        {"$GENERATE 2147483647-2147483647 h$ A 192.0.2.1",
         "h2147483647.example.org. 60 A 192.0.2.1\n"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_records(cases[i].text, NULL, cases[i].want);
}

static void test_generate_numbers(void **state)
{
    static const struct {
        const char *number, *range, *want;
    } cases[] = {
        {"${0}", "9-9", "9"},
        {"${1}", "9-9", "10"},
        {"${+1}", "9-9", "10"},
        {"${-10}", "9-9", "-1"},
        {"${0,3}", "9-9", "009"},
        {"${0,3,d}", "1234-1234", "1234"},
        {"${-10,5}", "9-9", "-0001"},
        {"${0,3,o}", "9-9", "011"},
        {"${0,3,x}", "10-10", "00a"},
        {"${0,3,X}", "10-10", "00A"},
        {"${0,0,n}", "10-10", "a"},
        {"${0,0,n}", "300-300", "c.2.1"},
        {"${0,1,n}", "300-300", "c.2.1"},
        {"${0,3,n}", "9-9", "9.0"},
        {"${0,5,N}", "10-10", "A.0.0"},
        {"${-5,4,x}", "0-0", "fffffffb"},
        {"${-5,0,o}", "0-0", "37777777773"},
        {"${-5,0,n}", "0-0", "b.f.f.f.f.f.f.f"},
        {"${-2147483647}", "0-0", "-2147483647"},
        {"${0,3,d}${1}", "1-1", "0012"},
        {"$.${1}.$", "1-1", "1.2.1"},
        {"x${0,60}", "1-1", "x000000000000000000000000000000000000000000000000000000000001"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[200], want[200];
        snprintf(text, sizeof(text), "$GENERATE %s h%s.y A 192.0.2.1", cases[i].range,
                 cases[i].number);
        snprintf(want, sizeof(want), "h%s.y.example.org. 60 A 192.0.2.1\n", cases[i].want);
        assert_records(text, NULL, want);
        snprintf(text, sizeof(text), "$GENERATE %s h TXT %s", cases[i].range, cases[i].number);
        snprintf(want, sizeof(want), "h.example.org. 60 TXT \"%s\"\n", cases[i].want);
        assert_records(text, NULL, want);
    }
    /* With an even width nibbles end in a dot: the name is absolute then. */
    assert_records("$GENERATE 9-9 x TXT ${0,4,n}", NULL, "x.example.org. 60 TXT \"9.0.\"\n");
    assert_records(
        "$GENERATE 1-1 x TXT ${0,127}", NULL,
        "x.example.org. 60 TXT \"00000000000000000000000000000000000000000000000000000"
        "00000000000000000000000000000000000000000000000000000000000000000000000001\"\n");
}

/* The line before it is that of a blank owner behind it; its TTL counts as any other's. */
static void test_generate_scope(void **state)
{
    struct run run;

    (void)state;
    assert_records("w A 192.0.2.1\n$GENERATE 1-1 h$ 9 A 192.0.2.$\n A 192.0.2.2\nh1 TXT a\n", NULL,
                   "w.example.org. 60 A 192.0.2.1\nh1.example.org. 9 A 192.0.2.1\n"
                   "w.example.org. 9 A 192.0.2.2\nh1.example.org. 9 TXT \"a\"\n");
    assert_records("$TTL 5\n$GENERATE 1-1 h$ 9 A 192.0.2.$\nx A 192.0.2.2\n", NULL,
                   "h1.example.org. 9 A 192.0.2.1\nx.example.org. 5 A 192.0.2.2\n");
    assert_fault("$GENERATE 1-1 h$ A 192.0.2.$\n A 192.0.2.2\n", NULL,
                 "z:2:2: error: the line begins with a blank, but there is no owner before to take "
                 "over");
    assert_fault("w A 192.0.2.1\n$GENERATE 1-1 h..$ A 192.0.2.$\n A 192.0.2.2\n", NULL,
                 "z:2:15: error: with 1 for $: 'h..1' is not a name: a label is empty (two dots in "
                 "a row, or a dot in front)");
    /* An owner before that was bad stays so; one that was good too. */
    run = parse("w..w A 192.0.2.1\n$GENERATE 1-1 h$ A 192.0.2.$\n A 192.0.2.2\n", NULL);
    assert_string_equal(run.records.p, "h1.example.org. 60 A 192.0.2.1\n");
    end_run(&run);
    run = parse("w A 192.0.2.1\n$GENERATE 1-1 h..$ A 192.0.2.$\n A 192.0.2.2\n", NULL);
    assert_string_equal(run.records.p,
                        "w.example.org. 60 A 192.0.2.1\nw.example.org. 60 A 192.0.2.2\n");
    end_run(&run);
    assert_records("$ORIGIN sub\n$GENERATE 1-1 $ CNAME h$\n", NULL,
                   "1.sub.example.org. 60 CNAME h1.sub.example.org.\n");
}

static void test_generate_faults(void **state)
{
    static const struct {
        const char *rest, *want;
    } cases[] = {
        {"", "10: error: $GENERATE lacks a range of numbers (as in: $GENERATE 1-254 host$ A "
             "192.0.2.$)"},
        {" 1-2", "14: error: $GENERATE lacks an owner (as in: $GENERATE 1-254 host$ A 192.0.2.$)"},
        {" 1-2 h$", "17: error: $GENERATE lacks a type (as in: $GENERATE 1-254 host$ A "
                    "192.0.2.$)"},
        {" 1-2 h$ 5", "19: error: the record has no type"},
        {" 1-2 h$ A", "19: error: $GENERATE lacks a value (as in: $GENERATE 1-254 host$ A "
                      "192.0.2.$)"},
        {" 1-2 \"h$\" A 192.0.2.1", "15: error: an owner name is not quoted"},
        {" 1-2 h$ \"A\" 192.0.2.1", "18: error: a TTL, class or type is not quoted"},
        {" 1-2 h$ CH A 192.0.2.1", "18: error: class CH: zones here are of class IN"},
        {" 1-2 h$ AAA 192.0.2.1", "18: error: unknown record type 'AAA' (did you mean 'AAAA'?)"},
        {" 1-2 h$ ANY x", "18: error: the type 'ANY' cannot be stored in a zone"},
        {" 1-2 h$ 2147483648 A 192.0.2.1",
         "18: error: the TTL 2147483648 is above 2147483647 (RFC 2181 section 8)"},
        {" 1-2 h$ MX 10 m$", "24: error: unexpected 'm$': $GENERATE has a value of several words "
                             "in quotes (as in: MX \"10 mail$\")"},
        {" 1-2 h$ TXT \"a\" \"b\"", "26: error: unexpected 'b': $GENERATE has a value of several "
                                    "words in quotes (as in: MX \"10 mail$\")"},
        {" 1-2 h$ TXT \"a", "22: error: this quote is not closed in its line"},
        {" 1-2 h$ ( A 192.0.2.$", "18: error: this parenthesis is never closed"},
        {" 3-1 h$ A 192.0.2.$", "11: error: the range '3-1' ends before it begins"},
        {" 1-3/0 h$ A 192.0.2.$", "11: error: the range '1-3/0' never ends"},
        {" 1-2 h${ A 192.0.2.$", "16: error: '${' begins no ${OFFSET,WIDTH,BASE} (as in: ${-1} or "
                                 "${0,3,d}; the bases are d o x X n N)"},
        {" 1-2 h${2000000000,3,d}${2147483647} A 192.0.2.$",
         "33: error: 2147483648 is not a number of 32 bits"},
        {" 1-2 h$ TXT ${0,128}", "22: error: a number is at most 127 characters wide"},
        {" 1-2 h${0,64} A 192.0.2.$", "15: error: with 1 for $: "
                                      "'h0000000000000000000000000000000000000000000000000000000000"
                                      "0' is not a name: a label is longer than 63 octets"},
        {" 1-2 h$.example.com. A 192.0.2.$",
         "15: error: with 1 for $: 'h1.example.com.' is outside the zone 'example.org.'"},
        {" 9-9 h${0,4,n} A 192.0.2.$",
         "15: error: with 9 for $: 'h9.0.' is outside the zone 'example.org.'"},
        {" 254-300 h$ A 192.0.2.$", "24: error: with 256 for $: '192.0.2.256' is not an IPv4 "
                                    "address (four numbers from 0 to 255 with dots between them) "
                                    "(A is written like: 192.0.2.7)"},
        {" 1-2 h$ A \"\"", "20: error: with 1 for $: the value of type A ends too early (A is "
                           "written like: 192.0.2.7)"},
        {" 1-2 h$ A \"192.0.2.$ x\"", "20: error: with 1 for $: 'x' is too much: a value of "
                                      "type A ends before it (A is written like: 192.0.2.7)"},
        {" 1-2 h$ A \"192.0.2.$ (\"", "20: error: with 1 for $: this parenthesis is never closed"},
        {" 1-2 h$ TXT \"\\\"$\"", "22: error: with 1 for $: this quote is never closed"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char text[200], want[400];
        snprintf(text, sizeof(text), "\n$GENERATE%s\n", cases[i].rest);
        snprintf(want, sizeof(want), "z:2:%s", cases[i].want);
        assert_fault(text, NULL, want);
    }
}

static void test_generate_ranges(void **state)
{
    static const char *const bad[] = {
        "1",
        "1-",
        "-1-3",
        "1-3/",
        "1-3/x",
        "1-3x",
        "a-b",
        "1 - 2",
        "+1-2",
        "1--2",
        "\"1-2\"",
        "2147483648-2147483648",
        "4294967297-4294967298",
        "1-2/4294967297",
        "1-2//1",
        "1-2/1/1",
    };
    static const char *const braces[] = {
        "{}",       "{,3}",   "{1",     "{1,", "{1,}", "{1,2,", "{1,2,}",   "{1,2,q}",
        "{1,2,xx}", "{1,-2}", "{1,,x}", "{x}", "{1x}", "{--1}", "{1,2,d,}", "{99999999999}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[100];
        struct run run;
        snprintf(text, sizeof(text), "$GENERATE %s h$ A 192.0.2.1", bad[i]);
        run = parse(text, NULL);
        assert_ptr_equal(strstr(run.errors.p, "z:1:11: error: '"), run.errors.p);
        assert_non_null(strstr(run.errors.p, "' is not a range of numbers up to 2147483647 (as in: "
                                             "1-254, or 0-254/2 for every second)\n"));
        assert_int_equal(run.nerrors, 1);
        assert_int_equal(run.nrecords, 0);
        end_run(&run);
    }
    for (size_t i = 0; i < ARRAY_SIZE(braces); i++) {
        char text[100];
        struct run run;
        snprintf(text, sizeof(text), "$GENERATE 1-2 x TXT $$$%s", braces[i]);
        run = parse(text, NULL);
        assert_ptr_equal(strstr(run.errors.p, "z:1:23: error: '${' begins no"), run.errors.p);
        assert_int_equal(run.nerrors, 1);
        assert_int_equal(run.nrecords, 0);
        end_run(&run);
    }
}

static void test_generate_limit(void **state)
{
    struct run run = parse("$GENERATE 0-65535 h$ A 192.0.2.1\n", NULL);

    (void)state;
    assert_int_equal(run.r, 0);
    assert_int_equal(run.nrecords, 65536);
    assert_int_equal(run.ngenerated, 65536);
    assert_non_null(strstr(run.records.p, "\nh65535.example.org. 60 A 192.0.2.1\n"));
    end_run(&run);
    assert_fault("$GENERATE 0-65536 h$ A 192.0.2.1\n", NULL,
                 "z:1:11: error: 65537 records, where one $GENERATE may make 65536");
    assert_fault("$GENERATE 0-2147483647 h$ A 192.0.2.1\n", NULL,
                 "z:1:11: error: 2147483648 records, where one $GENERATE may make 65536");
    run = parse("$GENERATE 0-131071/2 h$ A 192.0.2.1\n", NULL);
    assert_int_equal(run.nrecords, 65536);
    end_run(&run);
    run = parse("$GENERATE 0-2147483647/2147483647 h$ A 192.0.2.1\n", NULL);
    assert_string_equal(run.records.p, "h0.example.org. 60 A 192.0.2.1\n"
                                       "h2147483647.example.org. 60 A 192.0.2.1\n");
    end_run(&run);
}

/* One error or warning a directive, however many records have it; it points at the directive, and
 * lines behind are read. */
static void test_generate_shown(void **state)
{
    (void)state;
    assert_shown("$GENERATE 1-9 h$ A 192.0.2.${254}\nx AAA ::1\n", NULL,
                 "z:1:20: error: with 2 for $: '192.0.2.256' is not an IPv4 address (four numbers "
                 "from 0 to 255 with dots between them) (A is written like: 192.0.2.7)\n"
                 "  1 | $GENERATE 1-9 h$ A 192.0.2.${254}\n"
                 "    |                    ^~~~~~~~~~~~~~\n"
                 "z:2:3: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n"
                 "  2 | x AAA ::1\n"
                 "    |   ^~~\n");
    assert_shown("$GENERATE 1-9 h$.example.org CNAME m$.example.org\n", NULL,
                 "z:1:15: warning: 'h1.example.org' means 'h1.example.org.example.org.' here (did "
                 "you forget the final dot?)\n"
                 "  1 | $GENERATE 1-9 h$.example.org CNAME m$.example.org\n"
                 "    |               ^~~~~~~~~~~~~~\n");
}

struct spans {
    struct str text;
    unsigned n;
};

static int look_at_span(void *arg, const struct zp_record *record)
{
    static const struct {
        size_t start, end;
        bool generated;
    } want[] = {{0, 14, false}, {15, 47, true}, {15, 47, true}, {47, 61, false}};
    struct spans *s = arg;

    assert_true(s->n < ARRAY_SIZE(want));
    assert_int_equal(record->generated, want[s->n].generated);
    assert_int_equal(record->span.p - s->text.p, want[s->n].start);
    assert_int_equal(record->span.p + record->span.n - s->text.p, want[s->n].end);
    assert_ptr_equal(record->at, record->span.p);
    s->n++;
    return 0;
}

/* The span and the place of what a directive makes are the directive's. */
static void test_generate_span(void **state)
{
    struct run run = {.nrecords = 0};
    const struct zp_options with = options_of(&run);
    struct spans s = {
        .text = STR("a A 192.0.2.1\n\n$GENERATE 1-2 ( h$ A\n 1.1.1.$ )\nb A 192.0.2.1\n")};

    (void)state;
    assert_int_equal(zp_parse(s.text, &with, look_at_span, &s), 0);
    assert_int_equal(s.n, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generate),        cmocka_unit_test(test_generate_numbers),
        cmocka_unit_test(test_generate_scope),  cmocka_unit_test(test_generate_faults),
        cmocka_unit_test(test_generate_ranges), cmocka_unit_test(test_generate_limit),
        cmocka_unit_test(test_generate_shown),  cmocka_unit_test(test_generate_span),
    };

    return cmocka_run_group_tests(tests, directive_setup, NULL);
}

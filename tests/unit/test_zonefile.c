/* Zone files: records, faults as people see them, the rules of a whole zone, markers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/zonefile.h>

/* What a parse gave: canonical lines, and errors as they are shown. */
struct outcome {
    struct str text;
    struct buf records, errors;
    unsigned nrecords, nerrors, nwarnings;
    int r;
};

static struct zp_options options;

static int setup(void **state)
{
    (void)state;
    return dname_from_text(STR("example.org."), NULL, &options.origin, NULL);
}

static int on_record(void *arg, const struct zp_record *record)
{
    struct outcome *o = arg;

    o->nrecords++;
    zp_write_canonical(record, &o->records);
    return 0;
}

static void on_error(void *arg, const struct zp_error *error)
{
    struct outcome *o = arg;

    *(error->warning ? &o->nwarnings : &o->nerrors) += 1;
    zp_error_format("z", o->text, error, &o->errors);
}

static struct zp_options with_outcome(struct outcome *o, struct str text, uint32_t default_ttl)
{
    struct zp_options with = options;

    *o = (struct outcome){.text = text};
    with.default_ttl = default_ttl;
    with.on_error = on_error;
    with.error_arg = o;
    return with;
}

static void end_text(struct buf *b)
{
    buf_add_c(b, '\0');
    assert_int_equal(b->error, 0);
}

static struct outcome parse(struct str text)
{
    struct outcome o;
    struct zp_options with = with_outcome(&o, text, 60);

    o.r = zp_parse(text, &with, on_record, &o);
    end_text(&o.records);
    end_text(&o.errors);
    return o;
}

static void free_outcome(struct outcome *o)
{
    buf_free(&o->records);
    buf_free(&o->errors);
}

#define assert_records(text, want)                                                                 \
    do {                                                                                           \
        struct outcome o_ = parse(STR(text));                                                      \
        assert_string_equal(o_.errors.p, "");                                                      \
        assert_string_equal(o_.records.p, want);                                                   \
        assert_int_equal(o_.r, 0);                                                                 \
        free_outcome(&o_);                                                                         \
    } while (0)

#define assert_errors(text, want)                                                                  \
    do {                                                                                           \
        struct outcome o_ = parse(STR(text));                                                      \
        assert_string_equal(o_.errors.p, want);                                                    \
        assert_int_equal(o_.r, o_.nerrors ? -BD_ESYNTAX : 0);                                      \
        free_outcome(&o_);                                                                         \
    } while (0)

#define IP1 " CLASS1 TYPE1 \\# 4 C0000201\n"

static void test_records(void **state)
{
    (void)state;
    assert_records("", "");
    assert_records("; nothing\n\n \n", "");
    assert_records("web A 192.0.2.1", "web.example.org. 60" IP1);
    assert_records("web A 192.0.2.1\r\n", "web.example.org. 60" IP1);
    assert_records("WEB 5 IN A 192.0.2.1\n@ IN 1m A 192.0.2.1 ; x\n  CLASS1 type1 192.0.2.1\n",
                   "web.example.org. 5" IP1 "example.org. 60" IP1 "example.org. 60" IP1);
    assert_records(
        "$ORIGIN a\nw A 192.0.2.1\n$origin b.example.org.\nw A 192.0.2.1\n A 192.0.2.1\n",
        "w.a.example.org. 60" IP1 "w.b.example.org. 60" IP1 "w.b.example.org. 60" IP1);
    assert_records("$ORIGIN a\n@ A 192.0.2.1\n$ORIGIN b.example.org.\n@ A 192.0.2.1\n",
                   "a.example.org. 60" IP1 "b.example.org. 60" IP1);
    assert_records("w ( 5\n IN ) A (\n192.0.2.1\n)\n@ TYPE65280 \\# 2 AB cd\n",
                   "w.example.org. 5" IP1 "example.org. 5 CLASS1 TYPE65280 \\# 2 ABCD\n");
    assert_records("@ TXT a\"b c\"\"\" \\\"\\059\n",
                   "example.org. 60 CLASS1 TYPE16 \\# 10 0161036220630002223B\n");
}

static void test_ttl_rules(void **state)
{
    (void)state;
    /* The record's own, $TTL, the record's before, the caller's. */
    assert_records("a A 192.0.2.1\na 7 A 192.0.2.1\na A 192.0.2.1\n$TTL 1h\na A 192.0.2.1\n",
                   "a.example.org. 60" IP1 "a.example.org. 7" IP1 "a.example.org. 7" IP1
                   "a.example.org. 3600" IP1);
    assert_records("$TTL 9\na 7 A 192.0.2.1\n$TTL 2147483647\na A 192.0.2.1\n",
                   "a.example.org. 7" IP1 "a.example.org. 2147483647" IP1);
}

static void test_soa_minimum_is_a_ttl(void **state)
{
    struct str text = STR("@ SOA a b 1 2 3 4 77\n@ NS a\n");
    struct outcome o;
    struct zp_options with = with_outcome(&o, text, UINT32_MAX);

    (void)state;
    assert_int_equal(zp_parse(text, &with, on_record, &o), 0);
    end_text(&o.records);
    assert_non_null(strstr(o.records.p, "example.org. 77 CLASS1 TYPE6 "));
    assert_non_null(strstr(o.records.p, "example.org. 77 CLASS1 TYPE2 "));
    free_outcome(&o);

    with = with_outcome(&o, STR("@ NS a\n"), UINT32_MAX);
    assert_int_equal(zp_parse(o.text, &with, on_record, &o), -BD_ESYNTAX);
    end_text(&o.errors);
    assert_string_equal(o.errors.p,
                        "z:1:1: error: no TTL: neither here, nor by $TTL, nor in a record before "
                        "(begin the file with a line such as: $TTL 1h)\n"
                        "  1 | @ NS a\n    | ^\n");
    free_outcome(&o);
}

static void test_error_shown(void **state)
{
    (void)state;
    assert_errors("\n\n\n\n\nweb  IN  AAA  192.0.2.1\n",
                  "z:6:10: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n"
                  "  6 | web  IN  AAA  192.0.2.1\n"
                  "    |          ^~~\n");
    /* Tabs stay, what could steer a terminal does not, wide characters are one place. */
    assert_errors("\xc3\xa9\tIN\t\x1b[2J 1\n", "z:1:7: error: unknown record type '?[2J'\n"
                                               "  1 | \xc3\xa9\tIN\t?[2J 1\n"
                                               "    |  \t  \t^~~~\n");
    assert_errors(
        "a TXT x y \"z\na A 1.2.3\n",
        "z:1:11: error: this quote is not closed in its line\n"
        "  1 | a TXT x y \"z\n"
        "    |           ^\n"
        "z:2:5: error: '1.2.3' is not an IPv4 address (four numbers from 0 to 255 with dots "
        "between them) (A is written like: 192.0.2.7)\n"
        "  2 | a A 1.2.3\n"
        "    |     ^~~~~\n");
    assert_errors("a MX ( 10 b\nc A 192.0.2.1\nd A 1\n",
                  "z:1:6: error: this parenthesis is never closed\n"
                  "  1 | a MX ( 10 b\n"
                  "    |      ^\n"
                  "z:3:5: error: '1' is not an IPv4 address (four numbers from 0 to 255 with dots "
                  "between them) (A is written like: 192.0.2.7)\n"
                  "  3 | d A 1\n"
                  "    |     ^\n");
}

/* One place a character, one for each octet that is none; what turns a line around is none. */
static void test_characters_shown(void **state)
{
    (void)state;
    assert_errors("\xf0\x9f\x8c\x8d AAA \xe2\x82\xac\r\n",
                  "z:1:6: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n"
                  "  1 | \xf0\x9f\x8c\x8d AAA \xe2\x82\xac\n"
                  "    |   ^~~\n");
    assert_errors(
        "\xe2\x80\xae\xe2\x81\xa6 AAA \xc3( \xe0\x80\x80\xf0\x80\x80\x80\xc2\x85\xff\xe2 )",
        "z:1:8: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n"
        "  1 | ?????? AAA ?( ??????????? )\n"
        "    |        ^~~\n");
    assert_errors("a AAA 1\r", "z:1:3: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n"
                               "  1 | a AAA 1\n"
                               "    |   ^~~\n");
}

static void test_long_line_is_cut(void **state)
{
    char text[400];
    struct outcome o;
    const char *caret;

    (void)state;
    memset(text, 'a', sizeof(text));
    memcpy(text, "w TXT ", 6);
    for (size_t i = 10; i < sizeof(text); i += 10)
        text[i] = ' ';
    text[299] = ')';
    o = parse((struct str){text, sizeof(text)});
    assert_non_null(strstr(o.errors.p, "z:1:300: error: a closing parenthesis"));
    assert_true(o.errors.n < 400);
    assert_non_null(strstr(o.errors.p, "\n  1 | ...a aaaaaaaaa "));
    caret = strstr(o.errors.p, "\n    |    ");
    assert_non_null(caret);
    /* Behind the gutter and the dots, sixty places of the line. */
    assert_int_equal(strcspn(caret, "^"), 1 + 6 + 3 + 60);
    free_outcome(&o);
}

#define FIRST_LINE(text, want)                                                                     \
    do {                                                                                           \
        struct outcome o_ = parse(STR(text));                                                      \
        char *lf_ = strchr(o_.errors.p, '\n');                                                     \
        assert_non_null(lf_);                                                                      \
        *lf_ = '\0';                                                                               \
        assert_string_equal(o_.errors.p, want);                                                    \
        free_outcome(&o_);                                                                         \
    } while (0)

static void test_refusals(void **state)
{
    (void)state;
    FIRST_LINE("a 5 IN 6 A 192.0.2.1",
               "z:1:8: error: a second TTL, or the type is missing before '6'");
    FIRST_LINE("a IN IN A 192.0.2.1", "z:1:6: error: a second class");
    FIRST_LINE("a CH A 192.0.2.1", "z:1:3: error: class CH: zones here are of class IN");
    FIRST_LINE("a CLASS3 A 192.0.2.1", "z:1:3: error: class CLASS3: zones here are of class IN");
    FIRST_LINE("a CLASS65536 A 192.0.2.1",
               "z:1:3: error: 'CLASS65536' is not a class: CLASS0 to CLASS65535");
    FIRST_LINE("a 192.0.2.1",
               "z:1:3: error: a type is missing before '192.0.2.1' (as in: web A 192.0.2.1)");
    FIRST_LINE("a 5y A 192.0.2.1",
               "z:1:3: error: '5y' is not a TTL (seconds, or units as in 1h30m)");
    FIRST_LINE("a -1 A 192.0.2.1",
               "z:1:3: error: '-1' is not a TTL (seconds, or units as in 1h30m)");
    FIRST_LINE("a 2147483648 A 192.0.2.1",
               "z:1:3: error: the TTL 2147483648 is above 2147483647 (RFC 2181 section 8)");
    FIRST_LINE("a", "z:1:2: error: the record has no type");
    FIRST_LINE("a \"A\" 192.0.2.1", "z:1:3: error: a TTL, class or type is not quoted");
    FIRST_LINE("\"a\" A 192.0.2.1", "z:1:1: error: an owner name is not quoted");
    FIRST_LINE("a..b A 192.0.2.1", "z:1:3: error: 'a..b' is not a name: a label is empty "
                                   "(two dots in a row, or a dot in front)");
    FIRST_LINE("a.example.com. A 192.0.2.1",
               "z:1:1: error: 'a.example.com.' is outside the zone 'example.org.'");
    FIRST_LINE(" A 192.0.2.1",
               "z:1:2: error: the line begins with a blank, but there is no owner before "
               "to take over");
    FIRST_LINE("a ANY x", "z:1:3: error: the type 'ANY' cannot be stored in a zone");
    FIRST_LINE("a TYPE252 \\# 0", "z:1:3: error: the type 'TYPE252' cannot be stored in a zone");
    FIRST_LINE("a TYPE0 \\# 0", "z:1:3: error: the type 'TYPE0' cannot be stored in a zone");
    FIRST_LINE("a HIP 3 1 1 00",
               "z:1:3: error: unknown record type 'HIP' (this version knows it by "
               "number: TYPE55 \\# LENGTH HEX (RFC 3597))");
    FIRST_LINE("a TXT \0", "z:1:7: error: a NUL byte: is this a text file?");
    FIRST_LINE("\xef\xbb\xbfweb A 192.0.2.1",
               "z:1:1: error: a byte order mark, which no zone file has: save it without");
    FIRST_LINE("a TXT (b (c)", "z:1:7: error: this parenthesis is never closed");
}

static void test_directives_refused(void **state)
{
    (void)state;
    FIRST_LINE("$INCLUDE x", "z:1:10: error: $INCLUDE is refused: nothing but the text itself is "
                             "read here");
    FIRST_LINE("$ORIGNI x", "z:1:1: error: unknown directive '$ORIGNI' (did you mean '$ORIGIN'?)");
    FIRST_LINE("$FOO x", "z:1:1: error: unknown directive '$FOO' (an owner that begins with $ is "
                         "written \\$)");
    FIRST_LINE(" $TTL 5",
               "z:1:2: error: the line begins with a blank, but there is no owner before "
               "to take over");
    FIRST_LINE("a A 192.0.2.1\n $TTL 5",
               "z:2:2: error: unknown record type '$TTL' (a directive begins in the first column)");
    FIRST_LINE("$TTL", "z:1:5: error: $TTL needs a number of seconds");
    FIRST_LINE("$TTL x", "z:1:6: error: 'x' is not a TTL (seconds, or units as in 1h30m)");
    FIRST_LINE("$TTL 1 2", "z:1:8: error: $TTL takes one argument");
    FIRST_LINE("$ORIGIN \"a\"", "z:1:9: error: $ORIGIN needs a domain name");
    FIRST_LINE("$ORIGIN ..",
               "z:1:9: error: '..' is not a name: a label is empty (two dots in a row, "
               "or a dot in front)");
}

static void test_warnings(void **state)
{
    (void)state;
    FIRST_LINE("web.example.org A 192.0.2.1",
               "z:1:1: warning: 'web.example.org' means 'web.example.org.example.org.' here "
               "(did you forget the final dot?)");
    FIRST_LINE("Example.ORG A 192.0.2.1",
               "z:1:1: warning: 'Example.ORG' means 'Example.ORG.example.org.' here "
               "(did you forget the final dot?)");
    FIRST_LINE("@ MX 10 (\n mail.example.org )",
               "z:2:2: warning: 'mail.example.org' means 'mail.example.org.example.org.' here "
               "(did you forget the final dot?)");
    FIRST_LINE("@ SOA ns1 h.example.org 1 2 3 4 5",
               "z:1:11: warning: 'h.example.org' means 'h.example.org.example.org.' here "
               "(did you forget the final dot?)");
    FIRST_LINE("$ORIGIN example.org\n",
               "z:1:9: warning: 'example.org' means 'example.org.example.org.' here "
               "(did you forget the final dot?)");
    assert_records("xexample.org A 192.0.2.1", "xexample.org.example.org. 60" IP1);
    assert_errors("a.example.org.example.org. A 192.0.2.1\n@ NS a.example.org.example.org.\n", "");
}

static void test_every_error(void **state)
{
    struct str text =
        STR("a A 1\nb B 2\na..b A 192.0.2.1\n A 192.0.2.1\n A x\n$TTL z\nc A 192.0.2.1\n"
            "d TXT \"\n\0\ne A ) 192.0.2.1\n");
    struct zp_options with;
    struct outcome o = parse(text);

    (void)state;
    assert_int_equal(o.nerrors, 8);
    assert_int_equal(o.nrecords, 1); /* c; the one that would inherit a bad owner is not reported */
    free_outcome(&o);

    with = with_outcome(&o, text, 60);
    with.max_errors = 1; /* who asks for one gets that one alone */
    assert_int_equal(zp_parse(text, &with, on_record, &o), -BD_ESYNTAX);
    assert_int_equal(o.nerrors, 1);
    assert_int_equal(o.nwarnings, 0);
    free_outcome(&o);

    with = with_outcome(&o, text, 60);
    with.max_errors = 3;
    assert_int_equal(zp_parse(text, &with, on_record, &o), -BD_ESYNTAX);
    end_text(&o.errors);
    assert_int_equal(o.nerrors, 3);
    assert_int_equal(o.nwarnings, 1); /* that it gave up */
    assert_non_null(strstr(o.errors.p, "3 errors: the rest of the file was not looked at"));
    free_outcome(&o);
}

static int stop_at_second(void *arg, const struct zp_record *record)
{
    unsigned *n = arg;

    (void)record;
    return ++*n == 2 ? 17 : 0;
}

static void test_the_callback_stops_it(void **state)
{
    unsigned n = 0;

    (void)state;
    assert_int_equal(
        zp_parse(STR("a 1 A 1.1.1.1\na A 1.1.1.2\na A 1.1.1.3\n"), &options, stop_at_second, &n),
        17);
    assert_int_equal(n, 2);
}

struct spans {
    struct str got[4];
    const char *at[4];
    unsigned n;
};

static int keep_span(void *arg, const struct zp_record *record)
{
    struct spans *s = arg;

    s->got[s->n] = record->span;
    s->at[s->n++] = record->at;
    /* A parse inside a parse: nothing is shared. */
    assert_int_equal(zp_parse(STR("x 1 A 1.1.1.1\n"), &options, stop_at_second, &(unsigned){0}), 0);
    return 0;
}

static void test_spans(void **state)
{
    struct str text = STR("; c\na 1 A 192.0.2.1 ; d\r\n\n \tMX ( 1\n b )\nc A 192.0.2.1");
    struct spans s = {.n = 0};

    (void)state;
    assert_int_equal(zp_parse(text, &options, keep_span, &s), 0);
    assert_int_equal(s.n, 3);
    assert_true(str_eq(s.got[0], STR("a 1 A 192.0.2.1 ; d\r\n")));
    assert_true(str_eq(s.got[1], STR(" \tMX ( 1\n b )\n")));
    assert_true(str_eq(s.got[2], STR("c A 192.0.2.1")));
    assert_ptr_equal(s.at[0], s.got[0].p);
    assert_ptr_equal(s.at[1], s.got[1].p + 2);
}

/* In columns, until a part is too long for its own. */
static void test_people_columns(void **state)
{
    static const char *const owners[] = {"@", "a", "a234567890123456789012",
                                         "a2345678901234567890123", "a23456789012345678901234"};
    static const uint32_t ttls[] = {0, 300, 9999999, 10000000, INT32_MAX};
    static const struct {
        uint16_t code;
        const char *name;
    } types[] = {{RRTYPE_MX, "MX"}, {RRTYPE_CNAME, "CNAME"}, {65280, "TYPE65280"}};
    struct dname origin, owner;
    struct buf out = {0};

    (void)state;
    assert_int_equal(dname_from_text(STR("lab.example."), NULL, &origin, NULL), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(owners) * ARRAY_SIZE(ttls) * ARRAY_SIZE(types); i++) {
        const char *name = owners[i % ARRAY_SIZE(owners)];
        const uint32_t ttl = ttls[i / ARRAY_SIZE(owners) % ARRAY_SIZE(ttls)];
        const unsigned t = i / (unsigned)(ARRAY_SIZE(owners) * ARRAY_SIZE(ttls));
        const struct rdset one = {(const uint8_t *)"\0\0", 2, 1};
        char expected[128];
        assert_int_equal(
            dname_from_text(str_c(name), &(struct dname_rules){.origin = &origin}, &owner, NULL),
            0);
        snprintf(expected, sizeof(expected), "%-23s %7u IN %-6s \\# 0\n", name, ttl, types[t].name);
        buf_reset(&out);
        zp_write_people(&owner, &origin, types[t].code, ttl, &one, &out);
        end_text(&out);
        assert_string_equal(out.p, expected);
    }
    buf_free(&out);
}

static void test_marker(void **state)
{
    struct buf b = {.p = NULL};
    struct hash128 hash = hash128("x", 1), got;
    uint64_t seq = 0;

    (void)state;
    buf_add_str(&b, STR("; x\n ; betterdns base=1 00\n; betterdns base=7 zz\n"));
    zp_write_marker(UINT64_MAX, &hash, &b);
    zp_write_marker(5, &hash, &b);
    assert_int_equal(zp_find_marker(buf_str(&b), &seq, &got), 0);
    assert_true(seq == UINT64_MAX && hash128_eq(&got, &hash));
    buf_reset(&b);
    zp_write_marker(8, &hash, &b);
    b.n--;
    buf_add_str(&b, STR(" \r\n"));
    assert_int_equal(zp_find_marker(buf_str(&b), &seq, &got), 0);
    assert_int_equal(seq, 8);
    b.n -= 4;
    assert_int_equal(zp_find_marker(buf_str(&b), &seq, &got), -BD_ENOTFOUND);
    assert_int_equal(zp_find_marker(STR(""), &seq, &got), -BD_ENOTFOUND);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_records),
        cmocka_unit_test(test_ttl_rules),
        cmocka_unit_test(test_soa_minimum_is_a_ttl),
        cmocka_unit_test(test_error_shown),
        cmocka_unit_test(test_characters_shown),
        cmocka_unit_test(test_long_line_is_cut),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_directives_refused),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_every_error),
        cmocka_unit_test(test_the_callback_stops_it),
        cmocka_unit_test(test_spans),
        cmocka_unit_test(test_people_columns),
        cmocka_unit_test(test_marker),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}

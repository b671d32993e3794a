/* JSON in and out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "http_private.h"

static struct arena arena;
static struct problem problem;

static int parse(struct str text, struct http_fields *f)
{
    *f = (struct http_fields){0};
    problem = (struct problem){0};
    arena_reset(&arena);
    return json_in_parse(&arena, text, f, &problem);
}

static void assert_field(const struct http_fields *f, const char *name, int kind, const char *text)
{
    const struct http_field *field = http_field(f, name);

    assert_non_null(field);
    assert_int_equal(field->kind, kind);
    if (!str_eq(field->text, str_c(text)))
        fail_msg("%s: '%.*s' is not '%s'", name, STR_ARG(field->text), text);
}

static void test_fields(void **state)
{
    struct http_fields f;

    (void)state;
    assert_int_equal(
        parse(STR(" {\"name\":\"w\\u00e9b\\n\\ud83d\\ude00\", \"ttl\": 30, \"n\":-1.50e+3,"
                  "\"big\":12345678901234567890,\"t\":true,\"f\":false,\"z\":null,"
                  "\"check\":{\"url\":\"http://:80/\",\"fall\":3,\"deep\":{\"x\":7}},"
                  "\"values\":[\"a\",5,\"\"],\"none\":[],\"empty\":{}} \r\n"),
              &f),
        0);
    assert_field(&f, "name", FIELD_STRING,
                 "w\xc3\xa9"
                 "b\n\xf0\x9f\x98\x80");
    assert_field(&f, "ttl", FIELD_NUMBER, "30");
    assert_field(&f, "n", FIELD_NUMBER, "-1.50e+3");
    assert_field(&f, "big", FIELD_NUMBER, "12345678901234567890");
    assert_field(&f, "t", FIELD_BOOL, "true");
    assert_field(&f, "f", FIELD_BOOL, "false");
    assert_field(&f, "z", FIELD_NULL, "null");
    assert_field(&f, "empty", FIELD_EMPTY, "{}");
    assert_field(&f, "check.url", FIELD_STRING, "http://:80/");
    assert_field(&f, "check.fall", FIELD_NUMBER, "3");
    assert_field(&f, "check.deep.x", FIELD_NUMBER, "7");
    assert_null(http_field(&f, "check"));
    assert_null(http_field(&f, "NAME"));
    const struct http_field *values = http_field(&f, "values");
    assert_int_equal(values->kind, FIELD_LIST);
    assert_int_equal(values->nlist, 3);
    assert_true(str_eq(values->list[1], STR("5")));
    assert_int_equal(http_field(&f, "none")->nlist, 0);
    assert_int_equal(http_nfields(&f), 13);
}

static void test_refused(void **state)
{
    static const struct str bad[] = {
        {"", 0},
        {" ", 1},
        {"[1]", 3},
        {"\"x\"", 3},
        {"{}x", 3},
        {"{}{}", 4},
        {"{\"a\":1,}", 8},
        {"{\"a\" 1}", 7},
        {"{a:1}", 5},
        {"{'a':1}", 7},
        {"{\"a\":01}", 8},
        {"{\"a\":1.}", 8},
        {"{\"a\":.5}", 8},
        {"{\"a\":+1}", 8},
        {"{\"a\":1e}", 8},
        {"{\"a\":0x1}", 9},
        {"{\"a\":NaN}", 9},
        {"{\"a\":tru}", 9},
        {"{\"a\":\"\\u0000x\"}", 15},
        {"{\"a\\u0000\":1}", 13},
        {"{\"a\":\"\\ud800\"}", 14},
        {"{\"a\":\"\\ud800\\u0041\"}", 20},
        {"{\"a\":\"\\udc00\"}", 14},
        {"{\"a\":\"\\x41\"}", 12},
        {"{\"a\":\"\\u12\"}", 12},
        {"{\"a\":\"\xff\"}", 9},
        {"{\"a\":\"\xc0\xaf\"}", 10},
        {"{\"a\":\"\xed\xa0\x80\"}", 11},
        {"{\"a\":\"\n\"}", 9},
        {"{\"a\":\"x}", 8},
        {"{\"a\":\"x\\", 8},
        {"{\"a\":1", 6},
        {"{\"a\":[1", 7},
        {"{\"a\":1,\"a\":2}", 13},
        {"{\"a\":{},\"a\":2}", 14},
        {"{\"a\":1,\"\\u0061\":2}", 18},
        {"{\"a\":{\"b\":1},\"a.b\":2}", 21},
        {"{\"a\":[[1]]}", 11},
        {"{\"a\":[null]}", 12},
        {"{\"a\":\0}", 7},
        {"{\"a\":1}\0", 8},
        {"\xef\xbb\xbf{\"a\":1}", 10},
        {"{\"a\":1234567890123456789012345678901234567890123456789012345678901234}", 70},
    };
    struct http_fields f;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int r = parse(bad[i], &f);
        if (r != -BD_ESYNTAX || problem.error != r || !problem.detail[0])
            fail_msg("row %zu: %d '%.*s'", i, r, STR_ARG(bad[i]));
    }
}

static void test_place(void **state)
{
    struct http_fields f;

    (void)state;
    assert_int_equal(parse(STR("{\n  \"a\": 1,\n  \"b\": x\n}"), &f), -BD_ESYNTAX);
    assert_non_null(strstr(problem.detail, "line 3, column 8"));
}

static int parse_nested(unsigned depth, char open, char close)
{
    struct buf b = {0};
    struct http_fields f;

    buf_add_str(&b, STR("{\"a\":"));
    for (unsigned i = 1; i < depth; i++)
        buf_add_str(&b, open == '[' ? STR("[") : STR("{\"a\":"));
    buf_add_c(&b, '1');
    for (unsigned i = 1; i < depth; i++)
        buf_add_c(&b, close);
    buf_add_c(&b, '}');
    int r = parse(buf_str(&b), &f);
    buf_free(&b);
    return r;
}

static void test_depth(void **state)
{
    (void)state;
    assert_int_equal(parse_nested(16, '{', '}'), 0);
    assert_int_equal(parse_nested(17, '{', '}'), -BD_ESYNTAX);
    assert_non_null(strstr(problem.detail, "16 brackets"));
    assert_int_equal(parse_nested(2, '[', ']'), 0);
    assert_int_equal(parse_nested(5000, '[', ']'), -BD_ESYNTAX);
    assert_non_null(strstr(problem.detail, "16 brackets"));
}

static int parse_members(unsigned n)
{
    struct buf b = {0};
    struct http_fields f;

    buf_add_c(&b, '{');
    for (unsigned i = 0; i < n; i++)
        buf_addf(&b, "%s\"k%u\":%u", i ? "," : "", i, i);
    buf_add_c(&b, '}');
    int r = parse(buf_str(&b), &f);
    buf_free(&b);
    return r;
}

static void test_members(void **state)
{
    (void)state;
    assert_int_equal(parse_members(HTTP_FIELDS_MAX), 0);
    assert_int_equal(parse_members(HTTP_FIELDS_MAX + 1), -BD_ESYNTAX);
}

static void test_long_list(void **state)
{
    struct buf b = {0};
    struct http_fields f;

    (void)state;
    buf_add_str(&b, STR("{\"values\":["));
    for (unsigned i = 0; i < 2000; i++)
        buf_addf(&b, "%s\"192.0.2.%u\"", i ? "," : "", i);
    buf_add_str(&b, STR("],\"ttl\":30}"));
    assert_int_equal(parse(buf_str(&b), &f), 0);
    assert_int_equal(http_field(&f, "values")->nlist, 2000);
    assert_true(str_eq(http_field(&f, "values")->list[1999], STR("192.0.2.1999")));
    assert_field(&f, "ttl", FIELD_NUMBER, "30");
    buf_free(&b);
}

static void test_out(void **state)
{
    struct buf b = {0};
    struct json j = {.out = &b};

    (void)state;
    json_open(&j, '{');
    json_key(&j, "a");
    json_open(&j, '[');
    json_uint(&j, UINT64_MAX);
    json_int(&j, INT64_MIN);
    json_open(&j, '{');
    json_close(&j, '}');
    json_bool(&j, true);
    json_close(&j, ']');
    json_key(&j, "b");
    json_str(&j, STR("\"\\\b\f\n\r\t\x01\x7f<\xc3\xa9\xff\xed\xa0\x80>"));
    json_key(&j, "c");
    json_c(&j, NULL);
    json_key(&j, "d");
    json_open(&j, '[');
    json_close(&j, ']');
    json_key(&j, "e");
    json_bool(&j, false);
    json_close(&j, '}');
    const struct str wanted =
        STR("{\"a\":[18446744073709551615,-9223372036854775808,{},true],"
            "\"b\":\"\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u007f<\xc3\xa9\xef\xbf\xbd"
            "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd>\",\"c\":null,\"d\":[],\"e\":false}");
    if (!str_eq(buf_str(&b), wanted))
        fail_msg("%.*s", STR_ARG(buf_str(&b)));
    buf_free(&b);
}

static void test_ms(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {{0, "0"},           {1000000, "1"},           {1800000, "1.8"},
                {1234567, "1.235"}, {10 * 1000000, "10"},     {1000, "0.001"},
                {499, "0"},         {100 * 1000000ul, "100"}, {999999999, "1000"}};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf b = {0};
        struct json j = {.out = &b};
        json_ms(&j, rows[i].ns);
        if (!str_eq(buf_str(&b), str_c(rows[i].text)))
            fail_msg("%s: %.*s", rows[i].text, STR_ARG(buf_str(&b)));
        buf_free(&b);
    }
}

/* What we write, we read: any bytes that are UTF-8 without NUL. */
static void test_round_trip(void **state)
{
    unsigned seed = 1;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        char bytes[40];
        struct buf b = {0};
        struct json j = {.out = &b};
        struct http_fields f;
        size_t n = (size_t)rand_r(&seed) % sizeof(bytes);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (char)(1 + rand_r(&seed) % 127);
        json_open(&j, '{');
        json_key(&j, "v");
        json_str(&j, (struct str){bytes, n});
        json_close(&j, '}');
        assert_int_equal(parse(buf_str(&b), &f), 0);
        assert_true(str_eq(http_field(&f, "v")->text, (struct str){bytes, n}));
        buf_free(&b);
    }
}

static int free_arena(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),     cmocka_unit_test(test_refused),
        cmocka_unit_test(test_place),      cmocka_unit_test(test_depth),
        cmocka_unit_test(test_members),    cmocka_unit_test(test_long_list),
        cmocka_unit_test(test_out),        cmocka_unit_test(test_ms),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, free_arena);
}

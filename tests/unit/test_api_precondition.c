/* Entity tags in headers, and what they mean for a write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "precondition.h"

#define ONE "\"00112233445566778899aabbccddeeff\""
#define TWO "\"ffeeddccbbaa99887766554433221100\""

static struct hash128 tag(const char *quoted)
{
    struct hash128 h;

    assert_int_equal(hash128_from_hex((struct str){quoted + 1, 32}, &h), 0);
    return h;
}

static void test_lists(void **state)
{
    struct etag_list list;
    struct hash128 one = tag(ONE), two = tag(TWO);

    (void)state;
    assert_int_equal(etag_list_read(STR(ONE), false, &list), 0);
    assert_true(etag_list_has(&list, &one));
    assert_false(etag_list_has(&list, &two));
    assert_int_equal(etag_list_read(STR(" " ONE " ,, " TWO ","), false, &list), 0);
    assert_int_equal(list.n, 2);
    assert_true(etag_list_has(&list, &two));
    assert_int_equal(etag_list_read(STR(" * "), false, &list), 0);
    assert_true(list.any);
    assert_int_equal(list.n, 0);
}

static void test_weak(void **state)
{
    struct etag_list list;
    struct hash128 one = tag(ONE);

    (void)state;
    assert_int_equal(etag_list_read(STR("W/" ONE), true, &list), 0);
    assert_true(etag_list_has(&list, &one));
    assert_int_equal(etag_list_read(STR("W/" ONE), false, &list), 0);
    assert_false(list.any);
    assert_int_equal(list.n, 0);
}

static void test_foreign(void **state)
{
    struct etag_list list;

    (void)state;
    assert_int_equal(etag_list_read(STR("\"an, other\", \"\", " ONE), false, &list), 0);
    assert_int_equal(list.n, 1);
}

static void test_malformed(void **state)
{
    static const char *const texts[] = {
        "",        "  ",      "00112233445566778899aabbccddeeff",
        "\"open",  "\"",      ONE " " TWO,
        "*, " ONE, ONE ", *", "w/" ONE,
        "W/",      ", x",
    };
    struct etag_list list = {.n = 77};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
        assert_int_equal(etag_list_read(str_c(texts[i]), false, &list), -BD_ESYNTAX);
    assert_int_equal(list.n, 77);
}

static void test_too_many(void **state)
{
    struct etag_list list;
    struct buf text = {.p = NULL};

    (void)state;
    for (int i = 0; i < PRECONDITION_TAGS_MAX; i++)
        buf_addf(&text, "%s,", ONE);
    assert_int_equal(etag_list_read(buf_str(&text), false, &list), 0);
    buf_addf(&text, "%s", ONE);
    assert_int_equal(etag_list_read(buf_str(&text), false, &list), -BD_ESYNTAX);
    buf_free(&text);
}

static void test_to_op(void **state)
{
    struct precondition p = {.if_match = true};
    struct problem problem = {.error = 0};
    struct op op = {.kind = OP_PUT};

    (void)state;
    /* A list of nothing that could match is a condition all the same. */
    assert_int_equal(precondition_to_op(&p, &op, &problem), 0);
    assert_non_null(op.if_match);
    assert_int_equal(op.nif_match, 1);
    assert_false(op.if_exists);

    p.match.any = true;
    op = (struct op){.kind = OP_PUT};
    assert_int_equal(precondition_to_op(&p, &op, &problem), 0);
    assert_null(op.if_match);
    assert_true(op.if_exists);

    p = (struct precondition){.if_none_match = true, .none_match = {.any = true}};
    op = (struct op){.kind = OP_PUT};
    assert_int_equal(precondition_to_op(&p, &op, &problem), 0);
    assert_true(op.if_absent);

    p.none_match.any = false;
    assert_int_equal(precondition_to_op(&p, &op, &problem), -BD_ESYNTAX);
    assert_string_equal(problem.field, "If-None-Match");
}

static void test_text(void **state)
{
    struct hash128 one = tag(ONE);
    char out[ETAG_TEXT_SIZE];

    (void)state;
    assert_string_equal(etag_text(&one, out), ONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists),    cmocka_unit_test(test_weak),
        cmocka_unit_test(test_foreign),  cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_too_many), cmocka_unit_test(test_to_op),
        cmocka_unit_test(test_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

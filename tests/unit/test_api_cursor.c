/* Cursors: what is written is read back, everything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/error.h>

#include "cursor.h"

static struct cursor cursor_of(const char *name, unsigned zone, uint16_t type)
{
    struct cursor c = {.zone = zone, .type = type};
    struct dname d;

    assert_int_equal(dname_from_text(str_c(name), NULL, &d, NULL), 0);
    c.nkey = dname_key(&d, c.key);
    return c;
}

static void test_round_trip(void **state)
{
    static const char *const names[] = {"lab.example.", "a.lab.example.", "ab.lab.example.",
                                        "\\000\\001.lab.example."};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct cursor c = cursor_of(names[i], 70000, 65280), back;
        struct buf text = {.p = NULL};
        cursor_write(&c, &text);
        assert_null(memchr(text.p, '=', text.n));
        assert_null(memchr(text.p, '+', text.n));
        assert_null(memchr(text.p, '/', text.n));
        assert_int_equal(cursor_read(buf_str(&text), &back), 0);
        assert_int_equal(back.zone, 70000);
        assert_int_equal(back.type, 65280);
        assert_int_equal(back.nkey, c.nkey);
        assert_memory_equal(back.key, c.key, c.nkey);
        buf_free(&text);
    }
}

static void test_refused(void **state)
{
    struct cursor c = cursor_of("web.lab.example.", 0, 1), back;
    struct buf text = {.p = NULL};
    char big[1000];

    (void)state;
    assert_int_equal(cursor_read(STR(""), &back), -BD_ESYNTAX);
    assert_int_equal(cursor_read(STR("x"), &back), -BD_ESYNTAX);
    assert_int_equal(cursor_read(STR("AAAAAAAA"), &back), -BD_ESYNTAX);
    assert_int_equal(cursor_read(STR("not a cursor"), &back), -BD_ESYNTAX);
    memset(big, 'A', sizeof(big));
    assert_int_equal(cursor_read((struct str){big, sizeof(big)}, &back), -BD_ESYNTAX);
    cursor_write(&c, &text);
    assert_int_equal(cursor_read((struct str){text.p, text.n - 2}, &back), -BD_ESYNTAX);
    text.p[3] = '=';
    assert_int_equal(cursor_read(buf_str(&text), &back), -BD_ESYNTAX);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Views, buffers, errors and times: src/base/str.c, buf.c, error.c, clock.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/buf.h>
#include <betterdns/clock.h>
#include <betterdns/error.h>

static void numbers_are_digits_within_a_limit(void **state)
{
    static const struct {
        const char *text;
        uint64_t max;
        int r;
        uint64_t value;
    } cases[] = {
        {"0", 10, 0, 0},
        {"007", 10, 0, 7},
        {"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999", UINT64_MAX, -ERANGE, 0},
        {"99999999999999999999999x", UINT64_MAX, -EINVAL, 0},
        {"11", 10, -ERANGE, 0},
        {"", 10, -EINVAL, 0},
        {"-1", 10, -EINVAL, 0},
        {"+1", 10, -EINVAL, 0},
        {" 1", 10, -EINVAL, 0},
        {"1 ", 10, -EINVAL, 0},
        {"0x1", 10, -EINVAL, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t v = 4711;
        print_message("%s\n", cases[i].text);
        assert_int_equal(str_u64(str_c(cases[i].text), cases[i].max, &v), cases[i].r);
        assert_int_equal(v, cases[i].r == 0 ? cases[i].value : 4711);
    }
}

static void numbers_are_written(void **state)
{
    static const uint64_t values[] = {0, 9, 10, 4711, UINT32_MAX, UINT64_MAX - 5, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        char text[STR_U64_MAX + 1], expected[STR_U64_MAX + 1];
        *str_put_u64(text, values[i]) = '\0';
        snprintf(expected, sizeof(expected), "%llu", (unsigned long long)values[i]);
        assert_string_equal(text, expected);
    }
}

static void sizes_are_binary_or_bytes(void **state)
{
    uint64_t n = 0;
    (void)state;
    assert_int_equal(str_size(STR("64KiB"), &n), 0);
    assert_int_equal(n, 65536);
    assert_int_equal(str_size(STR("1MiB"), &n), 0);
    assert_int_equal(n, 1 << 20);
    assert_int_equal(str_size(STR("3GiB"), &n), 0);
    assert_int_equal(n, UINT64_C(3) << 30);
    assert_int_equal(str_size(STR("17"), &n), 0);
    assert_int_equal(n, 17);
    assert_int_equal(str_size(STR("64KB"), &n), -EINVAL);
    assert_int_equal(str_size(STR("KiB"), &n), -EINVAL);
    assert_int_equal(str_size(STR("17179869184GiB"), &n), -ERANGE);
}

static void views_compare_and_cut(void **state)
{
    struct str rest = STR("a,,b"), head;
    (void)state;
    assert_true(str_cut(&rest, ',', &head) && str_eq(head, STR("a")));
    assert_true(str_cut(&rest, ',', &head) && head.n == 0);
    assert_true(str_cut(&rest, ',', &head) && str_eq(head, STR("b")));
    assert_false(str_cut(&rest, ',', &head));
    assert_true(str_eq((struct str){0}, STR("")));
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
    assert_true(str_starts((struct str){0}, STR("")) && str_ends((struct str){0}, STR("")));
    assert_true(str_eq_fold(STR("LaB.[x"), STR("lAb.[X")));
    assert_false(str_eq_fold(STR("@"), STR("`"))); /* 32 apart, but no letters */
    assert_false(str_eq_fold(STR("[a"), STR("{a")));
    assert_true(str_eq(str_trim(STR(" \ta b\t ")), STR("a b")));
    assert_int_equal(str_trim(STR(" \t ")).n, 0);
    char *copy = str_dup((struct str){"xyz", 2});
    assert_string_equal(copy, "xy");
    free(copy);
}

static void distances_count_typing_errors(void **state)
{
    char longest[65];
    (void)state;
    memset(longest, 'a', sizeof(longest));
    assert_int_equal(str_distance(STR("listen"), STR("listen")), 0);
    assert_int_equal(str_distance(STR("lisetn"), STR("listen")), 1);
    assert_int_equal(str_distance(STR("listn"), STR("listen")), 1);
    assert_int_equal(str_distance(STR("kitten"), STR("sitting")), 3);
    assert_int_equal(str_distance(STR(""), STR("abc")), 3);
    assert_int_equal(str_distance((struct str){longest, 64}, STR("")), 64);
    assert_int_equal(str_distance((struct str){longest, 65}, STR("")), SIZE_MAX);
}

static struct str nearest_of(struct str word)
{
    struct str_nearest n = {.word = word};
    str_nearest_try(&n, STR("listen"));
    str_nearest_try(&n, STR("live"));
    str_nearest_try(&n, STR("list"));
    return n.best;
}

static void the_nearest_word_is_found(void **state)
{
    char longest[65] = {0};
    (void)state;
    assert_true(str_eq(nearest_of(STR("lisetn")), STR("listen")));
    assert_true(str_eq(nearest_of(STR("LIVE")), STR("live")));
    assert_true(str_eq(nearest_of(STR("lisst")), STR("list")));
    assert_int_equal(nearest_of(STR("zones")).n, 0);
    assert_int_equal(nearest_of(STR("")).n, 0);
    assert_int_equal(nearest_of((struct str){longest, sizeof(longest)}).n, 0);
}

static void utf8_is_strict(void **state)
{
    uint32_t code = 0;
    (void)state;
    assert_int_equal(str_utf8(STR("\xc3\xbc"), &code), 2);
    assert_int_equal(code, 0xfc);
    assert_int_equal(str_utf8(STR("\xf0\x9f\x98\x80"), &code), 4);
    assert_int_equal(code, 0x1f600);
    assert_int_equal(str_utf8(STR(""), &code), 0);
    assert_int_equal(str_utf8(STR("\xc3"), &code), 0);             /* cut */
    assert_int_equal(str_utf8(STR("\xc0\xaf"), &code), 0);         /* overlong */
    assert_int_equal(str_utf8(STR("\xe0\x80\xaf"), &code), 0);     /* overlong */
    assert_int_equal(str_utf8(STR("\xed\xa0\x80"), &code), 0);     /* surrogate */
    assert_int_equal(str_utf8(STR("\xf4\x90\x80\x80"), &code), 0); /* beyond 10ffff */
    assert_int_equal(str_utf8(STR("\x80"), &code), 0);
    assert_int_equal(str_printable(STR("a")), 1);
    assert_int_equal(str_printable(STR("\x1b")), 0);
    assert_int_equal(str_printable(STR("\x7f")), 0);
    assert_int_equal(str_printable(STR("\xc2\x9b")), 0);     /* CSI as one character */
    assert_int_equal(str_printable(STR("\xe2\x80\xae")), 0); /* right-to-left override */
    assert_int_equal(str_printable(STR("\xe2\x82\xac")), 3);
}

static void buffers_grow_and_remember_errors(void **state)
{
    struct buf b = {0};
    (void)state;
    buf_add_str(&b, (struct str){0});
    assert_int_equal(b.n, 0);
    for (int i = 0; i < 1000; i++)
        buf_addf(&b, "%d,", i);
    buf_add_c(&b, '!');
    assert_int_equal(b.error, 0);
    assert_int_equal(b.n, 10 * 2 + 90 * 3 + 900 * 4 + 1);
    assert_memory_equal(b.p, "0,1,2,", 6);
    assert_memory_equal(b.p + b.n - 5, "999,!", 5);
    buf_reset(&b);
    buf_addf(&b, "%0*d", 100000, 7);
    assert_int_equal(b.n, 100000);
    assert_int_equal(b.p[99999], '7');
    assert_null(buf_room(&b, SIZE_MAX - 5));
    assert_int_equal(b.error, -ENOMEM);
    buf_add_c(&b, 'x');
    assert_int_equal(b.n, 100000);
    buf_free(&b);
    assert_null(b.p);
    buf_free(&b);
    buf_free(NULL);
}

static void errors_have_texts(void **state)
{
    (void)state;
    assert_string_equal(bd_strerror(-BD_ENOTFOUND), "not found");
    assert_string_equal(bd_strerror(BD_ENOTFOUND), "not found");
    assert_string_equal(bd_strerror(-ENOENT), "No such file or directory");
    assert_string_equal(bd_strerror(-999999), "unknown error");
}

static void problems_are_one_printable_sentence(void **state)
{
    struct problem p;
    char value[400];
    (void)state;
    int r = problem_set(&p, -BD_EINVALID, "ttl", "'%s' is no TTL", "\x1b[31m1\nx\xff");
    assert_int_equal(r, -BD_EINVALID);
    assert_int_equal(p.error, -BD_EINVALID);
    assert_string_equal(p.field, "ttl");
    assert_string_equal(p.detail, "'\\x1b[31m1\\x0ax\\xff' is no TTL");
    assert_string_equal(p.hint, "");
    assert_int_equal(problem_hint(&p, "give %d", 30), -BD_EINVALID);
    assert_string_equal(p.hint, "give 30");
    /* Cut between characters, and between escapes. */
    for (size_t i = 0; i + 1 < sizeof(value); i += 2)
        memcpy(value + i, "\xc3\xbc", 2);
    value[sizeof(value) - 1] = '\0';
    problem_set(&p, -EINVAL, NULL, "x%s", value);
    assert_true(strlen(p.detail) >= sizeof(p.detail) - 8);
    assert_string_equal(p.detail + strlen(p.detail) - 3, "...");
    for (struct str s = str_c(p.detail); s.n > 0;) {
        unsigned n = str_printable(s);
        assert_true(n > 0);
        s = (struct str){s.p + n, s.n - n};
    }
    assert_int_equal(problem_set(NULL, -ENOENT, "x", "y"), -ENOENT);
    char small[8];
    str_format(small, sizeof(small), "%s", "seven 7");
    assert_string_equal(small, "seven 7");
    str_format(small, sizeof(small), "%s",
               "abc\xc3\xbc"
               "def"); /* behind a whole character */
    assert_string_equal(small, "abc...");
}

static void times_are_rfc3339(void **state)
{
    char out[CLOCK_RFC3339_SIZE];
    (void)state;
    assert_string_equal(clock_rfc3339(0, out), "1970-01-01T00:00:00Z");
    assert_string_equal(clock_rfc3339(1795608000, out), "2026-11-25T12:00:00Z");
    assert_string_equal(clock_rfc3339(INT64_MAX, out), "9999-12-31T23:59:59Z");
    clock_rfc3339(INT64_MIN, out);
    assert_int_equal(clock_deadline(UINT64_MAX), UINT64_MAX);
    uint64_t now = clock_mono_ns();
    assert_true(clock_deadline(5) >= now + 5);
    struct timespec ts = clock_timespec(3 * NS_PER_S + 7);
    assert_int_equal(ts.tv_sec, 3);
    assert_int_equal(ts.tv_nsec, 7);
}

static void conditions_wait_on_the_monotonic_clock(void **state)
{
    pthread_cond_t cond;
    pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)state;
    assert_int_equal(clock_cond_init(&cond), 0);
    uint64_t deadline = clock_deadline(20 * NS_PER_MS);
    struct timespec until = clock_timespec(deadline);
    int r = 0;
    pthread_mutex_lock(&lock);
    while (r == 0)
        r = pthread_cond_timedwait(&cond, &lock, &until);
    pthread_mutex_unlock(&lock);
    assert_int_equal(r, ETIMEDOUT);
    assert_true(clock_mono_ns() >= deadline);
    assert_true(clock_mono_ns() < deadline + 60 * NS_PER_S); /* CLOCK_REALTIME would end at once */
    pthread_cond_destroy(&cond);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_digits_within_a_limit),
        cmocka_unit_test(numbers_are_written),
        cmocka_unit_test(sizes_are_binary_or_bytes),
        cmocka_unit_test(views_compare_and_cut),
        cmocka_unit_test(distances_count_typing_errors),
        cmocka_unit_test(the_nearest_word_is_found),
        cmocka_unit_test(utf8_is_strict),
        cmocka_unit_test(buffers_grow_and_remember_errors),
        cmocka_unit_test(errors_have_texts),
        cmocka_unit_test(problems_are_one_printable_sentence),
        cmocka_unit_test(times_are_rfc3339),
        cmocka_unit_test(conditions_wait_on_the_monotonic_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

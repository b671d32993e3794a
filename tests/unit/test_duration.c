/* Lengths of time: what is read, what is refused, and that a text is read as what it was made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/duration.h>
#include <betterdns/error.h>

static void test_read(void **state)
{
    static const struct {
        const char *text;
        uint64_t ms;
    } rows[] = {
        {"250ms", 250},
        {"10s", 10000},
        {"5m", 300000},
        {"2h", 7200000},
        {"1d", 86400000},
        {"1h30m", 5400000},
        {"1d2h3m4s5ms", 93784005},
        {"0s", 0},
        {"007s", 7000},
        {"90m", 5400000},
        {"1m500ms", 60500},
        {"213503d", UINT64_C(213503) * 86400000},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t ms = 77;
        assert_int_equal(duration_parse(str_c(rows[i].text), &ms), 0);
        assert_int_equal(ms, rows[i].ms);
    }
}

static void test_refused(void **state)
{
    static const struct {
        const char *text;
        int error;
    } rows[] = {
        {"", -EINVAL},
        {"10", -EINVAL},
        {"s", -EINVAL},
        {"1.5s", -EINVAL},
        {"1 s", -EINVAL},
        {" 1s", -EINVAL},
        {"1s ", -EINVAL},
        {"-1s", -EINVAL},
        {"+1s", -EINVAL},
        {"1S", -EINVAL},
        {"1sec", -EINVAL},
        {"1w", -EINVAL},
        {"1s1m", -EINVAL},
        {"1s1s", -EINVAL},
        {"1h30", -EINVAL},
        {"ms", -EINVAL},
        {"1ms1s", -EINVAL},
        {"1hm", -EINVAL},
        {"213504d", -ERANGE},
        {"213503d24h", -ERANGE},
        {"0x1s", -EINVAL},
        {"1\0s", -EINVAL},
        {"\xd9\xa1s", -EINVAL},
        {"99999999999999999999ms", -ERANGE},
        {"18446744073709551615s", -ERANGE},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t ms = 77;
        assert_int_equal(duration_parse(str_c(rows[i].text), &ms), rows[i].error);
        assert_int_equal(ms, 77);
    }
    uint64_t ms = 77;
    assert_int_equal(duration_parse((struct str){"1\0s", 3}, &ms), -EINVAL);
    assert_int_equal(duration_parse((struct str){NULL, 0}, &ms), -EINVAL);
}

static void test_written(void **state)
{
    static const struct {
        uint64_t ms;
        const char *text;
    } rows[] = {
        {0, "0s"},
        {250, "250ms"},
        {10000, "10s"},
        {90000, "1m30s"},
        {60500, "1m500ms"},
        {5400000, "1h30m"},
        {86400000, "1d"},
        {93784005, "1d2h3m4s5ms"},
        {UINT64_MAX, "213503982334d14h25m51s615ms"},
    };
    char out[DURATION_TEXT_SIZE];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_string_equal(duration_text(rows[i].ms, out), rows[i].text);
}

static void test_round_trip(void **state)
{
    (void)state;
    for (uint64_t ms = 0, step = 1; ms < UINT64_MAX / NS_PER_MS / 3;
         ms += step, step += step / 7 + 1) {
        char out[DURATION_TEXT_SIZE];
        uint64_t back = ms + 1;
        assert_int_equal(duration_parse(str_c(duration_text(ms, out)), &back), 0);
        assert_int_equal(back, ms);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_written),
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

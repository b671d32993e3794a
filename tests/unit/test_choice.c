/* The rule of "auto": what it picks, and how often a zone is looked at, for the sizes of the table
 * in which both were measured; and the count of changes that it goes by. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "choice.h"

#define S NS_PER_S
#define HOUR (3600 * S)

/* One row a size: records, the load time that was measured there, the wanted interval. */
static const struct row {
    size_t nrecords;
    unsigned load_ms, poll_ms;
    const char *says;
} rows[] = {
    {100, 5, 5, "100 records, a load takes 5.0 ms: it is looked at every 5 ms"},
    {10000, 35, 5, "10000 records, a load takes 35.0 ms: it is looked at every 5 ms"},
    {10004, 35, 5, "10004 records, a load takes 35.0 ms: it is looked at every 5 ms"},
    {100000, 420, 100, "100000 records, a load takes 420.0 ms: it is looked at every 100 ms"},
    {1000000, 5000, 100, "1000000 records, a load takes 5000.0 ms: it is looked at every 100 ms"},
};

static void the_sizes_of_the_table(void **unused)
{
    char why[CONTROLLER_WHY_SIZE];

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        const struct row *r = &rows[i];
        struct choice_facts f = {.server = "coredns",
                                 .polls = true,
                                 .nrecords = r->nrecords,
                                 .load_ns = r->load_ms * NS_PER_MS};
        const struct strategy *s = choice_auto(&f, why);
        assert_string_equal(s->name, "file"); /* it closes no connection, and loses no query */
        const struct poll_facts p = {.nrecords = f.nrecords, .load_ns = f.load_ns, .nzones = 1};
        f.poll_ms = s->poll_ms(&p);
        assert_int_equal(f.poll_ms, r->poll_ms);
        choice_auto(&f, why);
        assert_non_null(strstr(why, r->says));
        assert_non_null(strstr(why, "no query is lost and no connection closed"));
    }
}

static void what_cannot_look_itself_is_told(void **unused)
{
    const struct choice_facts f = {.server = "bind", .polls = false, .nrecords = 100};
    char why[CONTROLLER_WHY_SIZE];

    (void)unused;
    assert_string_equal(choice_auto(&f, why)->name, "signal");
    assert_non_null(strstr(why, "bind does not look at its files itself"));
}

/* The user's own Corefile. */
static void what_is_not_told_to_look_is_told(void **unused)
{
    const struct choice_facts f = {
        .server = "coredns", .polls = true, .never = true, .nrecords = 100};
    char why[CONTROLLER_WHY_SIZE];

    (void)unused;
    assert_string_equal(choice_auto(&f, why)->name, "signal");
    assert_non_null(strstr(why, "the Corefile has no 'reload' of 2s or less"));
}

static void nothing_is_said_about_what_was_not_measured(void **unused)
{
    const struct choice_facts f = {.server = "coredns", .polls = true, .changes = 7};
    char why[CONTROLLER_WHY_SIZE];

    (void)unused;
    choice_auto(&f, why);
    assert_null(strstr(why, "a load"));
    assert_null(strstr(why, "looked at"));
    assert_non_null(strstr(why, "7 changes an hour"));
}

/* Busy from 60 an hour on, calm again after an hour with fewer than ten. */
static void busy_and_calm(void **unused)
{
    struct rate r = {.count = 0};
    uint64_t now = 100 * HOUR;

    (void)unused;
    assert_false(rate_is_busy(&r, now));
    for (int i = 0; i < 59; i++)
        rate_note(&r, now + (uint64_t)i * S);
    assert_false(rate_is_busy(&r, now + 60 * S));
    rate_note(&r, now + 61 * S);
    assert_true(rate_is_busy(&r, now + 61 * S));
    assert_true(rate_is_busy(&r, now + HOUR)); /* the hour before counts */
    for (int i = 0; i < 10; i++)
        rate_note(&r, now + HOUR);
    assert_true(rate_is_busy(&r, now + 2 * HOUR));
    assert_int_equal(rate_an_hour(&r, now + 2 * HOUR), 10);
    assert_false(rate_is_busy(&r, now + 3 * HOUR));
    for (int i = 0; i < 60; i++)
        rate_note(&r, now + 3 * HOUR);
    assert_true(rate_is_busy(&r, now + 3 * HOUR));
    assert_false(rate_is_busy(&r, now + 9 * HOUR)); /* nothing for hours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_sizes_of_the_table),
        cmocka_unit_test(what_cannot_look_itself_is_told),
        cmocka_unit_test(what_is_not_told_to_look_is_told),
        cmocka_unit_test(nothing_is_said_about_what_was_not_measured),
        cmocka_unit_test(busy_and_calm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What results make of a check: falling, rising, grace, flapping, reports of the host itself, and
 * what is kept over a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "verdict.h"

#define SECOND NS_PER_S
#define MINUTE (60 * NS_PER_S)

static struct check_spec spec_of(unsigned fall, unsigned rise)
{
    return (struct check_spec){.kind = CHECK_TCP, .fall = fall, .rise = rise};
}

/* Results, a second each: '+' success, '-' failure. Afterwards the state's letter: U, A, D. */
static char feed(struct verdict *v, const struct check_spec *spec, const char *results,
                 uint64_t *now_ns)
{
    enum check_state from;

    for (; *results; results++, *now_ns += SECOND)
        verdict_feed(v, spec, *results == '+', *now_ns, &from);
    return "UAD"[v->state];
}

static void test_fall_and_rise(void **state)
{
    static const struct {
        unsigned fall, rise;
        enum check_state initial;
        const char *results;
        char end;
    } rows[] = {
        {3, 2, CHECK_UNKNOWN, "", 'U'},       {3, 2, CHECK_UNKNOWN, "+", 'A'},
        {3, 2, CHECK_UNKNOWN, "--", 'U'},     {3, 2, CHECK_UNKNOWN, "---", 'D'},
        {3, 2, CHECK_UNKNOWN, "--+", 'A'},    {3, 2, CHECK_UNKNOWN, "+--", 'A'},
        {3, 2, CHECK_UNKNOWN, "+---", 'D'},   {3, 2, CHECK_UNKNOWN, "+--+--", 'A'},
        {3, 2, CHECK_UNKNOWN, "---+", 'D'},   {3, 2, CHECK_UNKNOWN, "---++", 'A'},
        {3, 2, CHECK_UNKNOWN, "---+-+", 'D'}, {3, 2, CHECK_UNKNOWN, "---++--", 'A'},
        {1, 1, CHECK_UNKNOWN, "-", 'D'},      {1, 1, CHECK_UNKNOWN, "-+", 'A'},
        {3, 2, CHECK_AVAILABLE, "--", 'A'},   {3, 2, CHECK_AVAILABLE, "---", 'D'},
        {3, 2, CHECK_UNAVAILABLE, "+", 'D'},  {3, 2, CHECK_UNAVAILABLE, "++", 'A'},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct check_spec spec = spec_of(rows[i].fall, rows[i].rise);
        struct verdict v;
        uint64_t now = 0;
        spec.initial = rows[i].initial;
        verdict_start(&v, &spec, now);
        if (feed(&v, &spec, rows[i].results, &now) != rows[i].end)
            fail_msg("row %zu: %s", i, rows[i].results);
    }
}

static void test_changes_are_said(void **state)
{
    struct check_spec spec = spec_of(2, 2);
    enum check_state from = CHECK_NSTATES;
    struct verdict v;
    (void)state;
    verdict_start(&v, &spec, 5);
    assert_int_equal(v.since_ns, 5);
    assert_true(verdict_feed(&v, &spec, true, 10, &from));
    assert_int_equal(from, CHECK_UNKNOWN);
    assert_int_equal(v.since_ns, 10);
    from = CHECK_NSTATES;
    assert_false(verdict_feed(&v, &spec, true, 11, &from));
    assert_false(verdict_feed(&v, &spec, false, 12, &from));
    assert_int_equal(from, CHECK_NSTATES);
    assert_int_equal(v.since_ns, 10);
    assert_true(verdict_feed(&v, &spec, false, 13, &from));
    assert_int_equal(from, CHECK_AVAILABLE);
    assert_int_equal(v.since_ns, 13);
}

static void test_grace(void **state)
{
    struct check_spec spec = spec_of(2, 1);
    struct verdict v;
    uint64_t now = 100 * SECOND;
    (void)state;
    spec.grace_ms = 5000;
    verdict_start(&v, &spec, now);
    assert_int_equal(feed(&v, &spec, "-----", &now), 'U');
    /* Five seconds are over: these count, those before do not. */
    assert_int_equal(feed(&v, &spec, "-", &now), 'U');
    assert_int_equal(feed(&v, &spec, "-", &now), 'D');
    /* A success ends it. */
    verdict_start(&v, &spec, now);
    assert_int_equal(feed(&v, &spec, "-+--", &now), 'D');
    /* None where it is not asked for. */
    spec.grace_ms = 0;
    verdict_start(&v, &spec, now);
    assert_int_equal(feed(&v, &spec, "--", &now), 'D');
}

/* Fails and counts the successes that bring it back. */
static unsigned successes_needed(struct verdict *v, const struct check_spec *spec, uint64_t *now_ns)
{
    enum check_state from;
    unsigned n = 0;

    while (v->state != CHECK_UNAVAILABLE)
        verdict_feed(v, spec, false, *now_ns, &from);
    do {
        *now_ns += SECOND;
        n++;
    } while (!verdict_feed(v, spec, true, *now_ns, &from));
    return n;
}

static void test_flapping(void **state)
{
    static const unsigned rises[][8] = {
        {2, 4, 8, 16, 32, 32, 32, 32},
        {1, 2, 4, 8, 16, 32, 32, 32},
        {3, 6, 12, 24, 32, 32, 32, 32},
        {32, 32, 32, 32, 32, 32, 32, 32},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rises); i++) {
        struct check_spec spec = spec_of(1, rises[i][0]);
        struct verdict v;
        uint64_t now = 0;
        verdict_start(&v, &spec, now);
        feed(&v, &spec, "+", &now);
        for (size_t k = 0; k < 8; k++)
            assert_int_equal(successes_needed(&v, &spec, &now), rises[i][k]);
        /* Ten minutes after the last relapse it still counts, a moment later it does not. */
        now = v.relapse_ns + 600 * SECOND;
        assert_int_equal(successes_needed(&v, &spec, &now), 32);
        now = v.relapse_ns + 600 * SECOND + 1;
        assert_int_equal(successes_needed(&v, &spec, &now), rises[i][0]);
        assert_int_equal(successes_needed(&v, &spec, &now), rises[i][1]);
    }
}

/* The first fall is no relapse, nor is one from UNKNOWN; quiet also ends while it is down. */
static void test_what_a_relapse_is(void **state)
{
    struct check_spec spec = spec_of(1, 2);
    struct verdict v;
    uint64_t now = 0;
    (void)state;
    verdict_start(&v, &spec, now);
    assert_int_equal(feed(&v, &spec, "-", &now), 'D');
    assert_int_equal(v.relapse_ns, 0);
    assert_int_equal(feed(&v, &spec, "++", &now), 'A');
    assert_int_equal(feed(&v, &spec, "-", &now), 'D');
    assert_int_equal(verdict_rise(&v, &spec, now), 2);
    assert_int_equal(feed(&v, &spec, "++-", &now), 'D');
    assert_int_equal(verdict_rise(&v, &spec, now), 4);
    assert_int_equal(verdict_rise(&v, &spec, v.relapse_ns + 600 * SECOND + 1), 2);
    /* A clock near 0 is one as any other. */
    verdict_start(&v, &spec, 0);
    now = 0;
    verdict_feed(&v, &spec, true, 0, &(enum check_state){0});
    verdict_feed(&v, &spec, false, 0, &(enum check_state){0});
    assert_int_equal(feed(&v, &spec, "++-", &now), 'D');
    assert_int_equal(verdict_rise(&v, &spec, now), 4);
}

static void test_reports(void **state)
{
    struct check_spec spec = {.kind = CHECK_TTL, .ttl_ms = 60000, .fall = 1, .rise = 1};
    enum check_state from;
    struct verdict v;
    (void)state;
    verdict_start(&v, &spec, MINUTE);
    assert_int_equal(verdict_due_ns(&v, &spec), 2 * MINUTE);
    assert_false(verdict_overdue(&v, &spec, 2 * MINUTE - 1, &from));
    assert_int_equal(v.state, CHECK_UNKNOWN);
    assert_true(verdict_overdue(&v, &spec, 2 * MINUTE, &from));
    assert_int_equal(v.state, CHECK_UNAVAILABLE);
    assert_true(v.failed);
    /* The next silence is one of its own, after a gap too. */
    assert_int_equal(verdict_due_ns(&v, &spec), 3 * MINUTE);
    assert_true(verdict_feed(&v, &spec, true, 3 * MINUTE, &from));
    assert_int_equal(v.state, CHECK_AVAILABLE);
    assert_int_equal(verdict_due_ns(&v, &spec), 4 * MINUTE);
    spec.fall = 2;
    assert_false(verdict_overdue(&v, &spec, 90 * MINUTE, &from));
    assert_int_equal(v.state, CHECK_AVAILABLE);
    assert_int_equal(verdict_due_ns(&v, &spec), 91 * MINUTE);
    assert_true(verdict_overdue(&v, &spec, 91 * MINUTE, &from));
}

/* Somebody else must be heard between two failures, and a success ends what was proven. */
static void test_proof(void **state)
{
    struct check_spec spec = spec_of(3, 2);
    enum check_state from;
    struct verdict v;
    (void)state;
    verdict_start(&v, &spec, 0);
    verdict_prove(&v, UINT64_MAX);
    assert_false(v.proven);
    verdict_feed(&v, &spec, false, 10, &from);
    verdict_prove(&v, 9);
    assert_false(v.proven);
    verdict_feed(&v, &spec, false, 20, &from);
    verdict_prove(&v, 9);
    assert_false(v.proven);
    verdict_prove(&v, 10);
    assert_true(v.proven);
    /* It stays so while it fails … */
    verdict_feed(&v, &spec, false, 30, &from);
    assert_true(v.proven);
    verdict_feed(&v, &spec, true, 40, &from);
    assert_false(v.proven);
    verdict_prove(&v, 45);
    assert_false(v.proven);
    /* … and begins anew after a success: what was heard before says nothing. */
    verdict_feed(&v, &spec, false, 50, &from);
    verdict_prove(&v, 49);
    assert_false(v.proven);
    verdict_feed(&v, &spec, false, 60, &from);
    verdict_prove(&v, 55);
    assert_true(v.proven);
}

static void test_notes(void **state)
{
    struct check_spec spec = spec_of(1, 2);
    uint8_t note[VERDICT_NOTE_SIZE];
    struct verdict v, back = {.row = 7};
    uint64_t now = 1000 * SECOND;
    (void)state;
    spec.grace_ms = 5000;
    verdict_start(&v, &spec, now);
    feed(&v, &spec, "+-++-", &now);
    assert_int_equal(v.relapses, 1);
    const struct str text = {(char *)note, verdict_write(&v, note)};
    assert_int_equal(verdict_read(text, now, &back), 0);
    assert_int_equal(back.state, v.state);
    assert_int_equal(back.since_ns, v.since_ns);
    assert_int_equal(back.relapse_ns, v.relapse_ns);
    assert_int_equal(back.relapses, v.relapses);
    assert_int_equal(back.grace_until_ns, 0);
    assert_int_equal(verdict_rise(&back, &spec, now), 4);
    /* Of results it knows none: silence begins now, and nothing is proven. */
    assert_int_equal(back.heard_ns, now);
    assert_false(back.failed || back.proven);
    assert_int_equal(back.row, 0);
    /* We were set back: what is still to come counts as now. */
    assert_int_equal(verdict_rise(&back, &spec, 1), 4);

    verdict_start(&v, &spec, now);
    assert_int_equal(verdict_read((struct str){(char *)note, verdict_write(&v, note)}, now, &back),
                     0);
    assert_int_equal(back.grace_until_ns, now + 5 * SECOND);
    assert_int_equal(back.state, CHECK_UNKNOWN);
}

static void test_damaged_notes(void **state)
{
    uint8_t note[VERDICT_NOTE_SIZE] = {0};
    struct check_spec spec = spec_of(1, 2);
    struct verdict v, back = {.row = 7};
    (void)state;
    verdict_start(&v, &spec, 1);
    size_t n = verdict_write(&v, note);
    for (size_t i = 0; i < sizeof(note); i++)
        assert_int_equal(verdict_read((struct str){(char *)note, i}, 1, &back),
                         i == n ? 0 : -BD_ECORRUPT);
    for (size_t i = 0; i < 3; i++) {
        uint8_t right = note[i];
        note[i] = 6;
        assert_int_equal(verdict_read((struct str){(char *)note, n}, 1, &back), -BD_ECORRUPT);
        note[i] = right;
    }
}

/* The clock of what comes of it begins when the host was asked, within bounds. */
static void test_asked(void **state)
{
    static const struct {
        uint32_t interval_ms, deregister_after_s;
        uint64_t took_ns, since_ns;
    } rows[] = {
        {10000, 120, 0, 100 * SECOND},          {10000, 120, 5 * SECOND, 95 * SECOND},
        {10000, 120, 60 * SECOND, 90 * SECOND}, /* the interval */
        {60000, 10, 60 * SECOND, 95 * SECOND},  /* half of deregister_after stays */
        {600000, 600, 200 * SECOND, 0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct check_spec spec = spec_of(1, 1);
        struct verdict v;
        uint64_t now = 100 * SECOND;
        spec.interval_ms = rows[i].interval_ms;
        spec.deregister_after_s = rows[i].deregister_after_s;
        verdict_start(&v, &spec, now);
        assert_int_equal(feed(&v, &spec, "-", &now), 'D');
        verdict_asked(&v, &spec, rows[i].took_ns);
        assert_int_equal(v.since_ns, rows[i].since_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fall_and_rise),
        cmocka_unit_test(test_asked),
        cmocka_unit_test(test_changes_are_said),
        cmocka_unit_test(test_grace),
        cmocka_unit_test(test_flapping),
        cmocka_unit_test(test_what_a_relapse_is),
        cmocka_unit_test(test_reports),
        cmocka_unit_test(test_proof),
        cmocka_unit_test(test_notes),
        cmocka_unit_test(test_damaged_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The guard, clause by clause: what panic is, its hour, what its end does, isolation, the budget.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard_kit.h"

static void test_panic_is(void **state)
{
    static const struct {
        unsigned down, hosts;
        bool panic;
    } rows[] = {
        {0, 0, false},
        {0, 1, false},
        {1, 1, false},
        {1, 2, false},
        {2, 2, true},
        {1, 3, false},
        {2, 3, true},
        {3, 3, true},
        {2, 4, false},
        {3, 4, true},
        {2, 5, false},
        {3, 5, true},
        {2, 100, false},
        {3, 19, true},
        {3, 20, false},
        {4, 20, true},
        {4, 26, true},
        {4, 27, false},
        {15, 100, false},
        {16, 100, true},
        {25, 100, true},
        {150, 1000, false},
        {151, 1000, true},
        {450, 3000, false},
        {451, 3000, true},
        {UINT32_MAX, UINT32_MAX, true},
        {600000000, UINT32_MAX, false},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene s;
        scene_start(&s, rows[i].hosts, rows[i].down);
        if (guard_panic(&s.g) != rows[i].panic)
            fail_msg("%u of %u", rows[i].down, rows[i].hosts);
        assert_int_equal(scene_terminate(&s), rows[i].panic ? GUARD_PANIC : GUARD_GO);
        assert_int_equal(scene_expire(&s), rows[i].panic ? GUARD_PANIC : GUARD_GO);
    }
}

static void test_begin_and_end_are_said(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 20, 3);
    s.f.down = 4;
    assert_true(scene_look(&s));
    assert_false(scene_look(&s));
    s.f.down = 3;
    assert_true(scene_look(&s));
    assert_false(scene_look(&s));
}

static void test_the_hour(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    scene_pass(&s, HOUR - SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    assert_int_equal(scene_expire(&s), GUARD_PANIC);
    scene_pass(&s, SECOND);
    assert_true(guard_panic(&s.g));
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    assert_int_equal(scene_expire(&s), GUARD_GO);
    /* Then all removals are under the budget, expiries too. */
    guard_expired(&s.g, s.f.now_ns);
    assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
    assert_int_equal(scene_expire(&s), GUARD_BUDGET);
    /* Without evidence nobody is removed, whatever the hour says. */
    s.silent = true;
    scene_pass(&s, MINUTE + SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    assert_int_equal(scene_expire(&s), GUARD_PANIC);
}

/* Only minutes with evidence count, and no look counts for more than a minute. */
static void test_the_hour_needs_evidence(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    s.silent = true;
    scene_pass(&s, 5 * HOUR);
    s.silent = false;
    scene_pass(&s, HOUR - 2 * MINUTE);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    /* The minute after the last sign still counted. */
    scene_pass(&s, MINUTE + SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_GO);

    scene_start(&s, 100, 25);
    for (int i = 0; i < 59; i++) {
        s.f.now_ns += HOUR;
        scene_look(&s);
        assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    }
    s.f.now_ns += HOUR;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
}

static void test_the_end_begins_clocks_anew(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    /* Without a note they begin with the first look. */
    assert_int_equal(guard_clocks_ns(&s.g), 10 * HOUR);
    scene_pass(&s, MINUTE);
    assert_int_equal(guard_clocks_ns(&s.g), 10 * HOUR);
    s.f.down = 15;
    scene_pass(&s, SECOND);
    assert_int_equal(guard_clocks_ns(&s.g), s.f.now_ns);
    uint64_t end = s.f.now_ns;
    scene_pass(&s, HOUR);
    assert_int_equal(guard_clocks_ns(&s.g), end);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
}

/* 13 are gone for good, and one comes and goes: panics one behind the other have one hour. */
static void test_border(void **state)
{
    struct scene s;
    uint64_t went = 0;
    (void)state;
    scene_start(&s, 87, 13);
    while (scene_terminate(&s) != GUARD_GO || !guard_panic(&s.g)) {
        s.f.down = 27 - s.f.down;
        scene_pass(&s, 90 * SECOND);
        went += 90 * SECOND;
        assert_true(went < 3 * HOUR);
    }
    assert_in_range(went, 2 * HOUR - 3 * MINUTE, 2 * HOUR + 3 * MINUTE);
    /* After the hour the first end begins the clocks anew, the next ones do not. */
    s.f.down = 13;
    scene_look(&s);
    uint64_t anew = guard_clocks_ns(&s.g);
    assert_int_equal(anew, s.f.now_ns);
    for (int i = 0; i < 10; i++) {
        s.f.down = 27 - s.f.down;
        scene_pass(&s, 90 * SECOND);
    }
    assert_int_equal(guard_clocks_ns(&s.g), anew);
    /* An hour of quiet, and the next panic has one of its own. */
    s.f.down = 14;
    scene_look(&s);
    s.f.down = 13;
    scene_look(&s);
    scene_pass(&s, HOUR - SECOND);
    s.f.down = 14;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    s.f.down = 13;
    scene_look(&s);
    scene_pass(&s, HOUR);
    s.f.down = 14;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
}

/* A second wave has an hour of its own, in the middle of a panic and soon after one. */
static void test_second_wave(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    scene_pass(&s, HOUR);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    /* 15 % of the 75 others are no panic, more are. */
    s.f.down = 36;
    scene_pass(&s, MINUTE);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    s.f.down = 37;
    scene_look(&s);
    scene_pass(&s, HOUR - SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    scene_pass(&s, SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    s.f.down = 10;
    scene_pass(&s, MINUTE);
    uint64_t anew = s.f.now_ns;
    s.f.down = 37;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    /* And with its hour its end begins the clocks anew once more. */
    scene_pass(&s, HOUR);
    s.f.down = 10;
    scene_look(&s);
    assert_true(guard_clocks_ns(&s.g) > anew);
}

/* A wave that rolls in for nine minutes. */
static void test_long_wave(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    scene_pass(&s, HOUR);
    for (; s.f.down < 37; s.f.down++)
        scene_pass(&s, 45 * SECOND);
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
}

/* 20 of 100 are down, and the hour of the panic is over. */
static void start_over(struct scene *s)
{
    scene_start(s, 100, 20);
    scene_pass(s, HOUR);
    assert_int_equal(scene_terminate(s), GUARD_GO);
}

/* Who was removed makes room: as many others that go at once are a wave, though no more are down.
 */
static void test_wave_after_removals(void **state)
{
    struct scene s;
    (void)state;
    start_over(&s);
    for (uint64_t i = 0; i < 20; i++)
        guard_expired(&s.g, s.f.now_ns - 2 * HOUR + i);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    s.f.now_ns += SECOND;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);

    start_over(&s);
    for (uint64_t i = 0; i < 20; i++)
        guard_terminated(&s.g, s.f.now_ns - 2 * HOUR + i);
    s.f.now_ns += SECOND;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
}

/* Whether fewer were down just now or before. */
static void test_room_in_both_stretches(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 40);
    scene_pass(&s, HOUR);
    s.f.down = 20;
    scene_look(&s);
    for (uint64_t i = 0; i < 20; i++)
        guard_expired(&s.g, s.f.now_ns - 2 * HOUR + i);
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);

    start_over(&s);
    s.f.down = 31;
    scene_pass(&s, 11 * MINUTE);
    for (uint64_t i = 0; i < 11; i++)
        guard_expired(&s.g, s.f.now_ns - 2 * HOUR + i);
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
}

/* Hosts that go one by one for hours are no wave; those that go while nobody is heard are one,
 * however long that takes. */
static void test_slow_waves(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    scene_pass(&s, HOUR);
    for (s.f.down = 25; s.f.down < 50; s.f.down++)
        scene_pass(&s, 5 * MINUTE);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    s.silent = true;
    for (s.f.down = 50; s.f.down < 65; s.f.down++)
        scene_pass(&s, 10 * MINUTE);
    s.silent = false;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    scene_pass(&s, HOUR - MINUTE);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
}

static void test_witnesses(void **state)
{
    static const struct {
        unsigned witnesses, answering;
        bool isolated;
    } rows[] = {
        {0, 0, false}, {1, 1, false}, {1, 0, true}, {2, 2, false}, {2, 1, true},
        {2, 0, true},  {3, 2, false}, {3, 1, true}, {5, 3, false}, {5, 2, true},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene s;
        scene_start(&s, 100, 1);
        s.f.witnesses = rows[i].witnesses;
        s.f.answering = rows[i].answering;
        scene_look(&s);
        assert_int_equal(guard_isolated(&s.g), rows[i].isolated);
        assert_int_equal(scene_terminate(&s), rows[i].isolated ? GUARD_ISOLATED : GUARD_GO);
        assert_int_equal(scene_expire(&s), rows[i].isolated ? GUARD_ISOLATED : GUARD_GO);
    }
}

static void test_isolation(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    s.f.witnesses = 1;
    /* Other hosts are heard, but the witness decides: the hour stands still. */
    scene_pass(&s, 2 * HOUR);
    assert_int_equal(scene_terminate(&s), GUARD_ISOLATED);
    s.f.answering = 1;
    scene_look(&s);
    assert_int_equal(guard_clocks_ns(&s.g), s.f.now_ns);
    /* And with the witness the hour runs, though no host is heard. */
    s.silent = true;
    scene_pass(&s, HOUR - SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_PANIC);
    scene_pass(&s, SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    /* Isolation in between costs nothing of it. */
    s.f.answering = 0;
    scene_pass(&s, MINUTE);
    assert_int_equal(scene_expire(&s), GUARD_ISOLATED);
    s.f.answering = 1;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    assert_int_equal(guard_clocks_ns(&s.g), s.f.now_ns);
}

static void test_budget(void **state)
{
    static const struct {
        unsigned hosts, most;
    } rows[] = {{0, 1},   {1, 1},   {19, 1},    {39, 1},   {40, 2},
                {100, 5}, {119, 5}, {1000, 50}, {3000, 60}};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct scene s;
        unsigned n = 0;
        scene_start(&s, rows[i].hosts, 0);
        uint64_t first = s.f.now_ns, last = 0;
        while (s.f.now_ns <= first + HOUR) {
            if (scene_terminate(&s) == GUARD_GO) {
                assert_true(last == 0 || s.f.now_ns - last > MINUTE);
                guard_terminated(&s.g, s.f.now_ns);
                last = s.f.now_ns;
                n++;
            } else {
                assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
            }
            scene_pass(&s, SECOND);
        }
        assert_int_equal(n, rows[i].most);
        /* Expiries are not under it. */
        assert_int_equal(scene_expire(&s), GUARD_GO);
        guard_expired(&s.g, s.f.now_ns);
        scene_pass(&s, 2 * MINUTE);
        assert_int_equal(scene_terminate(&s), GUARD_GO);
    }
}

/* The table of terminations at start: in any order, more than an hour can have, the same twice. */
static void test_budget_from_the_table(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 0);
    const uint64_t now = s.f.now_ns;
    for (uint64_t i = 0; i < 200; i++)
        guard_terminated(&s.g, now - 2 * HOUR + i);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    for (uint64_t i = 0; i < 4; i++)
        guard_terminated(&s.g, now - (4 - i) * 10 * MINUTE);
    for (uint64_t i = 0; i < 200; i++) {
        guard_terminated(&s.g, now - 2 * HOUR + i);
        guard_terminated(&s.g, now - 20 * MINUTE);
    }
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    guard_terminated(&s.g, now - 50 * MINUTE);
    assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
    /* Old ones do not displace new ones. */
    scene_start(&s, 1280, 0);
    for (uint64_t i = 0; i < GUARD_REMOVALS; i++)
        guard_terminated(&s.g, now - 58 * MINUTE + 50 * SECOND * i);
    for (uint64_t i = 0; i < GUARD_REMOVALS; i++)
        guard_terminated(&s.g, now - 2 * HOUR + i);
    scene_pass(&s, 2 * MINUTE - SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
    /* From a time that we have not reached yet: it has just been. */
    scene_start(&s, 100, 0);
    guard_terminated(&s.g, now + 9 * SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
    scene_pass(&s, 9 * SECOND + MINUTE);
    assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
    scene_pass(&s, SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
}

static void test_stale_looks(void **state)
{
    struct guard g;
    struct scene s;
    (void)state;
    guard_start(&g);
    assert_int_equal(guard_may_terminate(&g, 0, 3), GUARD_ISOLATED);
    assert_int_equal(guard_may_expire(&g, HOUR, 3), GUARD_ISOLATED);
    scene_start(&s, 100, 0);
    s.f.now_ns += MINUTE;
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    s.f.now_ns += 1;
    assert_int_equal(scene_terminate(&s), GUARD_ISOLATED);
    assert_int_equal(scene_expire(&s), GUARD_ISOLATED);
}

/* Two of many that nobody else speaks for. */
static void test_silence(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 2);
    s.silent = true;
    scene_pass(&s, MINUTE);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    scene_pass(&s, SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_ISOLATED);
    assert_int_equal(scene_expire(&s), GUARD_GO);
    s.f.down = 1;
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    scene_start(&s, 1, 1);
    s.silent = true;
    scene_pass(&s, HOUR);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    /* Nobody has been heard yet, and the clock has just begun. */
    guard_start(&s.g);
    s.f = (struct guard_facts){.now_ns = 10 * SECOND, .hosts = 100, .down = 2};
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_ISOLATED);
}

static void test_words(void **state)
{
    static const char *const words[] = {"go", "panic", "isolated", "budget"};
    (void)state;
    for (unsigned i = 0; i < GUARD_NWORDS; i++)
        assert_string_equal(guard_word_name((enum guard_word)i), words[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_panic_is),
        cmocka_unit_test(test_begin_and_end_are_said),
        cmocka_unit_test(test_the_hour),
        cmocka_unit_test(test_the_hour_needs_evidence),
        cmocka_unit_test(test_the_end_begins_clocks_anew),
        cmocka_unit_test(test_border),
        cmocka_unit_test(test_second_wave),
        cmocka_unit_test(test_wave_after_removals),
        cmocka_unit_test(test_room_in_both_stretches),
        cmocka_unit_test(test_long_wave),
        cmocka_unit_test(test_slow_waves),
        cmocka_unit_test(test_witnesses),
        cmocka_unit_test(test_isolation),
        cmocka_unit_test(test_budget),
        cmocka_unit_test(test_budget_from_the_table),
        cmocka_unit_test(test_stale_looks),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

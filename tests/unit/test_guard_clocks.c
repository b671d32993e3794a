/* The guard: when a check and a lease end a registration, and what is kept over a restart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <cmocka.h>

#include "guard_kit.h"

static void test_end_of_a_check(void **state)
{
    struct check_spec spec = {.deregister_after_s = 120};
    struct verdict v = {.state = CHECK_UNAVAILABLE, .since_ns = 10 * HOUR, .failed = true};
    struct scene s;
    (void)state;
    scene_start(&s, 3, 1);
    v.proven = true;
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), 10 * HOUR + 2 * MINUTE);
    /* Not proven: twice as long for the only one, not at all for one of several. */
    v.proven = false;
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), 10 * HOUR + 4 * MINUTE);
    s.f.hosts = 30;
    s.f.down = 2;
    scene_look(&s);
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), UINT64_MAX);
    scene_start(&s, 1, 1);
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), 10 * HOUR + 2 * MINUTE);

    v.grace_until_ns = 10 * HOUR + MINUTE;
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), 10 * HOUR + 3 * MINUTE);
    v.grace_until_ns = 0;
    v.failed = false;
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), UINT64_MAX);
    v.failed = true;
    for (unsigned i = 0; i < CHECK_NSTATES; i++) {
        v.state = (enum check_state)i;
        bool down = i == CHECK_UNAVAILABLE;
        assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec) != UINT64_MAX, down);
    }
    v.state = CHECK_UNAVAILABLE;
    spec.deregister_after_s = CHECK_NEVER;
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), UINT64_MAX);
    /* From the end of a panic, not from before. */
    spec.deregister_after_s = 10;
    scene_start(&s, 2, 2);
    s.f.down = 1;
    scene_pass(&s, MINUTE);
    v.proven = true;
    assert_int_equal(guard_check_ends_ns(&s.g, &v, &spec), 10 * HOUR + SECOND + 10 * SECOND);
}

static void test_end_of_a_lease(void **state)
{
    struct scene s;
    (void)state;
    scene_start(&s, 100, 1);
    s.f.heard_ns = 0;
    guard_look(&s.g, &s.f);
    /* Nobody was heard in its second half. */
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * MINUTE), 10 * HOUR + 15 * MINUTE);
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * SECOND), 10 * HOUR + 15 * SECOND);
    /* Checks should have been heard, and will be noticed in a minute. */
    s.f.available = 1;
    guard_look(&s.g, &s.f);
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * SECOND), 10 * HOUR + 70 * SECOND);
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * MINUTE), 10 * HOUR + 15 * MINUTE);
    s.f.heard_ns = 10 * HOUR + 5 * MINUTE - 1;
    guard_look(&s.g, &s.f);
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * MINUTE), 10 * HOUR + 15 * MINUTE);
    s.f.heard_ns++;
    guard_look(&s.g, &s.f);
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * MINUTE), 10 * HOUR + 10 * MINUTE);
    /* If all that are late are gone, it is a panic: wait for it. */
    s.f.late = 14;
    guard_look(&s.g, &s.f);
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * MINUTE), 10 * HOUR + 10 * MINUTE);
    s.f.late = 15;
    guard_look(&s.g, &s.f);
    assert_int_equal(guard_lease_ends_ns(&s.g, 10 * HOUR, 10 * MINUTE), 10 * HOUR + 15 * MINUTE);
    /* It is alone. */
    scene_start(&s, 1, 1);
    assert_int_equal(guard_lease_ends_ns(&s.g, 20 * HOUR, 10 * MINUTE), 20 * HOUR + 10 * MINUTE);
    /* From the end of a panic. */
    scene_start(&s, 2, 2);
    s.f.down = 1;
    scene_pass(&s, SECOND);
    scene_pass(&s, HOUR);
    assert_int_equal(guard_lease_ends_ns(&s.g, HOUR, 10 * MINUTE),
                     10 * HOUR + SECOND + 10 * MINUTE);
}

static void test_notes(void **state)
{
    uint8_t note[GUARD_NOTE_SIZE];
    struct scene s;
    struct guard back;
    (void)state;
    scene_start(&s, 100, 25);
    scene_pass(&s, HOUR);
    guard_terminated(&s.g, s.f.now_ns);
    size_t n = guard_write(&s.g, note);
    /* In the panic, past its hour, within the budget: as before. */
    guard_start(&back);
    assert_int_equal(guard_read(&back, (struct str){(char *)note, n}), 0);
    s.g = back;
    assert_int_equal(scene_terminate(&s), GUARD_ISOLATED);
    assert_false(scene_look(&s));
    assert_true(guard_panic(&s.g));
    assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
    guard_terminated(&s.g, s.f.now_ns);
    scene_pass(&s, 61 * SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
    for (uint64_t i = 0; i < 4; i++)
        guard_terminated(&s.g, s.f.now_ns + i);
    s.f.down = 10;
    scene_look(&s);
    n = guard_write(&s.g, note);
    assert_int_equal(guard_read(&back, (struct str){(char *)note, n}), 0);
    uint64_t clocks = guard_clocks_ns(&s.g);
    s.g = back;
    assert_int_equal(guard_clocks_ns(&s.g), clocks);
    s.f.now_ns += SECOND;
    scene_look(&s);
    assert_int_equal(guard_clocks_ns(&s.g), clocks);
    scene_pass(&s, 61 * SECOND);
    assert_int_equal(scene_terminate(&s), GUARD_BUDGET);
    /* An isolation that ends while we were away has ended all the same. */
    s.f.witnesses = 1;
    scene_look(&s);
    n = guard_write(&s.g, note);
    guard_start(&s.g);
    assert_int_equal(guard_read(&s.g, (struct str){(char *)note, n}), 0);
    s.f.answering = 1;
    s.f.now_ns += SECOND;
    scene_look(&s);
    assert_int_equal(guard_clocks_ns(&s.g), s.f.now_ns);
}

/* What the table says at start has been missing among those that are down for long. */
static void test_notes_and_the_table(void **state)
{
    uint8_t note[GUARD_NOTE_SIZE];
    struct scene s;
    (void)state;
    scene_start(&s, 100, 25);
    scene_pass(&s, HOUR);
    size_t n = guard_write(&s.g, note);
    guard_start(&s.g);
    assert_int_equal(guard_read(&s.g, (struct str){(char *)note, n}), 0);
    for (uint64_t i = 0; i < 25; i++)
        guard_terminated(&s.g, s.f.now_ns - 2 * HOUR + i);
    scene_look(&s);
    assert_int_equal(scene_terminate(&s), GUARD_GO);
}

/* All that a guard knows, in and out. */
static void test_whole_notes(void **state)
{
    uint8_t note[GUARD_NOTE_SIZE], again[GUARD_NOTE_SIZE];
    struct guard g = {.panic = true, .anew = true, .blocked_ns = 1, .ended_ns = 2, .clocks_ns = 3};
    struct guard back;
    (void)state;
    g.low = 4;
    g.low_before = 5;
    g.low_from_ns = UINT64_MAX;
    for (uint64_t i = 0; i < 3 * GUARD_REMOVALS; i++)
        guard_terminated(&g, i);
    size_t n = guard_write(&g, note);
    guard_start(&back);
    assert_int_equal(guard_read(&back, (struct str){(char *)note, n}), 0);
    assert_int_equal(guard_write(&back, again), n);
    assert_memory_equal(note, again, n);
    for (size_t i = 0; i <= sizeof(note); i++) {
        bool fits = i >= n - 8 * GUARD_REMOVALS && i <= n && (n - i) % 8 == 0;
        assert_int_equal(guard_read(&back, (struct str){(char *)note, i}), fits ? 0 : -BD_ECORRUPT);
    }
    for (size_t i = 0; i < 2; i++) {
        uint8_t right = note[i];
        note[i] = 9;
        assert_int_equal(guard_read(&back, (struct str){(char *)note, n}), -BD_ECORRUPT);
        note[i] = right;
    }
    note[2 + 3 * 8] = 1;
    assert_int_equal(guard_read(&back, (struct str){(char *)note, n}), -BD_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_end_of_a_check), cmocka_unit_test(test_end_of_a_lease),
        cmocka_unit_test(test_notes),          cmocka_unit_test(test_notes_and_the_table),
        cmocka_unit_test(test_whole_notes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

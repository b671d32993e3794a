/* What is known of hosts survives a restart of betterdns, without a burst. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/lease.h>

#include "health_kit.h"
#include "inner.h"

static void states_stay(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_register(k, "db", NULL, 2, CHECK_FAST);
    healthkit_register(k, "new", NULL, 3, CHECK_FAST "grace 1h\n");
    k->dead[2] = k->dead[3] = true;
    healthkit_advance(k, SECONDS(8));
    int64_t since = healthkit_check(k, "db", 2).check.since;
    assert_true(since > 0);
    uint64_t seq = regkit_seq(&k->reg);
    healthkit_restart(k);
    unsigned begun = k->begun;
    ASSERT_STATE(k, "web", 1, "AVAILABLE");
    ASSERT_STATE(k, "db", 2, "UNAVAILABLE");
    ASSERT_STATE(k, "new", 3, "UNKNOWN");
    assert_int_equal(healthkit_check(k, "db", 2).check.since, since);
    ASSERT_SHOWN(k, "db", "-");
    healthkit_advance(k, SECONDS(20));
    assert_true(k->begun > begun);
    assert_int_equal(regkit_seq(&k->reg), seq);
    k->dead[2] = false;
    healthkit_advance(k, SECONDS(4));
    ASSERT_SHOWN(k, "db", "30 192.0.2.2");
}

/* What an earlier run has seen is written when it ends, however soon that is. */
static void the_last_second_too(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_advance(k, 2 * NS_PER_MS);
    ASSERT_STATE(k, "web", 1, "AVAILABLE");
    healthkit_restart(k);
    ASSERT_STATE(k, "web", 1, "AVAILABLE");
}

static uint64_t last_alive(struct healthkit *k, uint64_t number)
{
    const struct reg *reg = engine_reg(&k->h->engine, number);

    assert_non_null(reg);
    return reg->targets->alive_ns;
}

static int copy_note(void *arg, const struct registry_note *note)
{
    if (note->number != 0) {
        buf_reset(arg);
        buf_add_str(arg, note->value);
    }
    return 0;
}

/* Whoever was told that his report was taken has nothing to fear from a crash. */
static void a_report_is_written_down_before_it_is_answered(void **state)
{
    struct healthkit *k = *state;
    struct buf notes[2] = {0};
    struct problem problem;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, "url ttl:10s\n");
    healthkit_advance(k, SECONDS(2));
    const struct dname web = healthkit_check(k, "web", 1).check.owner;
    for (unsigned i = 0; i < 2; i++) {
        const enum health_status status = i == 0 ? HEALTH_PASS : HEALTH_FAIL;
        assert_int_equal(health_report(k->h, &web, STR(""), status, STR("so"), &problem), 0);
        assert_int_equal(registry_notes(k->reg.r, copy_note, &notes[i]), 0);
        assert_true(notes[i].n > 0);
    }
    assert_false(str_eq(buf_str(&notes[0]), buf_str(&notes[1])));
    ASSERT_STATE(k, "web", 1, "UNAVAILABLE");
    buf_free(&notes[0]);
    buf_free(&notes[1]);
}

/* What a crash makes us forget is a second or two. */
static void a_state_is_written_down_soon(void **state)
{
    struct healthkit *k = *state;
    struct buf notes[2] = {0};

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_advance(k, SECONDS(3));
    assert_int_equal(registry_notes(k->reg.r, copy_note, &notes[0]), 0);
    assert_true(notes[0].n > 0);
    k->dead[1] = true;
    while (strcmp(healthkit_state(k, "web", 1), "UNAVAILABLE") != 0)
        assert_true(healthkit_step(k, k->mono_ns + SECONDS(10)));
    healthkit_advance(k, SECONDS(2));
    assert_int_equal(registry_notes(k->reg.r, copy_note, &notes[1]), 0);
    assert_false(str_eq(buf_str(&notes[0]), buf_str(&notes[1])));
    buf_free(&notes[0]);
    buf_free(&notes[1]);
}

/* So that the same one is kept as the last of its name. */
static void who_was_alive_last_stays(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    uint64_t number = healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_advance(k, SECONDS(3));
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(6));
    uint64_t alive = last_alive(k, number);
    assert_true(alive > 0);
    healthkit_restart(k);
    assert_int_equal(last_alive(k, number), alive);
}

/* How often it relapsed is not forgotten either: it has to rise as often. */
static void relapses_stay(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    for (unsigned i = 0; i < 3; i++) {
        k->dead[1] = false;
        healthkit_advance(k, SECONDS(12));
        ASSERT_STATE(k, "web", 1, "AVAILABLE");
        k->dead[1] = true;
        healthkit_advance(k, SECONDS(6));
        ASSERT_STATE(k, "web", 1, "UNAVAILABLE");
    }
    healthkit_restart(k);
    k->dead[1] = false;
    k->answered[1] = 0;
    while (strcmp(healthkit_state(k, "web", 1), "AVAILABLE") != 0)
        assert_true(healthkit_step(k, k->mono_ns + SECONDS(60)));
    assert_int_equal(k->answered[1], 8);
}

/* Nothing is known of it, but an earlier run has withdrawn it: not shown before it answers. */
static void withdrawn_without_a_note(void **state)
{
    struct healthkit *k = *state;
    uint64_t number = healthkit_register(k, "web", NULL, 1, CHECK_FAST);

    assert_int_equal(ASK(&k->reg, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {number}),
                     0);
    k->dead[1] = true;
    healthkit_open(k);
    ASSERT_STATE(k, "web", 1, "UNAVAILABLE");
    healthkit_advance(k, SECONDS(5));
    ASSERT_SHOWN(k, "web", "-");
    k->dead[1] = false;
    healthkit_advance(k, SECONDS(5));
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
}

static int count_note(void *arg, const struct registry_note *note)
{
    unsigned *n = arg;

    *n += note->number != 0;
    return 0;
}

static unsigned count_notes(struct healthkit *k)
{
    unsigned n = 0;

    assert_int_equal(registry_notes(k->reg.r, count_note, &n), 0);
    return n;
}

static int find_guard(void *arg, const struct registry_note *note)
{
    bool *found = arg;

    *found |= note->number == 0;
    return 0;
}

/* Without a note of the guard's own all clocks would begin anew with each start. */
static void the_guard_is_noted(void **state)
{
    struct healthkit *k = *state;
    bool found = false;

    healthkit_open(k);
    healthkit_advance(k, SECONDS(3));
    assert_int_equal(registry_notes(k->reg.r, find_guard, &found), 0);
    assert_true(found);
}

static void notes_go_with_their_registration(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_register(k, "db", NULL, 2, CHECK_FAST);
    healthkit_register(k, "mail", NULL, 3, CHECK_FAST);
    healthkit_advance(k, SECONDS(3));
    assert_int_equal(count_notes(k), 3);
    assert_int_equal(ASK(&k->reg, OP_DELETE, "web"), 0);
    healthkit_advance(k, SECONDS(3));
    assert_int_equal(count_notes(k), 2);
    healthkit_close(k);
    assert_int_equal(ASK(&k->reg, OP_DELETE, "db"), 0);
    healthkit_open(k);
    healthkit_advance(k, SECONDS(3));
    assert_int_equal(count_notes(k), 1);
    ASSERT_STATE(k, "mail", 3, "AVAILABLE");
}

/* Only what changed is written. */
static void quiet_hosts_write_nothing(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_advance(k, SECONDS(3));
    uint64_t noted = k->h->engine.in->noted_ns;
    healthkit_advance(k, SECONDS(100));
    assert_int_equal(k->h->engine.in->noted_ns, noted);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(5));
    assert_true(k->h->engine.in->noted_ns > noted);
}

static void no_burst(void **state)
{
    struct healthkit *k = *state;

    for (unsigned host = 1; host <= 200; host++) {
        char name[16];
        snprintf(name, sizeof(name), "web%u", host);
        healthkit_register(k, name, NULL, host, "url tcp://:80\n");
    }
    healthkit_open(k);
    healthkit_advance(k, SECONDS(1));
    assert_in_range(k->begun, 2, 60);
    healthkit_advance(k, SECONDS(9));
    assert_in_range(k->begun, 200, 220);
    healthkit_restart(k);
    unsigned begun = k->begun;
    healthkit_advance(k, SECONDS(1));
    assert_in_range(k->begun - begun, 2, 60);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, healthkit_make, healthkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(states_stay),
        TEST(the_last_second_too),
        TEST(a_report_is_written_down_before_it_is_answered),
        TEST(a_state_is_written_down_soon),
        TEST(who_was_alive_last_stays),
        TEST(relapses_stay),
        TEST(withdrawn_without_a_note),
        TEST(the_guard_is_noted),
        TEST(notes_go_with_their_registration),
        TEST(quiet_hosts_write_nothing),
        TEST(no_burst),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

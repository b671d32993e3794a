/* A host that renews outruns what was decided about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/lease.h>

#include "impl.h"
#include "registry_kit.h"

#define WEB WHAT(OP_REGISTER, "web", .values = "192.0.2.1", .lease_s = 60)

/* A second of running time later. */
static uint64_t tick(struct regkit *k)
{
    static uint64_t mono_ns = NS_PER_S;

    lease_tick(k->r, mono_ns);
    mono_ns += NS_PER_S;
    lease_tick(k->r, mono_ns);
    return registry_running_ns(k->r);
}

static uint64_t add(struct regkit *k, const struct ask *ask)
{
    assert_int_equal(regkit_ask(k, ask), 0);
    assert_true(k->receipt.created);
    return k->receipt.number;
}

static void expect(struct regkit *k, bool changes, struct ask ask)
{
    assert_int_equal(regkit_ask(k, &ask), 0);
    assert_int_equal(k->receipt.changed, changes);
}
#define CHANGES(k, ...) expect(k, true, WHAT(__VA_ARGS__))
#define NOTHING(k, ...) expect(k, false, WHAT(__VA_ARGS__))

static void a_renewal_outruns_a_decision(void **state)
{
    struct regkit *k = *state;
    uint64_t number = add(k, &WEB), made = registry_renewed_ns(k->r, number);
    uint64_t now = tick(k), seq = regkit_seq(k);

    assert_true(now > made);
    assert_int_equal(registry_renewed_ns(k->r, number), made);
    expect(k, false, WEB);
    assert_int_equal(regkit_seq(k), seq);
    assert_int_equal(registry_renewed_ns(k->r, number), now);
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {number}, .since_ns = now);
    NOTHING(k, OP_DELETE, "web", .number = number, .since_ns = now);
    now = tick(k);
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {number}, .since_ns = now);
    CHANGES(k, OP_DELETE, "web", .number = number, .since_ns = now);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
    assert_int_equal(registry_renewed_ns(k->r, number), 0);
}

/* Another host's renewal saves the record that both ask for. */
static void one_of_two_renews(void **state)
{
    struct regkit *k = *state;
    struct ask b = WEB;

    b.id = "b";
    uint64_t one = add(k, &WEB), two = add(k, &b), now = tick(k);
    expect(k, false, b);
    NOTHING(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {one, two}, .since_ns = now);
    CHANGES(k, OP_DELETE, "web", .number = one, .since_ns = now);
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A), "b=192.0.2.1");
}

/* It is noted where the request changes something, too. */
static void a_change_renews(void **state)
{
    struct regkit *k = *state;
    uint64_t number = add(k, &WEB), now = tick(k);
    struct ask other = WEB;

    other.values = "192.0.2.2";
    expect(k, true, other);
    assert_int_equal(k->receipt.number, number);
    assert_int_equal(registry_renewed_ns(k->r, number), now);
    NOTHING(k, OP_DELETE, "web", .number = number, .since_ns = now);
}

static void what_comes_to_nothing_renews_nothing(void **state)
{
    struct regkit *k = *state;
    uint64_t number = add(k, &WEB), made = registry_renewed_ns(k->r, number);
    struct ask ask = WEB;

    tick(k);
    ask.dry_run = true;
    expect(k, false, ask);
    assert_int_equal(registry_renewed_ns(k->r, number), made);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    regkit_add(c, &WEB);
    regkit_add(c, &WHAT(OP_PUT, "nobody", .values = "192.0.2.1"));
    assert_int_equal(regkit_submit(k, c), -BD_ENOTFOUND);
    assert_int_equal(registry_renewed_ns(k->r, number), made);
}

/* In one change, and so in one group: what is decided sees what was decided before. */
static void a_renewal_counts_at_once(void **state)
{
    struct regkit *k = *state;
    uint64_t number = add(k, &WEB), now = tick(k);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));

    regkit_add(c, &WEB);
    regkit_add(c, &WHAT(OP_DELETE, "web", .number = number, .since_ns = now));
    assert_int_equal(regkit_submit(k, c), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(regkit_number(k, "web", "web"), number);
}

static void who_has_no_lease_renews_nothing(void **state)
{
    struct regkit *k = *state;
    struct ask ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1");
    uint64_t number = add(k, &ask), now = tick(k);

    expect(k, false, ask);
    CHANGES(k, OP_DELETE, "web", .number = number, .since_ns = now);
}

/* ---- terminations ---- */

static int terminate(struct regkit *k, uint64_t number)
{
    struct registry_target target = {.type = RRTYPE_A, .number = number};

    assert_int_equal(dname_from_text(STR("web.lab.example."), NULL, &target.owner, NULL), 0);
    return registry_terminate(k->r, &target, 1, 0, clock_deadline(60 * NS_PER_S));
}

static void who_is_being_terminated_lives(void **state)
{
    struct regkit *k = *state;
    uint64_t old = add(k, &WEB);

    assert_int_equal(terminate(k, old), 0);
    expect(k, true, WEB);
    assert_true(k->receipt.created && k->receipt.number > old);
    uint64_t number = k->receipt.number;
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "20 192.0.2.1");
    expect(k, false, WEB);
    NOTHING(k, OP_DELETE, "web", .number = old);
    /* One that has failed is over. */
    assert_int_equal(terminate(k, number), 0);
    assert_int_equal(
        registry_terminated(k->r, number, STR("failed: no"), clock_deadline(60 * NS_PER_S)), 0);
    expect(k, false, WEB);
    assert_int_equal(k->receipt.number, number);
}

/* Maintenance goes on with the new number. */
static void a_sign_of_life_ends_no_maintenance(void **state)
{
    struct regkit *k = *state;
    uint64_t old = add(k, &WEB);

    assert_int_equal(terminate(k, old), 0);
    CHANGES(k, OP_DRAIN, "web", .number = old, .drain = true);
    CHANGES(k, OP_WITHDRAW, "web", .values = "192.0.2.1", .numbers = {old});
    expect(k, true, WEB);
    assert_true(k->receipt.number > old);
    assert_string_equal(regkit_shown(k, "web", RRTYPE_A), "-");
    CHANGES(k, OP_DRAIN, "web", .number = k->receipt.number);
    NOTHING(k, OP_DELETE, "web", .number = old);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_renewal_outruns_a_decision),
        T(one_of_two_renews),
        T(a_change_renews),
        T(what_comes_to_nothing_renews_nothing),
        T(a_renewal_counts_at_once),
        T(who_has_no_lease_renews_nothing),
        T(who_is_being_terminated_lives),
        T(a_sign_of_life_ends_no_maintenance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* A dead host is removed after interval x fall + deregister_after, at whatever moment of our second
 * and of its interval it died, and however its probes fail: the second that the promise adds is for
 * the disk alone. Simulated, so that a busy machine changes nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/lease.h>

#include "health_kit.h"

#define MS(n) ((n)*NS_PER_MS)
#define CHECK CHECK_FAST "deregister_after 10s\n"
#define PROMISE_NS (13 * NS_PER_S)
/* What falls due together is done one after the other. */
#define ROUNDING_NS MS(20)

static bool is_there(struct healthkit *k)
{
    return regkit_number(&k->reg, "dies", "dies") > 0;
}

static uint64_t remove_it(struct healthkit *k)
{
    uint64_t died = k->mono_ns;

    k->dead[7] = true;
    while (is_there(k)) {
        assert_true(k->mono_ns < died + 2 * PROMISE_NS);
        healthkit_step(k, k->mono_ns + MS(10));
    }
    k->dead[7] = false;
    return k->mono_ns - died;
}

static void dies_at_any_moment(struct healthkit *k, uint64_t takes_ns)
{
    uint64_t longest = 0, shortest = UINT64_MAX;

    healthkit_open(k);
    for (unsigned host = 1; host < 7; host++)
        healthkit_register(k, (char[]){(char)('a' + host), 0}, NULL, host, CHECK);
    for (unsigned i = 0; i < 40; i++) {
        healthkit_register(k, "dies", NULL, 7, CHECK);
        healthkit_advance(k, 3 * NS_PER_S + MS(173) * i % NS_PER_S);
        assert_string_equal(healthkit_state(k, "dies", 7), "AVAILABLE");
        k->takes_ns = takes_ns;
        uint64_t took = remove_it(k);
        k->takes_ns = MS(1);
        longest = took > longest ? took : longest;
        shortest = took < shortest ? took : shortest;
        /* The budget allows one an hour. */
        healthkit_advance(k, 3601 * NS_PER_S);
    }
    print_message("removed after %.3f to %.3f s\n", (double)shortest / 1e9, (double)longest / 1e9);
    assert_true(longest <= PROMISE_NS + ROUNDING_NS);
    /* Never before its checks have failed and half of deregister_after has passed. */
    assert_true(shortest > 2 * NS_PER_S + 5 * NS_PER_S);
}

static void refuses(void **state)
{
    dies_at_any_moment(*state, MS(1));
}

static void times_out(void **state)
{
    dies_at_any_moment(*state, MS(999));
}

/* ---- a registry that refuses ---- */

static unsigned asked;
static bool refuses_all;

int __real_registry_terminate(struct registry *r, const struct registry_target *targets, size_t n,
                              uint64_t since_ns, uint64_t deadline_ns);
int __wrap_registry_terminate(struct registry *r, const struct registry_target *targets, size_t n,
                              uint64_t since_ns, uint64_t deadline_ns);
int __wrap_registry_terminate(struct registry *r, const struct registry_target *targets, size_t n,
                              uint64_t since_ns, uint64_t deadline_ns)
{
    asked++;
    return refuses_all ? -BD_EREADONLY
                       : __real_registry_terminate(r, targets, n, since_ns, deadline_ns);
}

/* It is tried again every ten seconds, not each second; and then it is done. */
static void refused_beginnings_are_rare(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    for (unsigned host = 1; host < 7; host++)
        healthkit_register(k, (char[]){(char)('a' + host), 0}, NULL, host, CHECK);
    healthkit_register(k, "dies", NULL, 7, CHECK);
    healthkit_advance(k, 3 * NS_PER_S);
    k->dead[7] = true;
    asked = 0;
    refuses_all = true;
    healthkit_advance(k, PROMISE_NS + ROUNDING_NS);
    assert_int_equal(asked, 1);
    healthkit_advance(k, 100 * NS_PER_S);
    assert_in_range(asked, 9, 11);
    assert_true(is_there(k));
    refuses_all = false;
    healthkit_advance(k, 11 * NS_PER_S);
    assert_false(is_there(k));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, healthkit_make, healthkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(refuses),
        TEST(times_out),
        TEST(refused_beginnings_are_rare),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

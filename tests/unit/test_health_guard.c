/* What the guard is told: who is down, what witnesses say, signs of life. */
#include <ifaddrs.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "health_kit.h"
#include "inner.h"

#define WITNESS_1 250
#define WITNESS_2 251

static struct health_stats stats_of(struct healthkit *k)
{
    struct health_stats stats;

    health_stats(k->h, &stats);
    return stats;
}

static void down(struct healthkit *k, unsigned expected)
{
    assert_int_equal(stats_of(k).down, expected);
}

/* One host by two families, or with two addresses, is down when all of it is. */
static void a_host_is_all_its_registrations(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    assert_int_equal(
        ASK(&k->reg, OP_REGISTER, "web", .values = "192.0.2.1|192.0.2.2", .check = CHECK_FAST), 0);
    assert_int_equal(ASK(&k->reg, OP_REGISTER, "web", .type = RRTYPE_AAAA, .values = "2001:db8::3",
                         .check = CHECK_FAST),
                     0);
    healthkit_advance(k, SECONDS(2));
    assert_int_equal(stats_of(k).hosts, 1);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(6));
    down(k, 0);
    k->dead[2] = true;
    healthkit_advance(k, SECONDS(6));
    down(k, 0);
    for (unsigned i = 0; i < 65536; i++)
        k->dead[i] = true;
    healthkit_advance(k, SECONDS(6));
    down(k, 1);
    memset(k->dead, 0, sizeof(k->dead));
    healthkit_advance(k, SECONDS(8));
    down(k, 0);
}

static void never_and_rules_do_not_count(void **state)
{
    struct healthkit *k = *state;
    static const struct health_rule rules[] = {{STR("r*"), STR(CHECK_FAST), false}};

    k->options.rules = rules;
    k->options.nrules = 1;
    healthkit_open(k);
    healthkit_register(k, "never", NULL, 1, CHECK_FAST "deregister_after never\n");
    healthkit_register(k, "rule", NULL, 2, NULL);
    healthkit_register(k, "web", NULL, 3, CHECK_FAST);
    k->dead[1] = k->dead[2] = k->dead[3] = true;
    healthkit_advance(k, SECONDS(6));
    assert_int_equal(stats_of(k).targets[CHECK_UNAVAILABLE], 3);
    assert_int_equal(stats_of(k).hosts, 3);
    down(k, 1);
}

static void maintenance_is_not_down(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    uint64_t number = healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(6));
    down(k, 1);
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "web", .number = number, .drain = true), 0);
    healthkit_advance(k, SECONDS(2));
    down(k, 0);
    assert_int_equal(ASK(&k->reg, OP_DRAIN, "web", .number = number, .drain = false), 0);
    healthkit_advance(k, SECONDS(2));
    down(k, 1);
}

static void panic_begins_and_ends(void **state)
{
    struct healthkit *k = *state;
    char name[8];

    healthkit_open(k);
    for (unsigned host = 1; host <= 10; host++) {
        snprintf(name, sizeof(name), "h%u", host);
        healthkit_register(k, name, NULL, host, CHECK_FAST);
    }
    healthkit_advance(k, SECONDS(2));
    k->dead[1] = k->dead[2] = true;
    healthkit_advance(k, SECONDS(6));
    assert_false(health_panic(k->h));
    k->dead[3] = true;
    healthkit_advance(k, SECONDS(6));
    assert_true(health_panic(k->h));
    /* DNS goes on leaving out what does not answer. */
    assert_string_equal(healthkit_shown(k, "h3"), "-");
    k->dead[4] = true;
    healthkit_advance(k, SECONDS(6));
    assert_true(health_panic(k->h));
    assert_string_equal(healthkit_shown(k, "h4"), "-");
    assert_string_equal(healthkit_shown(k, "h5"), "30 192.0.2.5");
    k->dead[4] = false;
    healthkit_advance(k, SECONDS(6));
    assert_string_equal(healthkit_shown(k, "h4"), "30 192.0.2.4");
    /* It outlives a restart. */
    healthkit_restart(k);
    assert_true(health_panic(k->h));
    healthkit_advance(k, SECONDS(20));
    assert_true(health_panic(k->h));
    k->dead[1] = false;
    healthkit_advance(k, SECONDS(8));
    assert_false(health_panic(k->h));
}

static const struct health_witness witnesses[] = {
    {STR("url tcp://192.0.2.250:22\n"), {192, 0, 2, WITNESS_1}, 4, true},
    {STR("url http://192.0.2.251/\n"), {192, 0, 2, WITNESS_2}, 4, false},
};

static void isolated_unless_witnesses_answer(void **state)
{
    struct healthkit *k = *state;

    k->options.witnesses = witnesses;
    k->options.nwitnesses = 2;
    healthkit_open(k);
    healthkit_advance(k, SECONDS(2));
    assert_int_equal(stats_of(k).witnesses, 2);
    assert_int_equal(stats_of(k).answering, 2);
    assert_false(stats_of(k).isolated);
    k->dead[WITNESS_1] = true;
    /* One lost packet is no lost network. */
    healthkit_advance(k, SECONDS(10));
    assert_int_equal(stats_of(k).answering, 2);
    healthkit_advance(k, SECONDS(12));
    assert_int_equal(stats_of(k).answering, 1);
    assert_true(stats_of(k).isolated);
    k->dead[WITNESS_1] = false;
    healthkit_advance(k, SECONDS(12));
    assert_false(stats_of(k).isolated);
}

/* A refused connection is an answer of a host that was named by its address alone. */
static void refused_is_an_answer(void **state)
{
    struct healthkit *k = *state;
    const struct probe_end refused = {.refused = true, .output = STR("refused")};

    k->options.witnesses = witnesses;
    k->options.nwitnesses = 2;
    healthkit_open(k);
    struct witness *all = k->h->engine.in->witnesses;
    witness_probed(&k->h->engine, &all[0].target, &refused);
    witness_probed(&k->h->engine, &all[1].target, &refused);
    assert_int_equal(stats_of(k).answering, 1);
}

static void witnesses_are_asked_more_often_while_it_matters(void **state)
{
    struct healthkit *k = *state;

    k->options.witnesses = witnesses;
    k->options.nwitnesses = 2;
    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_advance(k, SECONDS(2));
    uint64_t before = k->answered[WITNESS_1];
    healthkit_advance(k, SECONDS(60));
    assert_in_range(k->answered[WITNESS_1] - before, 5, 8);
    k->dead[1] = true;
    while (stats_of(k).down == 0)
        healthkit_step(k, k->mono_ns + SECONDS(1));
    /* At once, whenever it was last asked. */
    before = k->answered[WITNESS_1];
    healthkit_advance(k, SECONDS(3));
    assert_true(k->answered[WITNESS_1] > before);
    healthkit_advance(k, SECONDS(60));
    assert_in_range(k->answered[WITNESS_1] - before, 28, 35);
}

static bool is_proven(struct healthkit *k, const char *name)
{
    uint64_t number = regkit_number(&k->reg, name, name);
    const struct reg *reg = engine_reg(&k->h->engine, number);

    assert_non_null(reg);
    return reg->targets->verdict.proven;
}

/* A failure proves something where somebody else answers meanwhile. */
static void somebody_else_answers(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_advance(k, SECONDS(3));
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(6));
    assert_false(is_proven(k, "web"));
    healthkit_register(k, "db", NULL, 2, CHECK_FAST);
    healthkit_advance(k, SECONDS(4));
    assert_true(is_proven(k, "web"));
}

/* That our own machine answers itself says nothing about the network. */
static void own_addresses_prove_nothing(void **state)
{
    struct healthkit *k = *state;
    struct engine *e;

    healthkit_open(k);
    e = &k->h->engine;
    assert_int_equal(ASK(&k->reg, OP_REGISTER, "self", .values = "127.0.0.1", .check = CHECK_FAST),
                     0);
    healthkit_advance(k, SECONDS(3));
    /* Alone it is all there is. */
    assert_true(e->heard_ns > 0);
    healthkit_register(k, "web", NULL, 7, CHECK_FAST);
    healthkit_advance(k, SECONDS(3));
    k->dead[7] = true;
    healthkit_advance(k, SECONDS(2));
    uint64_t heard = e->heard_ns;
    healthkit_advance(k, SECONDS(20));
    assert_int_equal(e->heard_ns, heard);
    assert_string_equal(healthkit_state(k, "self", 1), "AVAILABLE");
    assert_int_equal(ASK(&k->reg, OP_DELETE, "web"), 0);
    healthkit_advance(k, SECONDS(3));
    assert_true(e->heard_ns > heard);
    assert_int_equal(e->nremote, 0);
    assert_int_equal(e->local_available, 1);
}

/* Of this machine, beside loopback. */
static struct sockaddr_in own;
static struct ifaddrs own_entry = {.ifa_addr = (struct sockaddr *)(void *)&own};
static bool has_own;

int getifaddrs(struct ifaddrs **ret_all)
{
    *ret_all = has_own ? &own_entry : NULL;
    return 0;
}

void freeifaddrs(struct ifaddrs *all)
{
    (void)all;
}

static void an_address_comes_and_goes(void **state)
{
    struct healthkit *k = *state;

    own = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000207)};
    has_own = false;
    healthkit_open(k);
    const struct engine *e = &k->h->engine;
    e->in->local_ns = 0; /* the kit's health does not look */
    healthkit_register(k, "web", NULL, 7, CHECK_FAST);
    healthkit_advance(k, SECONDS(70));
    assert_int_equal(e->nremote, 1);
    has_own = true;
    healthkit_advance(k, SECONDS(31));
    assert_int_equal(e->nremote, 0);
    assert_int_equal(e->local_available, 1);
    healthkit_advance(k, SECONDS(70));
    assert_int_equal(e->nremote, 0);
    has_own = false;
    healthkit_advance(k, SECONDS(31));
    assert_int_equal(e->nremote, 1);
    assert_int_equal(e->local_available, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, healthkit_make, healthkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(a_host_is_all_its_registrations),
        TEST(never_and_rules_do_not_count),
        TEST(maintenance_is_not_down),
        TEST(panic_begins_and_ends),
        TEST(isolated_unless_witnesses_answer),
        TEST(refused_is_an_answer),
        TEST(witnesses_are_asked_more_often_while_it_matters),
        TEST(somebody_else_answers),
        TEST(own_addresses_prove_nothing),
        TEST(an_address_comes_and_goes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

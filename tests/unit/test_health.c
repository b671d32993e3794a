/* What becomes of hosts that die and come back: states, and what DNS shows. */
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

static void available_at_once(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 7, CHECK_FAST);
    healthkit_advance(k, 0);
    ASSERT_STATE(k, "web", 7, "UNKNOWN");
    healthkit_advance(k, k->takes_ns);
    ASSERT_STATE(k, "web", 7, "AVAILABLE");
    struct healthkit_check found = healthkit_check(k, "web", 7);
    assert_string_equal(found.history, "UNKNOWN>AVAILABLE");
    assert_true(found.check.last.ok);
    assert_int_equal(found.check.last.latency_ns, k->takes_ns);
    ASSERT_SHOWN(k, "web", "30 192.0.2.7");
}

/* Alive until now. */
static void lives(struct healthkit *k, unsigned host, const char *name)
{
    healthkit_register(k, name, NULL, host, CHECK_FAST);
    healthkit_advance(k, SECONDS(2));
    ASSERT_STATE(k, name, host, "AVAILABLE");
}

static void withdrawn_and_served_again(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    lives(k, 7, "web");
    uint64_t seq = regkit_seq(&k->reg);
    k->dead[7] = true;
    uint64_t before = k->answered[7];
    while (k->answered[7] < before + 2)
        assert_true(healthkit_step(k, k->mono_ns + SECONDS(2)));
    healthkit_advance(k, SECONDS(1) / 2);
    ASSERT_STATE(k, "web", 7, "AVAILABLE");
    healthkit_advance(k, SECONDS(2));
    ASSERT_STATE(k, "web", 7, "UNAVAILABLE");
    ASSERT_SHOWN(k, "web", "-");
    assert_string_equal(regkit_records(&k->reg, "web", RRTYPE_A), "30 192.0.2.7");
    assert_true(healthkit_check(k, "web", 7).check.withdrawn);
    assert_int_equal(regkit_seq(&k->reg), seq + 1);
    healthkit_advance(k, SECONDS(60));
    assert_int_equal(regkit_seq(&k->reg), seq + 1);

    k->dead[7] = false;
    healthkit_advance(k, SECONDS(4));
    ASSERT_STATE(k, "web", 7, "AVAILABLE");
    ASSERT_SHOWN(k, "web", "30 192.0.2.7");
    assert_int_equal(regkit_seq(&k->reg), seq + 2);
    assert_string_equal(healthkit_check(k, "web", 7).history,
                        "UNKNOWN>AVAILABLE AVAILABLE>UNAVAILABLE UNAVAILABLE>AVAILABLE");
}

static void soon_after_the_last_failure(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    lives(k, 7, "web");
    k->dead[7] = true;
    uint64_t died = k->mono_ns;
    while (healthkit_shown(k, "web")[0] != '-')
        assert_true(healthkit_step(k, k->mono_ns + SECONDS(5)));
    assert_true(k->mono_ns - died < SECONDS(4));
}

/* Probes follow each other by the interval from begin to begin, and never overlap. */
static void paced(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    k->takes_ns = 300 * NS_PER_MS;
    healthkit_register(k, "web", NULL, 7, CHECK_FAST);
    healthkit_advance(k, SECONDS(100));
    assert_in_range(k->answered[7], 100, 106);
    k->takes_ns = SECONDS(3);
    k->answered[7] = 0;
    healthkit_advance(k, SECONDS(100));
    assert_in_range(k->answered[7], 33, 36);
}

static void keeps_the_last_one(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", "a", 1, CHECK_FAST);
    healthkit_register(k, "web", "b", 2, CHECK_FAST);
    healthkit_advance(k, SECONDS(2));
    k->dead[2] = true;
    healthkit_advance(k, SECONDS(6));
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(6));
    ASSERT_STATE(k, "web", 1, "UNAVAILABLE");
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    assert_true(healthkit_check(k, "web", 1).check.kept);
    assert_false(healthkit_check(k, "web", 2).check.kept);
    k->dead[2] = false;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    assert_false(healthkit_check(k, "web", 1).check.kept);
}

static void all_at_once_keeps_one(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    for (unsigned host = 1; host <= 3; host++) {
        char id[8];
        snprintf(id, sizeof(id), "h%u", host);
        healthkit_register(k, "web", id, host, CHECK_FAST);
    }
    healthkit_advance(k, SECONDS(2));
    k->dead[1] = k->dead[2] = k->dead[3] = true;
    healthkit_advance(k, SECONDS(8));
    assert_true(strlen(healthkit_shown(k, "web")) == strlen("30 192.0.2.1"));
}

/* The kept one is unregistered: of the others that one stays that was alive last. */
static void the_kept_one_leaves(void **state)
{
    struct healthkit *k = *state;

    k->reg.options.keep_last = true;
    regkit_reopen(&k->reg);
    healthkit_open(k);
    healthkit_register(k, "web", "a", 1, CHECK_FAST);
    healthkit_register(k, "web", "b", 2, CHECK_FAST);
    healthkit_register(k, "web", "c", 3, CHECK_FAST);
    healthkit_advance(k, SECONDS(2));
    for (unsigned host = 3; host >= 1; host--) {
        k->dead[host] = true;
        healthkit_advance(k, SECONDS(6));
    }
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    assert_int_equal(ASK(&k->reg, OP_DELETE, "web", .id = "a"), 0);
    ASSERT_SHOWN(k, "web", "30 192.0.2.2|192.0.2.3");
    healthkit_advance(k, SECONDS(2));
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    assert_true(healthkit_check(k, "web", 2).check.kept);
    assert_int_equal(ASK(&k->reg, OP_DELETE, "web", .id = "b"), 0);
    healthkit_advance(k, SECONDS(2));
    ASSERT_SHOWN(k, "web", "-");
}

static void keeps_none_where_told(void **state)
{
    struct healthkit *k = *state;

    k->options.keep_last = false;
    healthkit_open(k);
    healthkit_register(k, "web", "a", 1, CHECK_FAST);
    healthkit_register(k, "web", "b", 2, CHECK_FAST);
    k->dead[1] = k->dead[2] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web", "-");
}

/* Two that ask for one address: it goes when both say that it is dead. */
static void two_on_one_address(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", "a", 1, CHECK_FAST);
    healthkit_register(k, "web", "b", 1, NULL);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_STATE(k, "web", 1, "UNAVAILABLE");
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    assert_int_equal(ASK(&k->reg, OP_DELETE, "web", .id = "b"), 0);
    healthkit_advance(k, SECONDS(3));
    ASSERT_SHOWN(k, "web", "-");
    healthkit_register(k, "web", "b", 1, NULL);
    healthkit_advance(k, SECONDS(3));
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
}

/* The one without a check came first. */
static void one_without_a_check_vouches(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", "a", 1, NULL);
    healthkit_register(k, "web", "b", 1, CHECK_FAST);
    healthkit_register(k, "web", "c", 2, CHECK_FAST);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web", "30 192.0.2.1|192.0.2.2");
}

/* Records that a hand has written are registrants too. */
static void hands_keep_their_last_one(void **state)
{
    struct healthkit *k = *state;
    static const struct health_rule rules[] = {{STR("*"), STR(CHECK_FAST), true}};

    k->options.rules = rules;
    k->options.nrules = 1;
    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, NULL);
    assert_int_equal(ASK(&k->reg, OP_PUT, "web", .values = "192.0.2.1|192.0.2.2"), 0);
    healthkit_advance(k, SECONDS(3));
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    k->dead[2] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web", "30 192.0.2.2");
    assert_true(healthkit_check(k, "web", 2).check.kept);
    assert_int_equal(healthkit_check(k, "web", 2).check.number, 0);
}

static void the_check_goes(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web", "-");
    healthkit_register(k, "web", NULL, 1, NULL);
    healthkit_advance(k, SECONDS(3));
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    ASSERT_STATE(k, "web", 1, "");
    unsigned begun = k->begun;
    healthkit_advance(k, SECONDS(10));
    assert_int_equal(k->begun, begun);
}

/* Another check knows nothing yet. */
static void the_check_changes(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_advance(k, SECONDS(2));
    uint64_t number = healthkit_check(k, "web", 1).check.number;
    assert_int_equal(healthkit_register(k, "web", NULL, 1, "url tcp://:81\n"), number);
    healthkit_advance(k, 0);
    ASSERT_STATE(k, "web", 1, "UNKNOWN");
    assert_int_equal(healthkit_check(k, "web", 1).check.spec.port, 81);
    healthkit_advance(k, SECONDS(1));
    ASSERT_STATE(k, "web", 1, "AVAILABLE");
    assert_int_equal(k->h->engine.checks.n, 1);
}

static void hands_are_left_alone(void **state)
{
    struct healthkit *k = *state;
    static const struct health_rule rules[] = {
        {STR("web*"), STR(CHECK_FAST), false},
        {STR("*.LAB.example"), STR(CHECK_FAST), true},
    };

    k->options.rules = rules;
    k->options.nrules = 1;
    healthkit_open(k);
    /* PUT ends the registration: what it leaves is a hand's. */
    healthkit_register(k, "web1", NULL, 1, NULL);
    assert_int_equal(ASK(&k->reg, OP_PUT, "web1", .values = "192.0.2.1"), 0);
    healthkit_register(k, "web2", NULL, 2, NULL);
    k->dead[1] = k->dead[2] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web1", "30 192.0.2.1");
    ASSERT_STATE(k, "web1", 1, "");
    ASSERT_SHOWN(k, "web2", "-");
    assert_true(healthkit_check(k, "web2", 2).check.by_rule);
    healthkit_close(k);

    k->options.nrules = 2;
    healthkit_open(k);
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web1", "-");
    ASSERT_STATE(k, "web1", 1, "UNAVAILABLE");
    healthkit_restart(k);
    ASSERT_STATE(k, "web1", 1, "UNAVAILABLE");
    k->dead[1] = false;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web1", "30 192.0.2.1");
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(8));
    healthkit_close(k);

    /* Whoever takes the rule away gets the record back. */
    k->options.nrules = 1;
    healthkit_open(k);
    healthkit_advance(k, SECONDS(3));
    ASSERT_SHOWN(k, "web1", "30 192.0.2.1");
}

static void a_replacement_is_untouched(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    uint64_t number = healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(8));
    ASSERT_SHOWN(k, "web", "-");
    /* It says that it is alive. */
    uint64_t next = healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    assert_true(next > number);
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    healthkit_advance(k, 0);
    ASSERT_STATE(k, "web", 1, "UNKNOWN");
    assert_int_equal(healthkit_check(k, "web", 1).check.number, next);
    healthkit_advance(k, SECONDS(1));
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    healthkit_advance(k, SECONDS(6));
    ASSERT_SHOWN(k, "web", "-");
    struct health_registration reg;
    assert_false(health_registration(k->h, number, &reg));
    assert_true(health_registration(k->h, next, &reg));
    assert_int_equal(reg.state, CHECK_UNAVAILABLE);
}

static void hosts_that_report(void **state)
{
    struct healthkit *k = *state;
    struct healthkit_check found;
    struct problem problem;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, "url ttl:10s\n");
    healthkit_register(k, "db", NULL, 2, CHECK_FAST);
    healthkit_advance(k, SECONDS(1));
    found = healthkit_check(k, "web", 1);
    assert_true(found.found);
    const struct dname web = found.check.owner;
    const struct dname db = healthkit_check(k, "db", 2).check.owner;
    assert_int_equal(health_report(k->h, &web, STR(""), HEALTH_PASS, STR("fine"), &problem), 0);
    ASSERT_STATE(k, "web", 1, "AVAILABLE");
    healthkit_advance(k, SECONDS(9));
    ASSERT_STATE(k, "web", 1, "AVAILABLE");
    healthkit_advance(k, SECONDS(3));
    ASSERT_STATE(k, "web", 1, "UNAVAILABLE");
    ASSERT_SHOWN(k, "web", "-");
    assert_int_equal(health_report(k->h, &web, STR("web"), HEALTH_WARN, STR("slow"), &problem), 0);
    healthkit_advance(k, SECONDS(2));
    ASSERT_SHOWN(k, "web", "30 192.0.2.1");
    assert_int_equal(health_report(k->h, &web, STR("other"), HEALTH_PASS, STR(""), &problem),
                     -BD_ENOTFOUND);
    assert_int_equal(health_report(k->h, &db, STR(""), HEALTH_PASS, STR(""), &problem),
                     -BD_ENOTFOUND);
    assert_int_equal(health_report(k->h, &web, STR(""), HEALTH_FAIL, STR("bad"), &problem), 0);
    healthkit_advance(k, SECONDS(2));
    ASSERT_SHOWN(k, "web", "-");
}

/* A hundred transitions are kept, the newest ones. */
static void many_transitions(void **state)
{
    struct healthkit *k = *state;
    struct problem problem;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, "url ttl:10s\n");
    healthkit_advance(k, SECONDS(1));
    const struct dname web = healthkit_check(k, "web", 1).check.owner;
    for (unsigned i = 0; i < 241; i++) {
        enum health_status status = i % 2 ? HEALTH_FAIL : HEALTH_PASS;
        for (unsigned rise = 0; rise < 40; rise++)
            assert_int_equal(health_report(k->h, &web, STR(""), status, STR("so"), &problem), 0);
    }
    struct healthkit_check found = healthkit_check(k, "web", 1);
    assert_int_equal(found.check.ntransitions, 100);
    assert_int_equal(strncmp(found.history, "AVAILABLE>UNAVAILABLE ", 22), 0);
}

static void counts(void **state)
{
    struct healthkit *k = *state;
    struct health_stats stats;

    healthkit_open(k);
    healthkit_register(k, "web", NULL, 1, CHECK_FAST);
    healthkit_register(k, "db", NULL, 2, CHECK_FAST);
    healthkit_register(k, "new", NULL, 3, CHECK_FAST "initial UNKNOWN\ngrace 1h\n");
    k->dead[2] = k->dead[3] = true;
    healthkit_advance(k, SECONDS(8));
    health_stats(k->h, &stats);
    assert_int_equal(stats.targets[CHECK_AVAILABLE], 1);
    assert_int_equal(stats.targets[CHECK_UNAVAILABLE], 1);
    assert_int_equal(stats.targets[CHECK_UNKNOWN], 1);
    assert_int_equal(stats.hosts, 3);
    assert_int_equal(stats.down, 1);
    assert_false(stats.panic);
    assert_true(stats.passed >= 8);
    assert_true(stats.failed >= 16);
    k->dead[1] = true;
    healthkit_advance(k, SECONDS(8));
    assert_true(health_panic(k->h));
    assert_int_equal(ASK(&k->reg, OP_DELETE, "web"), 0);
    assert_int_equal(ASK(&k->reg, OP_DELETE, "db"), 0);
    healthkit_advance(k, SECONDS(2));
    health_stats(k->h, &stats);
    assert_int_equal(stats.targets[CHECK_AVAILABLE] + stats.targets[CHECK_UNAVAILABLE], 0);
    assert_int_equal(stats.hosts, 1);
    assert_int_equal(stats.down, 0);
    assert_false(stats.panic);
}

/* That we may not ask says nothing about the host. */
static void not_asked_is_no_failure(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    lives(k, 7, "web");
    k->unasked = true;
    healthkit_advance(k, SECONDS(20));
    ASSERT_STATE(k, "web", 7, "AVAILABLE");
    ASSERT_SHOWN(k, "web", "30 192.0.2.7");
    assert_false(healthkit_check(k, "web", 7).check.last.ok);
}

/* What is refused is tried again, and not all the time; checks go on meanwhile. */
static void tried_again_later(void **state)
{
    struct healthkit *k = *state;

    healthkit_open(k);
    lives(k, 7, "web");
    registry_stop(k->reg.r);
    k->dead[7] = true;
    uint64_t changes = regkit_stats(&k->reg).changes;
    healthkit_advance(k, SECONDS(200));
    assert_int_equal(regkit_stats(&k->reg).changes, changes);
    assert_int_equal(k->h->engine.in->decide_backoff_ns, SECONDS(10));
    ASSERT_STATE(k, "web", 7, "UNAVAILABLE");
    ASSERT_SHOWN(k, "web", "30 192.0.2.7");
    k->dead[7] = false;
    healthkit_advance(k, SECONDS(40));
    ASSERT_STATE(k, "web", 7, "AVAILABLE");
    assert_int_equal(k->h->engine.in->decide_backoff_ns, 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, healthkit_make, healthkit_remove)
    const struct CMUnitTest tests[] = {
        TEST(available_at_once),
        TEST(withdrawn_and_served_again),
        TEST(soon_after_the_last_failure),
        TEST(paced),
        TEST(keeps_the_last_one),
        TEST(all_at_once_keeps_one),
        TEST(the_kept_one_leaves),
        TEST(keeps_none_where_told),
        TEST(two_on_one_address),
        TEST(one_without_a_check_vouches),
        TEST(hands_keep_their_last_one),
        TEST(the_check_goes),
        TEST(the_check_changes),
        TEST(hands_are_left_alone),
        TEST(a_replacement_is_untouched),
        TEST(hosts_that_report),
        TEST(many_transitions),
        TEST(counts),
        TEST(not_asked_is_no_failure),
        TEST(tried_again_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

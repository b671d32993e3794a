/* When leases are late and overdue, and what is heard of renewals. The registry's book and the
 * engine around leases.c are this test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/lease.h>

#include "engine.h"

#define SECOND NS_PER_S
#define REGS 3000
#define CROWD 100000

static struct {
    struct engine e;
    struct reg regs[CROWD];
    uint64_t book[CROWD]; /* by number */
    uint64_t now_ns;
    unsigned long lookups, judged;
} w;
static struct host the_host;

uint64_t __wrap_registry_renewed_ns(struct registry *r, uint64_t number);
uint64_t __wrap_registry_renewed_ns(struct registry *r, uint64_t number)
{
    (void)r;
    w.lookups++;
    return w.book[number];
}

uint64_t __wrap_engine_running_ns(struct engine *e);
uint64_t __wrap_engine_running_ns(struct engine *e)
{
    (void)e;
    return w.now_ns;
}

void __wrap_engine_heard(struct engine *e, bool local, uint64_t running_ns);
void __wrap_engine_heard(struct engine *e, bool local, uint64_t running_ns)
{
    (void)local;
    e->heard_ns = running_ns > e->heard_ns ? running_ns : e->heard_ns;
}

void __wrap_engine_judge(struct engine *e, struct host *host);
void __wrap_engine_judge(struct engine *e, struct host *host)
{
    (void)e;
    (void)host;
    w.judged++;
}

static int set_up(void **state)
{
    (void)state;
    memset(&w, 0, sizeof(w));
    w.now_ns = 1000 * SECOND;
    return leases_new(&w.e);
}

static int tear_down(void **state)
{
    (void)state;
    leases_free(&w.e);
    return 0;
}

static struct reg *add(uint64_t number, uint32_t lease_s)
{
    struct reg *reg = &w.regs[number];

    *reg = (struct reg){.number = number, .host = &the_host, .lease_s = lease_s};
    w.book[number] = w.now_ns;
    leases_reg_added(&w.e, reg);
    return reg;
}

static void pass(unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        w.now_ns += SECOND;
        leases_second(&w.e, w.now_ns);
    }
}

static void test_late_and_overdue(void **state)
{
    static const uint32_t leases[] = {10, 11, 180, 3600, 86400};
    (void)state;
    for (uint64_t i = 0; i < ARRAY_SIZE(leases); i++) {
        struct reg *reg = add(i, leases[i]);
        pass(leases[i] / 2);
        assert_false(reg->late || reg->overdue);
        pass(2);
        assert_true(reg->late && !reg->overdue);
        pass(leases[i] - leases[i] / 2 - 3);
        assert_true(reg->late && !reg->overdue);
        pass(1);
        assert_true(!reg->late && reg->overdue);
        /* One that renews after all. */
        w.book[i] = w.now_ns;
        pass(2);
        assert_false(reg->late || reg->overdue);
        assert_int_equal(reg->renewed_ns, w.book[i]);
        leases_reg_gone(&w.e, reg);
    }
    assert_true(w.judged >= 3 * ARRAY_SIZE(leases));
}

/* Among thousands, whoever's turn it is: no lease is overdue for more than a second unnoticed, and
 * nobody who renews is ever late. */
static void test_many(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < REGS; i++)
        add(i, 30 + (uint32_t)i % 300);
    w.lookups = 0;
    for (unsigned s = 0; s < 1000; s++) {
        for (uint64_t i = 0; i < REGS; i++) {
            uint64_t length = w.regs[i].lease_s * SECOND;
            bool dead = i % 3 == 0 && s > 500;
            if (!dead && w.now_ns - w.book[i] >= length / 3)
                w.book[i] = w.now_ns;
        }
        pass(1);
        for (uint64_t i = 0; i < REGS; i++) {
            const struct reg *reg = &w.regs[i];
            uint64_t ago = w.now_ns - w.book[i], length = reg->lease_s * SECOND;
            assert_true(reg->overdue || ago <= length + SECOND);
            assert_false(reg->overdue && ago < length);
            assert_false(reg->late && i % 3);
        }
    }
    assert_true(w.lookups < 1000ul * REGS);
}

/* Who is late is looked up more often: it is known soon that one renewed after all. */
static void test_late_ones_are_looked_up_often(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < REGS; i++)
        add(i, 640);
    pass(330);
    for (uint64_t i = 0; i < REGS; i++)
        assert_true(w.regs[i].late);
    for (uint64_t i = 0; i < REGS; i++)
        w.book[i] = w.now_ns;
    pass(12);
    for (uint64_t i = 0; i < REGS; i++)
        assert_false(w.regs[i].late);
    /* The same of those that are overdue. */
    pass(650);
    for (uint64_t i = 0; i < REGS; i++) {
        assert_true(w.regs[i].overdue);
        w.book[i] = w.now_ns;
    }
    pass(2);
    for (uint64_t i = 0; i < REGS; i++)
        assert_false(w.regs[i].overdue);
}

/* A look costs only what is due: a lease is looked up a few times in its life. */
static void test_idle_costs_little(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < REGS; i++)
        add(i, 180);
    w.lookups = 0;
    for (unsigned s = 0; s < 600; s++) {
        for (uint64_t i = 0; s % 60 == 0 && i < REGS; i++)
            w.book[i] = w.now_ns;
        pass(1);
    }
    assert_true(w.lookups < REGS * 600ul / 30);
}

/* While nothing is due nobody is looked up but the few of every second, of leases of any length;
 * what is counted are calls, so that it is no matter of time. */
static void test_a_crowd_that_is_idle(void **state)
{
    static const struct {
        uint32_t lease_s;
        unsigned quiet_s; /* less than half of it */
    } rows[] = {{180, 88}, {3600, 1790}, {86400, 5000}};

    (void)state;
    for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
        for (uint64_t i = 0; i < CROWD; i++)
            add(i, rows[row].lease_s);
        w.lookups = w.judged = 0;
        pass(rows[row].quiet_s);
        assert_in_range(w.lookups, rows[row].quiet_s, 8UL * rows[row].quiet_s);
        assert_int_equal(w.judged, 0);
        for (uint64_t i = 0; i < CROWD; i++)
            leases_reg_gone(&w.e, &w.regs[i]);
    }
}

/* Renewals of this run are signs of life; what the book says of an earlier one is none. */
static void test_what_is_heard(void **state)
{
    (void)state;
    w.now_ns -= SECOND;
    add(1, 180);
    assert_int_equal(w.e.heard_ns, 0);
    w.now_ns += 5 * SECOND;
    struct reg *reg = add(2, 180);
    assert_int_equal(w.e.heard_ns, w.book[2]);
    /* Of a small fleet each is heard within a second. */
    pass(3);
    w.book[2] = w.now_ns;
    pass(1);
    assert_int_equal(w.e.heard_ns, w.book[2]);
    assert_int_equal(leases_expires_ns(&w.e, reg), w.book[2] + 180 * SECOND);
    w.book[2] = w.now_ns + 7;
    assert_int_equal(leases_expires_ns(&w.e, reg), w.book[2] + 180 * SECOND);
}

static void test_changes(void **state)
{
    (void)state;
    struct reg *reg = add(1, 60);
    pass(61);
    assert_true(reg->overdue);
    /* Another length, none, and one again. */
    reg->lease_s = 120;
    leases_reg_changed(&w.e, reg);
    assert_true(reg->late && !reg->overdue);
    reg->lease_s = 0;
    leases_reg_changed(&w.e, reg);
    assert_false(reg->late || reg->overdue);
    assert_int_equal(leases_expires_ns(&w.e, reg), 0);
    assert_int_equal(leases_ends_ns(&w.e, reg), UINT64_MAX);
    pass(200);
    assert_false(reg->late || reg->overdue);
    reg->lease_s = 60;
    leases_reg_changed(&w.e, reg);
    assert_true(reg->overdue);
    assert_int_equal(leases_ends_ns(&w.e, reg), w.book[1] + 60 * SECOND);
    /* What the book does not know begins now. */
    w.book[2] = 0;
    w.regs[2] = (struct reg){.number = 2, .host = &the_host, .lease_s = 60};
    leases_reg_added(&w.e, &w.regs[2]);
    assert_int_equal(w.regs[2].renewed_ns, w.now_ns);
    assert_int_equal(leases_expires_ns(&w.e, &w.regs[2]), 0);
    /* Gone from the middle of a slot. */
    for (uint64_t i = 3; i < 10; i++)
        add(i, 60);
    leases_reg_gone(&w.e, &w.regs[5]);
    memset(&w.regs[5], 0xa5, sizeof(w.regs[5]));
    pass(300);
    assert_true(w.regs[4].overdue && w.regs[6].overdue && w.regs[9].overdue);
}

/* The clock may stand still, and go on by more than a second. */
static void test_clock(void **state)
{
    (void)state;
    struct reg *reg = add(1, 60);
    for (int i = 0; i < 100; i++)
        leases_second(&w.e, w.now_ns);
    assert_false(reg->late || reg->overdue);
    for (uint64_t i = 2; i < REGS; i++)
        add(i, 60 + (uint32_t)i);
    w.now_ns += 100000 * SECOND;
    leases_second(&w.e, w.now_ns);
    assert_true(reg->overdue);
    for (uint64_t i = 2; i < REGS; i++)
        assert_true(w.regs[i].overdue);
    w.book[1] = w.now_ns;
    pass(1);
    assert_false(reg->late || reg->overdue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_late_and_overdue, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_late_ones_are_looked_up_often, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_idle_costs_little, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_crowd_that_is_idle, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_heard, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_changes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_clock, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

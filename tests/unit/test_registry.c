/* What changes do to records and registrations, row by row. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "registry_kit.h"

static int start(void **state)
{
    static struct regkit kit;

    regkit_start(&kit);
    *state = &kit;
    if (regkit_open(&kit) < 0)
        fail_msg("%s", kit.problem.detail);
    return 0;
}

static int end(void **state)
{
    regkit_end(*state);
    return 0;
}

#define RECORDS(name, text) assert_string_equal(regkit_records(k, name, RRTYPE_A), text)
#define REGS(name, text) assert_string_equal(regkit_registrations(k, name, RRTYPE_A), text)

static void a_made_zone_has_soa_and_ns(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(regkit_serial(k, 0), 1);
    assert_string_equal(regkit_records(k, "@", RRTYPE_NS), "30 ns1.lab.example.");
    RECORDS("ns1", "30 127.0.0.1");
    assert_string_equal(regkit_records(k, "@", RRTYPE_SOA),
                        "30 ns1.lab.example. hostmaster.lab.example. 1 3600 600 1209600 10");
}

static void a_registration_is_durable(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "Web", .values = "192.0.2.1"), 0);
    assert_true(k->receipt.changed && k->receipt.created);
    assert_int_equal(k->receipt.serial, 2);
    assert_int_equal(k->receipt.seq, regkit_seq(k));
    assert_non_null(k->receipt.set);
    regkit_reopen(k);
    RECORDS("web", "30 192.0.2.1");
    REGS("web", "web=192.0.2.1");
    assert_int_equal(regkit_serial(k, 0), 2);
}

#define T(f) cmocka_unit_test_setup_teardown(f, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_made_zone_has_soa_and_ns),
        T(a_registration_is_durable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

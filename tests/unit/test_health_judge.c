/* Which checks requests may ask for, and what they are told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>

#include "engine.h"

#include <betterdns/network.h>

static struct health health;
static struct network allow;
static struct problem problem;

static int judge(const char *check, const char *address, const char *caller)
{
    struct health_request r = {.check = str_c(check), .caller = str_c(caller)};

    if (address && inet_pton(AF_INET, address, r.address) == 1)
        r.naddress = 4;
    else if (address && inet_pton(AF_INET6, address, r.address) == 1)
        r.naddress = 16;
    problem = (struct problem){0};
    return health_judge(&health, &r, &problem);
}

static void assert_refused(const char *detail, const char *hint)
{
    assert_int_equal(problem.error, -BD_EINVALID);
    assert_string_equal(problem.field, "check");
    assert_string_equal(problem.detail, detail);
    assert_non_null(strstr(problem.hint, hint));
}

static int set_up(void **state)
{
    (void)state;
    health.engine.options = (struct health_options){.defaults = CHECK_DEFAULTS};
    return 0;
}

static void test_addresses(void **state)
{
    (void)state;
    assert_int_equal(judge("url http://:80/\n", "192.0.2.7", "192.0.2.7"), 0);
    assert_int_equal(judge("url tcp://:22\n", "2001:db8::7", "2001:db8::7"), 0);
    assert_int_equal(judge("url tcp://:22\n", "192.0.2.8", "192.0.2.7"), -BD_EINVALID);
    assert_refused("192.0.2.8 is not the address that asks: no check goes there",
                   "allow: [192.0.2.8]");
    assert_int_equal(judge("url tcp://:22\n", "127.0.0.9", "127.0.0.1"), -BD_EINVALID);
    assert_refused("127.0.0.9 is loopback: no check goes there", "allow: [127.0.0.9]");
    assert_int_equal(judge("url dns://:53/x\n", "fe80::1", "fe80::1"), -BD_EINVALID);
    assert_refused("fe80::1 is link-local: no check goes there", "checks.allow");
    assert_int_equal(judge("url tcp://:22\n", "192.0.2.8", "nobody"), -BD_EINVALID);
    assert_int_equal(network_parse(STR("192.0.2.0/24"), &allow), 0);
    health.engine.options.allow = &allow;
    health.engine.options.nallow = 1;
    assert_int_equal(judge("url tcp://:22\n", "192.0.2.8", "192.0.2.7"), 0);
}

/* A report of the host's own reaches nobody. */
static void test_reports(void **state)
{
    (void)state;
    assert_int_equal(judge("url ttl:1m\n", "192.0.2.8", "192.0.2.7"), 0);
    assert_int_equal(judge("url ttl:1m\n", NULL, "192.0.2.7"), 0);
    assert_int_equal(judge("url tcp://:22\n", NULL, "192.0.2.7"), -BD_EINVALID);
    assert_refused("only A and AAAA records have an address for a check to go to", "ttl:60s");
}

static void test_commands(void **state)
{
    static const struct health_command commands[] = {{.name = STR("disk")}, {.name = STR("load")}};

    (void)state;
    assert_int_equal(judge("url exec:disk\n", "192.0.2.7", "192.0.2.7"), -BD_EINVALID);
    assert_refused("there is no check exec:disk", "in the configuration alone");
    health.engine.options.commands = commands;
    health.engine.options.ncommands = 2;
    assert_int_equal(judge("url exec:disk\n", "192.0.2.7", "192.0.2.7"), 0);
    assert_int_equal(judge("url exec:rm\n", "192.0.2.7", "192.0.2.7"), -BD_EINVALID);
    assert_refused("there is no check exec:rm", "checks.exec of the configuration has disk, load");
    assert_int_equal(judge("url exec:disk\n", "192.0.2.8", "192.0.2.7"), -BD_EINVALID);
    assert_refused("192.0.2.8 is not the address that asks: no check goes there", "checks.allow");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_addresses, set_up),
        cmocka_unit_test_setup(test_reports, set_up),
        cmocka_unit_test_setup(test_commands, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

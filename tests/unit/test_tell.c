/* Which events a change gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <betterdns/buf.h>
#include <betterdns/events.h>
#include <betterdns/rrtype.h>

#include "registry_kit.h"

static struct events *events;
static struct events_reader *reader;
static struct buf heard;
static bool brief = true; /* nothing is said of `changed` */

static void add_member(struct str json, const char *key)
{
    char find[32];
    size_t n = (size_t)snprintf(find, sizeof(find), "\"%s\":", key);
    const char *at = memmem(json.p, json.n, find, n);

    assert_non_null(at);
    at += n;
    const char *end = strpbrk(at, ",}");
    buf_addf(&heard, " %.*s", (int)(end - at), at);
}

static int hear(void *arg, const struct event_view *ev)
{
    (void)arg;
    buf_addf(&heard, "%s%s", heard.n ? "; " : "", event_kind_name(ev->kind));
    if (ev->kind == EVENT_CHANGED && brief)
        return 0;
    add_member(ev->json, "name");
    add_member(ev->json, "registration");
    add_member(ev->json, "detail");
    return 0;
}

/* What was told since the last call: "registered "web.lab.example." "web" null; changed". */
static const char *told(void)
{
    buf_reset(&heard);
    assert_int_equal(events_read(reader, hear, NULL), 0);
    buf_add_c(&heard, '\0');
    return heard.p;
}

#define WEB " \"web.lab.example.\""

static void test_registering(void **state)
{
    struct regkit *k = *state;

    assert_string_equal(told(), ""); /* imports are no news */
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.7", .id = "a"), 0);
    assert_string_equal(told(), "registered" WEB " \"a\" null; changed");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.7", .id = "a"), 0);
    assert_string_equal(told(), "");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.8", .id = "b"), 0);
    assert_string_equal(told(), "registered" WEB " \"b\" null; changed");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.9", .id = "b"), 0);
    assert_string_equal(told(), "changed");
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "b"), 0);
    assert_string_equal(told(), "unregistered" WEB " \"b\" \"http\"; changed");
    assert_int_equal(ASK(k, OP_DELETE, "nobody"), -BD_ENOTFOUND);
    assert_int_equal(ASK(k, OP_DELETE, "web", .dry_run = true), 0);
    assert_string_equal(told(), "");
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1"), 0);
    assert_string_equal(told(), "unregistered" WEB " \"a\" \"http\"; changed");
}

static void test_withdrawing(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.7", .id = "a", .lease_s = 60),
                     0);
    uint64_t number = k->receipt.number;
    told();
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.7", .numbers = {number}), 0);
    assert_string_equal(told(), "withdrawn" WEB " \"a\" \"192.0.2.7\"; changed");
    assert_int_equal(ASK(k, OP_SERVE, "web", .values = "192.0.2.7"), 0);
    assert_string_equal(told(), "restored" WEB " \"a\" \"192.0.2.7\"; changed");
    assert_int_equal(ASK(k, OP_WITHDRAW, "web", .values = "192.0.2.7", .numbers = {number}), 0);
    told();
    /* A sign of life is a new registration of a host that never left. */
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.7", .id = "a", .lease_s = 60),
                     0);
    assert_true(k->receipt.number > number);
    assert_string_equal(told(), "registered" WEB " \"a\" null; restored" WEB
                                " \"a\" \"192.0.2.7\"; changed");
}

static void test_what_changed(void **state)
{
    struct regkit *k = *state;
    struct change *c = change_new(CHANGE_HEALTH, STR(""));
    char many[1024] = "";

    brief = false;
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .ttl = 60), 0);
    assert_string_equal(told(), "registered" WEB " \"web\" null; changed" WEB
                                " null \"http: 60 192.0.2.1\"");
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1|192.0.2.2"), 0);
    told();
    assert_int_equal(ASK(k, OP_PUT, "web", .values = "192.0.2.1|192.0.2.2", .ttl = 70), 0);
    assert_string_equal(told(), "changed" WEB " null \"http: 70 192.0.2.1 192.0.2.2\"");
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    assert_string_equal(told(), "changed" WEB " null \"http: nothing\"");
    for (int i = 1; i < 60; i++)
        snprintf(many + strlen(many), sizeof(many) - strlen(many), "%s192.0.2.%d", i > 1 ? "|" : "",
                 i);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = many), 0);
    const char *cut = strstr(told(), "changed");
    assert_true(strlen(cut) < 300 && strstr(cut, "192.0.2.1 192.0.2.2 192.0.2.3 "));
    assert_string_equal(cut + strlen(cut) - 4, "...\"");
    regkit_add(c, &WHAT(OP_REGISTER, "a", .values = "192.0.2.1"));
    regkit_add(c, &WHAT(OP_REGISTER, "1.2.0.192.in-addr.arpa.", .type = RRTYPE_PTR, .values = "a"));
    assert_int_equal(regkit_submit(k, c), 0);
    assert_non_null(strstr(told(), "changed \"a.lab.example.\" null \"health: "));
    assert_non_null(strstr(heard.p, "changed \"1.2.0.192.in-addr.arpa.\" null \"health: "));
    brief = true;
}

static void test_a_hundred_and_one(void **state)
{
    struct regkit *k = *state;

    brief = false;
    for (unsigned n = 100; n <= 101; n++) {
        struct change *c = change_new(CHANGE_HTTP, STR("192.0.2.1"));
        for (unsigned i = 0; i < n; i++) {
            char name[32];
            snprintf(name, sizeof(name), "n%u-%u", n, i);
            regkit_add(c, &WHAT(OP_REGISTER, name, .values = "192.0.2.7"));
        }
        told();
        assert_int_equal(regkit_submit(k, c), 0);
        if (n == 101)
            assert_non_null(strstr(told(), "changed null null \"http: 101 record sets\""));
        else
            assert_non_null(strstr(told(), "changed \"n100-99.lab.example.\" null"));
    }
    brief = true;
}

/* Of a very large change not each is told. */
static void test_many(void **state)
{
    struct regkit *k = *state;
    struct change *c = change_new(CHANGE_HTTP, STR("192.0.2.1"));
    struct events_stats stats;

    for (unsigned i = 0; i < 12000; i++) {
        char name[32];
        snprintf(name, sizeof(name), "host%u", i);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = "192.0.2.7"));
    }
    told();
    assert_int_equal(regkit_submit(k, c), 0);
    brief = false;
    assert_non_null(strstr(told(),
                           "changed null null \"http: 12000 record sets; 2000 more events of "
                           "it are left out\""));
    brief = true;
    events_stats(events, &stats);
    assert_int_equal(stats.added[EVENT_REGISTERED], 10000);
    assert_int_equal(stats.added[EVENT_CHANGED], 1);
}

static int set_up(void **state)
{
    static struct regkit kit;

    regkit_start(&kit);
    assert_int_equal(events_new(0, &events), 0);
    kit.options.events = events;
    assert_int_equal(regkit_open(&kit), 0);
    assert_int_equal(events_open(events, STR("0"), &reader), 0);
    *state = &kit;
    return 0;
}

static int tear_down(void **state)
{
    regkit_end(*state);
    events_close(reader);
    events_free(events);
    buf_free(&heard);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_registering, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_withdrawing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_changed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_hundred_and_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_many, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

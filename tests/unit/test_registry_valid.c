/* What is refused, with the field and a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/clock.h>

#include "registry_kit.h"

static void check(struct regkit *k, int got, int want, const char *field, const char *words)
{
    assert_int_equal(got, want);
    assert_int_equal(k->problem.error, want);
    assert_string_equal(k->problem.field, field);
    if (!strstr(k->problem.detail, words))
        fail_msg("'%s' does not say '%s'", k->problem.detail, words);
}

#define REFUSED(error, field, words, ...) check(k, ASK(k, __VA_ARGS__), error, field, words)

static void names(void **state)
{
    struct regkit *k = *state;

    REFUSED(-BD_ENOZONE, "name", "lab.example., 2.0.192.in-addr.arpa.", OP_REGISTER, "web.other.",
            .values = "192.0.2.1");
    REFUSED(-BD_EINVALID, "name", "not a host name", OP_REGISTER, "we\\032b",
            .values = "192.0.2.1");
    REFUSED(-BD_EINVALID, "name", "not a host name", OP_REGISTER, "-web", .values = "192.0.2.1");
    assert_int_equal(ASK(k, OP_REGISTER, "*.web_1", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "we\\032b", RRTYPE_TXT, "x"), 0);
}

static void types(void **state)
{
    struct regkit *k = *state;
    static const char soa[] = "ns1 root 1 1 1 1 1";

    REFUSED(-BD_EINVALID, "type", "belongs to the zone", OP_REGISTER, "@", RRTYPE_SOA, soa);
    REFUSED(-BD_EINVALID, "type", "belongs to the zone", OP_PUT, "@", RRTYPE_SOA, soa);
    REFUSED(-BD_EINVALID, "type", "belongs to the zone", OP_DELETE, "@", RRTYPE_SOA);
    REFUSED(-BD_EINVALID, "type", "cannot be stored", OP_DELETE, "@", 255);
    REFUSED(-BD_EINVALID, "type", "cannot be stored", OP_DELETE, "@", 41);
}

static void ttls(void **state)
{
    struct regkit *k = *state;

    REFUSED(-BD_EINVALID, "ttl", "2147483648", OP_REGISTER, "web", .values = "192.0.2.1",
            .ttl = UINT32_C(0x80000000));
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .ttl = INT32_MAX), 0);
}

static void cname_stands_alone(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "alias", RRTYPE_CNAME, "web"), 0);
    REFUSED(-BD_ECONFLICT, "name", "is a CNAME", OP_REGISTER, "alias", .values = "192.0.2.1");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    /* As in a zone file: what DNSSEC adds (RFC 2181 §10.1). */
    assert_int_equal(ASK(k, OP_REGISTER, "alias", 25, "\\# 4 00000301"), 0);
    REFUSED(-BD_ECONFLICT, "name", "has A records", OP_REGISTER, "web", RRTYPE_CNAME, "alias");
    REFUSED(-BD_ECONFLICT, "name", "the zone itself", OP_REGISTER, "@", RRTYPE_CNAME, "web");
    REFUSED(-BD_EINVALID, "value", "one CNAME record", OP_REGISTER, "x", RRTYPE_CNAME, "a|b");
    REFUSED(-BD_ECONFLICT, "value", "registered by 'alias'", OP_REGISTER, "alias", RRTYPE_CNAME,
            "other", .id = "second");
    /* A name below it is another name. */
    assert_int_equal(ASK(k, OP_REGISTER, "a.alias", .values = "192.0.2.1"), 0);
}

static void cname_stands_alone_inside_a_change(void **state)
{
    struct regkit *k = *state;
    struct change *c = change_new(CHANGE_HTTP, STR("test"));

    regkit_add(c, &WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    regkit_add(c, &WHAT(OP_REGISTER, "web", RRTYPE_CNAME, "alias"));
    check(k, regkit_submit(k, c), -BD_ECONFLICT, "name", "has A records");
    assert_int_equal(k->problem.op, 1);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
}

static void the_last_name_server_stays(void **state)
{
    struct regkit *k = *state;

    REFUSED(-BD_ECONFLICT, "name", "last NS", OP_DELETE, "@", RRTYPE_NS);
    REFUSED(-BD_ECONFLICT, "name", "last NS", OP_DELETE, "@", RRTYPE_NS, "ns1");
    assert_int_equal(ASK(k, OP_PUT, "@", RRTYPE_NS, "ns1|ns2"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "@", RRTYPE_NS, "ns1"), 0);
    assert_string_equal(regkit_records(k, "@", RRTYPE_NS), "30 ns2.lab.example.");
}

static void ids(void **state)
{
    struct regkit *k = *state;
    char id[257];

    memset(id, 'x', sizeof(id));
    id[256] = '\0';
    REFUSED(-BD_EINVALID, "id", "255", OP_REGISTER, "web", .values = "192.0.2.1", .id = id);
    id[255] = '\0';
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .id = id), 0);
    REFUSED(-BD_EINVALID, "id", "control", OP_REGISTER, "web", .values = "192.0.2.1", .id = "a\nb");
    REFUSED(-BD_EINVALID, "id", "UTF-8", OP_REGISTER, "web", .values = "192.0.2.1", .id = "a\xff");
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .id = "h\xc3\xb6st"), 0);
}

/* One operation with n A records, 10.x.y.z. */
static int register_many(struct regkit *k, unsigned n, const char *id)
{
    uint8_t *bytes = malloc(n * 6UL);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    struct op op = {.kind = OP_REGISTER,
                    .type = RRTYPE_A,
                    .values = {.p = bytes, .n = n * 6, .count = n},
                    .id = str_c(id)};

    for (unsigned i = 0; i < n; i++) {
        const uint8_t record[6] = {0, 4, 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i};
        memcpy(bytes + 6UL * i, record, 6);
    }
    assert_int_equal(dname_from_text(STR("many.lab.example."), NULL, &op.owner, NULL), 0);
    assert_int_equal(change_add(c, &op), 0);
    free(bytes);
    return regkit_submit(k, c);
}

static void a_set_fits_into_a_message(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(register_many(k, 2000, "a"), 0);
    assert_int_equal(register_many(k, 4092, "a"), 0); /* 12 + 18 + 4 + 11 + 4092 * 16 = 65517 */
    check(k, register_many(k, 4094, "a"), -BD_EINVALID, "value", "65535");
    /* Two that fit, together do not. */
    check(k, ASK(k, OP_REGISTER, "many", .values = "192.0.2.1|192.0.2.2", .id = "b"), -BD_EINVALID,
          "value", "do not fit");
    assert_string_equal(regkit_registrations(k, "many", RRTYPE_AAAA), "");
}

static void bad_rdata(void **state)
{
    struct regkit *k = *state;
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    static const uint8_t bytes[] = {0, 3, 192, 0, 2};
    struct op op = {.kind = OP_REGISTER,
                    .type = RRTYPE_A,
                    .values = {.p = bytes, .n = sizeof(bytes), .count = 1}};

    assert_int_equal(dname_from_text(STR("web.lab.example."), NULL, &op.owner, NULL), 0);
    assert_int_equal(change_add(c, &op), 0);
    check(k, regkit_submit(k, c), -BD_EINVALID, "value", "not a valid A record");
    REFUSED(-BD_EINVALID, "value", "no value", OP_REGISTER, "web");
}

static void a_change_is_submitted_once(void **state)
{
    struct regkit *k = *state;
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    struct problem problem;

    regkit_add(c, &WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    assert_int_equal(registry_submit(k->r, c, UINT64_MAX, NULL, NULL), 0);
    assert_int_equal(registry_submit(k->r, c, UINT64_MAX, NULL, &problem), -EALREADY);
    change_put(c);
}

static void after_stop_nothing_new(void **state)
{
    struct regkit *k = *state;

    registry_stop(k->r);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), -BD_ESTOPPING);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(names),
        T(types),
        T(ttls),
        T(cname_stands_alone),
        T(cname_stands_alone_inside_a_change),
        T(the_last_name_server_stays),
        T(ids),
        T(a_set_fits_into_a_message),
        T(bad_rdata),
        T(a_change_is_submitted_once),
        T(after_stop_nothing_new),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Record sets as JSON, to the letter of interface.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "record_json.h"

static struct dname name_of(const char *text)
{
    struct dname d;

    assert_int_equal(dname_from_text(str_c(text), NULL, &d, NULL), 0);
    return d;
}

/* A packed set of one or more texts. */
static struct rdset set_of(uint16_t type, const char *const *texts, size_t n, uint8_t **ret_bytes)
{
    struct rdata *rdata = calloc(n, sizeof(*rdata));
    struct str records[4];
    struct lex_error error;
    struct rdset set = {.p = NULL};

    assert_non_null(rdata);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(rdata_from_text(type, str_c(texts[i]), NULL, &rdata[i], &error), 0);
        records[i] = (struct str){(const char *)rdata[i].b, rdata[i].n};
    }
    assert_int_equal(rdset_pack(type, records, n, ret_bytes, &set), 0);
    free(rdata);
    return set;
}

static void check(const struct rrset *set, const char *expected)
{
    struct dname zone = name_of("lab.example.");
    struct buf out = {.p = NULL}, scratch = {.p = NULL};
    struct json j = {.out = &out};
    const struct record_json with = {.scratch = &scratch};

    record_json(&j, set, &zone, &with);
    buf_add(&out, "", 1);
    assert_string_equal(out.p, expected);
    buf_free(&out);
    buf_free(&scratch);
}

static void test_interface_example(void **state)
{
    static const char *const texts[] = {"192.0.2.7"};
    struct dname owner = name_of("WEB.lab.example.");
    uint8_t *bytes;
    struct rdset values = set_of(RRTYPE_A, texts, 1, &bytes);
    const struct registration reg = {
        .number = 12,
        .id = STR("web"),
        .source = STR("192.0.2.7"),
        .created = 1795521600,
        .asked_ttl = UINT32_MAX,
        .asked = values,
    };
    struct rrset *set = rrset_new(&owner, RRTYPE_A, 30, &values, &reg, 1);

    (void)state;
    check(set, "{\"name\":\"web.lab.example.\",\"zone\":\"lab.example.\",\"class\":\"IN\","
               "\"type\":\"A\",\"ttl\":30,\"values\":[\"192.0.2.7\"],\"registrations\":["
               "{\"number\":12,\"id\":\"web\",\"subject\":null,\"values\":[\"192.0.2.7\"],"
               "\"source\":\"192.0.2.7\",\"created\":\"2026-11-24T12:00:00Z\",\"lease\":null,"
               "\"expires\":null,\"check\":null,\"state\":\"UNKNOWN\",\"withdrawn\":false}]}");
    rrset_put(set);
    free(bytes);
}

/* All that it asked for is withdrawn; the check as it was asked for. */
static void test_lease_and_check(void **state)
{
    static const char *const texts[] = {"192.0.2.7", "192.0.2.8"};
    struct dname owner = name_of("web.lab.example.");
    uint8_t *bytes, *one_bytes;
    struct rdset values = set_of(RRTYPE_A, texts, 2, &bytes);
    struct rdset one = set_of(RRTYPE_A, texts, 1, &one_bytes);
    const struct registration regs[] = {
        {.number = 12,
         .id = STR("a"),
         .source = STR("192.0.2.7"),
         .created = 1795521600,
         .lease_s = 90,
         .check = STR("url http://:80/\ninterval 1s\nfall 2\nrise 3\nstatus 200\nbody 007\n"),
         .asked_ttl = UINT32_MAX,
         .asked = one},
        {.number = 13,
         .id = STR("b"),
         .flags = REG_DRAINING,
         .source = STR("192.0.2.8"),
         .created = 1795521600,
         .asked_ttl = UINT32_MAX,
         .asked = values},
    };
    struct rrset *set = rrset_new_withdrawn(&owner, RRTYPE_A, 30, &values, &one, regs, 2);

    (void)state;
    check(set,
          "{\"name\":\"web.lab.example.\",\"zone\":\"lab.example.\",\"class\":\"IN\","
          "\"type\":\"A\",\"ttl\":30,\"values\":[\"192.0.2.7\",\"192.0.2.8\"],\"registrations\":["
          "{\"number\":12,\"id\":\"a\",\"subject\":null,\"values\":[\"192.0.2.7\"],"
          "\"source\":\"192.0.2.7\",\"created\":\"2026-11-24T12:00:00Z\",\"lease\":\"1m30s\","
          "\"expires\":null,\"check\":{\"url\":\"http://:80/\",\"interval\":\"1s\",\"fall\":2,"
          "\"rise\":3,\"status\":\"200\",\"body\":\"007\"},"
          "\"state\":\"UNKNOWN\",\"withdrawn\":true},"
          "{\"number\":13,\"id\":\"b\",\"subject\":null,\"values\":[\"192.0.2.7\",\"192.0.2.8\"],"
          "\"source\":\"192.0.2.8\",\"created\":\"2026-11-24T12:00:00Z\",\"lease\":null,"
          "\"expires\":null,\"check\":null,\"state\":\"UNKNOWN\",\"withdrawn\":false,"
          "\"draining\":true}]}");
    rrset_put(set);
    free(bytes);
    free(one_bytes);
}

/* An empty id marks imported records; nobody registered them. */
static void test_unclaimed_is_not_told(void **state)
{
    static const char *const texts[] = {"192.0.2.7", "192.0.2.8"};
    struct dname owner = name_of("lab.example.");
    uint8_t *bytes;
    struct rdset values = set_of(RRTYPE_A, texts, 2, &bytes);
    const struct registration reg = {.number = 1, .id = STR(""), .asked = values};
    struct rrset *set = rrset_new(&owner, RRTYPE_A, 0, &values, &reg, 1);

    (void)state;
    check(set, "{\"name\":\"lab.example.\",\"zone\":\"lab.example.\",\"class\":\"IN\","
               "\"type\":\"A\",\"ttl\":0,\"values\":[\"192.0.2.7\",\"192.0.2.8\"],"
               "\"registrations\":[]}");
    rrset_put(set);
    free(bytes);
}

static void test_text_is_quoted_twice(void **state)
{
    static const char *const texts[] = {"\"a; b\" \"c\\\"d\""};
    struct dname owner = name_of("t\\.x.lab.example.");
    uint8_t *bytes;
    struct rdset values = set_of(RRTYPE_TXT, texts, 1, &bytes);
    struct rrset *set = rrset_new(&owner, RRTYPE_TXT, 5, &values, NULL, 0);

    (void)state;
    check(set, "{\"name\":\"t\\\\.x.lab.example.\",\"zone\":\"lab.example.\",\"class\":\"IN\","
               "\"type\":\"TXT\",\"ttl\":5,\"values\":[\"\\\"a; b\\\" \\\"c\\\\\\\"d\\\"\"],"
               "\"registrations\":[]}");
    rrset_put(set);
    free(bytes);
}

static void test_soa(void **state)
{
    static const char *const texts[] = {"ns1.lab.example. h.lab.example. 7 3600 600 86400 10"};
    struct dname owner = name_of("lab.example.");
    uint8_t *bytes;
    struct rdset values = set_of(RRTYPE_SOA, texts, 1, &bytes);
    struct rrset *set = rrset_new(&owner, RRTYPE_SOA, 60, &values, NULL, 0);
    struct buf out = {.p = NULL};
    struct json j = {.out = &out};

    (void)state;
    record_json_soa(&j, set);
    buf_add(&out, "", 1);
    assert_string_equal(out.p, "{\"ttl\":60,\"mname\":\"ns1.lab.example.\",\"rname\":"
                               "\"h.lab.example.\",\"serial\":7,\"refresh\":3600,\"retry\":600,"
                               "\"expire\":86400,\"minimum\":10}");
    buf_free(&out);
    rrset_put(set);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interface_example),
        cmocka_unit_test(test_lease_and_check),
        cmocka_unit_test(test_unclaimed_is_not_told),
        cmocka_unit_test(test_text_is_quoted_twice),
        cmocka_unit_test(test_soa),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Changes as JSON, to the letter of interface.md. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "changes.h"

static struct dname origins[2];

static int setup(void **state)
{
    (void)state;
    return dname_from_text(STR("lab.example."), NULL, &origins[0], NULL) < 0 ||
                   dname_from_text(STR("2.0.192.in-addr.arpa."), NULL, &origins[1], NULL) < 0
               ? -1
               : 0;
}

static struct rrset *make_set(const char *owner, uint16_t type, uint32_t ttl, const char *value)
{
    struct rdata *rdata = calloc(1, sizeof(*rdata));
    struct lex_error error;
    struct rdset set = {.p = NULL};
    struct dname name;
    struct str record;
    uint8_t *bytes;

    assert_non_null(rdata);
    assert_int_equal(dname_from_text(str_c(owner), NULL, &name, NULL), 0);
    assert_int_equal(rdata_from_text(type, str_c(value), NULL, rdata, &error), 0);
    record = (struct str){(const char *)rdata->b, rdata->n};
    assert_int_equal(rdset_pack(type, &record, 1, &bytes, &set), 0);
    struct rrset *made = rrset_new(&name, type, ttl, &set, NULL, 0);
    assert_non_null(made);
    free(bytes);
    free(rdata);
    return made;
}

static int count_piece(void *arg)
{
    unsigned *n = arg;

    return ++*n == 100 ? -EPIPE : 0;
}

#define ORIGIN "\"seq\":57,\"time\":\"2026-11-24T12:00:00Z\","

/* One that touched two zones, and a number that is not known any more. */
static void test_a_change_is_an_object_a_zone(void **state)
{
    struct rrset *old = make_set("web.lab.example.", RRTYPE_A, 30, "192.0.2.7");
    struct rrset *new = make_set("web.lab.example.", RRTYPE_A, 60, "192.0.2.8");
    struct rrset *txt = make_set("web.lab.example.", RRTYPE_TXT, 5, "\"a\"");
    struct rrset *ptr = make_set("7.2.0.192.in-addr.arpa.", RRTYPE_PTR, 30, "web.lab.example.");
    const struct history_zone zones[] = {{0, 9}, {1, 0}};
    const struct history_diff diffs[] = {{0, old, new}, {0, NULL, txt}, {1, ptr, NULL}};
    const struct history_change c = {
        .seq = 57,
        .time = 1795521600,
        .source = "http",
        .actor = STR("192.0.2.1"),
        .zones = zones,
        .nzones = 2,
        .diffs = diffs,
        .ndiffs = 3,
    };
    struct buf out = {.p = NULL}, scratch = {.p = NULL};
    struct json j = {.out = &out};
    unsigned pieces = 0;

    (void)state;
    json_open(&j, '[');
    assert_int_equal(change_json(&j, origins, &c, &scratch, count_piece, &pieces), 0);
    json_close(&j, ']');
    buf_add(&out, "", 1);
    assert_string_equal(
        out.p, "[{" ORIGIN "\"zone\":\"lab.example.\",\"serial\":9,\"source\":\"http\","
               "\"actor\":\"192.0.2.1\",\"operations\":["
               "{\"name\":\"web.lab.example.\",\"type\":\"A\","
               "\"before\":{\"ttl\":30,\"values\":[\"192.0.2.7\"]},"
               "\"after\":{\"ttl\":60,\"values\":[\"192.0.2.8\"]}},"
               "{\"name\":\"web.lab.example.\",\"type\":\"TXT\",\"before\":null,"
               "\"after\":{\"ttl\":5,\"values\":[\"\\\"a\\\"\"]}}]},"
               "{" ORIGIN "\"zone\":\"2.0.192.in-addr.arpa.\",\"serial\":null,\"source\":\"http\","
               "\"actor\":\"192.0.2.1\",\"operations\":["
               "{\"name\":\"7.2.0.192.in-addr.arpa.\",\"type\":\"PTR\","
               "\"before\":{\"ttl\":30,\"values\":[\"web.lab.example.\"]},\"after\":null}]}]");
    assert_int_equal(pieces, 3);
    pieces = 98; /* the client leaves at the second set */
    assert_int_equal(change_json(&j, origins, &c, &scratch, count_piece, &pieces), -EPIPE);
    assert_int_equal(pieces, 100);
    buf_free(&out);
    buf_free(&scratch);
    rrset_put(old);
    rrset_put(new);
    rrset_put(txt);
    rrset_put(ptr);
}

/* What DNS does not show is a part of the history, too. */
static void test_what_is_withdrawn(void **state)
{
    struct rrset *shown = make_set("web.lab.example.", RRTYPE_A, 30, "192.0.2.7");
    struct rdset values = rrset_rdatas(shown);
    struct dname owner;
    rrset_owner(shown, &owner);
    struct rrset *hidden = rrset_new_withdrawn(&owner, RRTYPE_A, 30, &values, &values, NULL, 0);
    const struct history_zone zones[] = {{0, 9}};
    const struct history_diff diffs[] = {{0, shown, hidden}};
    const struct history_change c = {.seq = 57,
                                     .time = 1795521600,
                                     .source = "health",
                                     .actor = STR("health"),
                                     .zones = zones,
                                     .nzones = 1,
                                     .diffs = diffs,
                                     .ndiffs = 1};
    struct buf out = {.p = NULL}, scratch = {.p = NULL};
    struct json j = {.out = &out};
    unsigned pieces = 0;

    (void)state;
    assert_non_null(hidden);
    assert_int_equal(change_json(&j, origins, &c, &scratch, count_piece, &pieces), 0);
    buf_add(&out, "", 1);
    assert_non_null(strstr(out.p, "\"before\":{\"ttl\":30,\"values\":[\"192.0.2.7\"]},"
                                  "\"after\":{\"ttl\":30,\"values\":[\"192.0.2.7\"],"
                                  "\"withdrawn\":[\"192.0.2.7\"]}}"));
    buf_free(&out);
    buf_free(&scratch);
    rrset_put(shown);
    rrset_put(hidden);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_change_is_an_object_a_zone),
        cmocka_unit_test(test_what_is_withdrawn),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}

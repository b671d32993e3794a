/* The fields of writes: leases and checks, in forms and in JSON, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "fields.h"
#include "http_kit.h"

/* Answers "LEASE|CHECK", or the problem as "FIELD: DETAIL". */
static void echo(const struct http_request *rq, struct http_response *rs, enum fields_method method)
{
    struct problem problem = {0};
    struct fields f = {.has_ttl = false};
    int r = fields_read(rq, rrtype_by_code(RRTYPE_A), method, &f, &problem);

    http_type(rs, "text/plain");
    if (r < 0) {
        http_status(rs, http_status_of(r));
        buf_addf(http_body(rs), "%s: %s", problem.field ? problem.field : "-", problem.detail);
    } else {
        buf_addf(http_body(rs), "%u|%.*s", f.lease_s, STR_ARG(buf_str(&f.check)));
    }
    fields_free(&f);
}

static void echo_post(void *context, const struct http_request *rq, struct http_response *rs)
{
    (void)context;
    echo(rq, rs, FIELDS_POST);
}

static void echo_put(void *context, const struct http_request *rq, struct http_response *rs)
{
    (void)context;
    echo(rq, rs, FIELDS_PUT);
}

static const struct http_route routes[] = {
    {.method = "POST", .pattern = "/x", .handler = echo_post},
    {.method = "PUT", .pattern = "/x", .handler = echo_put},
};

static unsigned port;

static void assert_asked(const char *method, const char *type, const char *body, int status,
                         const char *answer)
{
    struct buf b = {0};

    print_message("%s\n", body);
    buf_addf(&b,
             "%s /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
             "\r\n%s",
             method, type, strlen(body), body);
    assert_raw_ask(port, buf_str(&b), status, answer);
    buf_free(&b);
}

static void form(const char *body, int status, const char *answer)
{
    assert_asked("POST", "application/x-www-form-urlencoded", body, status, answer);
}

static void json(const char *body, int status, const char *answer)
{
    assert_asked("POST", "application/json", body, status, answer);
}

static void test_leases(void **state)
{
    (void)state;
    form("name=web", 200, "0|");
    form("name=web&lease=3m", 200, "180|");
    form("name=web&lease=10s", 200, "10|");
    form("name=web&lease=1h30m", 200, "5400|");
    json("{\"name\":\"web\",\"lease\":\"90s\"}", 200, "90|");
    json("{\"name\":\"web\",\"lease\":null}", 200, "0|");
    form("lease=9s", 422, "lease: a lease of 9s is too short");
    form("lease=9999ms", 422, "lease: a lease of 9999ms is too short");
    form("lease=0s", 422, "lease: a lease of 0s is too short");
    form("lease=100000d", 422, "lease: a lease of 100000d is too long");
    form("lease=180", 422, "lease: the lease is not a time");
    form("lease=", 422, "lease: the lease is not a time");
    form("lease=1m&lease=2m", 422, "lease: the lease is not a time");
    json("{\"lease\":180}", 422, "lease: the lease is not a time");
    json("{\"lease\":true}", 422, "lease: the lease is not a time");
    json("{\"lease\":{\"s\":1}}", 422, "lease.s: there is no field 'lease.s'");
    json("{\"lease\":{}}", 422, "lease: the lease is not a time");
}

/* The same check gives the same text, however it is given. */
static void test_checks(void **state)
{
    static const char expected[] = "0|url http://:8080/healthz\ninterval 1s\nfall 2\n";

    (void)state;
    form("check=http://:8080/healthz", 200, "0|url http://:8080/healthz\n");
    form("check=http://:8080/healthz&check.interval=1s&check.fall=2", 200, expected);
    form("check.fall=2&check.url=http://:8080/healthz&check.interval=1s", 200, expected);
    json("{\"check\":{\"url\":\"http://:8080/healthz\",\"interval\":\"1s\",\"fall\":2}}", 200,
         expected);
    json("{\"check\":\"http://:8080/healthz\",\"check.interval\":\"1s\",\"check.fall\":\"2\"}", 200,
         expected);
    json("{\"check\":{\"url\":\"ttl:60s\",\"body\":null}}", 200, "0|url ttl:1m\n");
    json("{\"check\":null}", 200, "0|");
}

static void assert_refused(const char *body, const char *field)
{
    struct raw_answer a = {.status = 0};
    struct buf b = {0};

    print_message("%s\n", body);
    buf_addf(&b,
             "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
             "Content-Length: %zu\r\n\r\n%s",
             strlen(body), body);
    raw_ask(port, buf_str(&b), &a);
    assert_int_equal(a.status, 422);
    assert_true(str_starts(a.body, str_c(field)));
    raw_free(&a);
    buf_free(&b);
}

static void test_bad_checks(void **state)
{
    (void)state;
    assert_refused("{\"check\":\"gopher://:70\"}", "check: ");
    assert_refused("{\"check\":\"\"}", "check: ");
    assert_refused("{\"check\":[\"http://:80\",\"tcp://:22\"]}", "check: ");
    assert_refused("{\"check\":{\"interval\":\"1s\"}}", "check: ");
    assert_refused("{\"check\":{}}", "check: a check needs a URL");
    assert_refused("{\"check\":\"tcp://:22\",\"check.url\":\"tcp://:23\"}", "check");
    assert_refused("{\"check\":{\"url\":\"tcp://:22\",\"interval\":\"999ms\"}}",
                   "check.interval: ");
    assert_refused("{\"check\":{\"url\":\"tcp://:22\",\"fall\":0}}", "check.fall: ");
    assert_refused("{\"check\":{\"url\":\"tcp://:22\",\"deregister_after\":\"9s\"}}",
                   "check.deregister_after: ");
    assert_refused("{\"check\":{\"url\":\"tcp://:22\",\"hook\":\"x\"}}", "check: ");
    assert_refused("{\"check\":{\"url\":\"tcp://:22\",\"body\":{}}}", "check: ");
    assert_refused("{\"checks\":\"tcp://:22\"}", "checks: there is no field 'checks'");
}

/* An empty object is no null: it stands for something that was left out by mistake. */
static void test_empty_objects(void **state)
{
    static const char *const fields[] = {"name", "value", "values", "ttl",
                                         "id",   "class", "type",   "record_type"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
        char body[40], refusal[40];
        snprintf(body, sizeof(body), "{\"%s\":{}}", fields[i]);
        snprintf(refusal, sizeof(refusal), "%s: '%s' must be ", fields[i], fields[i]);
        assert_refused(body, refusal);
    }
}

/* As cloud-init's phone_home says it. */
static void test_hostname(void **state)
{
    (void)state;
    form("hostname=web", 200, "0|");
    form("hostname=web&name=web", 422, "hostname: give 'name' or 'hostname', not both");
    form("hostname=web&hostname=db", 422, "hostname: 'hostname' is given more than once");
    json("{\"hostname\":7}", 422, "hostname: 'hostname' must be a string");
    json("{\"hostname\":null,\"name\":\"web\"}", 200, "0|");
    assert_asked(
        "PUT", "application/json", "{\"hostname\":\"web\"}", 422,
        "hostname: PUT replaces the whole record set, whose registrations end: it takes no "
        "'hostname'");
}

static void test_put_takes_neither(void **state)
{
    (void)state;
    assert_asked("PUT", "application/json", "{\"lease\":\"3m\"}", 422,
                 "lease: PUT replaces the whole record set, whose registrations end: it takes no "
                 "'lease'");
    assert_asked("PUT", "application/json", "{\"check\":{\"url\":\"tcp://:22\"}}", 422,
                 "check: PUT replaces the whole record set, whose registrations end: it takes no "
                 "'check'");
}

static void test_hooks(void **state)
{
    static const char *const bodies[] = {
        "{\"terminate\":\"x\"}", "{\"terminate\":{\"argv\":[\"/bin/sh\"]}}",
        "{\"webhook\":\"x\"}",   "{\"webhook\":{\"url\":\"x\"}}",
        "{\"hook\":true}",       "{\"notify\":[\"x\"]}",
        "{\"terminate\":{}}",    "{\"terminate\":{\"argv\":null}}",
        "{\"webhook\":{}}",      "{\"webhook\":[]}",
        "{\"hook\":{}}",         "{\"hook\":0}",
        "{\"notify\":{}}",       "{\"notify\":\"\"}",
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
        struct str name = {bodies[i] + 2, (size_t)(strchr(bodies[i] + 2, '"') - bodies[i] - 2)};
        char answer[160];
        snprintf(answer, sizeof(answer),
                 "%.*s: hooks never come from a request: they are in the operator's configuration",
                 STR_ARG(name));
        json(bodies[i], 422, answer);
        assert_asked("PUT", "application/json", bodies[i], 422, answer);
    }
}

static int start(void **state)
{
    *state = kit_server((struct http_options){.threads = 0}, routes, ARRAY_SIZE(routes), NULL);
    port = http_port(*state, 0);
    return 0;
}

static int stop(void **state)
{
    http_stop(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leases),     cmocka_unit_test(test_checks),
        cmocka_unit_test(test_bad_checks), cmocka_unit_test(test_put_takes_neither),
        cmocka_unit_test(test_hooks),      cmocka_unit_test(test_empty_objects),
        cmocka_unit_test(test_hostname),
    };

    return cmocka_run_group_tests(tests, start, stop);
}

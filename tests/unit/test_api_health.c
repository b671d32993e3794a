/* /health and /maintenance over HTTP, with a health of the test's own: what is asked of it, and
 * what becomes of its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <betterdns/api.h>

#include "http_kit.h"
#include "registry_kit.h"

static struct regkit kit;
static struct api api;
static struct http_server *server;
static unsigned port;

/* ---- the health of the test ---- */

#define CHECKS_MAX 4

static struct health_check checks[CHECKS_MAX];
static unsigned nchecks;
static struct health {
    bool unused;
} of_test;
static bool panic;
static int answer;      /* of the next call */
static char asked[200]; /* what it was called with */

int health_each(struct health *h, const struct dname *owner,
                int (*fn)(void *arg, const struct health_check *check), void *arg)
{
    (void)h;
    for (unsigned i = 0; i < nchecks; i++) {
        int r = owner && !dname_eq(owner, &checks[i].owner) ? 0 : fn(arg, &checks[i]);
        if (r)
            return r;
    }
    return answer;
}

bool health_registration(struct health *h, uint64_t number, struct health_registration *ret)
{
    (void)h;
    *ret = (struct health_registration){.state = CHECK_AVAILABLE, .expires = 1795521600};
    return number > 0;
}

static void note(const char *what, const struct dname *owner, struct str id, const char *more,
                 struct str output)
{
    char name[DNAME_TEXT_MAX];

    dname_to_text(owner, name);
    str_format(asked, sizeof(asked), "%s %s id=%.*s %s %.*s", what, name, STR_ARG(id), more,
               STR_ARG(output));
}

int health_report(struct health *h, const struct dname *owner, struct str id,
                  enum health_status status, struct str output, struct problem *ret_problem)
{
    static const char *const names[] = {"pass", "warn", "fail"};

    (void)h;
    note("report", owner, id, names[status], output);
    return answer ? problem_set(ret_problem, answer, NULL, "no such check") : 0;
}

int health_drain(struct health *h, unsigned zone, const struct dname *owner, struct str id, bool on,
                 uint64_t deadline_ns, struct health_drained *ret, struct problem *ret_problem)
{
    (void)h;
    (void)zone;
    assert_true(deadline_ns > 0);
    note("drain", owner, id, on ? "on" : "off", STR(""));
    if (answer)
        return problem_set(ret_problem, answer, NULL, "nobody has registered it");
    *ret = (struct health_drained){.safe_at = 1795521600, .safe_in_s = 35};
    return 0;
}

int health_judge(const struct health *h, const struct health_request *request,
                 struct problem *ret_problem)
{
    size_t n = strlen(asked);

    (void)h;
    str_format(asked + n, sizeof(asked) - n, "judge %u %u.%u.%u.%u %.*s %.*s", request->naddress,
               request->address[0], request->address[1], request->address[2], request->address[3],
               STR_ARG(request->caller), STR_ARG(request->check));
    return answer ? problem_set(ret_problem, answer, "check", "out of reach") : 0;
}

void health_stats(struct health *h, struct health_stats *ret)
{
    (void)h;
    *ret = (struct health_stats){.hosts = 1};
}

size_t health_waiting(struct health *h, struct health_waiting *ret, size_t max)
{
    (void)h;
    (void)ret;
    (void)max;
    return 0;
}

bool health_panic(struct health *h)
{
    (void)h;
    return panic;
}

/* ---- asking ---- */

struct refused {
    const char *method, *path, *body;
    int status;
};

static void ask(const char *method, const char *path, const char *body, int status,
                const char *expected)
{
    struct buf b = {0};

    print_message("%s %s %s\n", method, path, body);
    buf_addf(&b, "%s %s HTTP/1.1\r\nHost: localhost\r\n", method, path);
    if (body[0])
        buf_addf(&b, "Content-Type: application/%s\r\nContent-Length: %zu\r\n",
                 body[0] == '{' ? "json" : "x-www-form-urlencoded", strlen(body));
    buf_addf(&b, "\r\n%s", body);
    assert_raw_ask(port, buf_str(&b), status, expected);
    buf_free(&b);
}

/* Without a word to health. */
static void refuse(const struct refused *rows, size_t n)
{
    asked[0] = '\0';
    for (size_t i = 0; i < n; i++)
        ask(rows[i].method, rows[i].path, rows[i].body, rows[i].status, NULL);
    assert_string_equal(asked, "");
}

static struct health_check check_of(const char *name, const char *id, enum check_state state)
{
    struct health_check c = {.type = RRTYPE_A,
                             .id = str_c(id),
                             .number = id[0] ? 12 : 0,
                             .address = {192, 0, 2, 7},
                             .naddress = 4,
                             .spec = {.url = STR("http://:8080/healthz")},
                             .state = state};

    assert_int_equal(dname_from_text(str_c(name), NULL, &c.owner, NULL), 0);
    return c;
}

#define ADDRESS "\"type\":\"A\",\"address\":\"192.0.2.7\",\"url\":\"http://:8080/healthz\","
#define NOTHING "\"withdrawn\":false,\"kept\":false,\"draining\":false,\"since\":null,\"last\":null"

static void test_nothing_is_checked(void **state)
{
    (void)state;
    ask("GET", "/health", "", 200, "{\"health\":[],\"panic\":false,\"seq\":2}\n");
    panic = true;
    ask("GET", "/health", "", 200, "{\"health\":[],\"panic\":true,\"seq\":2}\n");
    ask("GET", "/health/web", "", 404, NULL);
    ask("GET", "/health/web.example.net.", "", 422, NULL);
    ask("GET", "/health/a..b", "", 422, NULL);
    ask("GET", "/health/web?x=1", "", 400, NULL);
    answer = -ENOMEM;
    ask("GET", "/health", "", 503, NULL);
    ask("GET", "/health/web", "", 503, NULL);
}

/* One object a name, with the worst state of its checks. */
static void test_names_are_gathered(void **state)
{
    (void)state;
    checks[nchecks++] = check_of("db.lab.example.", "", CHECK_AVAILABLE);
    checks[nchecks++] = check_of("web.lab.example.", "a", CHECK_AVAILABLE);
    checks[nchecks++] = check_of("web.lab.example.", "b", CHECK_UNKNOWN);
    checks[2].type = RRTYPE_TXT;
    checks[2].naddress = 0;
    ask("GET", "/health", "", 200,
        "{\"health\":[{\"name\":\"db.lab.example.\",\"zone\":\"lab.example.\",\"state\":"
        "\"AVAILABLE\",\"checks\":[{\"id\":null,\"number\":null," ADDRESS
        "\"state\":\"AVAILABLE\"," NOTHING "}]},"
        "{\"name\":\"web.lab.example.\",\"zone\":\"lab.example.\",\"state\":\"UNKNOWN\","
        "\"checks\":[{\"id\":\"a\",\"number\":12," ADDRESS "\"state\":\"AVAILABLE\"," NOTHING "},"
        "{\"id\":\"b\",\"number\":12,\"type\":\"TXT\",\"address\":null,"
        "\"url\":\"http://:8080/healthz\",\"state\":\"UNKNOWN\"," NOTHING "}]}],"
        "\"panic\":false,\"seq\":2}\n");
    checks[1].state = CHECK_UNAVAILABLE;
    ask("GET", "/health/web", "", 200,
        "{\"name\":\"web.lab.example.\",\"zone\":\"lab.example.\",\"state\":\"UNAVAILABLE\","
        "\"checks\":[{\"id\":\"a\",\"number\":12," ADDRESS "\"state\":\"UNAVAILABLE\"," NOTHING
        ",\"transitions\":[]},{\"id\":\"b\",\"number\":12,\"type\":\"TXT\",\"address\":null,"
        "\"url\":\"http://:8080/healthz\",\"state\":\"UNKNOWN\"," NOTHING
        ",\"transitions\":[]}]}\n");
}

/* What a host printed is text of somebody else. */
static void test_last_and_transitions(void **state)
{
    static const struct health_transition transitions[] = {
        {1795521600, CHECK_UNKNOWN, CHECK_AVAILABLE, {"200", 3}},
        {1795521660, CHECK_AVAILABLE, CHECK_UNAVAILABLE, {"\"\n\x01\xff", 4}},
    };
    struct health_check *c = &checks[nchecks++];

    (void)state;
    *c = check_of("web.lab.example.", "web", CHECK_UNAVAILABLE);
    c->withdrawn = true;
    c->since = 1795521660;
    c->last.time = 1795521661;
    c->last.output = STR("\"\n\x01\xff");
    c->last.latency_ns = 1500000;
    c->transitions = transitions;
    c->ntransitions = 2;
    ask("GET", "/health/WEB.lab.example.", "", 200,
        "{\"name\":\"web.lab.example.\",\"zone\":\"lab.example.\",\"state\":\"UNAVAILABLE\","
        "\"checks\":[{\"id\":\"web\",\"number\":12," ADDRESS "\"state\":\"UNAVAILABLE\","
        "\"withdrawn\":true,\"kept\":false,\"draining\":false,"
        "\"since\":\"2026-11-24T12:01:00Z\",\"last\":{\"time\":\"2026-11-24T12:01:01Z\","
        "\"ok\":false,\"output\":\"\\\"\\n\\u0001\xef\xbf\xbd\",\"latency_ms\":1.5},"
        "\"transitions\":[{\"time\":\"2026-11-24T12:00:00Z\",\"from\":\"UNKNOWN\","
        "\"to\":\"AVAILABLE\",\"output\":\"200\"},{\"time\":\"2026-11-24T12:01:00Z\","
        "\"from\":\"AVAILABLE\",\"to\":\"UNAVAILABLE\","
        "\"output\":\"\\\"\\n\\u0001\xef\xbf\xbd\"}]}]}\n");
}

static void test_reports(void **state)
{
    static const struct refused reports[] = {
        {"PUT", "/health/web", "status=passed", 422},
        {"PUT", "/health/web", "output=x", 422},
        {"PUT", "/health/web", "", 422},
        {"PUT", "/health/web", "status=pass&status=fail", 422},
        {"PUT", "/health/web", "{\"status\":true}", 422},
        {"PUT", "/health/web", "status=pass&ttl=3", 422},
        {"PUT", "/health/web", "status=pass&id=h1", 422},
        {"PUT", "/health/web?dry_run=1", "status=pass", 400},
        {"PUT", "/health/web.example.net.", "status=pass", 422},
        {"DELETE", "/health/web", "", 405},
    };

    (void)state;
    checks[nchecks++] = check_of("web.lab.example.", "web", CHECK_AVAILABLE);
    ask("PUT", "/health/web", "status=pass", 200, NULL);
    assert_string_equal(asked, "report web.lab.example. id= pass ");
    ask("PUT", "/health/web?id=h1", "{\"status\":\"warn\",\"output\":\"a \\\"b\\\"\"}", 200, NULL);
    assert_string_equal(asked, "report web.lab.example. id=h1 warn a \"b\"");
    ask("PUT", "/health/web?status=fail&id=h1", "", 200, NULL);
    assert_string_equal(asked, "report web.lab.example. id=h1 fail ");
    refuse(reports, ARRAY_SIZE(reports));
    answer = -BD_ENOTFOUND;
    ask("PUT", "/health/web", "status=pass", 404, NULL);
    answer = -BD_EINVALID;
    ask("PUT", "/health/web", "status=pass", 422, NULL);
}

static void test_maintenance(void **state)
{
    static const struct refused requests[] = {
        {"GET", "/maintenance/web", "", 405},
        {"PUT", "/maintenance/web.example.net.", "", 422},
        {"PUT", "/maintenance/web?dry_run=1", "", 400},
    };

    (void)state;
    ask("PUT", "/maintenance/web", "", 200,
        "{\"name\":\"web.lab.example.\",\"state\":\"draining\","
        "\"safe_at\":\"2026-11-24T12:00:00Z\",\"safe_in_s\":35}\n");
    assert_string_equal(asked, "drain web.lab.example. id= on ");
    ask("DELETE", "/maintenance/web?id=h1", "", 200,
        "{\"name\":\"web.lab.example.\",\"state\":\"serving\",\"safe_at\":null,"
        "\"safe_in_s\":null}\n");
    assert_string_equal(asked, "drain web.lab.example. id=h1 off ");
    refuse(requests, ARRAY_SIZE(requests));
    answer = -BD_ENOTFOUND;
    ask("PUT", "/maintenance/web", "", 404, NULL);
    answer = -BD_EREADONLY;
    ask("DELETE", "/maintenance/web", "", 503, NULL);
    answer = -BD_ETIMEDOUT;
    ask("PUT", "/maintenance/web", "", 503, NULL);
}

/* What health knows of a registration stands in its record set. */
static void test_registrations(void **state)
{
    static char known[] =
        "\"lease\":\"3m\",\"expires\":\"2026-11-24T12:00:00Z\",\"check\":{\"url\":"
        "\"http://:80/\"},\"state\":\"AVAILABLE\",\"withdrawn\":false}";
    struct raw_answer a = {.status = 0};

    (void)state;
    assert_int_equal(ASK(&kit, OP_REGISTER, "web", .values = "192.0.2.7", .lease_s = 180,
                         .check = "url http://:80/\n"),
                     0);
    raw_ask(port, STR("GET /a/web HTTP/1.1\r\nHost: localhost\r\n\r\n"), &a);
    assert_int_equal(a.status, 200);
    print_message("%.*s", STR_ARG(a.body));
    assert_non_null(memmem(a.body.p, a.body.n, known, sizeof(known) - 1));
    raw_free(&a);
}

/* Each address of a registration is judged, and nothing is registered that is out of reach. */
static void test_judging(void **state)
{
    (void)state;
    asked[0] = '\0';
    ask("POST", "/a", "name=j&value=192.0.2.7&value=192.0.2.8&check=tcp://:22", 201, NULL);
    assert_string_equal(asked, "judge 4 192.0.2.7 127.0.0.1 url tcp://:22\n"
                               "judge 4 192.0.2.8 127.0.0.1 url tcp://:22\n");
    asked[0] = '\0';
    ask("POST", "/txt", "name=j&value=x&check=ttl:60s", 201, NULL);
    assert_string_equal(asked, "judge 0 0.0.0.0 127.0.0.1 url ttl:1m\n");
    asked[0] = '\0';
    ask("POST", "/a", "name=unchecked&value=192.0.2.7", 201, NULL);
    assert_string_equal(asked, "");
    answer = -BD_EINVALID;
    ask("POST", "/a", "name=k&value=192.0.2.7&check=tcp://:22", 422, NULL);
    ask("GET", "/a/k", "", 404, NULL);
}

/* ---- the program ---- */

static int before_each(void **state)
{
    (void)state;
    nchecks = 0;
    panic = false;
    answer = 0;
    return 0;
}

static int start(void **state)
{
    static struct api_zone zones[KIT_ZONES];
    static struct dname origins[KIT_ZONES];
    size_t nroutes;

    (void)state;
    regkit_start(&kit);
    if (regkit_open(&kit) < 0)
        return -1;
    for (unsigned i = 0; i < KIT_ZONES; i++) {
        origins[i] = kit.zones[i].origin;
        zones[i] = (struct api_zone){.origin = origins[i], .file = kit.file[i]};
    }
    api = (struct api){.health = &of_test,
                       .registry = kit.r,
                       .zones = zones,
                       .origins = origins,
                       .nzones = KIT_ZONES};
    const struct http_route *routes = api_routes(&nroutes);
    server = kit_server((struct http_options){.threads = 0}, routes, nroutes, &api);
    port = http_port(server, 0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    http_stop(server);
    regkit_end(&kit);
    return 0;
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup(f, before_each)
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_is_checked),
        TEST(test_names_are_gathered),
        TEST(test_last_and_transitions),
        TEST(test_reports),
        TEST(test_maintenance),
        TEST(test_registrations),
        TEST(test_judging),
    };

    return cmocka_run_group_tests(tests, start, stop);
}

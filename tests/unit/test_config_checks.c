/* The configuration of checks, of what ends a host, and of maintenance. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "config_kit.h"

#define ZONE "\nzones: [{name: a.b}]\n"

static struct config *load(const char *text)
{
    struct config *c = NULL;
    struct buf whole = {0};

    buf_addf(&whole, "%s%s", text, ZONE);
    int r = config_kit_load(buf_str(&whole), &c);
    buf_free(&whole);
    assert_string_equal(config_kit_errors.p, "");
    assert_int_equal(r, 0);
    return c;
}

static void assert_text(struct str got, const char *expected)
{
    print_message("%.*s\n", STR_ARG(got));
    assert_true(str_eq(got, str_c(expected)));
}

static void what_is_left_out_has_a_default(void **state)
{
    struct config *c = load("");
    (void)state;
    assert_int_equal(
        c->checks.nallow + c->checks.nwitnesses + c->checks.nrules + c->checks.ncommands, 0);
    assert_int_equal(c->checks.defaults.interval_ms, 10000);
    assert_int_equal(c->checks.defaults.timeout_ms, 5000);
    assert_int_equal(c->checks.defaults.fall, 3);
    assert_int_equal(c->checks.defaults.rise, 2);
    assert_int_equal(c->checks.defaults.deregister_after_s, 120);
    assert_true(c->checks.keep_last);
    assert_false(c->terminate.enabled);
    assert_string_equal(c->terminate.kind, "none");
    assert_int_equal(c->terminate.nargv, 0);
    assert_null(c->terminate.user);
    assert_int_equal(c->terminate.timeout_ms, 30000);
    assert_false(c->terminate.anyway);
    assert_null(c->terminate.url);
    assert_null(c->terminate.secret_file);
    assert_int_equal(c->maintenance.ttl, 5);
    config_free(c);
}

static const char full[] =
    "http: {token_file: /t}\n"
    "checks:\n"
    "  allow: [127.0.0.0/8, \"2001:db8::/32\"]\n"
    "  interval: 1s\n"
    "  timeout: 500ms\n"
    "  fall: 2\n"
    "  rise: 4\n"
    "  deregister_after: never\n"
    "  keep_last: false\n"
    "  witnesses: [192.0.2.1, \"2001:db8::1\", \"tcp://192.0.2.2:443\", "
    "\"http://192.0.2.3:8080/up\"]\n"
    "  rules:\n"
    "    - {name: \"web*.a.b\", check: \"http://:8080/healthz\"}\n"
    "    - name: disk\n"
    "      check: {url: \"exec:disk\", interval: 30s}\n"
    "      handwritten: true\n"
    "  exec:\n"
    "    disk: [/usr/lib/x, \"--host={address}\", \"{id}\"]\n"
    "    other: [/bin/true]\n"
    "terminate:\n"
    "  enabled: true\n"
    "  kind: exec\n"
    "  argv: [/usr/local/bin/kill-vm, \"{name}\", \"{address}\", \"{id}\", \"{}\", \"{\"]\n"
    "  user: nobody\n"
    "  timeout: 1m\n"
    "  policy: anyway\n"
    "maintenance: {ttl: 2}\n";

static void checks_are_read(void **state)
{
    struct config *c = load(full);
    const struct config_checks *k = &c->checks;
    (void)state;
    assert_int_equal(k->nallow, 2);
    assert_int_equal(k->allow[0].bits, 8);
    assert_int_equal(k->defaults.interval_ms, 1000);
    assert_int_equal(k->defaults.timeout_ms, 500);
    assert_int_equal(k->defaults.fall, 2);
    assert_int_equal(k->defaults.rise, 4);
    assert_int_equal(k->defaults.deregister_after_s, UINT32_MAX);
    assert_false(k->keep_last);
    assert_int_equal(k->ncommands, 2);
    assert_text(k->commands[0].name, "disk");
    assert_int_equal(k->commands[0].nargv, 3);
    assert_text(k->commands[0].argv[1], "--host={address}");
    assert_text(k->commands[1].argv[0], "/bin/true");
    config_free(c);
}

static void rules_are_read(void **state)
{
    struct config *c = load(full);
    const struct config_checks *k = &c->checks;
    struct check_spec spec;
    (void)state;
    assert_int_equal(k->nrules, 2);
    assert_text(k->rules[0].pattern, "web*.a.b");
    assert_false(k->rules[0].handwritten);
    assert_int_equal(check_parse(k->rules[0].check, &k->defaults, &spec), 0);
    assert_int_equal(spec.kind, CHECK_HTTP);
    assert_int_equal(spec.port, 8080);
    assert_int_equal(spec.interval_ms, 1000);
    assert_true(k->rules[1].handwritten);
    assert_int_equal(check_parse(k->rules[1].check, &k->defaults, &spec), 0);
    assert_int_equal(spec.kind, CHECK_EXEC);
    assert_text(spec.path, "disk");
    assert_int_equal(spec.interval_ms, 30000);
    config_free(c);
}

static void witnesses_are_read(void **state)
{
    struct config *c = load(full);
    const struct config_checks *k = &c->checks;
    struct check_spec spec;
    (void)state;
    assert_int_equal(k->nwitnesses, 4);
    assert_int_equal(check_parse(k->witnesses[0].check, &k->defaults, &spec), 0);
    assert_int_equal(spec.kind, CHECK_TCP);
    assert_int_equal(spec.port, 22);
    assert_int_equal(k->witnesses[0].naddress, 4);
    assert_memory_equal(k->witnesses[0].address, "\xc0\x00\x02\x01", 4);
    assert_true(k->witnesses[0].refused_is_ok);
    assert_int_equal(k->witnesses[1].naddress, 16);
    assert_memory_equal(k->witnesses[1].address, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
    assert_int_equal(check_parse(k->witnesses[2].check, &k->defaults, &spec), 0);
    assert_int_equal(spec.port, 443);
    assert_false(k->witnesses[2].refused_is_ok);
    assert_int_equal(check_parse(k->witnesses[3].check, &k->defaults, &spec), 0);
    assert_int_equal(spec.kind, CHECK_HTTP);
    config_free(c);
}

static void ends_are_read(void **state)
{
    struct config *c = load(full);
    char secret[128];
    (void)state;
    assert_true(c->terminate.enabled);
    assert_string_equal(c->terminate.kind, "exec");
    assert_int_equal(c->terminate.nargv, 6);
    assert_text(c->terminate.argv[3], "{id}");
    assert_string_equal(c->terminate.user, "nobody");
    assert_int_equal(c->terminate.timeout_ms, 60000);
    assert_true(c->terminate.anyway);
    assert_int_equal(c->maintenance.ttl, 2);
    config_free(c);
    c = load("terminate: {kind: webhook, url: \"https://192.0.2.1/gone?x=1\", secret_file: s}");
    assert_string_equal(c->terminate.url, "https://192.0.2.1/gone?x=1");
    snprintf(secret, sizeof(secret), "%s/s", config_kit_dir);
    assert_string_equal(c->terminate.secret_file, secret);
    config_free(c);
}

/* Unknown keys, at each level, and values of the wrong kind. */
static const struct {
    const char *text, *expected;
} fault_cases[] = {
    {"check: {}", ":1:1: unknown key 'check' (did you mean 'checks'?)\n"},
    {"checks: {intervall: 1s}", ":1:10: unknown key 'intervall' (did you mean 'interval'?)\n"},
    {"checks: {rules: [{name: x, check: \"tcp://:1\", handwriten: true}]}",
     ":1:47: unknown key 'handwriten' (did you mean 'handwritten'?)\n"},
    {"checks: {rules: [{name: x}]}", ":1:18: 'check' is missing\n"},
    {"checks: {rules: [{check: \"tcp://:1\"}]}", ":1:18: 'name' is missing\n"},
    {"checks: {rules: {name: x}}", ":1:17: expected a list: each rule begins with '- name: …'\n"},
    {"checks: {rules: [x]}", ":1:18: expected a rule's keys, beginning with 'name: …'\n"},
    {"checks: {rules: [{name: x, check: []}]}",
     ":1:35: expected a URL, or a check's keys, not a list\n"},
    {"checks: {rules: [{name: x, check: {url: []}}]}", ":1:41: expected a value, not a list\n"},
    {"checks: {rules: [{name: x, check: \"exec:disk\"}]}", ":1:35: checks.exec has no 'disk'\n"},
    {"checks: {keep_last: yes}", ":1:21: 'yes' is not false or true\n"},
    {"checks: {exec: [a]}", ":1:16: expected names of checks, each with a program\n"},
    {"checks: {exec: {a: /bin/true}}",
     ":1:20: expected a program and its arguments, as [/usr/lib/x, \"{address}\"]\n"},
    {"checks: {exec: {a: [true]}}", ":1:21: 'true' is not the absolute path of a program\n"},
    {"checks: {exec: {a: [/bin/true, \"{ip}\"]}}",
     ":1:32: '{ip}' is not one of {name}, {address}, {id}\n"},
    {"checks: {exec: {\"a b\": [/bin/true]}}",
     ":1:17: a check's name is letters, digits, '-' and '_'\n"},
    {"checks: {witnesses: [\"tcp://:22\"]}",
     ":1:22: 'tcp://:22': a witness is an address, or the URL of a check with an address in "
     "it\n"},
    {"checks: {witnesses: [\"http://example.net/\"]}",
     ":1:22: 'http://example.net/': a witness is an address, or the URL of a check with an "
     "address in it\n"},
    {"terminate: {enabled: true}", ":1:22: hosts are only ended where requests need a token: "
                                   "give http.token_file\n"},
    {"terminate: {kind: exec}", ":1:19: 'kind: exec' needs argv: [/usr/local/bin/kill-vm, "
                                "\"{name}\"]\n"},
    {"terminate: {kind: exec, argv: [kill-vm]}",
     ":1:32: 'kill-vm' is not the absolute path of a program\n"},
    {"terminate: {kind: exec, argv: [/x, \"{host}\"]}",
     ":1:36: '{host}' is not one of {name}, {address}, {id}\n"},
    {"terminate: {kind: webhook, url: \"http://a/\"}",
     ":1:19: 'kind: webhook' needs url and secret_file\n"},
    {"terminate: {kind: webhook, secret_file: x}",
     ":1:19: 'kind: webhook' needs url and secret_file\n"},
    {"terminate: {kind: webhook, secret_file: x, url: \"ftp://a/\"}",
     ":1:49: 'ftp://a/' is not a URL as https://HOST/PATH\n"},
    {"terminate: {kind: webhook, secret_file: x, url: \"http:///x\"}",
     ":1:49: 'http:///x' is not a URL as https://HOST/PATH\n"},
    {"terminate: {kind: webhook, secret_file: x, url: \"http://u:p@a/\"}",
     ":1:49: a URL with a user is not taken: the secret is in secret_file\n"},
    {"terminate: {kind: kill}", ":1:19: 'kill' is not none or exec or webhook\n"},
    {"terminate: {timeout: 3}", ":1:22: '3' is not a time, as 30s or 5m\n"},
    {"terminate: {timeout: 10ms}", ":1:22: '10ms' is not between 1s and 1h\n"},
    {"terminate: {policy: never}", ":1:21: 'never' is not after_success or anyway\n"},
    {"maintenance: {ttl: -1}", ":1:20: '-1' is not a TTL; expected seconds, or 5m, 1h\n"},
};

static void faults_have_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(fault_cases); i++) {
        char text[300];
        print_message("%s\n", fault_cases[i].text);
        snprintf(text, sizeof(text), "%s%s", fault_cases[i].text, ZONE);
        config_kit_faults(text, fault_cases[i].expected);
    }
}

/* What a request may not ask for, a rule or a default may not either; the words are check_read's.
 */
static void checks_are_judged_as_in_requests(void **state)
{
    static const char *const bad[] = {
        "checks: {interval: 500ms}",
        "checks: {interval: x}",
        "checks: {timeout: 0s}",
        "checks: {fall: 0}",
        "checks: {rise: -1}",
        "checks: {deregister_after: 9s}",
        "checks: {rules: [{name: x, check: \"gopher://:1\"}]}",
        "checks: {rules: [{name: x, check: {url: \"tcp://:1\", intervall: 1s}}]}",
        "checks: {rules: [{name: x, check: {url: \"tcp://:1\", interval: 500ms}}]}",
        "checks: {rules: [{name: x, check: {interval: 1s}}]}",
        "checks: {witnesses: [nobody]}",
    };
    struct config *c = NULL;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        char text[300];
        snprintf(text, sizeof(text), "%s%s", bad[i], ZONE);
        assert_int_equal(config_kit_load(str_c(text), &c), -BD_EINVALID);
        print_message("%s", config_kit_errors.p);
        assert_non_null(strstr(config_kit_errors.p, ":1:"));
        assert_null(c);
    }
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, config_kit_set_up, config_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_left_out_has_a_default),
        TEST(checks_are_read),
        TEST(rules_are_read),
        TEST(witnesses_are_read),
        TEST(ends_are_read),
        TEST(faults_have_their_place),
        TEST(checks_are_judged_as_in_requests),
    };
    return cmocka_run_group_tests(tests, NULL, config_kit_free);
}

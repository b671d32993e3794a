/* The configuration: what is understood, and what is said about what is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "config_kit.h"

static const char *text_of(const struct sockaddr_storage *a, char out[64])
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)a;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)a;
    char ip[INET6_ADDRSTRLEN];
    if (a->ss_family == AF_INET6)
        inet_ntop(AF_INET6, &six->sin6_addr, ip, sizeof(ip));
    else
        inet_ntop(AF_INET, &four->sin_addr, ip, sizeof(ip));
    snprintf(out, 64, "%s %u", ip, ntohs(four->sin_port));
    return out;
}

static void assert_name(const struct dname *name, const char *expected)
{
    char text[DNAME_TEXT_MAX];
    dname_to_text(name, text);
    assert_string_equal(text, expected);
}

static const char full[] = "data: /d\n"
                           "live: run\n"
                           "http:\n"
                           "  listen: [\"0.0.0.0:8000\", \"[::1]:8001\"]\n"
                           "  token_file: t\n"
                           "  allow: [10.0.0.0/8, \"2001:db8::/32\", 192.0.2.1]\n"
                           "  hosts: [dns.example.net]\n"
                           "  trusted_proxies: [127.0.0.1]\n"
                           "zones:\n"
                           "  - name: LAB.example.\n"
                           "    file: ./lab\n"
                           "    write: false\n"
                           "    ttl: 5m\n"
                           "    ns: [ns1 192.0.2.53 2001:db8::53, ns.other.net.]\n"
                           "  - ns: [\"lab2.example. 192.0.2.1\"]\n"
                           "    name: lab2.example\n"
                           "  - {name: 0/25.2.0.192.in-addr.arpa}\n"
                           "server:\n"
                           "  listen: 192.0.2.53:5353\n"
                           "  binary: bin/coredns\n"
                           "  on_stop: keep\n";

static struct config *load_full(void)
{
    struct config *c = NULL;
    int r = config_kit_load(str_c(full), &c);
    assert_string_equal(config_kit_errors.p, "");
    assert_int_equal(r, 0);
    return c;
}

/* A path of the configuration is name, relative to the directory of the file. */
static void assert_path(const char *got, const char *name)
{
    char expected[128];
    snprintf(expected, sizeof(expected), "%s/%s", config_kit_dir, name);
    assert_string_equal(got, expected);
}

static void every_option_is_read(void **state)
{
    struct config *c = load_full();
    char text[64];
    (void)state;
    assert_string_equal(c->path, config_kit_path);
    assert_string_equal(c->data, "/d");
    assert_path(c->live, "run");
    assert_int_equal(c->http.nlisten, 2);
    assert_string_equal(text_of(&c->http.listen[0], text), "0.0.0.0 8000");
    assert_string_equal(text_of(&c->http.listen[1], text), "::1 8001");
    assert_path(c->http.token_file, "t");
    assert_false(c->http.auth_none);
    assert_int_equal(c->http.nallow, 3);
    assert_int_equal(c->http.allow[0].bits, 8);
    assert_int_equal(c->http.allow[1].family, AF_INET6);
    assert_int_equal(c->http.allow[2].bits, 32);
    assert_int_equal(c->http.nhosts, 1);
    assert_true(str_eq(c->http.hosts[0], STR("dns.example.net")));
    assert_int_equal(c->http.ntrusted_proxies, 1);
    assert_string_equal(text_of(&c->server.listen, text), "192.0.2.53 5353");
    assert_path(c->server.binary, "bin/coredns");
    assert_true(c->server.keep_on_stop);
    config_free(c);
}

static void zones_are_read(void **state)
{
    struct config *c = load_full();
    (void)state;
    assert_int_equal(c->nzones, 3);
    const struct config_zone *z = c->zones;
    assert_name(&z[0].origin, "lab.example.");
    assert_path(z[0].file, "lab");
    assert_false(z[0].write);
    assert_int_equal(z[0].ttl, 300);
    assert_int_equal(z[0].nns, 2);
    assert_name(&z[0].ns[0].name, "ns1.lab.example.");
    assert_int_equal(z[0].ns[0].naddresses, 2);
    assert_int_equal(z[0].ns[0].address[0].type, RRTYPE_A);
    assert_memory_equal(z[0].ns[0].address[0].b, "\xc0\x00\x02\x35", 4);
    assert_int_equal(z[0].ns[0].address[1].type, RRTYPE_AAAA);
    assert_int_equal(z[0].ns[0].address[1].n, 16);
    assert_name(&z[0].ns[1].name, "ns.other.net.");
    assert_int_equal(z[0].ns[1].naddresses, 0);
    assert_string_equal(z[1].file, "/d/lab2.example.zone");
    assert_true(z[1].write);
    assert_int_equal(z[1].ttl, 30);
    assert_name(&z[1].ns[0].name, "lab2.example."); /* the apex itself may be a name server */
    assert_string_equal(z[2].file, "/d/0-25.2.0.192.in-addr.arpa.zone");
    config_free(c);
}

static void what_is_left_out_has_a_default(void **state)
{
    struct config *c = NULL;
    char text[64];
    (void)state;
    assert_int_equal(config_kit_load(STR("zones: [{name: lab.example}]"), &c), 0);
    assert_string_equal(c->data, "/var/lib/betterdns");
    assert_string_equal(c->live, "/run/betterdns");
    assert_int_equal(c->http.nlisten, 1);
    assert_string_equal(text_of(&c->http.listen[0], text), "127.0.0.1 8000");
    assert_null(c->http.token_file);
    assert_false(c->http.auth_none);
    assert_int_equal(c->http.nallow + c->http.nhosts + c->http.ntrusted_proxies, 0);
    assert_string_equal(c->server.kind, "coredns");
    assert_string_equal(c->server.strategy, "auto");
    assert_null(c->server.binary);
    assert_string_equal(text_of(&c->server.listen, text), "127.0.0.1 53");
    assert_false(c->server.keep_on_stop);
    assert_string_equal(c->zones[0].file, "/var/lib/betterdns/lab.example.zone");
    config_free(c);
    /* Sections without keys, and null, are as left out; JSON is YAML. */
    assert_int_equal(
        config_kit_load(STR("http:\nserver:\nzones: [{name: lab.example, file: null, ns: }]"), &c),
        0);
    config_free(c);
    assert_int_equal(
        config_kit_load(
            STR("{\"zones\": [{\"name\": \"lab.example\", \"write\": false, \"ttl\": 60}]}\n"), &c),
        0);
    assert_false(c->zones[0].write);
    assert_int_equal(c->zones[0].ttl, 60);
    config_free(c);
    config_free(NULL);
}

static void http_and_dns_need_a_port_each(void **state)
{
    (void)state;
    const char *refused = ":2:19: http.listen and server.listen name the same port\n";
    config_kit_faults("zones: [{name: a.b}]\nserver:  {listen: \"127.0.0.1:99\"}\n"
                      "http: {listen: [\"127.0.0.1:1\", \"127.0.0.1:99\"]}",
                      refused);
    config_kit_faults("zones: [{name: a.b}]\nserver:  {listen: \"[::]:99\"}\n"
                      "http: {listen: [\"127.0.0.1:99\"]}",
                      refused);
}

static void beyond_loopback_needs_a_token_or_a_word(void **state)
{
    struct config *c = NULL;
    (void)state;
    const char *refused =
        ":1:16: beyond loopback everybody could change DNS: give http.token_file (or say 'auth: "
        "none', when the network is trusted)\n";
    config_kit_faults("http: {listen: [\"0.0.0.0:8000\"]}\nzones: [{name: a.b}]", refused);
    config_kit_faults("http: {listen: [\"127.0.0.1:1\", \"[::]:80\"]}\nzones: [{name: a.b}]",
                      refused);
    config_kit_faults("http: {listen: [\"[::ffff:10.0.0.1]:80\"]}\nzones: [{name: a.b}]", refused);
    assert_int_equal(
        config_kit_load(STR("http: {listen: [\"0.0.0.0:80\"], auth: none}\nzones: [{name: a.b}]"),
                        &c),
        0);
    assert_true(c->http.auth_none);
    config_free(c);
    assert_int_equal(
        config_kit_load(
            STR("http: {listen: [\"[::1]:80\", 127.9.9.9:80, \"[::ffff:127.0.0.1]:80\"]}\n"
                "zones: [{name: a.b}]"),
            &c),
        0);
    config_free(c);
    config_kit_faults("http: {auth: none, token_file: x}\nzones: [{name: a.b}]",
                      ":1:14: 'auth: none' and a token_file\n");
}

static void tls_is_for_a_proxy(void **state)
{
    (void)state;
    config_kit_faults(
        "http: {listen: [127.0.0.1:443s]}\nzones: [{name: a.b}]",
        ":1:17: '127.0.0.1:443s': there is no TLS here; put a proxy in front (examples/)\n");
}

static void faults_have_their_place_and_the_nearest_key(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"dta: /x\n", ":1:1: unknown key 'dta' (did you mean 'data'?)\n"},
        {"frobnicate: 1\n", ":1:1: unknown key 'frobnicate'\n"},
        {"http:\n  lisen: []\n", ":2:3: unknown key 'lisen' (did you mean 'listen'?)\n"},
        {"http.listen: [127.0.0.1:1]\n", ":1:1: unknown key 'http.listen'\n"},
        {"data: /x\nlive: /y\ndata: /z\n", ":3:1: duplicate key 'data' (first in line 1)\n"},
        {"http: {allow: [], \"allow\": []}\n", ":1:19: duplicate key 'allow' (first in line 1)\n"},
        {"http: /x\n", ":1:7: expected keys under 'http'\n"},
        {"http: []\n", ":1:7: expected keys under 'http'\n"},
        {"data: [a]\n", ":1:7: expected a path, not a list\n"},
        {"data: {a: b}\n", ":1:7: expected a path, not keys\n"},
        {"data:\n", ":1:6: expected a path, not nothing\n"},
        {"data: \"\"\n", ":1:7: expected a path, not nothing\n"},
        {"http: {listen: 127.0.0.1:80}\n", ":1:16: expected a list, as [A, B]\n"},
        {"http: {listen: []}\n", ":1:16: nothing to listen on; expected at least one address\n"},
        {"http: {listen: [[a]]}\n", ":1:17: expected an address and port, not a list\n"},
        {"http: {listen: [localhost:80]}\n",
         ":1:17: 'localhost:80' is not an address and port, as 127.0.0.1:53 or \"[::1]:53\"\n"},
        {"http: {listen: [\"::1:80\"]}\n",
         ":1:17: '::1:80' is not an address and port, as 127.0.0.1:53 or \"[::1]:53\"\n"},
        {"http: {listen: [127.0.0.1:65536]}\n",
         ":1:17: '127.0.0.1:65536' is not an address and port, as 127.0.0.1:53 or \"[::1]:53\"\n"},
        {"http: {listen: [127.0.0.1]}\n",
         ":1:17: '127.0.0.1' is not an address and port, as 127.0.0.1:53 or \"[::1]:53\"\n"},
        {"server: {listen: 127.0.0.1:0}\n",
         ":1:18: a DNS server needs a port that others know, not 0\n"},
        {"http: {allow: [10.0.0.1/8]}\n",
         ":1:16: '10.0.0.1/8' is not a network as 10.0.0.0/8 or an address (bits behind the length "
         "must be 0)\n"},
        {"http: {hosts: [\"a:80\"]}\n",
         ":1:16: 'a:80' is not a host name (without port and path)\n"},
        {"server: {on_stop: kep}\n", ":1:19: 'kep' is not stop or keep\n"},
        {"server: {on_stop: [keep]}\n", ":1:19: expected stop or keep\n"},
        {"data: &a /x\n", ":1:7: anchors (&) and tags (!) are not understood; quote a text that "
                          "begins so\n"},
        {"data: *a\n", ":1:7: aliases (*) are not understood; quote a text that begins so\n"},
        {"data: !!str x\n", ":1:7: anchors (&) and tags (!) are not understood; quote a text that "
                            "begins so\n"},
        {"data: \"a\\nb\"\n", ":1:7: a text with a line end or a control character\n"},
        {"data: \"a\\0b\"\n", ":1:7: a text with a line end or a control character\n"},
        {"[a]: b\n", ":1:1: a key is a word\n"},
        {"<<: {data: /x}\n", ":1:1: unknown key '<<'\n"},
        {"\"\\e[2J\": 1\n", ":1:1: a text with a line end or a control character\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        config_kit_faults_beside_a_zone(cases[i].text, cases[i].expected);
}

static void zones_are_checked(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"zones: {name: a.b}", ":1:8: expected a list: each zone begins with '- name: …'\n"},
        {"zones: [a.b]", ":1:9: expected a zone's keys, beginning with 'name: …'\n"},
        {"zones: [{ttl: 3}]", ":1:9: 'name' is missing\n"},
        {"zones: [{name: a..b}]", ":1:16: 'a..b' is not a zone's name\n"},
        {"zones: [{name: .}]", ":1:16: '.' is not a zone's name\n"},
        {"zones: [{name: \"@\"}]", ":1:16: '@' is not a zone's name\n"},
        {"zones: [{name: a.b, tll: 3}]", ":1:21: unknown key 'tll' (did you mean 'ttl'?)\n"},
        {"zones: [{name: a.b, ttl: -1}]",
         ":1:26: '-1' is not a TTL; expected seconds, or 5m, 1h\n"},
        {"zones: [{name: a.b, ttl: 2147483648}]",
         ":1:26: '2147483648': a TTL is at most 2147483647 s (RFC 2181 §8)\n"},
        {"zones: [{name: a.b, write: yes}]", ":1:28: 'yes' is not false or true\n"},
        {"zones: [{name: a.b, write: \"true\"}]",
         ":1:28: expected true or false, without quotes\n"},
        {"zones: [{name: a.b}, {name: A.B.}]", ":1:22: this zone is configured twice\n"},
        {"zones: [{name: a.b, file: /x}, {name: c.d, file: /x}]",
         ":1:32: two zones have the file /x\n"},
        {"zones: [{name: a.b, ns: [ns1]}]",
         ":1:26: 'ns1' is in the zone and needs an address, as in 'ns1.lab.example. 192.0.2.53'\n"},
        {"zones: [{name: a.b, ns: [ns1.c.d]}]",
         ":1:26: 'ns1.c.d' is not the name of a name server (final dot?)\n"},
        {"zones: [{name: a.b, ns: [ns1.c.d. 192.0.2.1]}]",
         ":1:26: 'ns1.c.d. 192.0.2.1' is not in the zone, which has no place for its addresses\n"},
        {"zones: [{name: a.b, ns: [ns1 192.0.2.300]}]", ":1:26: '192.0.2.300' is not an address\n"},
        {"zones: [{name: a.b, ns: [ns1 192.0.2.0/24]}]",
         ":1:26: '192.0.2.0/24' is not an address\n"},
        {"zones: [{name: a.b, ns: [ns1 1.1.1.1 1.1.1.2 1.1.1.3 1.1.1.4 1.1.1.5]}]",
         ":1:26: more than 4 addresses\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        print_message("%s\n", cases[i].text);
        config_kit_faults(cases[i].text, cases[i].expected);
    }
    config_kit_faults("", ": no zone is configured; write, for example:\n"
                          "zones:\n  - name: lab.example\n    ttl: 30\n"
                          "    ns: [ns1.lab.example. 192.0.2.53]\n");
}

static void all_faults_are_said_but_not_thousands(void **state)
{
    struct buf many = {0};
    unsigned lines = 0;
    struct str rest, line;
    struct config *c;
    (void)state;
    config_kit_faults("dta: 1\nhttp: {alow: [], hosts: [a/b]}\nzones: [{name: a.b, ttl: x}]\n",
                      ":1:1: unknown key 'dta' (did you mean 'data'?)\n"
                      ":2:8: unknown key 'alow' (did you mean 'allow'?)\n"
                      ":2:26: 'a/b' is not a host name (without port and path)\n"
                      ":3:26: 'x' is not a TTL; expected seconds, or 5m, 1h\n");
    for (int i = 0; i < 200; i++)
        buf_addf(&many, "x%d: 1\n", i);
    assert_int_equal(config_kit_load(buf_str(&many), &c), -BD_EINVALID);
    for (rest = str_c(config_kit_errors.p); str_cut(&rest, '\n', &line);)
        lines++;
    assert_int_equal(lines, 20);
    buf_free(&many);
}

static void syntax_faults_have_a_place(void **state)
{
    static const struct {
        struct str text;
        const char *begins; /* libyaml's own words follow */
    } cases[] = {
        {{"data: /x\n\tlive: /y\n", 19}, ":2:1: "},
        {{"data: [a\nlive: b\n", 17}, ":2:5: "},
        {{"data: /x\n---\nlive: /y\n", 22}, ":2:1: a second document"},
        {{"data: \"abc\n", 11}, ":2:1: "},
        {{"data: /x\nlive: \xff\n", 17}, ":2:7: "},
        {{"data: /x\nlive: \0\n", 17}, ":2:7: "},
        {{"just text\n", 10}, ":1:1: expected keys and values"},
        {{"- a\n", 4}, ":1:1: expected keys and values"},
        {{"data: a: b\n", 11}, ":1:8: "},
    };
    struct config *c;
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(config_kit_load(cases[i].text, &c), -BD_EINVALID);
        print_message("%s", config_kit_errors.p);
        struct str file = str_c(config_kit_path), got = str_c(config_kit_errors.p);
        assert_true(str_starts(got, file));
        got = (struct str){got.p + file.n, got.n - file.n};
        assert_true(str_starts(got, str_c(cases[i].begins)));
    }
}

/* libyaml alone takes seconds for these. */
static void hostile_files_are_refused_quickly(void **state)
{
    struct buf b = {0};
    struct config *c;
    (void)state;
    buf_add_str(&b, STR("data: "));
    for (int i = 0; i < 50000; i++)
        buf_add_c(&b, '[');
    assert_int_equal(config_kit_load(buf_str(&b), &c), -BD_EINVALID);
    assert_non_null(strstr(config_kit_errors.p, "nested too deeply"));
    buf_reset(&b);
    for (int i = 0; i < 50000; i++)
        buf_addf(&b, "k%d: {}\n", i);
    assert_int_equal(config_kit_load(buf_str(&b), &c), -BD_EINVALID);
    assert_non_null(strstr(config_kit_errors.p, "too many keys")
                        ? config_kit_errors.p
                        : strstr(config_kit_errors.p, "unknown key"));
    buf_reset(&b);
    for (int i = 0; i < 50000; i++)
        buf_add_str(&b, STR("? "));
    assert_int_equal(config_kit_load(buf_str(&b), &c), -BD_EINVALID);
    buf_reset(&b);
    buf_addf(&b, "# %0*d", 1 << 20, 0);
    assert_int_equal(config_kit_load(buf_str(&b), &c), -BD_EINVALID);
    assert_non_null(strstr(config_kit_errors.p, "larger than 1MiB"));
    buf_free(&b);
}

static void files_that_are_none(void **state)
{
    struct config *c = NULL;
    (void)state;
    buf_reset(&config_kit_errors);
    assert_int_equal(config_load("/no/such/file", &c, &config_kit_errors), -ENOENT);
    assert_int_equal(config_kit_errors.n, 0);
    assert_int_equal(config_load(config_kit_dir, &c, &config_kit_errors), -BD_EINVALID);
    buf_reset(&config_kit_errors);
    assert_int_equal(config_load(NULL, &c, &config_kit_errors),
                     -BD_EINVALID); /* the defaults have no zone */
    buf_add_c(&config_kit_errors, '\0');
    assert_non_null(strstr(config_kit_errors.p, "- name: lab.example"));
    assert_null(c);
}

/* `betterdns config` prints what is understood again: as it is but for the zone, and with the
 * zone's lines in force. */
static void printed_defaults_are_the_defaults(void **state)
{
    struct buf out = {0}, with_zone = {0};
    struct config *printed = NULL, *short_one = NULL;
    struct str rest, line;
    (void)state;
    config_print_defaults(&out);
    assert_int_equal(out.error, 0);
    for (rest = buf_str(&out); str_cut(&rest, '\n', &line);) {
        if (str_starts(line, STR("#  ")))
            line = (struct str){line.p + 1, line.n - 1};
        buf_addf(&with_zone, "%.*s\n", STR_ARG(line));
    }
    assert_int_equal(config_kit_load(buf_str(&with_zone), &printed), 0);
    assert_int_equal(config_kit_load(STR("zones: [{name: lab.example}]"), &short_one), 0);
    assert_string_equal(printed->data, short_one->data);
    assert_string_equal(printed->live, short_one->live);
    assert_true(!printed->server.binary && !short_one->server.binary);
    assert_string_equal(printed->server.kind, short_one->server.kind);
    assert_memory_equal(&printed->server.listen, &short_one->server.listen,
                        sizeof(printed->server.listen));
    assert_int_equal(printed->http.auth_none, short_one->http.auth_none);
    assert_int_equal(printed->zones[0].ttl, short_one->zones[0].ttl);
    assert_int_equal(printed->zones[0].write, short_one->zones[0].write);
    assert_int_equal(printed->zones[0].nns, 1);
    config_free(printed);
    config_free(short_one);
    buf_free(&out);
    buf_free(&with_zone);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, config_kit_set_up, config_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(every_option_is_read),
        TEST(zones_are_read),
        TEST(what_is_left_out_has_a_default),
        TEST(http_and_dns_need_a_port_each),
        TEST(beyond_loopback_needs_a_token_or_a_word),
        TEST(tls_is_for_a_proxy),
        TEST(faults_have_their_place_and_the_nearest_key),
        TEST(zones_are_checked),
        TEST(all_faults_are_said_but_not_thousands),
        TEST(syntax_faults_have_a_place),
        TEST(hostile_files_are_refused_quickly),
        TEST(files_that_are_none),
        TEST(printed_defaults_are_the_defaults),
    };
    return cmocka_run_group_tests(tests, NULL, config_kit_free);
}

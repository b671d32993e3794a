/* The other kinds of servers: bind, nsd, knot. What they are told, and how their words are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>

#include <betterdns/error.h>

#include "kinds.h"
#include "servers/text.h"

static struct sockaddr_storage at(const char *host, unsigned port)
{
    struct sockaddr_storage a;

    assert_int_equal(sockaddr_parse(host, &a), 0);
    sockaddr_set_port(&a, port);
    return a;
}

/* What the kind writes for one zone at that address. To be freed. */
static char *written(const struct server_kind *kind, const char *host, const char *version)
{
    const struct sockaddr_storage public = at(host, 5300), private = at("127.53.7.9", 5300);
    const struct server_zone zone = {.name = "lab.example.", .path = "/run/b \"q\"/lab.zone"};
    const struct server_config config = {.binary = "/usr/sbin/x",
                                         .path = "/run/b/conf",
                                         .dir = "/run/b/server.1",
                                         .version = version,
                                         .listen = &public,
                                         .private = kind->public_only ? NULL : &private,
                                         .nsid = "0011.7",
                                         .zones = &zone,
                                         .nzones = 1};
    const char *argv[SERVER_ARGS_MAX];
    struct buf out = {0};
    bool has_path = false;

    kind->write_config(&config, &out);
    buf_add_c(&out, '\0');
    assert_int_equal(out.error, 0);
    kind->arguments(&config, argv);
    assert_string_equal(argv[0], "/usr/sbin/x");
    for (size_t i = 0; argv[i]; i++)
        has_path |= argv[i] == config.path;
    assert_true(has_path);
    return out.p;
}

static void expect(const struct server_kind *kind, const char *host, const char *version,
                   const char *words, bool there)
{
    char *text = written(kind, host, version);

    if ((strstr(text, words) != NULL) != there)
        fail_msg("%s %s %s: '%s' is %sin\n%s", kind->name, host, version, words,
                 there ? "not " : "", text);
    free(text);
}

static void what_bind_is_told(void **unused)
{
    const struct server_kind *b = &server_bind;

    (void)unused;
    expect(b, "127.0.0.1", "9.18.49", "listen-on port 5300 { 127.0.0.1; };", true);
    expect(b, "127.0.0.1", "9.18.49", "listen-on-v6 { none; };", true);
    expect(b, "::1", "9.18.49", "listen-on-v6 port 5300 { ::1; };", true);
    expect(b, "::1", "9.18.49", "listen-on { none; };", true);
    expect(b, "0.0.0.0", "9.18.49", "listen-on port 5300 { any; };", true);
    expect(b, "::1", "9.18.49", "server-id \"0011.7\";", true);
    expect(b, "::1", "9.18.49",
           "zone \"lab.example.\" { type primary; file \"/run/b \\\"q\\\"/lab.zone\"; };", true);
    /* Options that not every release knows. */
    expect(b, "::1", "9.18.24", "max-records-per-type 0;", false);
    expect(b, "::1", "9.18.28", "max-records-per-type 0;", true);
    expect(b, "::1", "9.20.11", "max-records-per-type 0;", true);
    expect(b, "::1", "9.18.28", "lock-file none;", true);
    expect(b, "::1", "9.20.11", "lock-file none;", false);
}

static void what_nsd_is_told(void **unused)
{
    (void)unused;
    expect(&server_nsd, "::1", "", "ip-address: ::1@5300\n    ip-address: 127.53.7.9@5300\n", true);
    expect(&server_nsd, "::1", "", "nsid: \"ascii_0011.7\"\n", true);
    expect(&server_nsd, "::1", "", "rrl-ratelimit: 0\n", true);
    expect(&server_nsd, "::1", "", "zonelistfile: \"/run/b/server.1/zone.list\"\n", true);
    expect(&server_nsd, "::1", "",
           "name: \"lab.example.\"\n    zonefile: \"/run/b \\\"q\\\"/lab.zone\"\n", true);
}

static void what_knot_is_told(void **unused)
{
    (void)unused;
    expect(&server_knot, "::1", "", "listen: [ ::1@5300, 127.53.7.9@5300 ]\n", true);
    expect(&server_knot, "::1", "", "nsid: \"0011.7\"\n", true);
    expect(&server_knot, "::1", "", "journal-content: none\n", true);
    expect(&server_knot, "::1", "",
           "  - domain: \"lab.example.\"\n    file: \"/run/b \\\"q\\\"/lab.zone\"\n", true);
}

static void versions(void **unused)
{
    static const struct {
        const struct server_kind *kind;
        const char *output, *version;
    } cases[] = {
        {&server_bind, "BIND 9.18.49-1~deb12u3-Debian (Extended Support Version) <id:>\n",
         "9.18.49-1~deb12u3-Debian"},
        {&server_nsd, "NSD version 4.6.1\nWritten by NLnet Labs.\n", "4.6.1"},
        {&server_knot, "knotd (Knot DNS), version 3.2.6\n", "3.2.6"},
        {&server_knot, "knotd, Knot DNS 3.4.6\n", "3.4.6"},
        {&server_knot, "unknown option\n", ""},
        {&server_bind, "", ""},
    };
    static const struct server_release r = {.part = {9, 18, 28}};
    char version[SERVER_VERSION_SIZE];

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        cases[i].kind->version(str_c(cases[i].output), version);
        assert_string_equal(version, cases[i].version);
    }
    assert_true(server_release_before("9.18.9-x", &r) && server_release_before("9.16.50", &r));
    assert_false(server_release_before("9.18.28", &r) || server_release_before("10.0", &r));
    assert_false(server_release_before("", &r) || server_release_before("unknown", &r));
}

static void words(void **unused)
{
    static const struct {
        const struct server_kind *kind;
        const char *output, *words;
        int error;
    } cases[] = {
        {&server_nsd,
         "error: can't bind udp socket 127.0.0.1@53: Permission denied\n"
         "error: server initialization failed, nsd could not be started\n",
         "error: can't bind udp socket 127.0.0.1@53: Permission denied", -EACCES},
        {&server_knot,
         "error: cannot bind address 127.0.0.1@53 UDP (operation not permitted)\n"
         "critical: failed to configure server\n",
         "error: cannot bind address 127.0.0.1@53 UDP (operation not permitted)", -EACCES},
        {&server_knot, "error: config, file 'x', line 3, item 'y' (invalid item)\ninfo: bye\n",
         "error: config, file 'x', line 3, item 'y' (invalid item)", -BD_EINVALID},
        {&server_bind,
         "unable to open '/etc/bind/bind.keys'; using built-in keys instead\n"
         "creating IPv4 interface lo failed; interface ignored\nall zones loaded\nrunning\n",
         "creating IPv4 interface lo failed; interface ignored", -EACCES},
        {&server_bind,
         "/x/named.conf:3: unknown option 'y'\nloading configuration: failure\n"
         "exiting (due to fatal error)\n",
         "/x/named.conf:3: unknown option 'y'", -BD_EINVALID},
        {&server_nsd, "error: can't bind tcp socket: Address already in use\n",
         "error: can't bind tcp socket: Address already in use", -BD_EINUSE},
        {&server_nsd, "", "", -BD_EINVALID},
    };
    struct str said;

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(cases[i].kind->failure(str_c(cases[i].output), &said), cases[i].error);
        if (!str_eq(said, str_c(cases[i].words)))
            fail_msg("%s: '%.*s'", cases[i].kind->name, STR_ARG(said));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_bind_is_told),
        cmocka_unit_test(what_nsd_is_told),
        cmocka_unit_test(what_knot_is_told),
        cmocka_unit_test(versions),
        cmocka_unit_test(words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* What of a user's own Corefile concerns us: blocks, files, addresses, identifiers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "corefile.h"

#define FILE_A "file /run/live/lab.example.zone"
#define PROBE "bind 192.0.2.53 {$BETTERDNS_PROBE}\n"
#define NSID "nsid {$BETTERDNS_NSID}\n"

static const struct server_zone zone_a = {.name = "lab.example.",
                                          .path = "/run/live/lab.example.zone"};

static int check(const char *text, unsigned port, struct corefile_found *found, struct problem *p)
{
    struct sockaddr_storage listen = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&listen;
    const struct corefile_facts facts = {
        .path = "/etc/Corefile", .listen = &listen, .zones = &zone_a, .nzones = 1};

    v4->sin_family = AF_INET;
    v4->sin_port = htons((uint16_t)port);
    return corefile_check(str_c(text), &facts, found, p);
}

/* found: 'p'robe, 'n'sid, looks by itself ('l'); NULL: refused. */
static const struct {
    const char *text;
    unsigned port;
    const char *found;
} cases[] = {
    {"lab.example {\n" PROBE NSID FILE_A " {\nreload 100ms\n}\n}\n", 53, "pnl"},
    {"lab.example:5300 {\n" PROBE NSID FILE_A " {\nreload 2s\n}\n}\n", 5300, "pnl"},
    {"LAB.example. {\n" PROBE NSID FILE_A " {\n  reload 3s\n}\n}\n", 53, "pn"},
    {"lab.example {\n" PROBE NSID FILE_A " {\n  reload 0\n}\n}\n", 53, "pn"},
    {"lab.example {\n" PROBE NSID FILE_A "\n}\n", 53, "pn"}, /* a minute */
    {"lab.example {\n" PROBE FILE_A "\n}\n", 53, "p"},
    {"lab.example {\n" NSID FILE_A "\n}\n", 53, "n"},
    {"lab.example {\nnsid mine\nbind 192.0.2.53\n" FILE_A "\n}\n", 53, ""},
    {"lab.example {\nlog\n# " PROBE "# " NSID FILE_A "\n}\n", 53, ""},
    {"lab.example {\nlog\n} # } {\n", 53, NULL},
    {"lab.example {\n" FILE_A "\n}\n", 5300, NULL},
    {"lab.example:5300 {\n" FILE_A "\n}\n", 53, NULL},
    {"tls://lab.example:5300 {\n" FILE_A "\n}\n", 5300, NULL},
    {"dns://lab.example:5300 {\n" FILE_A "\n}\n", 5300, ""},
    {"other.example, lab.example {\n" FILE_A "\n}\n", 53, ""},
    {"other.example\nlab.example {\n" FILE_A "\n}\n", 53, ""},
    {"other.example {\n" FILE_A "\n}\n", 53, NULL},
    {"lab.example {\nfile /etc/other.zone\n}\n", 53, NULL},
    {"lab.example {\n# " FILE_A "\n}\n", 53, NULL},
    {". {\n" FILE_A "\n}\n", 53, NULL}, /* that would be the zone "." */
    {". {\n" FILE_A " lab.example\n}\n", 53, ""},
    {"example {\n" FILE_A " x.example lab.example. {\n reload 1s\n}\n}\n", 53, "l"},
    {"example {\n" FILE_A " x.example\n}\n", 53, NULL},
    {"b.example {\n" FILE_A " lab.example\n}\n", 53, NULL},
    {"lab.example {\n" FILE_A " x.lab.example\n}\n", 53, NULL},
    {"lab.example {\nfile \"/run/live/lab.example.zone\"\n" NSID "}\n", 53, "n"},
    {"a {\nlog {\n class error\n}\n}\nlab.example {\n" PROBE FILE_A "\n" NSID "}\n", 53, "pn"},
    {"(us) {\n" PROBE NSID "}\nlab.example {\nimport us\n" FILE_A "\n}\n", 53, "pn"},
    {"(us) {\n" PROBE NSID "}\nlab.example {\nimport them\n" FILE_A "\n}\n", 53, ""},
    {"(us) {\nimport us\n}\nlab.example {\nimport us\n" FILE_A "\n}\n", 53, ""},
    {"lab.example {\n" PROBE FILE_A "\n}\nlab.example {\n" NSID FILE_A "\n}\n", 53, "p"},
    {"lab.example {\nfile\n" PROBE FILE_A "\n}\n", 53, "p"},
    {"lab.example {\n" FILE_A " {\n", 53, ""}, /* CoreDNS will say it */
    {"lab.example {#" PROBE "\n" NSID "# " FILE_A "\n" FILE_A "#\n}", 53, "n"},
    {"", 53, NULL},
    {"{", 53, NULL},
    {"\"", 53, NULL},
};

static void blocks(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct corefile_found found;
        char got[8] = "";
        int r = check(cases[i].text, cases[i].port, &found, NULL);
        if (r == 0)
            snprintf(got, sizeof(got), "%s%s%s", found.probe ? "p" : "", found.nsid ? "n" : "",
                     found.polls ? "l" : "");
        if (r != (cases[i].found ? 0 : -BD_EINVALID) || strcmp(got, cases[i].found ?: "") != 0)
            fail_msg("case %zu: %d, %s:\n%s", i, r, got, cases[i].text);
        if (r == 0)
            assert_int_equal(found.lacks[0] == '\0', found.probe && found.nsid);
    }
}

static void what_is_said(void **unused)
{
    struct corefile_found found;
    struct problem p;

    (void)unused;
    assert_int_equal(check("other.example {\n}\n", 53, &found, &p), -BD_EINVALID);
    assert_non_null(strstr(p.detail, "/etc/Corefile has no block for lab.example. on port 53"));
    assert_non_null(strstr(p.detail, "file /run/live/lab.example.zone"));
    assert_non_null(strstr(p.hint, COREFILE_NSID));
    assert_int_equal(check("lab.example {\n" PROBE FILE_A "\n}\n", 53, &found, &p), 0);
    assert_non_null(strstr(found.lacks, "lab.example. has no 'nsid {$BETTERDNS_NSID}'"));
    assert_int_equal(check("lab.example {\n" FILE_A "\n}\n", 53, &found, &p), 0);
    assert_non_null(strstr(found.lacks, "'bind … {$BETTERDNS_PROBE}'"));
}

/* Relative ones start from the block's root, and that from the Corefile's folder. */
static void paths(void **unused)
{
    static const struct {
        const char *text;
        int result;
    } wanted[] = {
        {"a.example {\nfile live/a.zone\n}\n", 0},
        {"a.example {\nfile ../etc/live/a.zone\n}\n", 0},
        {"a.example {\nfile a.zone\n}\n", -BD_EINVALID},
        {"a.example {\nroot live\nfile a.zone\n}\n", 0},
        {"a.example {\nfile a.zone\nroot live\n}\n", 0},
        {"a.example {\nroot ROOT\nfile live/a.zone\n}\n", 0},
        {"a.example {\nroot live\nfile live/a.zone\n}\n", -BD_EINVALID},
        {"a.example {\nroot /nowhere\nfile a.zone\n}\n", -BD_EINVALID},
        {"b.example {\nroot live\n}\na.example {\nfile a.zone\n}\n", -BD_EINVALID},
    };
    char dir[] = "/tmp/betterdns-corefile.XXXXXX", corefile[64], live[64], path[128];
    struct sockaddr_storage listen = {.ss_family = AF_INET};

    (void)unused;
    assert_non_null(mkdtemp(dir));
    snprintf(corefile, sizeof(corefile), "%s/etc/Corefile", dir);
    snprintf(live, sizeof(live), "%s/etc/live", dir);
    snprintf(path, sizeof(path), "%s/a.zone", live);
    assert_int_equal(file_make_dirs(live, 0755), 0);
    ((struct sockaddr_in *)(void *)&listen)->sin_port = htons(53);
    const struct server_zone zone = {.name = "a.example.", .path = path};
    const struct corefile_facts facts = {
        .path = corefile, .listen = &listen, .zones = &zone, .nzones = 1};
    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        struct corefile_found found;
        struct buf text = {0};
        const char *root = strstr(wanted[i].text, "ROOT");
        const int head = (int)(root ? root - wanted[i].text : (int)strlen(wanted[i].text));
        buf_addf(&text, "%.*s%s%s/etc%s", head, wanted[i].text, root ? "" : "# ", dir,
                 root ? root + 4 : "");
        if (corefile_check(buf_str(&text), &facts, &found, NULL) != wanted[i].result)
            fail_msg("%.*s", STR_ARG(buf_str(&text)));
        buf_free(&text);
    }
    rmdir(live);
    *strrchr(live, '/') = '\0';
    rmdir(live);
    rmdir(dir);
}

static void filled(void **unused)
{
    struct buf out = {0};

    (void)unused;
    corefile_fill(STR("a {\nbind x {$BETTERDNS_PROBE}\nnsid {$BETTERDNS_NSID}\n{$HOME} {"),
                  "1.2.3.4", "aa.1", &out);
    buf_add_c(&out, '\0');
    assert_string_equal(out.p, "a {\nbind x 1.2.3.4\nnsid aa.1\n{$HOME} {");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks),
        cmocka_unit_test(what_is_said),
        cmocka_unit_test(paths),
        cmocka_unit_test(filled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

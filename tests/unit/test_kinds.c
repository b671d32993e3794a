/* Server kinds and strategies: the Corefile, the server's words, how often it looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <stdlib.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

#include "kinds.h"
#include "internal.h"

static struct sockaddr_storage at(const char *host, unsigned port)
{
    struct sockaddr_storage s = {0};
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)&s;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)&s;

    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
    } else {
        assert_int_equal(inet_pton(AF_INET6, host, &v6->sin6_addr), 1);
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
    }
    return s;
}

/* Without comments and blank lines. */
static void bare(struct str text, struct buf *out)
{
    struct str line;

    while (str_cut(&text, '\n', &line)) {
        struct str words = str_trim(line);
        if (words.n == 0 || words.p[0] == '#')
            continue;
        buf_add_str(out, line);
        buf_add_c(out, '\n');
    }
    buf_add_c(out, '\0');
}

static void the_example_is_what_we_write(void **unused)
{
    struct sockaddr_storage public = at("192.0.2.53", 53), private = at("127.53.17.201", 53);
    const struct server_zone zones[] = {
        {.name = "lab.example.", .path = "/run/betterdns/lab.example.zone", .poll_ms = 5},
        {.name = "2.0.192.in-addr.arpa.",
         .path = "/run/betterdns/2.0.192.in-addr.arpa.zone",
         .poll_ms = 5}};
    const struct server_config config = {.listen = &public,
                                         .private = &private,
                                         .nsid = "5f1c0a9e77d2b634.1",
                                         .zones = zones,
                                         .nzones = 2};
    struct buf out = {0}, example = {0}, ours = {0}, theirs = {0};

    (void)unused;
    server_coredns.write_config(&config, &out);
    assert_int_equal(file_read("Corefile.example", 65536, &example), 0);
    bare(buf_str(&out), &ours);
    bare(buf_str(&example), &theirs);
    assert_string_equal(theirs.p, ours.p);
    buf_free(&out);
    buf_free(&example);
    buf_free(&ours);
    buf_free(&theirs);
}

static void corefile(void **unused)
{
    struct sockaddr_storage public = at("::1", 5300), private = at("127.53.7.9", 5300);
    const struct server_zone zone = {
        .name = "lab.example.", .path = "/run/b \"q\"/lab.example.zone", .poll_ms = 10};
    struct server_config config = {.binary = "/usr/bin/coredns",
                                   .path = "/run/b/Corefile",
                                   .listen = &public,
                                   .private = &private,
                                   .nsid = "0011.1",
                                   .zones = &zone,
                                   .nzones = 1};
    const char *argv[SERVER_ARGS_MAX];
    struct buf out = {0};

    (void)unused;
    server_coredns.write_config(&config, &out);
    buf_add_c(&out, '\0');
    assert_non_null(strstr(out.p, "\nlab.example.:5300 {\n    bind ::1 127.53.7.9\n    errors\n"
                                  "    nsid 0011.1\n"
                                  "    file \"/run/b \\\"q\\\"/lab.example.zone\" {\n"
                                  "        reload 10ms\n    }\n}\n"));
    assert_null(strstr(out.p, "cache"));
    server_coredns.arguments(&config, argv);
    assert_string_equal(argv[1], "-conf");
    assert_string_equal(argv[2], "/run/b/Corefile");
    buf_free(&out);
}

static void words(void **unused)
{
    char version[SERVER_VERSION_SIZE];
    struct str said;

    (void)unused;
    server_coredns.version(STR("maxprocs: x\nCoreDNS-1.15.0\nlinux/amd64, go1.26\n"), version);
    assert_string_equal(version, "1.15.0");
    server_coredns.version(STR("command not understood\n"), version);
    assert_string_equal(version, "");
    assert_int_equal(
        server_coredns.failure(
            STR("maxprocs: Leaving\nCorefile:3 - Error during parsing: Unknown\n"), &said),
        -BD_EINVALID);
    assert_true(str_eq(said, STR("Corefile:3 - Error during parsing: Unknown")));
    assert_int_equal(server_coredns.failure(
                         STR("Listen: listen tcp 127.0.0.1:53: bind: permission denied\n"), &said),
                     -EACCES);
    assert_int_equal(
        server_coredns.failure(STR("Listen: listen tcp :53: bind: address already in use"), &said),
        -BD_EINUSE);
    assert_int_equal(server_coredns.failure(STR(""), &said), -BD_EINVALID);
    assert_int_equal(said.n, 0);
}

static unsigned poll(unsigned now_ms, size_t nrecords, unsigned nzones)
{
    const struct poll_facts f = {.now_ms = now_ms, .nrecords = nrecords, .nzones = nzones};

    assert_int_equal(strategy_signal.poll_ms(&f), 0);
    assert_int_equal(strategy_restart.poll_ms(&f), 0);
    return strategy_file.poll_ms(&f);
}

static void polling_has_hysteresis(void **unused)
{
    (void)unused;
    assert_int_equal(poll(0, 20000, 1), 5);
    assert_int_equal(poll(5, 20001, 1), 100);
    assert_int_equal(poll(100, 19999, 1), 100);
    assert_int_equal(poll(100, 10000, 1), 100);
    assert_int_equal(poll(100, 9999, 1), 5);
    assert_int_equal(poll(10, 9999, 4), 10);
    assert_int_equal(poll(0, 1, 5), 15);
    assert_int_equal(poll(0, 1, 1000), 100);
}

/* A zone of this size on a machine where its load takes so long. */
static unsigned poll_load(unsigned now_ms, size_t nrecords, unsigned load_ms)
{
    const struct poll_facts f = {
        .now_ms = now_ms, .nrecords = nrecords, .load_ns = load_ms * NS_PER_MS, .nzones = 1};

    return strategy_file.poll_ms(&f);
}

static void a_slow_load_is_not_looked_for_often(void **unused)
{
    (void)unused;
    assert_int_equal(poll_load(5, 4000, 102), 5); /* 2.5 ms of it are the wait for a look */
    assert_int_equal(poll_load(5, 4000, 103), 100);
    assert_int_equal(poll_load(100, 4000, 101), 100); /* 50 ms of it are */
    assert_int_equal(poll_load(100, 4000, 100), 5);
    assert_int_equal(poll_load(5, 1000, 5000), 5); /* the machine has other things to do */
}

static unsigned poll_busy(bool busy, unsigned nbusy, unsigned nzones)
{
    const struct poll_facts f = {.nrecords = 10, .busy = busy, .nbusy = nbusy, .nzones = nzones};

    return strategy_file.poll_ms(&f);
}

/* Of 50 zones the three that change all the time are looked at often. */
static void what_changes_often_has_the_budget(void **unused)
{
    (void)unused;
    assert_int_equal(poll_busy(false, 0, 50), 100);
    assert_int_equal(poll_busy(true, 2, 50), 5);
    assert_int_equal(poll_busy(true, 3, 50), 10);
    assert_int_equal(poll_busy(false, 3, 50), 100);
    assert_int_equal(poll_busy(true, 50, 50), 100);
    assert_int_equal(poll_busy(false, 1, 2), 5); /* there is enough for both */
}

static void tables(void **unused)
{
    (void)unused;
    assert_ptr_equal(server_kind_by_name("coredns"), &server_coredns);
    assert_ptr_equal(strategy_by_name("file"), &strategy_file);
    assert_ptr_equal(strategy_by_name("signal"), &strategy_signal);
    assert_ptr_equal(strategy_by_name("restart"), &strategy_restart);
    assert_ptr_equal(strategy_file.stronger, &strategy_signal);
    assert_ptr_equal(strategy_signal.stronger, &strategy_restart);
    assert_null(strategy_restart.stronger);
    assert_ptr_equal(server_kind_by_name("bind"), &server_bind);
    assert_ptr_equal(server_kind_by_name("nsd"), &server_nsd);
    assert_ptr_equal(server_kind_by_name("knot"), &server_knot);
    assert_null(server_kind_by_name("named"));
    assert_null(strategy_by_name(""));
}

/* Each file is in the table under its own name, and each row has what others ask of it. */
static void each_file_is_a_row(void **unused)
{
    static const struct {
        const char *folder, *shared;
        bool kinds;
    } folders[] = {{"controller/servers", "text.c", true}, {"controller/strategies", "", false}};
    struct dirent *e;

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
        unsigned nfiles = 0, nrows = 0;
        struct controller_kind kind;
        struct controller_way way;
        DIR *d = opendir(folders[i].folder);
        assert_non_null(d);
        while ((e = readdir(d))) {
            char name[64];
            struct str file = str_c(e->d_name);
            if (!str_ends(file, STR(".c")) || str_eq(file, str_c(folders[i].shared)))
                continue;
            str_format(name, sizeof(name), "%.*s", (int)file.n - 2, file.p);
            assert_true(folders[i].kinds ? server_kind_by_name(name) != NULL
                                         : strategy_by_name(name) != NULL);
            nfiles++;
        }
        closedir(d);
        while (folders[i].kinds ? controller_kind(nrows, &kind) : controller_way(nrows + 1, &way))
            nrows++;
        assert_int_equal(nrows, nfiles);
    }
}

static void others_see_the_tables(void **unused)
{
    struct controller_kind kind;
    struct controller_way way;

    (void)unused;
    for (unsigned i = 0; controller_kind(i, &kind); i++) {
        const struct server_kind *k = server_kind_by_name(kind.name);
        assert_string_equal(k->name, kind.name);
        assert_true(kind.by_commands == (kind.program == NULL));
    }
    assert_true(controller_kind_named("bind", &kind));
    assert_string_equal(kind.package, "bind9");
    assert_false(controller_kind_named("named", &kind));
    assert_true(controller_way(0, &way));
    assert_string_equal(way.name, "auto");
    for (unsigned i = 1; controller_way(i, &way); i++) {
        assert_non_null(strategy_by_name(way.name));
        assert_true(way.help[0] != '\0');
    }
}

static void live_names(void **unused)
{
    static const struct {
        const char *origin, *path;
    } cases[] = {
        {"lab.example.", "/l/lab.example.zone"},
        {"0/26.2.0.192.in-addr.arpa.", "/l/0%2F26.2.0.192.in-addr.arpa.zone"},
        {".", "/l/%2E.zone"},
        {"a\\.b.c.", "/l/a%5C.b.c.zone"},
    };

    (void)unused;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct dname origin;
        assert_int_equal(dname_from_text(str_c(cases[i].origin), NULL, &origin, NULL), 0);
        char *path = live_path("/l", &origin);
        assert_string_equal(path, cases[i].path);
        free(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(corefile),
        cmocka_unit_test(the_example_is_what_we_write),
        cmocka_unit_test(words),
        cmocka_unit_test(polling_has_hysteresis),
        cmocka_unit_test(a_slow_load_is_not_looked_for_often),
        cmocka_unit_test(what_changes_often_has_the_budget),
        cmocka_unit_test(tables),
        cmocka_unit_test(each_file_is_a_row),
        cmocka_unit_test(others_see_the_tables),
        cmocka_unit_test(live_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

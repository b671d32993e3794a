/* Checks as requests give them: what is read, what is refused and with which words, the text that
 * is stored, and what it means with the defaults. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/check.h>

static const struct check_defaults defaults = {10000, 5000, 3, 2, 120};

/* "url=http://:80 interval=5s": members separated by blanks; '~' stands for a blank. */
static size_t split(char *text, struct check_member members[16])
{
    size_t n = 0;

    for (char *word = strtok(text, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        assert_non_null(equals);
        for (char *c = word; *c; c++)
            *c = *c == '~' ? ' ' : *c;
        members[n++] = (struct check_member){{word, (size_t)(equals - word)}, str_c(equals + 1)};
    }
    return n;
}

static int read_words(const char *words, struct buf *text, struct problem *problem)
{
    struct check_member members[16];
    char *copy = strdup(words);

    assert_non_null(copy);
    int r = check_read(members, split(copy, members), text, problem);
    free(copy);
    return r;
}

/* Reads words and what came of it once more; the caller frees the text that spec looks into. */
static void read_spec(const char *words, struct buf *text, struct check_spec *spec)
{
    struct problem problem = {0};

    int r = read_words(words, text, &problem);
    if (r < 0)
        fail_msg("%s: %s", words, problem.detail);
    assert_int_equal(check_parse(buf_str(text), &defaults, spec), 0);
}

#define assert_str(s, literal)                                                                     \
    do {                                                                                           \
        struct str got = (s);                                                                      \
        if (!str_eq(got, STR(literal)))                                                            \
            fail_msg("'%.*s' is not '%s'", STR_ARG(got), literal);                                 \
    } while (0)

static void test_urls(void **state)
{
    static const struct {
        const char *url, *stored, *host, *path;
        enum check_kind kind;
        uint16_t port;
    } rows[] = {
        {"http://:8080/healthz", NULL, "", "/healthz", CHECK_HTTP, 8080},
        {"http://", NULL, "", "", CHECK_HTTP, 80},
        {"http:///x?y=1&z", NULL, "", "/x?y=1&z", CHECK_HTTP, 80},
        {"HTTP://Web.Lab.Example/A%2fb", "http://web.lab.example/A%2fb", "web.lab.example",
         "/A%2fb", CHECK_HTTP, 80},
        {"http://web.lab.example.:00081/", "http://web.lab.example:81/", "web.lab.example", "/",
         CHECK_HTTP, 81},
        {"https://:1", NULL, "", "", CHECK_HTTPS, 1},
        {"https://web/@a:b", NULL, "web", "/@a:b", CHECK_HTTPS, 443},
        {"http://[2001:DB8::1]:65535/", "http://[2001:db8::1]:65535/", "2001:db8::1", "/",
         CHECK_HTTP, 65535},
        {"http://192.0.2.1/", NULL, "192.0.2.1", "/", CHECK_HTTP, 80},
        {"tcp://:22", NULL, "", "", CHECK_TCP, 22},
        {"tcp://10.0.0.1:22/", "tcp://10.0.0.1:22", "10.0.0.1", "", CHECK_TCP, 22},
        {"dns://:53/Web.lab.example", "dns://:53/web.lab.example", "", "web.lab.example", CHECK_DNS,
         53},
        {"dns:///_sip._tcp.lab.example.", NULL, "", "_sip._tcp.lab.example.", CHECK_DNS, 53},
        {"dns://[::1]:5353/.", NULL, "::1", ".", CHECK_DNS, 5353},
        {"ttl:60s", "ttl:1m", "", "", CHECK_TTL, 0},
        {"TTL:1d", "ttl:1d", "", "", CHECK_TTL, 0},
        {"exec:disk_2.A-b", NULL, "", "disk_2.A-b", CHECK_EXEC, 0},
        {"exec:a23456789012345678901234567890123456789012345678901234567890abc", NULL, "",
         "a23456789012345678901234567890123456789012345678901234567890abc", CHECK_EXEC, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char words[256], want[256];
        struct check_spec spec;
        struct buf text = {0};
        snprintf(words, sizeof(words), "url=%s", rows[i].url);
        read_spec(words, &text, &spec);
        snprintf(want, sizeof(want), "url %s\n", rows[i].stored ? rows[i].stored : rows[i].url);
        buf_add_c(&text, '\0');
        assert_string_equal(text.p, want);
        assert_int_equal(spec.kind, rows[i].kind);
        assert_int_equal(spec.port, rows[i].port);
        assert_true(str_eq(spec.host, str_c(rows[i].host)));
        assert_true(str_eq(spec.path, str_c(rows[i].path)));
        assert_true(spec.url.n == strlen(want) - 5);
        buf_free(&text);
    }
}

/* Each refusal names the field and gives an example or a way out. */
static const struct {
    const char *words, *field, *says;
} refusals[] = {
    {"", "check", "needs a URL"},
    {"interval=5s", "check", "needs a URL"},
    {"url=", "check", "there is no URL"},
    {"url=:8080/healthz", "check", "begins with http"},
    {"url=8080", "check", "begins with http"},
    {"url=ftp://:21", "check", "begins with http"},
    {"url=http:/:80", "check", "two slashes"},
    {"url=tcp:22", "check", "two slashes"},
    {"url=http://u:secret@web/", "check", "no user"},
    {"url=http://@web/", "check", "no user"},
    {"url=http://u@/", "check", "no user"},
    {"url=http://web/a~b", "check", "0x20"},
    {"url=http://web/\x01", "check", "0x01"},
    {"url=http://web/\x7f", "check", "0x7f"},
    {"url=http://w\xc3\xa9/", "check", "0xc3"},
    {"url=http://web/\r\nx", "check", "0x0d"},
    {"url=http://web/#top", "check", "'#'"},
    {"url=http://#top", "check", "no host"},
    {"url=exec:a23456789012345678901234567890123456789012345678901234567890abcd", "check",
     "no name of a command"},
    {"url=http://web/a|b", "check", "character 3"},
    {"url=http://web/a\\b", "check", "may not stand"},
    {"url=http://web/%zz", "check", "'%'"},
    {"url=http://web/%4", "check", "'%'"},
    {"url=http://web?x", "check", "slash"},
    {"url=http://web:/", "check", "no port"},
    {"url=http://web:0/", "check", "no port"},
    {"url=http://web:65536/", "check", "no port"},
    {"url=http://web:80x/", "check", "no port"},
    {"url=http://web:-1/", "check", "no port"},
    {"url=http://we\"b/", "check", "no host"},
    {"url=http://.web/", "check", "no host"},
    {"url=http://w..b/", "check", "no host"},
    {"url=http://web../", "check", "no host"},
    {"url=http://./", "check", "no host"},
    {"url=http://*/", "check", "no host"},
    {"url=http://::1/", "check", "no port"},
    {"url=http://[::1/", "check", "brackets"},
    {"url=http://[]/", "check", "brackets"},
    {"url=http://[::g]/", "check", "brackets"},
    {"url=http://[fe80::1%25eth0]/", "check", "brackets"},
    {"url=http://[::1]x/", "check", "no port"},
    {"url=http://[127.0.0.1]/", "check", "brackets"},
    {"url=tcp://:", "check", "no port"},
    {"url=tcp://", "check", "needs a port"},
    {"url=tcp://web", "check", "needs a port"},
    {"url=tcp://:22/x", "check", "nothing follows"},
    {"url=tcp://:22?x", "check", "nothing follows"},
    {"url=dns://:53", "check", "missing"},
    {"url=dns://:53/", "check", "missing"},
    {"url=dns://:53/a..b", "check", "no name"},
    {"url=dns://:53/a/b", "check", "no name"},
    {"url=dns://:53/a%2eb", "check", "no name"},
    {"url=ttl:60", "check", "1s to 1d"},
    {"url=ttl:", "check", "1s to 1d"},
    {"url=ttl:999ms", "check", "1s to 1d"},
    {"url=ttl:1d1ms", "check", "1s to 1d"},
    {"url=ttl://60s", "check", "1s to 1d"},
    {"url=exec:", "check", "no name of a command"},
    {"url=exec:../x", "check", "no name of a command"},
    {"url=exec:a/b", "check", "no name of a command"},
    {"url=tcp://:22 url=tcp://:23", "check", "twice"},
    {"url=tcp://:22 intervall=1s", "check", "no 'intervall'"},
    {"url=tcp://:22 hook=x", "check", "no 'hook'"},
    {"url=tcp://:22 URL=x", "check", "no 'URL'"},
    {"url=tcp://:22 interval=10", "check.interval", "not a time"},
    {"url=tcp://:22 interval=999ms", "check.interval", "1s to 1d"},
    {"url=tcp://:22 interval=25h", "check.interval", "1s to 1d"},
    {"url=tcp://:22 interval=999999999999999d", "check.interval", "1s to 1d"},
    {"url=tcp://:22 timeout=99ms", "check.timeout", "100ms to 1m"},
    {"url=tcp://:22 timeout=1m1ms", "check.timeout", "100ms to 1m"},
    {"url=tcp://:22 fall=0", "check.fall", "1 to 32"},
    {"url=tcp://:22 fall=33", "check.fall", "1 to 32"},
    {"url=tcp://:22 fall=-1", "check.fall", "1 to 32"},
    {"url=tcp://:22 rise=", "check.rise", "1 to 32"},
    {"url=tcp://:22 rise=2.0", "check.rise", "1 to 32"},
    {"url=tcp://:22 rise=33", "check.rise", "1 to 32"},
    {"url=tcp://:22 grace=1h1s", "check.grace", "0s to 1h"},
    {"url=tcp://:22 initial=UP", "check.initial", "no state"},
    {"url=tcp://:22 status=200", "check.status", "kind tcp has no status"},
    {"url=dns://:53/a body=x", "check.body", "kind dns has no body"},
    {"url=ttl:60s interval=10s", "check.interval", "kind ttl has no interval"},
    {"url=ttl:60s timeout=10s", "check.timeout", "kind ttl has no timeout"},
    {"url=http:// status=", "check.status", "no list"},
    {"url=http:// status=99", "check.status", "no list"},
    {"url=http:// status=600", "check.status", "no list"},
    {"url=http:// status=200,", "check.status", "no list"},
    {"url=http:// status=,200", "check.status", "no list"},
    {"url=http:// status=200-", "check.status", "no list"},
    {"url=http:// status=-200", "check.status", "no list"},
    {"url=http:// status=300-200", "check.status", "no list"},
    {"url=http:// status=2xx", "check.status", "no list"},
    {"url=http:// status=200,201,202,203,204", "check.status", "more than 4"},
    {"url=http:// body=", "check.body", "1 to 1000"},
    {"url=http:// body=a\nb", "check.body", "octet 2"},
    {"url=http:// body=a\xff", "check.body", "octet 2"},
    {"url=tcp://:22 deregister_after=9s", "check.deregister_after", "10s to 30d"},
    {"url=tcp://:22 deregister_after=9999ms", "check.deregister_after", "10s to 30d"},
    {"url=tcp://:22 deregister_after=31d", "check.deregister_after", "10s to 30d"},
    {"url=tcp://:22 deregister_after=always", "check.deregister_after", "not a time"},
};

static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(refusals); i++) {
        struct problem problem = {0};
        struct buf text = {0};
        buf_add_c(&text, 'x');
        if (read_words(refusals[i].words, &text, &problem) != -BD_EINVALID)
            fail_msg("%s was taken", refusals[i].words);
        assert_int_equal(problem.error, -BD_EINVALID);
        assert_string_equal(problem.field, refusals[i].field);
        if (!strstr(problem.detail, refusals[i].says))
            fail_msg("%s: %s", refusals[i].words, problem.detail);
        assert_true(problem.hint[0] != '\0');
        assert_null(strstr(problem.detail, "secret"));
        assert_int_equal(text.n, 1);
        buf_free(&text);
    }
}

static void test_nearest(void **state)
{
    static const char *const rows[][2] = {
        {"url=tcp://:22 intervall=1s", "'interval'"},
        {"url=tcp://:22 Timeout=1s", "'timeout'"},
        {"url=tcp://:22 deregister-after=1m", "'deregister_after'"},
        {"url=htp://:80", "'http:'"},
        {"url=htttps://:80", "'https:'"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct problem problem = {0};
        struct buf text = {0};
        assert_int_equal(read_words(rows[i][0], &text, &problem), -BD_EINVALID);
        assert_non_null(strstr(problem.hint, rows[i][1]));
        buf_free(&text);
    }
}

static void test_sizes(void **state)
{
    char long_text[CHECK_URL_MAX + 16];
    struct problem problem = {0};
    struct buf text = {0};
    struct check_member m[2] = {{STR("url"), {long_text, CHECK_URL_MAX}}, {STR("body"), STR("x")}};
    char body[CHECK_BODY_MAX + 1];
    (void)state;
    memset(long_text, 'a', sizeof(long_text));
    memset(body, 'b', sizeof(body));
    memcpy(long_text, "http:///", 8);
    m[1].value = (struct str){body, CHECK_BODY_MAX};
    assert_int_equal(check_read(m, 2, &text, &problem), 0);
    assert_true(text.n <= CHECK_TEXT_MAX);
    m[0].value.n++;
    assert_int_equal(check_read(m, 2, &text, &problem), -BD_EINVALID);
    assert_string_equal(problem.field, "check");
    m[0].value.n--;
    m[1].value.n++;
    assert_int_equal(check_read(m, 2, &text, &problem), -BD_EINVALID);
    assert_string_equal(problem.field, "check.body");
    buf_free(&text);
}

/* The longest text of everything stays within what others reserve for it. */
static void test_whole(void **state)
{
    struct check_spec spec;
    struct buf text = {0}, again = {0};
    (void)state;
    read_spec("deregister_after=10001ms body=a~~b status=200-299,301,302-303,500-500 grace=90s "
              "initial=unavailable rise=7 fall=1 timeout=1500ms interval=120s url=HTTPS://web:1/x",
              &text, &spec);
    assert_str(buf_str(&text), "url https://web:1/x\ninterval 2m\ntimeout 1s500ms\nfall 1\nrise 7\n"
                               "initial UNAVAILABLE\ngrace 1m30s\nstatus 200-299,301,302-303,500\n"
                               "body a  b\nderegister_after 11s\n");
    assert_int_equal(spec.interval_ms, 120000);
    assert_int_equal(spec.timeout_ms, 1500);
    assert_int_equal(spec.grace_ms, 90000);
    assert_int_equal(spec.fall, 1);
    assert_int_equal(spec.rise, 7);
    assert_int_equal(spec.initial, CHECK_UNAVAILABLE);
    assert_int_equal(spec.nstatus, 4);
    assert_int_equal(spec.status[0].from, 200);
    assert_int_equal(spec.status[0].to, 299);
    assert_int_equal(spec.status[1].to, 301);
    assert_int_equal(spec.status[3].from, 500);
    assert_int_equal(spec.status[3].to, 500);
    assert_str(spec.body, "a  b");
    assert_int_equal(spec.deregister_after_s, 11);

    /* The same in another order and other words: the same octets. */
    read_spec("url=https://WEB:01/x rise=07 timeout=1s500ms grace=1m30s initial=UNAVAILABLE fall=1 "
              "status=200~-~299,~301,302-303,500 deregister_after=11s interval=2m body=a~~b",
              &again, &spec);
    assert_true(str_eq(buf_str(&text), buf_str(&again)));
    buf_free(&text);
    buf_free(&again);
}

static void test_defaults(void **state)
{
    static const struct {
        const char *words;
        uint32_t interval_ms, timeout_ms, deregister_after_s;
        unsigned fall, rise, nstatus;
    } rows[] = {
        {"url=http://", 10000, 5000, 120, 3, 2, 1},
        {"url=tcp://:22", 10000, 5000, 120, 3, 2, 0},
        /* A default is cut to the interval, a wish is not. */
        {"url=tcp://:22 interval=1s", 1000, 1000, 120, 3, 2, 0},
        {"url=tcp://:22 interval=5s", 5000, 5000, 120, 3, 2, 0},
        {"url=tcp://:22 interval=1s timeout=3s", 1000, 3000, 120, 3, 2, 0},
        {"url=tcp://:22 deregister_after=never", 10000, 5000, CHECK_NEVER, 3, 2, 0},
        {"url=tcp://:22 deregister_after=10s", 10000, 5000, 10, 3, 2, 0},
        /* A host that speaks for itself is believed at once. */
        {"url=ttl:60s", 10000, 5000, 120, 1, 1, 0},
        {"url=ttl:60s fall=2 rise=3", 10000, 5000, 120, 2, 3, 0},
        {"url=exec:disk", 10000, 5000, 120, 3, 2, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf text = {0};
        struct check_spec spec;
        read_spec(rows[i].words, &text, &spec);
        assert_int_equal(spec.interval_ms, rows[i].interval_ms);
        assert_int_equal(spec.timeout_ms, rows[i].timeout_ms);
        assert_int_equal(spec.deregister_after_s, rows[i].deregister_after_s);
        assert_int_equal(spec.fall, rows[i].fall);
        assert_int_equal(spec.rise, rows[i].rise);
        assert_int_equal(spec.nstatus, rows[i].nstatus);
        assert_int_equal(spec.initial, CHECK_UNKNOWN);
        assert_int_equal(spec.grace_ms, 0);
        if (spec.nstatus)
            assert_true(spec.status[0].from == 200 && spec.status[0].to == 399);
        buf_free(&text);
    }
}

static void test_stored(void **state)
{
    static const char *const bad[] = {
        "",
        "\n",
        "interval 1s\n",
        "url\n",
        "url \n",
        "url tcp://:22\n\n",
        "url tcp://:22\nrise 2\nfall 3\n",
        "url tcp://:22\nfall 3\nfall 3\n",
        "url tcp://:22\nurl tcp://:22\n",
        "url tcp://:22\nbody x\n",
        "url tcp://:22\nfall 99\n",
        "url tcp://:22\nfall\n",
        "url tcp://:22\nfalls 3\n",
        "http://:80\n",
    };
    struct check_spec spec = {.port = 7};
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(check_parse(str_c(bad[i]), &defaults, &spec), -BD_EINVALID);
    assert_int_equal(spec.port, 7);

    struct str text = STR("url tcp://:22\nfall 3\n");
    struct check_member m;
    assert_true(check_next(&text, &m));
    assert_str(m.name, "url");
    assert_str(m.value, "tcp://:22");
    assert_true(check_next(&text, &m));
    assert_str(m.name, "fall");
    assert_str(m.value, "3");
    assert_false(check_next(&text, &m));
    text = STR("url \n");
    assert_false(check_next(&text, &m));
}

static void test_host_address(void **state)
{
    static const struct {
        const char *url;
        unsigned n;
        uint8_t first, last;
    } rows[] = {
        {"url=tcp://10.0.0.1:22", 4, 10, 1},
        {"url=http://[2001:db8::7]/", 16, 0x20, 7},
        {"url=http://[::ffff:192.0.2.9]/", 4, 192, 9},
        {"url=http://web.lab.example/", 0, 0, 0},
        {"url=http://", 0, 0, 0},
        {"url=http://10.1/", 0, 0, 0},
        {"url=http://0x7f000001/", 0, 0, 0},
        {"url=http://10.0.0.256/", 0, 0, 0},
        {"url=ttl:60s", 0, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct buf text = {0};
        struct check_spec spec;
        uint8_t address[16] = {0};
        read_spec(rows[i].url, &text, &spec);
        assert_int_equal(check_host_address(&spec, address), rows[i].n);
        assert_int_equal(address[0], rows[i].first);
        assert_int_equal(address[rows[i].n ? rows[i].n - 1 : 0], rows[i].last);
        buf_free(&text);
    }
}

static void test_names(void **state)
{
    static const char *const states[] = {"UNKNOWN", "AVAILABLE", "UNAVAILABLE"};
    static const char *const kinds[] = {"http", "https", "tcp", "dns", "ttl", "exec"};
    (void)state;
    for (unsigned i = 0; i < CHECK_NSTATES; i++)
        assert_string_equal(check_state_name((enum check_state)i), states[i]);
    for (unsigned i = 0; i < CHECK_NKINDS; i++)
        assert_string_equal(check_kind_name((enum check_kind)i), kinds[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),    cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nearest), cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_whole),   cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_stored),  cmocka_unit_test(test_host_address),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

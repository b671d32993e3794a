/* However a stranger spells "yourself" or "the cloud's metadata" in the URL of a check, in an
 * address or in a redirect: a listener there, the canary, hears nothing, and no name is looked
 * up. */
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <arpa/inet.h>
#include <cmocka.h>

#include "prober_kit.h"

#define SPELLINGS_LEAST 200U

static const struct address here = {AF_INET, {127, 0, 0, 9}}; /* where the host is */
static struct network open_here;
static struct prober_server host, canary, canary6, canary_dns;
static bool has_ipv6;
static unsigned looked_up, spellings;

/* In the place of the C library's: libcurl's look-ups come here. */
int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict ret)
{
    (void)service;
    (void)ret;
    if (node && !(hints && (hints->ai_flags & AI_NUMERICHOST)))
        __atomic_add_fetch(&looked_up, 1, __ATOMIC_RELAXED);
    return EAI_FAIL;
}

static void assert_silence(void)
{
    char octet;

    assert_int_equal(prober_accepted(&canary), 0);
    assert_int_equal(recv(canary_dns.fd, &octet, 1, MSG_DONTWAIT), -1);
    if (has_ipv6)
        assert_int_equal(prober_accepted(&canary6), 0);
    assert_int_equal(__atomic_load_n(&looked_up, __ATOMIC_RELAXED), 0);
}

/* The next word of a list, each of which ends with a bar. */
static bool next_word(const char **rest, char out[256])
{
    const char *end = strchr(*rest, '|');

    if (!end)
        return false;
    snprintf(out, 256, "%.*s", (int)(end - *rest), *rest);
    *rest = end + 1;
    return true;
}

/* ---- the host's server: sends everybody to the canary ---- */

static const char *location = "";

static void redirect(int fd)
{
    char request[4096], out[1024];

    if (recv(fd, request, sizeof(request), 0) <= 0)
        return;
    snprintf(out, sizeof(out),
             "HTTP/1.1 307 Elsewhere\r\nLocation: %s\r\nRefresh: 0; url=%s\r\n"
             "Alt-Svc: http/1.1=\"127.0.0.1:%u\"; ma=9\r\nProxy-Authenticate: Basic\r\n"
             "Content-Length: 0\r\n\r\n",
             location, location, canary.port);
    prober_say(fd, out);
}

/* ---- URLs ---- */

/* 127.0.0.1, localhost, 169.254.169.254 and nobody, as a URL may spell its host. */
static const char hosts[] =
    /* as it is, short, and with zeros */
    "127.0.0.1|127.1|127.0.1|127.000.000.001|127.0.0.01|127.00.00.1|0127.0.0.1|127.0.0.1.|"
    "127.1.|127.0.0.2|127.255.255.254|127.0.0.0001|"
    /* decimal, octal, hexadecimal, mixed */
    "2130706433|2130706433.|017700000001|0x7f000001|0x7F000001|0X7f000001|0177.0.0.1|"
    "0177.0.0.01|0177.0000.0000.0001|0x7f.0.0.1|0x7f.0x0.0x0.0x1|0x7f.1|0177.1|127.0x1|"
    "0x7f.0.1|0177.0.1|00000177.0.0.1|0x0000007f.0.0.1|0x7f.0.0.0x1|0x7f.00.0.1|4294967297|"
    "6425673729|0x17f000001|383.0.0.1|"
    /* nobody */
    "0|0.0.0.0|0.|00|0x0|000000000000|0.0|0.0.0|255.255.255.255|4294967295|0xffffffff|"
    /* metadata */
    "169.254.169.254|169.254.43518|169.16689662|2852039166|0xa9fea9fe|025177524776|"
    "0251.0376.0251.0376|0xa9.0xfe.0xa9.0xfe|0251.254.169.254|169.254.169.254.|"
    "0xa9fe.0xa9fe|metadata.google.internal|metadata.google.internal.|instance-data|"
    /* names */
    "localhost|LOCALHOST|localhost.|localhost.localdomain|LocalHost.|ip6-localhost|"
    "localhost6|127.0.0.1.nip.io|localtest.me|127-0-0-1.sslip.io|a.localhost|"
    "xn--local.host|localhost.lab.example|"
    /* IPv6, and IPv4 inside of it */
    "[::1]|[0:0:0:0:0:0:0:1]|[0000::0001]|[::0001]|[0::1]|[::]|[0:0::0]|[::127.0.0.1]|"
    "[::7f00:1]|[::ffff:127.0.0.1]|[::ffff:7f00:1]|[::FFFF:127.0.0.1]|"
    "[0:0:0:0:0:ffff:127.0.0.1]|[::ffff:0:127.0.0.1]|[64:ff9b::127.0.0.1]|"
    "[64:ff9b::7f00:1]|[64:ff9b:1::7f00:1]|[2002:7f00:1::]|[2001:0:1:2:3:4:80ff:fffe]|"
    "[fe80::5efe:127.0.0.1]|[::ffff:169.254.169.254]|[::ffff:a9fe:a9fe]|"
    "[64:ff9b::a9fe:a9fe]|[2002:a9fe:a9fe::1]|[fd00:ec2::254]|[fe80::1]|[ff02::1]|"
    "[::ffff:0.0.0.0]|[::1%25lo]|[::1%lo]|[fe80::1%25lo]|[::1.]|[::ffff:127.1]|"
    "[::ffff:2130706433]|[v1.127.0.0.1]|::1|[::1|::ffff:127.0.0.1|[[::1]]|"
    /* encoded, and what is taken for a dot or a digit */
    "127%2e0%2e0%2e1|127%2E0.0.1|%31%32%37.0.0.1|127.0.0.%31|local%68ost|"
    "%6c%6f%63%61%6c%68%6f%73%74|127%00.0.0.1|127.0.0.1%00|127.0.0.1%20|127.0.0.1%0d|"
    "127.0.0.1%2f|127.0.0.1%23|127\xe3\x80\x82"
    "0.0.1|127\xef\xbc\x8e"
    "0.0.1|"
    "\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1|\xe2\x93\x9b\xe2\x93\x9e"
    "calhost|"
    "127.0.0.1\t| 127.0.0.1|127.0.0.1\\|127.0.0.1\\@here|127.0.0.1\r\n|127..0.0.1|"
    ".127.0.0.1|127.0.0.1..|-127.0.0.1|+127.0.0.1|1e9|";

/* Around a host. %s: the host and the port. */
static const char *const shapes[] = {
    "http://%s/",
    "https://%s/",
    "HTTP://%s/?q=http://%s/",
    "http:%s/",
    "http:/%s/",
    "http:///%s/",
    "http:\\\\%s/",
    "http://user@%s/",
    "http://user:word@%s/",
    "http://%s@here/",
    "http://@%s/",
    "http://here@here@%s/",
    "http://here:80@%s/",
    "http://here%%40%s/",
    "http://%s#@here/",
    "http://%s?@here/",
    "http://here/#@%s/",
    "http://here\\@%s/",
    "tcp://%s",
    "tcp://here@%s",
    "dns://%s/lab.example",
    "dns://%s/%s",
    "ftp://%s/",
    "gopher://%s/_x",
    "dict://%s/x",
    "file://%s/etc/passwd",
    "ldap://%s/",
    "http://%s/..//http://%s/",
    "//%s/",
    "unix://%s/",
    "socks5://%s",
    "http+unix://%s/",
    "http://%s/@here",
    "jar:http://%s!/",
    "url:http://%s/",
};

/* Those that the grammar lets through are probed; the connection goes to the host. */
static bool probe_url(const char *url)
{
    const struct check_defaults defaults = CHECK_DEFAULTS;
    const struct check_member member = {STR("url"), str_c(url)};
    struct problem problem = {0};
    struct buf text = {0};
    struct check_spec spec;
    struct probe *one;

    spellings++;
    if (check_read(&member, 1, &text, &problem) < 0) {
        buf_free(&text);
        return false;
    }
    assert_int_equal(check_parse(buf_str(&text), &defaults, &spec), 0);
    spec.timeout_ms = 1000;
    for (int open = 0; open < 2; open++) {
        struct prober_options options = {.loop = prober_loop,
                                         .fence = {&open_here, (unsigned)open, NULL, 0}};
        const struct probe_target target = {.spec = &spec, .to = here, .caller = here};
        struct prober *p = NULL;
        assert_int_equal(probes_new(&options, &p), 0);
        assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
        prober_run();
        assert_int_equal(prober_last.unasked, !open);
        probes_free(p);
    }
    buf_free(&text);
    return true;
}

static void fill_shape(const char *shape, const char *name, char out[1024])
{
    char with_port[256];

    snprintf(with_port, sizeof(with_port), "%s:%u", name, canary.port);
    out[0] = '\0';
    for (size_t n = 0; *shape && n < 900; shape++) {
        if (shape[0] == '%' && shape[1] == 's')
            n += (size_t)snprintf(out + n, 1024 - n, "%s", with_port);
        else
            n += (size_t)snprintf(out + n, 1024 - n, "%c", shape[0]);
        if (shape[0] == '%')
            shape++;
    }
}

static void test_urls(void **state)
{
    char url[1024], name[256];
    const char *rest = hosts;
    unsigned asked = 0, probed = 0, answered = 0;
    (void)state;

    location = "http://127.0.0.1/";
    for (; next_word(&rest, name); asked++) {
        fill_shape("http://%s/x", name, url);
        if (probe_url(url)) {
            probed++;
            answered += prober_last.ok;
        }
        assert_silence();
    }
    /* All that were asked went to the host. */
    assert_int_equal(answered, probed);
    assert_int_equal(prober_accepted(&host), probed);
    assert_true(probed > 50 && probed < asked - 20);
    for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
        fill_shape(shapes[i], "127.0.0.1", url);
        probe_url(url);
        fill_shape(shapes[i], "localhost", url);
        probe_url(url);
        assert_silence();
    }
}

/* ---- redirects ---- */

static void test_redirects(void **state)
{
    char to[1024], url[64], name[256];
    const char *rest = hosts;
    (void)state;

    snprintf(url, sizeof(url), "http://:%u/moved", host.port);
    while (next_word(&rest, name)) {
        fill_shape("http://%s/", name, to);
        location = to;
        assert_true(probe_url(url));
        assert_true(prober_last.ok);
        assert_non_null(strstr(prober_last.output, "HTTP 307 in "));
        assert_silence();
    }
    location = "";
}

/* ---- addresses ---- */

static const char addresses[] =
    "127.0.0.1|127.0.0.2|127.255.255.254|0.0.0.0|0.0.0.1|169.254.169.254|169.254.0.1|"
    "224.0.0.1|239.255.255.255|240.0.0.1|255.255.255.255|192.0.0.192|100.100.100.200|"
    "168.63.129.16|::|::1|fe80::1|febf::1|fec0::1|ff01::1|ff02::1|ff0e::1|fd00:ec2::254|"
    "fd20:ce::254|::127.0.0.1|::169.254.169.254|::ffff:127.0.0.1|::ffff:127.0.0.2|"
    "::ffff:0.0.0.0|::ffff:169.254.169.254|::ffff:224.0.0.1|::ffff:255.255.255.255|"
    "::ffff:0:127.0.0.1|64:ff9b::127.0.0.1|64:ff9b::169.254.169.254|64:ff9b::224.0.0.1|"
    "64:ff9b:1::127.0.0.1|64:ff9b:1:ffff::169.254.169.254|64:ff9b:1:7f00:0:100::|"
    "64:ff9b:1:a9fe:a9:fe00::|64:ff9b:1:7f:0:1::|64:ff9b:1:a9:fe:a9fe::|"
    "64:ff9b:1:0:7f:0:100:0|64:ff9b:1:0:a9:fea9:fe00:0|2002:7f00:1::|2002:7f00:1::1|"
    "2002:a9fe:a9fe::|2002:e000:1::1|2002::1|2001:0:1:2:3:4:80ff:fffe|"
    "2001:0:7f00:1:8000:0:5601:5601|2001:db8::5efe:127.0.0.1|2001:db8::200:5efe:127.0.0.1|"
    "2001:db8::5efe:169.254.169.254|fe80::5efe:10.0.0.1|fd00::200:5efe:169.254.169.254|";

static struct address of(const char *text)
{
    struct address a = {.family = AF_INET6};

    if (inet_pton(AF_INET6, text, a.b) == 1)
        return a;
    a = (struct address){.family = AF_INET};
    assert_int_equal(inet_pton(AF_INET, text, a.b), 1);
    return a;
}

/* Neither who asks nor the configuration reaches these. */
static void test_addresses(void **state)
{
    static const char *const checks[] = {"url http://:PORT/\n", "url http://localhost:PORT/\n",
                                         "url tcp://:PORT\n", "url dns://:PORT/lab.example\n"};
    struct prober *p = prober_make(false, 0);
    const char *rest = addresses;
    struct probe *one;
    char name[256], text[512];
    (void)state;

    for (size_t i = 0; i % ARRAY_SIZE(checks) || next_word(&rest, name); i++) {
        const struct address to = of(name);
        prober_fill(checks[i % ARRAY_SIZE(checks)], canary.port, text);
        struct check_spec spec = prober_spec(text);
        for (int trusted = 0; trusted < 2; trusted++) {
            const struct probe_target target = {
                .spec = &spec, .to = to, .caller = to, .trusted = trusted};
            spellings++;
            assert_int_equal(probe_start(p, &target, prober_ended, NULL, &one), 0);
            prober_run();
            if (!prober_last.unasked || !strstr(prober_last.output, "not asked: "))
                fail_msg("%s: %s", name, prober_last.output);
        }
        assert_silence();
    }
    probes_free(p);
    print_message("%u spellings\n", spellings);
    assert_true(spellings >= SPELLINGS_LEAST);
}

/* ---- the canary itself ---- */

/* It does hear what the operator opens: it was not deaf. */
static void test_the_canary_hears(void **state)
{
    (void)state;
    prober_probe(true, "url tcp://:PORT\n", canary.port);
    prober_says(true, "connected");
    for (unsigned left = 1000; left > 0 && prober_accepted(&canary) == 0; left--)
        usleep(1000);
    assert_int_equal(prober_accepted(&canary), 1);
}

/* The host's port is the canary's too. */
static int set_up(void **state)
{
    bool bound = false;

    for (int i = 0; i < 100 && !bound; i++) {
        prober_bind(&canary, SOCK_STREAM);
        bound = prober_bind_at(&host, SOCK_STREAM, &here, canary.port) &&
                prober_bind_at(&canary_dns, SOCK_DGRAM, &(struct address){AF_INET, {127, 0, 0, 1}},
                               canary.port);
        if (!bound)
            close(canary.fd);
    }
    if (!bound)
        return -1;
    has_ipv6 =
        prober_bind_at(&canary6, SOCK_STREAM, &(struct address){AF_INET6, {[15] = 1}}, canary.port);
    prober_accept(&canary, NULL);
    prober_accept(&host, redirect);
    if (has_ipv6)
        prober_accept(&canary6, NULL);
    assert_int_equal(network_parse(STR("127.0.0.9"), &open_here), 0);
    return prober_set_up(state);
}

static int tear_down(void **state)
{
    prober_stop(&canary);
    prober_stop(&host);
    close(canary_dns.fd);
    if (has_ipv6)
        prober_stop(&canary6);
    return prober_tear_down(state);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_redirects),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_the_canary_hears),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}

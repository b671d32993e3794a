/* The parser's fast path decides nothing that the complete parser would decide otherwise. A group
 * "()" behind a record changes nothing in its meaning, but sends it to the complete parser: so each
 * line is read twice and compared. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/zonefile.h>

static struct zp_options options;

static int setup(void **state)
{
    (void)state;
    options.default_ttl = 60;
    options.max_errors = 10000;
    return dname_from_text(STR("example.org."), NULL, &options.origin, NULL);
}

struct outcome {
    struct buf lines; /* records and faults in order */
    unsigned records;
};

static int on_record(void *arg, const struct zp_record *record)
{
    struct outcome *o = arg;

    o->records++;
    zp_write_canonical(record, &o->lines);
    return 0;
}

static void on_error(void *arg, const struct zp_error *error)
{
    struct outcome *o = arg;

    buf_addf(&o->lines, "%u: %s\n", error->line, error->message);
}

static struct outcome parse(const char *line, const char *group)
{
    struct outcome o = {.records = 0};
    struct zp_options with = options;
    char text[1024];
    int blank =
        line[0] == ' ' || line[0] == '\t'; /* it stays in front: it means the owner before */
    /* The fast path reads no line so close to the end that it could run over it. */
    int n = snprintf(text, sizeof(text), "$TTL 9\nprev A 192.0.2.3\n%.*s%s%s\n mx 1 m\n;%064d\n",
                     blank, line, group, line + blank, 0);

    assert_true(n > 0 && (size_t)n < sizeof(text));
    with.on_error = on_error;
    with.error_arg = &o;
    zp_parse((struct str){text, (size_t)n}, &with, on_record, &o);
    buf_add_c(&o.lines, '\0');
    assert_int_equal(o.lines.error, 0);
    return o;
}

/* The number of records that the line gave. */
static unsigned compare(const char *line)
{
    struct outcome fast = parse(line, ""), complete = parse(line, "()");
    unsigned records = fast.records;

    if (strcmp(fast.lines.p, complete.lines.p) != 0)
        fail_msg("%s\nfast:\n%scomplete:\n%s", line, fast.lines.p, complete.lines.p);
    buf_free(&fast.lines);
    buf_free(&complete.lines);
    return records;
}

static const char *const lines[] = {
    "",
    " ",
    "a A 192.0.2.1",
    "a.b-c._d.* IN 5 A 192.0.2.1\t",
    "a 5 IN A 192.0.2.1",
    "a.example.org. A 192.0.2.1",
    "a.EXAMPLE.org. A 192.0.2.1",
    "example.org. A 192.0.2.1",
    "xexample.org. A 192.0.2.1",
    "org. A 192.0.2.1",
    "a.example.org A 192.0.2.1",
    "example.org A 192.0.2.1",
    "a..b A 192.0.2.1",
    "a.. A 192.0.2.1",
    ".a A 192.0.2.1",
    ". A 192.0.2.1",
    "@ A 192.0.2.1",
    " A 192.0.2.1",
    "\tIN\tA\t192.0.2.1",
    "a IN IN A 192.0.2.1",
    "a 1 2 A 192.0.2.1",
    "a 000000001 A 192.0.2.1",
    "a 9999999999 A 192.0.2.1",
    "a 999999999 A 192.0.2.1",
    "a 2147483647 A 192.0.2.1",
    "a 2147483648 A 192.0.2.1",
    "a 1h A 192.0.2.1",
    "a IN 2W A 192.0.2.1",
    "a 1h30m A 192.0.2.1",
    "a 1x A 192.0.2.1",
    "a 1hA 192.0.2.1",
    "a h A 192.0.2.1",
    "a 1h 1h A 192.0.2.1",
    "a 99999999w A 192.0.2.1",
    "a 596523h A 192.0.2.1",
    "a 596524h A 192.0.2.1",
    "a 1h",
    "a A 192.0.2.01",
    "a A 192.0.2.0",
    "a A 192.0.2.256",
    "a A 192.0.2",
    "a A 192.0.2.1.1",
    "a A 192.0.2.1x",
    "a A 192.0.2.",
    "a A .192.0.2",
    "a A 192..0.2",
    "a A 1921.0.2.1",
    "a A 192.0.2.1\rx",
    "a A 192.0.2.1 \r",
    "a A 192.0.2.1 x",
    "a A 192.0.2.1\"x\"",
    "a A",
    "a A ",
    "a NS b",
    "a NS b.",
    "a NS b..",
    "a NS .",
    "a NS @",
    "a NS b.example.org",
    "a CNAME b\\.c",
    "a MX 10 b",
    "a MX 65535 b.",
    "a MX 65536 b",
    "a MX 0010 b",
    "a MX b",
    "a MX 10",
    "a SRV 1 2 3 b.c",
    "a SRV 1 2 3",
    "a PTR b c",
    "a TXT \"\"",
    "a TXT \"a\" \"b\"",
    "a TXT \"a\"\"b\"",
    "a TXT \"a\"b",
    "a TXT \"a\" b",
    "a TXT \"a\tb\"",
    "a TXT \"\xc3\xa9 ; (\"",
    "a TXT \"a\\\"b\"",
    "a txt \"a",
    "a aaaa ::",
    "a AAAA ::1",
    "a AAAA 1::",
    "a AAAA 1:2:3:4:5:6:7:8",
    "a AAAA 1:2:3:4:5:6:7::",
    "a AAAA ::2:3:4:5:6:7:8",
    "a AAAA 1:2:3::6:7:8",
    "a AAAA 1:2:3:4:5:6:7:8::",
    "a AAAA ::1:2:3:4:5:6:7:8",
    "a AAAA 1:2:3:4:5:6:7:8:9",
    "a AAAA 1:2:3:4:5:6:7:8:",
    "a AAAA 1:2:3:4:5:6:7",
    "a AAAA 1::2::3",
    "a AAAA :::",
    "a AAAA :::1",
    "a AAAA 1:::2",
    "a AAAA :1::",
    "a AAAA 1:",
    "a AAAA 12345::",
    "a AAAA 0001:abcd:EF::",
    "a AAAA g::",
    "a AAAA ::ffff:192.0.2.1",
    "a AAAA fe80::1%eth0",
    "a A \\# 4 C0000201",
    "a AA 1",
    "a TYPE1 192.0.2.1",
    "a TYPE15 10 m",
    "a CAA 0 issue \"ca.example; x=1\"",
    "a CAA 0 issue \"\"",
    "a CAA 256 issue \"x\"",
    "a CAA 0 is-sue \"x\"",
    "a CAA 0 \"issue\" \"x\"",
    "a CAA 0 issue x",
    "a CAA 0 issue",
    "a TLSA 3 1 1 0C72AC",
    "a TLSA 3 1 1 0C72A",
    "a TLSA 3 1 1 0C7 2AC",
    "a TLSA 3 1 1 0C72 AC",
    "a TLSA 3 1 1",
    "a TLSA 3 1 1 ",
    "a TLSA 3 1 1 x",
    "a SSHFP 4 1 123456789abcdef67890123456789abcdef67890",
    "a SSHFP 4 1 123456789abcdef67890123456789abcdef678",
    "a DS 60485 ECDSAP256SHA256 1 123456789abcdef67890123456789abcdef67890",
    "a DS 60485 13 1 123456789abcdef67890123456789abcdef67890",
    "a DS 65536 13 1 123456789abcdef67890123456789abcdef67890",
    "a HINFO \"PC\" \"x y\"",
    "a HINFO \"PC\"\"x y\"",
    "a HINFO \"PC\"",
    "a NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@y!\" .",
    "a NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@y!\" .x",
    "a NAPTR 100 10 \"u\" \"E2U+sip\" \"\" b.c",
    "a RP a.b c",
    "a CSYNC 4294967295 3 A NS",
    "a CERT 65534 1 8 YWJj",
    "a SOA a b 1 2 3 4 5",
    "a ANY 1",
    "a OPT 1",
    "a NS .",
    "a NS .b",
    "a MX 0 .",
    "a CLASS1 A 192.0.2.1",
    "a CH A 192.0.2.1",
    "A A 192.0.2.1",
    "IN IN A 192.0.2.1",
    "5 5 IN A 192.0.2.1",
    "$ORIGIN x",
    "$TTL 5",
    "a\\.b A 192.0.2.1",
    "a$b A 192.0.2.1",
    "a@b A 192.0.2.1",
    "a\x7f A 192.0.2.1",
};

static void test_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        compare(lines[i]);
}

static void test_comments_and_ends(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct outcome plain = parse("a A 192.0.2.1", "");
        struct outcome other = parse(i ? "a A 192.0.2.1 ; x ( \" \\" : "a A 192.0.2.1\r", "");
        assert_string_equal(other.lines.p, plain.lines.p);
        buf_free(&plain.lines);
        buf_free(&other.lines);
    }
}

static void test_long_names(void **state)
{
    char line[600], label[65];

    (void)state;
    memset(label, 'x', 64);
    for (int n = 62; n <= 64; n++) {
        snprintf(line, sizeof(line), "%.*s A 192.0.2.1", n, label);
        compare(line);
        snprintf(line, sizeof(line), "a NS %.*s.", n, label);
        compare(line);
    }
    for (int n = 30; n <= 63; n++) {
        snprintf(line, sizeof(line), "%.60s.%.60s.%.60s.%.*s A 192.0.2.1", label, label, label, n,
                 label);
        compare(line);
        snprintf(line, sizeof(line), "a NS %.63s.%.63s.%.63s.%.*s.", label, label, label, n, label);
        compare(line);
    }
}

/* The records of just these octets, in memory of their own: what is read behind it is found. */
static struct outcome parse_exactly(struct str text)
{
    struct outcome o = {.records = 0};
    char *copy = malloc(text.n ? text.n : 1);

    assert_non_null(copy);
    memcpy(copy, text.p, text.n);
    zp_parse((struct str){copy, text.n}, &options, on_record, &o);
    buf_add_c(&o.lines, '\0');
    assert_int_equal(o.lines.error, 0);
    free(copy);
    return o;
}

/* Wherever a text ends, it means the same as with a comment behind it. */
static void test_every_end(void **state)
{
    static const char text[] =
        "$TTL 9\na A 192.0.2.1\nlonger.than.sixteen.octets 60 IN A 192.0.2.1\n"
        " MX 10 mail.example.net.\nq TXT \"a b\" \"c\"\nx AAAA 2001:db8::1\n"
        "s SRV 1 2 3 target\nend A 192.0.2.1";
    char whole[sizeof(text) + 100];

    (void)state;
    for (size_t n = 0; n < sizeof(text); n++) {
        int size = snprintf(whole, sizeof(whole), "%.*s\n;%064d\n", (int)n, text, 0);
        struct outcome cut = parse_exactly((struct str){text, n});
        struct outcome long_one = parse_exactly((struct str){whole, (size_t)size});
        assert_int_equal(cut.records, long_one.records);
        assert_string_equal(cut.lines.p, long_one.lines.p);
        buf_free(&cut.lines);
        buf_free(&long_one.lines);
    }
}

static uint64_t seed = 4034;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* Lines put together from what stands in zone files, with now and then a wrong octet. */
static void test_random_lines(void **state)
{
    static const char *const pieces[] = {"a",
                                         "b.c",
                                         "x.example.org.",
                                         "@",
                                         "5",
                                         "300",
                                         "IN",
                                         "in",
                                         "A",
                                         "a",
                                         "AAAA",
                                         "MX",
                                         "NS",
                                         "TXT",
                                         "SRV",
                                         "PTR",
                                         "CNAME",
                                         "1h",
                                         "192.0.2.1",
                                         "10",
                                         "::1",
                                         "2001:db8::7:1",
                                         "\"t x\"",
                                         "\"\"",
                                         "m.",
                                         "65535",
                                         "0",
                                         "example.org",
                                         "_s._tcp",
                                         "*"};
    static const char octets[] = "a.:\"@$*-_09zA \t/%+";
    unsigned records = 0;

    (void)state;
    for (int i = 0; i < 60000; i++) {
        char line[400];
        size_t n = 0;
        line[0] = '\0';
        for (unsigned k = 3 + draw(5); k > 0; k--)
            n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s",
                                  pieces[draw(ARRAY_SIZE(pieces))],
                                  k == 1    ? ""
                                  : draw(9) ? " "
                                            : "\t ");
        if (draw(4) == 0)
            line[n ? draw((uint32_t)n) : 0] = octets[draw(sizeof(octets) - 1)];
        records += compare(line) == 3;
    }
    assert_true(records > 2000); /* not only faults were compared */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),        cmocka_unit_test(test_comments_and_ends),
        cmocka_unit_test(test_long_names),   cmocka_unit_test(test_every_end),
        cmocka_unit_test(test_random_lines),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}

/* Record types and their values: text to wire and back, hostile octets, order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/rrtype.h>

static struct rdata rdata; /* too large for a stack */
static struct dname zones[1];
static struct dname_rules rules;

static int setup(void **state)
{
    (void)state;
    rules.origin = zones;
    return dname_from_text(STR("lab.example."), NULL, &zones[0], NULL);
}

static uint16_t type_of(const char *name)
{
    uint16_t code = 0;

    if (rrtype_from_text(str_c(name), &code) < 0)
        fail_msg("no type '%s'", name);
    return code;
}

/* Presentation form of a wire value, in a static buffer. */
static const char *printed(uint16_t type, const uint8_t *bytes, size_t n)
{
    static char out[300000];
    struct buf b = {.p = NULL};

    rdata_to_text(type, bytes, n, &b);
    assert_int_equal(b.error, 0);
    assert_true(b.n < sizeof(out));
    memcpy(out, b.p, b.n);
    out[b.n] = '\0';
    buf_free(&b);
    return out;
}

static void the_table_is_in_order(void **state)
{
    (void)state;
    size_t n;
    const struct rrtype *rows = rrtype_table(&n);
    struct lex_error error;
    char text[RRTYPE_TEXT_MAX];
    uint16_t code;

    for (size_t i = 0; i < n; i++) {
        assert_true(i == 0 || rows[i - 1].code < rows[i].code);
        assert_ptr_equal(rrtype_by_code(rows[i].code), &rows[i]);
        assert_int_equal(rrtype_from_text(str_c(rows[i].name), &code), 0);
        assert_int_equal(code, rows[i].code);
        assert_string_equal(rrtype_to_text(rows[i].code, text), rows[i].name);
        if (rows[i].flags & RRTYPE_META)
            continue;
        assert_int_equal(
            rdata_from_text(rows[i].code, str_c(rows[i].example), NULL, &rdata, &error), 0);
        assert_string_equal(printed(rows[i].code, rdata.b, rdata.n), rows[i].example);
    }
    assert_null(rrtype_by_code(65280));
    assert_null(rrtype_by_code(0));
}

static void types_have_names(void **state)
{
    (void)state;
    static const char *const bad[] = {"",       "AAA",    "TYPE", "TYPE65536",
                                      "TYPE-1", "TYPE1x", "A ",   "TYPE 1"};
    char text[RRTYPE_TEXT_MAX];
    uint16_t code = 99;

    assert_int_equal(type_of("aAaA"), 28);
    assert_int_equal(type_of("type65280"), 65280);
    assert_int_equal(type_of("TYPE1"), RRTYPE_A);
    assert_int_equal(type_of("TYPE65535"), 65535);
    assert_string_equal(rrtype_to_text(65280, text), "TYPE65280");
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(rrtype_from_text(str_c(bad[i]), &code), -BD_ENOTFOUND);
    assert_int_equal(code, 99);
}

static void near_names_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *text, *nearest;
    } cases[] = {
        {"AAA", "AAAA"},   {"aaaaa", "AAAA"},
        {"CNAM", "CNAME"}, {"ANAME", "CNAME"},
        {"MXX", "MX"},     {"tx", "TXT"},
        {"SVR", "SRV"},     {"RSV", "SRV"},
        {"XYZZY", NULL},   {"", NULL},
        {"B", NULL},       {"SRVV", "SRV"},
        {"ANYY", NULL},    {"averylongword", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct rrtype *row = rrtype_nearest(str_c(cases[i].text));
        if (!cases[i].nearest)
            assert_true(row == NULL);
        else if (!row)
            fail_msg("nothing near %s", cases[i].text);
        else
            assert_string_equal(row->name, cases[i].nearest);
    }
}

static void good_values_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text, *printed;
    } cases[] = {
        {"A", "192.0.2.7", "192.0.2.7"},
        {"A", " 0.0.0.0 ", "0.0.0.0"},
        {"A", "255.255.255.255\n", "255.255.255.255"},
        {"A", "( 192.0.2.7\n )", "192.0.2.7"},
        {"A", "\\# 4 C0000207", "192.0.2.7"},
        {"A", "\\# 4 c0 00 0207", "192.0.2.7"},
        {"AAAA", "2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
        {"AAAA", "::", "::"},
        {"AAAA", "::ffff:192.0.2.1", "::ffff:192.0.2.1"},
        {"AAAA", "1:0:0:2:0:0:0:3", "1:0:0:2::3"},
        {"AAAA", "1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
        {"NS", "ns1", "ns1.lab.example."},
        {"CNAME", "@", "lab.example."},
        {"PTR", "Web.Lab.Example.", "Web.Lab.Example."},
        {"MX", "10 mail", "10 mail.lab.example."},
        {"MX", "0 .", "0 ."},
        {"SRV", "1 2 65535 a\\.b", "1 2 65535 a\\.b.lab.example."},
        {"TXT", "a b", "\"a\" \"b\""},
        {"TXT", "\"a; b\" \"c\"", "\"a; b\" \"c\""},
        {"TXT", "\"\"", "\"\""},
        {"TXT", "\"q\\\"b\\\\s\\000\\200\"", "\"q\\\"b\\\\s\\000\\200\""},
        {"TXT", "\xc3\xa9", "\"\\195\\169\""},
        {"SOA", "ns1 h.m 4294967295 1h 10m 1w 4294967295",
         "ns1.lab.example. h.m.lab.example. 4294967295 3600 600 604800 4294967295"},
        {"TYPE65280", "\\# 0", "\\# 0"},
        {"TYPE65280", "\\# 4 01020aFF", "\\# 4 01020AFF"},
    };
    struct lex_error error;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint16_t type = type_of(cases[i].type);
        if (rdata_from_text(type, str_c(cases[i].text), &rules, &rdata, &error) < 0)
            fail_msg("%s %s: %s", cases[i].type, cases[i].text, error.message);
        assert_int_equal(rdata_check(type, rdata.b, rdata.n), 0);
        assert_string_equal(printed(type, rdata.b, rdata.n), cases[i].printed);
    }
}

/* Each wrong value, what is said of it, and which bytes the message points at. */
static void bad_values_are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *type, *text, *says, *hint;
        size_t at, n;
    } cases[] = {
        {"A", "fe80::1", "'fe80::1' is an IPv6 address; type A takes an IPv4 address (use AAAA)",
         "", 0, 7},
        {"A", "127.0.0.1/8", "'127.0.0.1/8' is a network, not an address", "", 0, 11},
        {"A", "010.0.0.1", "'010.0.0.1' has a leading zero", "A is written like: 192.0.2.7", 0, 9},
        {"A", "10.0.0.00", "'10.0.0.00' has a leading zero", "", 0, 9},
        {"A", "192.0.2.1:80", "has a port", "", 0, 12},
        {"A", "192.0.2", "is not an IPv4 address", "", 0, 7},
        {"A", "192.0.2.256", "is not an IPv4 address", "", 0, 11},
        {"A", "192.0.2.1.", "is not an IPv4 address", "", 0, 10},
        {"A", ".1.2.3.4", "is not an IPv4 address", "", 0, 8},
        {"A", "web", "'web' is not an IPv4 address", "", 0, 3},
        {"A", "w\xc3\xa9\x01",
         "'w??"
         "?' is not an IPv4 address",
         "", 0, 4},
        {"A", "\"192.0.2.1\"", "'192.0.2.1' is in quotes", "", 0, 11},
        {"A", "192.0.2.1 192.0.2.2", "'192.0.2.2' is too much behind a value of type A", "", 10, 9},
        {"A", "", "the value of type A ends too early", "A is written like: 192.0.2.7", 0, 1},
        {"A", "192.0.2.1\n192.0.2.2", "one value is one record", "", 10, 9},
        {"A", "\\# 5 C000020700", "are not a well-formed value of type A", "", 0, 2},
        {"A", "\\# 4 C00002", "\\# says 4 octets, but 3 follow", "", 3, 1},
        {"A", "\\# 4 C000020", "'C000020' is not an even number", "", 5, 7},
        {"A", "\\# 4 C000020x", "'C000020x' is not hexadecimal", "", 5, 8},
        {"A", "\\# -1", "'-1' is not the number of octets", "", 3, 2},
        {"A", "\\#", "ends too early", "", 2, 1},
        {"AAAA", "192.0.2.1",
         "'192.0.2.1' is an IPv4 address; type AAAA takes an IPv6 address (use A)", "", 0, 9},
        {"AAAA", "fe80::1%eth0", "has an interface behind the address", "", 0, 12},
        {"AAAA", "2001:db8::/32", "is a network", "", 0, 13},
        {"AAAA", "[::1]", "has brackets", "", 0, 5},
        {"AAAA", "1::2::3", "is not an IPv6 address", "", 0, 7},
        {"AAAA", "::010.0.0.1", "is not an IPv6 address", "", 0, 11},
        {"MX", "mail.lab.example.", "'mail.lab.example.' is not a number from 0 to 65535",
         "MX is written like: 10 mail.lab.example.", 0, 17},
        {"MX", "65536 mail", "is not a number from 0 to 65535", "", 0, 5},
        {"MX", "10", "the value of type MX ends too early", "10 mail.lab.example.", 2, 1},
        {"MX", "10 a..b", "'a..b' is not a name: a label is empty", "", 5, 1},
        {"MX", "10 \"mail\"", "is in quotes", "", 3, 6},
        {"NS", "a\\300", "a backslash needs", "", 1, 1},
        {"SOA", "a b 1 2 3 4", "ends too early", "SOA is written like", 11, 1},
        {"SOA", "a b 1h 2 3 4 5", "'1h' is not a number from 0 to 4294967295", "", 4, 2},
        {"SOA", "a b 1 2 3 4 x", "'x' is not a time", "", 12, 1},
        {"SOA", "a b 1 2 3 4 4294967296", "is not a time", "", 12, 10},
        {"TXT", "", "ends too early", "v=spf1", 0, 1},
        {"TXT", "\"open", "quote", "", 0, 1},
        {"TXT", "a\\300", "backslash", "", 0, 5},
        {"TYPE65280", "01020304", "is written as \\# LENGTH HEX", "", 0, 8},
        {"ANY", "x", "type ANY is for questions only", "", 0, 1},
        {"TYPE0", "\\# 0", "type TYPE0 is for questions only", "", 0, 2},
    };
    struct lex_error error;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct str text = str_c(cases[i].text);
        int r = rdata_from_text(type_of(cases[i].type), text, &rules, &rdata, &error);
        if (r == 0)
            fail_msg("%s %s was read", cases[i].type, cases[i].text);
        assert_true(r == -BD_ESYNTAX || r == -BD_EINVALID);
        if (!strstr(error.message, cases[i].says) || !strstr(error.hint, cases[i].hint))
            fail_msg("%s %s: \"%s\" (%s)", cases[i].type, cases[i].text, error.message, error.hint);
        if (error.at != text.p + cases[i].at || error.n != cases[i].n)
            fail_msg("%s %s: points at %zu+%zu", cases[i].type, cases[i].text,
                     (size_t)(error.at - text.p), error.n);
    }
    assert_int_equal(rdata_from_text(RRTYPE_CNAME, STR("web"), NULL, &rdata, &error), -BD_ESYNTAX);
    assert_non_null(strstr(error.message, "relative"));
}

static void strings_end_at_255(void **state)
{
    (void)state;
    struct lex_error error;
    char text[300];

    memset(text, 's', sizeof(text));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, (struct str){text, 255}, NULL, &rdata, &error), 0);
    assert_int_equal(rdata.n, 256);
    assert_int_equal(rdata_from_text(RRTYPE_TXT, (struct str){text, 256}, NULL, &rdata, &error),
                     -BD_EINVALID);
    assert_non_null(strstr(error.message, "255"));
    assert_non_null(strstr(error.hint, "several strings"));
}

static void records_end_at_65535(void **state)
{
    (void)state;
    struct lex_error error;
    struct buf text = {.p = NULL};

    for (int i = 0; i < 32767; i++)
        buf_add_str(&text, STR("a "));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, buf_str(&text), NULL, &rdata, &error), 0);
    assert_int_equal(rdata.n, 65534);
    buf_add_str(&text, STR("\"\""));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, buf_str(&text), NULL, &rdata, &error), 0);
    assert_int_equal(rdata.n, 65535);
    assert_int_equal(strlen(printed(RRTYPE_TXT, rdata.b, rdata.n)), 32767 * 4 + 2);
    buf_add_str(&text, STR(" \"\""));
    assert_int_equal(rdata_from_text(RRTYPE_TXT, buf_str(&text), NULL, &rdata, &error),
                     -BD_EINVALID);
    assert_non_null(strstr(error.message, "65535"));
    buf_free(&text);
}

/* The parser stops in front of the line's end, and the next line can be read. */
static void lines_are_left_for_the_caller(void **state)
{
    (void)state;
    struct lexer lx;

    lex_start(&lx, STR("10 mail ; comment\n\"a\" (\n\"b\" ) \nrest"));
    assert_int_equal(rdata_parse(&lx, RRTYPE_MX, &rules, &rdata), 0);
    assert_int_equal(lex_next(&lx).kind, LEX_EOL);
    assert_int_equal(rdata_parse(&lx, RRTYPE_TXT, &rules, &rdata), 0);
    assert_int_equal(rdata.n, 4);
    assert_int_equal(lex_next(&lx).kind, LEX_EOL);
    assert_true(str_eq(lex_next(&lx).text, STR("rest")));
}

static size_t random_name(uint8_t *out)
{
    size_t n = 0;

    for (int labels = rand() % 4; labels > 0; labels--) {
        int length = 1 + rand() % (rand() % 10 ? 4 : 63);
        out[n++] = (uint8_t)length;
        for (int i = 0; i < length; i++)
            out[n++] = (uint8_t)rand();
    }
    out[n++] = 0;
    return n;
}

static size_t random_strings(uint8_t *out, int count)
{
    size_t n = 0;

    while (count-- > 0) {
        int length = rand() % 10 ? rand() % 6 : rand() % 256;
        out[n++] = (uint8_t)length;
        for (int i = 0; i < length; i++)
            out[n++] = (uint8_t)rand();
    }
    return n;
}

static size_t random_field(uint8_t field, uint8_t *out)
{
    static const uint8_t fixed[] = {
        [RDATA_U8] = 1,      [RDATA_U16] = 2,  [RDATA_U32] = 4,
        [RDATA_SECONDS] = 4, [RDATA_IPV4] = 4, [RDATA_IPV6] = 16,
    };

    switch (field) {
    case RDATA_NAME: return random_name(out);
    case RDATA_STRING: return random_strings(out, 1);
    case RDATA_STRINGS: return random_strings(out, 1 + rand() % 4);
    default: break;
    }
    for (size_t i = 0; i < fixed[field]; i++)
        out[i] = rand() % 3 ? (uint8_t)rand() : 0;
    return fixed[field];
}

/* A well-formed value of a row, in memory of exactly its size: reading beyond it is seen. */
static uint8_t *random_rdata(const struct rrtype *row, size_t *ret_n)
{
    uint8_t bytes[2048];
    size_t n = 0;

    for (const uint8_t *f = row->fields; *f != RDATA_END; f++)
        n += random_field(*f, bytes + n);
    uint8_t *exact = malloc(n + !n);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    *ret_n = n;
    return exact;
}

static void check_round_trip(uint16_t type, const uint8_t *bytes, size_t n)
{
    const char *text = printed(type, bytes, n);
    struct lex_error error;

    if (rdata_from_text(type, str_c(text), NULL, &rdata, &error) < 0)
        fail_msg("%u %s: %s", type, text, error.message);
    assert_int_equal(rdata.n, n);
    if (n > 0)
        assert_memory_equal(rdata.b, bytes, n);
}

static void wire_text_wire_is_the_identity(void **state)
{
    (void)state;
    size_t rows_n;
    const struct rrtype *rows = rrtype_table(&rows_n);

    srand(1035);
    for (size_t i = 0; i < rows_n; i++) {
        if (rows[i].flags & RRTYPE_META)
            continue;
        for (int round = 0; round < 5000; round++) {
            size_t n;
            uint8_t *bytes = random_rdata(&rows[i], &n);
            assert_int_equal(rdata_check(rows[i].code, bytes, n), 0);
            check_round_trip(rows[i].code, bytes, n);
            free(bytes);
        }
    }
}

/* Random octets, and well-formed values cut, lengthened or with one octet changed. */
static uint8_t *hostile_rdata(const struct rrtype *row, size_t *ret_n)
{
    size_t n;
    uint8_t *bytes = random_rdata(row, &n);

    switch (rand() % 4) {
    case 0:
        n = (size_t)rand() % 40;
        bytes = realloc(bytes, n + !n);
        for (size_t i = 0; i < n; i++)
            bytes[i] = (uint8_t)(rand() % 3 ? rand() % 5 : rand());
        break;
    case 1:
        n = (size_t)rand() % n;
        bytes = realloc(bytes, n + !n);
        break;
    case 2:
        bytes = realloc(bytes, n + 1);
        bytes[n++] = (uint8_t)rand();
        break;
    default: bytes[(size_t)rand() % n] = (uint8_t)rand(); break;
    }
    *ret_n = n;
    return bytes;
}

static void hostile_octets_do_no_harm(void **state)
{
    (void)state;
    static const struct rrtype unknown = {.code = 65280, .fields = {RDATA_STRINGS}};
    size_t rows_n, good = 0, bad = 0;
    const struct rrtype *rows = rrtype_table(&rows_n);

    srand(3597);
    for (size_t i = 0; i <= rows_n; i++) {
        const struct rrtype *row = i < rows_n ? &rows[i] : &unknown;
        for (int round = 0; round < 10000 && !(row->flags & RRTYPE_META); round++) {
            size_t n;
            struct dname name;
            uint8_t *bytes = hostile_rdata(row, &n);
            const char *text = printed(row->code, bytes, n);
            rdata_name(row->code, bytes, n, &name);
            assert_int_equal(rdata_cmp(row->code, bytes, n, bytes, n), 0);
            if (rdata_check(row->code, bytes, n) == 0) {
                check_round_trip(row->code, bytes, n);
                good++;
            } else {
                assert_memory_equal(text, "\\# ", 3);
                bad++;
            }
            free(bytes);
        }
    }
    assert_true(good > 10000 && bad > 10000);
}

static void checks_are_exact(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        struct str bytes;
        bool good;
    } cases[] = {
        {RRTYPE_A, {"\1\2\3\4", 4}, true},
        {RRTYPE_A, {"\1\2\3", 3}, false},
        {RRTYPE_A, {"\1\2\3\4\5", 5}, false},
        {RRTYPE_AAAA, {"0123456789abcdef", 16}, true},
        {RRTYPE_AAAA, {"0123456789abcde", 15}, false},
        {RRTYPE_NS, {"\1a\0", 3}, true},
        {RRTYPE_NS, {"\1a\0\0", 4}, false},
        {RRTYPE_NS, {"\1a", 2}, false},
        {RRTYPE_NS, {"\300\14", 2}, false},
        {RRTYPE_NS, {NULL, 0}, false},
        {RRTYPE_MX, {"\0\1\1a\0", 5}, true},
        {RRTYPE_MX, {"\0\1", 2}, false},
        {RRTYPE_TXT, {"\0", 1}, true},
        {RRTYPE_TXT, {NULL, 0}, false},
        {RRTYPE_TXT, {"\1a\2b", 4}, false},
        {65280, {NULL, 0}, true},
        {65280, {"x", 1}, true},
        {255, {NULL, 0}, false},
        {0, {NULL, 0}, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(
            rdata_check(cases[i].type, (const uint8_t *)cases[i].bytes.p, cases[i].bytes.n) == 0,
            cases[i].good);
}

static int cmp(uint16_t type, struct str a, struct str b)
{
    return rdata_cmp(type, (const uint8_t *)a.p, a.n, (const uint8_t *)b.p, b.n);
}

static void order_folds_names_only(void **state)
{
    (void)state;
    static const struct str upper = {"\0\1\1A\0", 5}, lower = {"\0\1\1a\0", 5};

    assert_int_equal(cmp(RRTYPE_MX, upper, lower), 0);
    assert_true(cmp(65280, upper, lower) < 0);
    assert_true(cmp(RRTYPE_TXT, (struct str){"\1A", 2}, (struct str){"\1a", 2}) < 0);
    /* 0x41 0x42 is the preference, no letters. */
    assert_true(cmp(RRTYPE_MX, (struct str){"AB\0", 3}, (struct str){"ab\0", 3}) < 0);
    /* The absence of an octet sorts before a zero octet (RFC 4034 §6.3). */
    assert_true(cmp(65280, (struct str){"x", 1}, (struct str){"x\0", 2}) < 0);
    assert_true(cmp(65280, (struct str){NULL, 0}, (struct str){"\0", 1}) < 0);
    assert_true(cmp(RRTYPE_NS, (struct str){"\1b\0", 3}, (struct str){"\2AA\0", 4}) < 0);
}

/* rdata_cmp must be memcmp of the folded forms. */
static void order_is_that_of_folded_octets(void **state)
{
    (void)state;
    static const struct rrtype *types[4];

    types[0] = rrtype_by_code(RRTYPE_NS);
    types[1] = rrtype_by_code(RRTYPE_MX);
    types[2] = rrtype_by_code(RRTYPE_TXT);
    types[3] = rrtype_by_code(RRTYPE_SOA);
    srand(4034);
    for (int i = 0; i < 40000; i++) {
        const struct rrtype *row = types[i % 4];
        size_t n[2], names = row->code == RRTYPE_TXT ? 0 : 1;
        uint8_t *b[2] = {random_rdata(row, &n[0]), random_rdata(row, &n[1])};
        int got = rdata_cmp(row->code, b[0], n[0], b[1], n[1]);
        int back = rdata_cmp(row->code, b[1], n[1], b[0], n[0]);
        for (int j = 0; j < 2; j++) {
            size_t start = row->code == RRTYPE_MX ? 2 : 0;
            size_t end = row->code == RRTYPE_SOA ? n[j] - 20 : n[j];
            for (size_t k = start; names && k < end; k++)
                b[j][k] = ascii_lower(b[j][k]);
        }
        int d = memcmp(b[0], b[1], n[0] < n[1] ? n[0] : n[1]);
        if (d == 0)
            d = (n[0] > n[1]) - (n[0] < n[1]);
        assert_int_equal((got > 0) - (got < 0), (d > 0) - (d < 0));
        assert_int_equal((back > 0) - (back < 0), (d < 0) - (d > 0));
        free(b[0]);
        free(b[1]);
    }
}

static void names_in_values(void **state)
{
    (void)state;
    struct dname name;
    char text[DNAME_TEXT_MAX];
    struct lex_error error;

    assert_int_equal(rdata_from_text(RRTYPE_SRV, STR("1 2 3 Sip"), &rules, &rdata, &error), 0);
    assert_int_equal(rdata_name(RRTYPE_SRV, rdata.b, rdata.n, &name), 0);
    dname_to_text(&name, text);
    assert_string_equal(text, "Sip.lab.example.");
    assert_int_equal(rdata_name(RRTYPE_A, (const uint8_t *)"\1\2\3\4", 4, &name), -BD_ENOTFOUND);
    assert_int_equal(rdata_name(65280, (const uint8_t *)"\1a\0", 3, &name), -BD_ENOTFOUND);
}

static void soa_numbers(void **state)
{
    (void)state;
    struct lex_error error;
    struct soa soa;
    uint8_t out[2 * DNAME_MAX + 20];

    assert_int_equal(rdata_from_text(RRTYPE_SOA, STR("ns1 hm 7 1h 2 3 4"), &rules, &rdata, &error),
                     0);
    assert_int_equal(soa_from_rdata(rdata.b, rdata.n, &soa), 0);
    assert_int_equal(soa.serial, 7);
    assert_int_equal(soa.refresh, 3600);
    assert_int_equal(soa.retry, 2);
    assert_int_equal(soa.expire, 3);
    assert_int_equal(soa.minimum, 4);
    assert_int_equal(soa_to_rdata(&soa, out), rdata.n);
    assert_memory_equal(out, rdata.b, rdata.n);
    soa_set_serial(rdata.b, rdata.n, 4294967295U);
    assert_int_equal(soa_serial(rdata.b, rdata.n), 4294967295U);
    assert_string_equal(printed(RRTYPE_SOA, rdata.b, rdata.n),
                        "ns1.lab.example. hm.lab.example. 4294967295 3600 2 3 4");
    assert_int_equal(soa_from_rdata(rdata.b, rdata.n - 1U, &soa), -BD_ESYNTAX);
    assert_int_equal(soa_from_rdata(rdata.b, 5, &soa), -BD_ESYNTAX);
}

static void serials_wrap(void **state)
{
    (void)state;
    assert_true(serial_gt(1, 0));
    assert_false(serial_gt(0, 0));
    assert_false(serial_gt(0, 1));
    assert_true(serial_gt(0, 4294967295U));
    assert_true(serial_gt(0x80000000U, 1));
    assert_false(serial_gt(0x80000001U, 1));
    assert_false(serial_gt(1, 0x80000001U));
    assert_int_equal(serial_next(4294967295U), 1);
    assert_int_equal(serial_next(4294967294U), 4294967295U);
    assert_int_equal(serial_next(0), 1);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_in_order),
        cmocka_unit_test(types_have_names),
        cmocka_unit_test(near_names_are_found),
        cmocka_unit_test(good_values_are_read),
        cmocka_unit_test(bad_values_are_explained),
        cmocka_unit_test(strings_end_at_255),
        cmocka_unit_test(records_end_at_65535),
        cmocka_unit_test(lines_are_left_for_the_caller),
        cmocka_unit_test(wire_text_wire_is_the_identity),
        cmocka_unit_test(hostile_octets_do_no_harm),
        cmocka_unit_test(checks_are_exact),
        cmocka_unit_test(order_folds_names_only),
        cmocka_unit_test(order_is_that_of_folded_octets),
        cmocka_unit_test(names_in_values),
        cmocka_unit_test(soa_numbers),
        cmocka_unit_test(serials_wrap),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

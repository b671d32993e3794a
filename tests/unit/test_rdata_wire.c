/* Values in wire form: checks, order, to text and back; hostile octets. */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns_kit.h"
#include "rdata_kit.h"

/* A well-formed value of a row, in memory of exactly its size: reading beyond it is seen. */
static uint8_t *random_rdata(const struct rrtype *row, size_t *ret_n)
{
    static uint8_t bytes[KIT_RDATA_MAX];
    size_t n = kit_random_rdata(row, bytes);

    uint8_t *exact = malloc(n + !n);
    assert_non_null(exact);
    memcpy(exact, bytes, n);
    *ret_n = n;
    return exact;
}

static void check_round_trip(uint16_t type, const uint8_t *bytes, size_t n)
{
    const char *text = kit_print(type, bytes, n);
    struct lex_error error;

    if (rdata_from_text(type, str_c(text), NULL, &kit_rdata, &error) < 0)
        fail_msg("%u %s: %s", type, text, error.message);
    assert_int_equal(kit_rdata.n, n);
    if (n > 0)
        assert_memory_equal(kit_rdata.b, bytes, n);
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
        n = n ? (size_t)rand() % n : 0;
        bytes = realloc(bytes, n + !n);
        break;
    case 2:
        bytes = realloc(bytes, n + 1);
        bytes[n++] = (uint8_t)rand();
        break;
    default:
        if (n > 0)
            bytes[(size_t)rand() % n] = (uint8_t)rand();
        break;
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
            const char *text = kit_print(row->code, bytes, n);
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

    assert_int_equal(rdata_from_text(RRTYPE_SRV, STR("1 2 3 Sip"), &kit_rules, &kit_rdata, &error),
                     0);
    assert_int_equal(rdata_name(RRTYPE_SRV, kit_rdata.b, kit_rdata.n, &name), 0);
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

    assert_int_equal(
        rdata_from_text(RRTYPE_SOA, STR("ns1 hm 7 1h 2 3 4"), &kit_rules, &kit_rdata, &error), 0);
    assert_int_equal(soa_from_rdata(kit_rdata.b, kit_rdata.n, &soa), 0);
    assert_int_equal(soa.serial, 7);
    assert_int_equal(soa.refresh, 3600);
    assert_int_equal(soa.retry, 2);
    assert_int_equal(soa.expire, 3);
    assert_int_equal(soa.minimum, 4);
    assert_int_equal(soa_to_rdata(&soa, out), kit_rdata.n);
    assert_memory_equal(out, kit_rdata.b, kit_rdata.n);
    soa_set_serial(kit_rdata.b, kit_rdata.n, 4294967295U);
    assert_int_equal(soa_serial(kit_rdata.b, kit_rdata.n), 4294967295U);
    assert_string_equal(kit_print(RRTYPE_SOA, kit_rdata.b, kit_rdata.n),
                        "ns1.lab.example. hm.lab.example. 4294967295 3600 2 3 4");
    assert_int_equal(soa_from_rdata(kit_rdata.b, kit_rdata.n - 1U, &soa), -BD_ESYNTAX);
    assert_int_equal(soa_from_rdata(kit_rdata.b, 5, &soa), -BD_ESYNTAX);
}

/* The C library's spelling, for every pattern of zero groups and for the dotted kinds. */
static void ipv6_is_spelled_as_elsewhere(void **state)
{
    static const uint16_t values[] = {0xffff, 0x1, 0x20, 0x300, 0xabcd};
    struct buf out = {0};

    (void)state;
    for (unsigned i = 0; i < 256 * ARRAY_SIZE(values); i++) {
        char expected[INET6_ADDRSTRLEN];
        uint8_t octets[16] = {0};
        for (unsigned group = 0; group < 8; group++) {
            uint16_t value = i >> group & 1 ? values[i / 256] : 0;
            octets[2 * group] = (uint8_t)(value >> 8);
            octets[2 * group + 1] = (uint8_t)value;
        }
        assert_non_null(inet_ntop(AF_INET6, octets, expected, sizeof(expected)));
        buf_reset(&out);
        rdata_to_text(RRTYPE_AAAA, octets, sizeof(octets), &out);
        buf_add_c(&out, '\0');
        assert_int_equal(out.error, 0);
        assert_string_equal(out.p, expected);
    }
    buf_free(&out);
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
        cmocka_unit_test(wire_text_wire_is_the_identity),
        cmocka_unit_test(hostile_octets_do_no_harm),
        cmocka_unit_test(checks_are_exact),
        cmocka_unit_test(order_folds_names_only),
        cmocka_unit_test(order_is_that_of_folded_octets),
        cmocka_unit_test(names_in_values),
        cmocka_unit_test(soa_numbers),
        cmocka_unit_test(ipv6_is_spelled_as_elsewhere),
        cmocka_unit_test(serials_wrap),
    };
    return cmocka_run_group_tests(tests, kit_rdata_setup, NULL);
}

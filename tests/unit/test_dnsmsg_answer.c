/* Answers to a question for one RRset: compressed ones, and hostile ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/dnsmsg.h>

static struct dname web; /* web.lab.example.: in each message at 12, lab.example. at 16 */

static int setup(void **state)
{
    (void)state;
    return dname_from_text(STR("web.lab.example."), NULL, &web, NULL);
}

#define QUESTION "\3web\3lab\7example\0"
#define OPT "\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\3\0\7gen-12\xff"

/* A message with n records of the question's name, each "TTL length rdata" behind type and class.
 */
struct message {
    uint8_t b[600];
    size_t n;
};

static void add(struct message *m, const char *bytes, size_t n)
{
    assert_true(m->n + n <= sizeof(m->b));
    memcpy(m->b + m->n, bytes, n);
    m->n += n;
}

static void add16(struct message *m, unsigned v)
{
    add(m, (const char[]){(char)(v >> 8), (char)v}, 2);
}

static struct message begin(uint16_t type, unsigned answers)
{
    struct message m = {.n = 0};

    add(&m, "\x12\x34\x84\0\0\1", 6);
    add16(&m, answers);
    add(&m, "\0\0\0\1" QUESTION, 4 + sizeof(QUESTION) - 1);
    add16(&m, type);
    add16(&m, 1);
    return m;
}

static void add_record(struct message *m, uint16_t type, unsigned ttl, struct str rdata)
{
    add(m, "\xc0\x0c", 2);
    add16(m, type);
    add16(m, 1);
    add16(m, ttl >> 16);
    add16(m, ttl);
    add16(m, (unsigned)rdata.n);
    add(m, rdata.p, rdata.n);
}

/* In memory of exactly the message's size. */
static int read_message(const struct message *m, uint16_t type, struct dnsmsg_answer *ret_answer)
{
    uint8_t *copy = malloc(m->n ? m->n : 1);

    assert_non_null(copy);
    memcpy(copy, m->b, m->n);
    int r = dnsmsg_answer(copy, m->n, 0x1234, &web, type, ret_answer);
    free(copy);
    return r;
}

/* What the one record of an answer becomes, as text. */
static void check(uint16_t type, struct str rdata, const char *expected)
{
    struct message m = begin(type, 1);
    struct dnsmsg_answer a;
    struct buf out = {0};
    struct str one;

    add_record(&m, type, 30, rdata);
    add(&m, OPT, sizeof(OPT) - 1);
    assert_int_equal(read_message(&m, type, &a), 0);
    assert_int_equal(a.rdatas.count, 1);
    assert_int_equal(a.ttl, 30);
    assert_int_equal(a.nsid.n, 7);
    assert_true(a.authoritative && !a.truncated);
    const uint8_t *at = a.rdatas.p;
    assert_true(rdset_next(&a.rdatas, &at, &one));
    rdata_to_text(type, (const uint8_t *)one.p, one.n, &out);
    if (!str_eq(buf_str(&out), str_c(expected)))
        fail_msg("'%.*s' is not '%s'", STR_ARG(buf_str(&out)), expected);
    buf_free(&out);
    free(a.bytes);
}

#define NUMBERS "\0\0\0\7\0\0\x0e\x10\0\0\2\x58\0\x09\x3a\x80\0\0\0\x0a"

static void names_inside_come_uncompressed(void **state)
{
    (void)state;
    check(RRTYPE_A, STR("\xc0\0\2\7"), "192.0.2.7");
    check(RRTYPE_MX, STR("\0\x0a\4mail\xc0\x10"), "10 mail.lab.example.");
    check(RRTYPE_CNAME, STR("\xc0\x10"), "lab.example.");
    check(RRTYPE_SOA, STR("\3ns1\xc0\x10\1h\xc0\x0c" NUMBERS),
          "ns1.lab.example. h.web.lab.example. 7 3600 600 604800 10");
    check(RRTYPE_SRV, STR("\0\1\0\2\0\x50\3www\xc0\x0c"), "1 2 80 www.web.lab.example.");
    check(35, STR("\0\1\0\2\1S\3SIP\1!\xc0\x10"), "1 2 \"S\" \"SIP\" \"!\" lab.example.");
    check(RRTYPE_TXT, STR("\2\xc0\x0c\1b"), "\"\\192\\012\" \"b\"");
    check(65280, STR("\xc0\x0c"), "\\# 2 C00C");
}

static void all_records_are_taken_in_order(void **state)
{
    struct message m = begin(RRTYPE_A, 4);
    struct dnsmsg_answer a;

    (void)state;
    add_record(&m, RRTYPE_A, 60, STR("\xc0\0\2\x9"));
    add_record(&m, RRTYPE_A, 40, STR("\xc0\0\2\7"));
    add_record(&m, RRTYPE_CNAME, 1, STR("\xc0\x10"));
    add_record(&m, RRTYPE_A, 50, STR("\xc0\0\2\x9"));
    add(&m, OPT, sizeof(OPT) - 1);
    assert_int_equal(read_message(&m, RRTYPE_A, &a), 0);
    assert_int_equal(a.rdatas.count, 2);
    assert_memory_equal(a.rdatas.p, "\0\4\xc0\0\2\7\0\4\xc0\0\2\x9", 12);
    assert_int_equal(a.ttl, 40);
    free(a.bytes);
}

static void no_records(void **state)
{
    struct message m = begin(RRTYPE_A, 0);
    struct dnsmsg_answer a;

    (void)state;
    m.b[2] |= 2;
    m.b[3] = 3;
    add(&m, OPT, sizeof(OPT) - 1);
    assert_int_equal(read_message(&m, RRTYPE_A, &a), 0);
    assert_int_equal(a.rcode, 3);
    assert_true(a.truncated);
    assert_int_equal(a.rdatas.count, 0);
    assert_null(a.bytes);
    assert_int_equal(read_message(&m, RRTYPE_AAAA, &a), -BD_ESYNTAX); /* another question */
}

static void bad_rdata_is_refused(void **state)
{
    static const struct {
        uint16_t type;
        struct str rdata;
    } bad[] = {
        {RRTYPE_A, {"\xc0\0\2", 3}},               /* too short */
        {RRTYPE_A, {"\xc0\0\2\7\0", 5}},           /* too long */
        {RRTYPE_CNAME, {"", 0}},                   /* no name */
        {RRTYPE_CNAME, {"\xc0", 1}},               /* half a pointer */
        {RRTYPE_CNAME, {"\xc0\x2d", 2}},           /* to itself */
        {RRTYPE_CNAME, {"\xff\xff", 2}},           /* beyond the end */
        {RRTYPE_CNAME, {"\xc0\x10\0", 3}},         /* something behind it */
        {RRTYPE_CNAME, {"\3we", 3}},               /* a label beyond the rdata */
        {RRTYPE_CNAME, {"\x40w\0", 3}},            /* a label of another kind */
        {RRTYPE_MX, {"\0", 1}},                    /* half a number */
        {RRTYPE_SOA, {"\xc0\x10\xc0\x10\0\0", 6}}, /* no numbers */
        {RRTYPE_TXT, {"\5abc", 4}},                /* a string beyond the rdata */
        {35, {"\0\1\0\2\1S\x20SIP\xc0\x10", 12}},  /* the same before a name */
    };
    struct dnsmsg_answer a = {.ttl = 99};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct message m = begin(bad[i].type, 1);
        add_record(&m, bad[i].type, 30, bad[i].rdata);
        add(&m, OPT, sizeof(OPT) - 1);
        if (read_message(&m, bad[i].type, &a) != -BD_ESYNTAX)
            fail_msg("rdata %zu was read", i);
    }
    assert_int_equal(a.ttl, 99);
}

/* Names that grow at each pointer, as far as it goes: never beyond 255 octets. */
static void a_name_that_is_too_long_is_refused(void **state)
{
    struct message m = begin(RRTYPE_CNAME, 1);
    struct dnsmsg_answer a;
    char rdata[200];
    size_t n = 0;

    (void)state;
    for (; n < 190; n += 2)
        memcpy(rdata + n, "\1x", 2);
    memcpy(rdata + n, "\xc0\x0c", 2);
    add_record(&m, RRTYPE_CNAME, 30, (struct str){rdata, n + 2});
    add(&m, OPT, sizeof(OPT) - 1);
    assert_int_equal(read_message(&m, RRTYPE_CNAME, &a), 0); /* 190 + 17 */
    free(a.bytes);
    m = begin(RRTYPE_MX, 2);
    add_record(&m, RRTYPE_TXT, 30, (struct str){rdata, n + 2}); /* the name begins at 45 */
    memcpy(rdata + 62, "\xc0\x2d", 2);
    memcpy(rdata, "\0\1", 2);
    add_record(&m, RRTYPE_MX, 30, (struct str){rdata, 64});
    add(&m, OPT, sizeof(OPT) - 1);
    assert_int_equal(read_message(&m, RRTYPE_MX, &a), -BD_ESYNTAX); /* 60 + 207 */
}

static void cut_and_changed_messages_do_no_harm(void **state)
{
    struct message good = begin(35, 2);
    struct dnsmsg_answer a;
    size_t read = 0, refused = 0;

    (void)state;
    add_record(&good, 35, 30, STR("\0\1\0\2\1S\3SIP\1!\3www\xc0\x10"));
    add_record(&good, 35, 30, STR("\0\1\0\3\1S\3SIP\1!\xc0\x0c"));
    add(&good, OPT, sizeof(OPT) - 1);
    for (size_t cut = 0; cut < good.n; cut++) {
        struct message m = good;
        m.n = cut;
        assert_int_equal(read_message(&m, 35, &a), -BD_ESYNTAX);
    }
    srand(1035);
    for (int i = 0; i < 100000; i++) {
        struct message m = good;
        for (int changes = 1 + rand() % 3; changes > 0; changes--)
            m.b[(size_t)rand() % (m.n + 1)] = (uint8_t)(rand() % 2 ? rand() : 0xc0 | rand() % 4);
        int r = read_message(&m, 35, &a);
        read += r == 0;
        refused += r != 0;
        if (r == 0)
            free(a.bytes);
    }
    assert_true(read > 1000 && refused > 1000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_inside_come_uncompressed),
        cmocka_unit_test(all_records_are_taken_in_order),
        cmocka_unit_test(no_records),
        cmocka_unit_test(bad_rdata_is_refused),
        cmocka_unit_test(a_name_that_is_too_long_is_refused),
        cmocka_unit_test(cut_and_changed_messages_do_no_harm),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

/* The SOA probe's query and answers, hostile ones too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/dnsmsg.h>

static struct dname zone;

static int setup(void **state)
{
    (void)state;
    return dname_from_text(STR("lab.example."), NULL, &zone, NULL);
}

static void the_query_is_as_the_rfcs_say(void **state)
{
    (void)state;
    static const uint8_t expected[] = "\x12\x34\0\0\0\1\0\0\0\0\0\1"
                                      "\3lab\7example\0\0\6\0\1"
                                      "\0\0\x29\x04\xd0\0\0\0\0\0\4\0\3\0\0";
    uint8_t out[DNSMSG_MAX];

    assert_int_equal(dnsmsg_soa_query(0x1234, &zone, out), sizeof(expected) - 1);
    assert_memory_equal(out, expected, sizeof(expected) - 1);
}

/* An answer put together from its parts. */
struct parts {
    const char *flags, *counts;
    struct str question, answer, additional;
};

#define NAMES "\3ns1\xc0\x0c\2hm\xc0\x0c"
#define NUMBERS "\0\0\0\7\0\0\x0e\x10\0\0\2\x58\0\x09\x3a\x80\0\0\0\x0a"

static const struct parts good = {
    .flags = "\x84\0",
    .counts = "\0\1\0\1\0\0\0\1",
    .question = {"\3lab\7example\0\0\6\0\1", 17},
    .answer = {"\xc0\x0c\0\6\0\1\0\0\0\x1e\0\x1f" NAMES NUMBERS, 12 + 11 + 20},
    .additional = {"\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\3\0\7gen-12\xff", 11 + 11},
};

/* In memory of exactly the message's size. */
static uint8_t *build(const struct parts *p, size_t *ret_n)
{
    const struct str all[] = {{"\x12\x34", 2}, {p->flags, 2}, {p->counts, 8},
                              p->question,     p->answer,     p->additional};
    size_t n = 0, at = 0;

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        n += all[i].n;
    uint8_t *msg = malloc(n);
    assert_non_null(msg);
    for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
        memcpy(msg + at, all[i].p, all[i].n);
        at += all[i].n;
    }
    *ret_n = n;
    return msg;
}

static int read_parts(const struct parts *p, struct dnsmsg_soa *ret_answer)
{
    size_t n;
    uint8_t *msg = build(p, &n);
    int r = dnsmsg_soa_answer(msg, n, 0x1234, &zone, ret_answer);

    if (r == 0 && ret_answer->nsid.n > 0) {
        assert_int_equal(ret_answer->nsid.n, 7);
        assert_memory_equal(ret_answer->nsid.p, "gen-12\xff", 7);
    }
    free(msg);
    return r;
}

static void a_good_answer_is_read(void **state)
{
    (void)state;
    struct dnsmsg_soa a;

    assert_int_equal(read_parts(&good, &a), 0);
    assert_int_equal(a.rcode, 0);
    assert_true(a.authoritative);
    assert_true(a.has_soa);
    assert_int_equal(a.serial, 7);
    assert_int_equal(a.nsid.n, 7);
}

static void upper_case_and_whole_names_are_read(void **state)
{
    (void)state;
    struct parts p = good;
    struct dnsmsg_soa a;

    p.question = (struct str){"\3LAB\7Example\0\0\6\0\1", 17};
    p.answer =
        (struct str){"\3lAb\7example\0\0\6\0\1\0\0\0\x1e\0\x1c\0\3ns1\1a\0" NUMBERS, 23 + 28};
    assert_int_equal(read_parts(&p, &a), 0);
    assert_true(a.has_soa);
    assert_int_equal(a.serial, 7);
}

static void refusals_are_read(void **state)
{
    (void)state;
    struct parts p = good;
    struct dnsmsg_soa a;

    p.flags = "\x80\5";
    p.counts = "\0\1\0\0\0\0\0\0";
    p.answer.n = p.additional.n = 0;
    assert_int_equal(read_parts(&p, &a), 0);
    assert_int_equal(a.rcode, 5);
    assert_false(a.authoritative);
    assert_false(a.has_soa);
    assert_int_equal(a.nsid.n, 0);
    /* A negative answer carries the SOA in its authority section: that is not the zone's answer. */
    p = good;
    p.counts = "\0\1\0\0\0\1\0\1";
    assert_int_equal(read_parts(&p, &a), 0);
    assert_false(a.has_soa);
    assert_int_equal(a.nsid.n, 7);
    /* The SOA of another name, and another type. */
    p = good;
    p.answer = (struct str){"\1x\xc0\x0c\0\6\0\1\0\0\0\x1e\0\x1f" NAMES NUMBERS, 14 + 31};
    assert_int_equal(read_parts(&p, &a), 0);
    assert_false(a.has_soa);
    p.answer = (struct str){"\xc0\x0c\0\2\0\1\0\0\0\x1e\0\x01\0", 13};
    assert_int_equal(read_parts(&p, &a), 0);
    assert_false(a.has_soa);
}

static void what_is_no_answer_is_refused(void **state)
{
    (void)state;
    struct parts bad[] = {good, good, good, good, good, good, good, good, good, good, good, good};
    struct dnsmsg_soa a = {.serial = 99};
    size_t n;

    bad[0].flags = "\x04\0";                                            /* a query */
    bad[1].flags = "\xa4\0";                                            /* an UPDATE's answer */
    bad[2].counts = "\0\0\0\1\0\0\0\1";                                 /* no question */
    bad[3].counts = "\0\2\0\1\0\0\0\1";                                 /* two */
    bad[4].question = (struct str){"\3laX\7example\0\0\6\0\1", 17};     /* another name */
    bad[5].question = (struct str){"\3lab\7example\0\0\1\0\1", 17};     /* another type */
    bad[6].question = (struct str){"\3lab\7example\0\0\6\0\3", 17};     /* another class */
    bad[7].counts = "\0\1\0\2\0\0\0\1";                                 /* more than there are */
    bad[8].question = (struct str){"\xc0\x0c\0\6\0\1", 6};              /* a pointer to itself */
    bad[9].answer.p = "\xc0\x1d\0\6\0\1\0\0\0\x1e\0\x1f" NAMES NUMBERS; /* the same in a record */
    bad[10].answer.p = "\xc0\x0c\0\6\0\1\0\0\0\x1e\0\x1f\4ns1\xc0\x0c\1m\xc0\x0c" NUMBERS;
    bad[11].additional.p =
        "\0\0\x29\x04\xd0\0\0\0\0\0\x0b\0\3\0\10gen-12\xff"; /* option too long */
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        if (read_parts(&bad[i], &a) != -BD_ESYNTAX)
            fail_msg("message %zu was read", i);
    assert_int_equal(a.serial, 99);
    uint8_t *msg = build(&good, &n);
    assert_int_equal(dnsmsg_soa_answer(msg, n, 0x1235, &zone, &a), -BD_ESYNTAX);
    free(msg);
}

static void cut_messages_are_refused(void **state)
{
    (void)state;
    struct dnsmsg_soa a;
    size_t n;
    uint8_t *msg = build(&good, &n);

    for (size_t cut = 0; cut < n; cut++) {
        uint8_t *part = malloc(cut + !cut);
        memcpy(part, msg, cut);
        assert_int_equal(dnsmsg_soa_answer(part, cut, 0x1234, &zone, &a), -BD_ESYNTAX);
        free(part);
    }
    free(msg);
}

/* Every answer with one to three octets changed is read or refused, and nothing worse. */
static void changed_messages_do_no_harm(void **state)
{
    (void)state;
    struct dnsmsg_soa a;
    size_t n, read = 0, refused = 0;

    srand(1035);
    for (int i = 0; i < 200000; i++) {
        uint8_t *msg = build(&good, &n);
        for (int changes = 1 + rand() % 3; changes > 0; changes--)
            msg[(size_t)rand() % n] = (uint8_t)(rand() % 2 ? rand() : 0xc0 | rand() % 4);
        if (dnsmsg_soa_answer(msg, n, 0x1234, &zone, &a) == 0)
            read++;
        else
            refused++;
        free(msg);
    }
    assert_true(read > 1000 && refused > 1000);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_query_is_as_the_rfcs_say),
        cmocka_unit_test(a_good_answer_is_read),
        cmocka_unit_test(upper_case_and_whole_names_are_read),
        cmocka_unit_test(refusals_are_read),
        cmocka_unit_test(what_is_no_answer_is_refused),
        cmocka_unit_test(cut_messages_are_refused),
        cmocka_unit_test(changed_messages_do_no_harm),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}

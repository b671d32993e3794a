/* Packed record sets, and the counted RRsets that hold them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <malloc.h>

#include <betterdns/rrset.h>

#include <pthread.h>

/* Wire values of one letter: for a type without a row they compare as octets. */
#define PLAIN 65280

static struct str plain(const char *letter)
{
    return (struct str){letter, 1};
}

static struct rdset pack(uint16_t type, const struct str *rdatas, size_t n, uint8_t **ret_bytes)
{
    struct rdset set;

    assert_int_equal(rdset_pack(type, rdatas, n, ret_bytes, &set), 0);
    assert_ptr_equal(set.p, *ret_bytes);
    return set;
}

/* A set of the letters in a text. */
static struct rdset letters(const char *text, uint8_t **ret_bytes)
{
    struct str rdatas[64];
    size_t n = 0;

    for (; text[n]; n++)
        rdatas[n] = plain(text + n);
    return pack(PLAIN, rdatas, n, ret_bytes);
}

static void assert_letters(const struct rdset *set, const char *expected)
{
    const uint8_t *at = set->p;
    struct str rdata;
    char got[64];
    size_t n = 0;

    while (rdset_next(set, &at, &rdata)) {
        assert_int_equal(rdata.n, 1);
        got[n++] = rdata.p[0];
    }
    got[n] = '\0';
    assert_string_equal(got, expected);
    assert_int_equal(set->count, n);
    assert_int_equal(set->n, 3 * n);
}

static void sets_are_sorted_without_duplicates(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""}, {"a", "a"}, {"cab", "abc"}, {"aaaa", "a"}, {"zaZbaz", "Zabz"}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t *bytes;
        struct rdset set = letters(cases[i][0], &bytes), checked;
        assert_letters(&set, cases[i][1]);
        assert_int_equal(rdset_check(PLAIN, bytes, set.n, &checked), 0);
        assert_int_equal(checked.count, set.count);
        assert_int_equal(checked.n, set.n);
        free(bytes);
    }
}

static void the_first_spelling_stays(void **state)
{
    (void)state;
    struct str names[] = {{"\2bB\0", 4}, {"\1A\0", 3}, {"\2BB\0", 4}, {"\1a\0", 3}};
    struct str lower[] = {{"\1a\0", 3}, {"\1c\0", 3}};
    uint8_t *a_bytes, *b_bytes, *bytes;
    struct rdset a = pack(RRTYPE_NS, names, 4, &a_bytes), b = pack(RRTYPE_NS, lower, 2, &b_bytes);
    struct rdset set;

    assert_int_equal(a.count, 2);
    assert_memory_equal(a.p, "\0\3\1A\0\0\4\2bB\0", 11);
    assert_true(rdset_has(RRTYPE_NS, &a, lower[0]));
    assert_false(rdset_has(RRTYPE_NS, &a, lower[1]));
    assert_int_equal(rdset_union(RRTYPE_NS, &a, &b, &bytes, &set), 0);
    assert_int_equal(set.count, 3);
    assert_memory_equal(set.p, "\0\3\1A\0\0\3\1c\0\0\4\2bB\0", 16);
    free(bytes);
    assert_int_equal(rdset_minus(RRTYPE_NS, &a, &b, &bytes, &set), 0);
    assert_int_equal(set.count, 1);
    assert_memory_equal(set.p, "\0\4\2bB\0", 6);
    free(bytes);
    free(a_bytes);
    free(b_bytes);
}

static void subset(unsigned bits, char out[6])
{
    size_t n = 0;

    for (unsigned bit = 0; bit < 5; bit++)
        if (bits >> bit & 1)
            out[n++] = (char)('a' + bit);
    out[n] = '\0';
}

/* Against sets as bits of a number, for every pair of subsets of five letters. */
static void algebra_is_that_of_sets(void **state)
{
    (void)state;
    char text[6];

    for (unsigned i = 0; i < 32 * 32; i++) {
        unsigned x = i / 32, y = i % 32;
        uint8_t *a_bytes, *b_bytes, *bytes;
        subset(x, text);
        struct rdset a = letters(text, &a_bytes), set;
        subset(y, text);
        struct rdset b = letters(text, &b_bytes);
        assert_int_equal(rdset_union(PLAIN, &a, &b, &bytes, &set), 0);
        subset(x | y, text);
        assert_letters(&set, text);
        free(bytes);
        assert_int_equal(rdset_minus(PLAIN, &a, &b, &bytes, &set), 0);
        subset(x & ~y, text);
        assert_letters(&set, text);
        free(bytes);
        assert_int_equal(rdset_eq(PLAIN, &a, &b), x == y);
        free(a_bytes);
        free(b_bytes);
    }
}

static void damaged_sets_are_found(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        struct str bytes;
        bool good;
    } cases[] = {
        {RRTYPE_A, {NULL, 0}, true},
        {RRTYPE_A, {"\0\4\1\2\3\4", 6}, true},
        {RRTYPE_A, {"\0\4\1\2\3\4\0\4\1\2\3\5", 12}, true},
        {RRTYPE_A, {"\0\4\1\2\3\4\0\4\1\2\3\4", 12}, false}, /* twice */
        {RRTYPE_A, {"\0\4\1\2\3\4\0\4\1\2\3\3", 12}, false}, /* order */
        {RRTYPE_A, {"\0\3\1\2\3", 5}, false},
        {RRTYPE_A, {"\0\4\1\2\3", 5}, false},
        {RRTYPE_A, {"\0\4\1\2\3\4\0", 7}, false},
        {RRTYPE_NS, {"\0\3\1A\0\0\3\1a\0", 10}, false}, /* the same name */
        {PLAIN, {"\0\0", 2}, true},
    };
    struct rdset set = {.count = 77};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        int r =
            rdset_check(cases[i].type, (const uint8_t *)cases[i].bytes.p, cases[i].bytes.n, &set);
        assert_int_equal(r, cases[i].good ? 0 : -BD_ECORRUPT);
    }
}

static void oversized_records_are_refused(void **state)
{
    (void)state;
    struct str big = {"", RDATA_MAX + 1};
    struct rdset set;
    uint8_t *bytes;

    assert_int_equal(rdset_pack(PLAIN, &big, 1, &bytes, &set), -BD_EINVALID);
}

static struct rrset *new_set(const char *owner, const struct registration *regs, size_t nregs)
{
    struct str address = {"\300\0\2\7", 4};
    struct dname name;
    struct rdset set;
    uint8_t *bytes;

    assert_int_equal(dname_from_text(str_c(owner), NULL, &name, NULL), 0);
    assert_int_equal(rdset_pack(RRTYPE_A, &address, 1, &bytes, &set), 0);
    struct rrset *s = rrset_new(&name, RRTYPE_A, 30, &set, regs, nregs);
    free(bytes); /* everything was copied */
    assert_non_null(s);
    return s;
}

static void sets_give_back_what_they_were_made_of(void **state)
{
    (void)state;
    struct rrset *s = new_set("Web.Lab.Example.", NULL, 0);
    struct dname owner;
    char text[DNAME_TEXT_MAX];
    struct rdset set = rrset_rdatas(s);

    rrset_owner(s, &owner);
    dname_to_text(&owner, text);
    assert_string_equal(text, "web.lab.example.");
    assert_true(str_eq(rrset_owner_key(s), STR("example\0lab\0web\0")));
    assert_int_equal(rrset_type(s), RRTYPE_A);
    assert_int_equal(rrset_ttl(s), 30);
    assert_int_equal(set.count, 1);
    assert_memory_equal(set.p, "\0\4\300\0\2\7", 6);
    assert_int_equal(rrset_nregs(s), 0);
    rrset_put(s);
    rrset_put(NULL);
}

static void registrations_come_in_order_of_number(void **state)
{
    (void)state;
    struct registration regs[3] = {
        {.number = 30, .id = STR("c"), .source = STR("192.0.2.3"), .asked_ttl = UINT32_MAX},
        {.number = 10,
         .id = STR("a"),
         .subject = STR("vm"),
         .source = STR("::1"),
         .created = -5,
         .lease_s = 180,
         .check = STR("http://:80/"),
         .flags = REG_DRAINING,
         .asked_ttl = 60,
         .asked = {(const uint8_t *)"\0\4\1\2\3\4", 6, 1}},
        {.number = UINT64_MAX, .id = STR(""), .subject = STR(""), .source = STR("")},
    };
    struct rrset *s = new_set("web.", regs, 3);
    struct registration r;

    assert_int_equal(rrset_nregs(s), 3);
    rrset_reg(s, 0, &r);
    assert_int_equal(r.number, 10);
    assert_true(str_eq(r.id, STR("a")));
    assert_true(str_eq(r.subject, STR("vm")));
    assert_true(str_eq(r.source, STR("::1")));
    assert_true(str_eq(r.check, STR("http://:80/")));
    assert_int_equal(r.created, -5);
    assert_int_equal(r.lease_s, 180);
    assert_int_equal(r.flags, REG_DRAINING);
    assert_int_equal(r.asked_ttl, 60);
    assert_int_equal(r.asked.n, 6);
    assert_int_equal(r.asked.count, 1);
    assert_memory_equal(r.asked.p, "\0\4\1\2\3\4", 6);
    rrset_reg(s, 1, &r);
    assert_int_equal(r.number, 30);
    assert_null(r.subject.p);
    assert_null(r.check.p);
    assert_int_equal(r.asked_ttl, UINT32_MAX);
    assert_int_equal(r.asked.count, 0);
    rrset_reg(s, 2, &r);
    assert_true(r.number == UINT64_MAX);
    assert_non_null(r.subject.p);
    assert_int_equal(r.subject.n, 0);
    assert_int_equal(rrset_rdatas(s).count, 1);
    rrset_put(s);
}

static struct rrset *withdrawn_set(const char *all, const char *withdrawn,
                                   const struct registration *regs, size_t nregs)
{
    struct dname name;
    uint8_t *bytes, *away;
    struct rdset set = letters(all, &bytes), gone = letters(withdrawn, &away);

    assert_int_equal(dname_from_text(STR("web."), NULL, &name, NULL), 0);
    struct rrset *s = rrset_new_withdrawn(&name, PLAIN, 30, &set, &gone, regs, nregs);
    assert_non_null(s);
    free(bytes);
    free(away);
    return s;
}

static void withdrawn_records_are_there_and_not_served(void **state)
{
    static const char *const cases[][3] = {
        {"abc", "", "abc"}, {"abc", "a", "bc"}, {"abc", "b", "ac"},
        {"abc", "ac", "b"}, {"abc", "abc", ""}, {"a", "a", ""},
    };
    struct registration reg = {.number = 9, .id = STR("x"), .source = STR("192.0.2.9")};
    struct registration r;
    uint8_t *asked, *bytes;
    struct rdset served;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        reg.asked = letters(cases[i][0], &asked);
        struct rrset *s = withdrawn_set(cases[i][0], cases[i][1], &reg, 1);
        struct rdset all = rrset_rdatas(s), withdrawn = rrset_withdrawn(s);
        assert_letters(&all, cases[i][0]);
        assert_letters(&withdrawn, cases[i][1]);
        assert_int_equal(rrset_served(s, &bytes, &served), 0);
        assert_letters(&served, cases[i][2]);
        free(bytes);
        rrset_reg(s, 0, &r);
        assert_true(str_eq(r.id, STR("x")) && str_eq(r.source, STR("192.0.2.9")));
        assert_letters(&r.asked, cases[i][0]);
        assert_int_equal(rrset_reg_withdrawn(s, &r), cases[i][2][0] == '\0');
        rrset_put(s);
        free(asked);
    }
}

static void a_registration_is_withdrawn_with_all_its_records(void **state)
{
    struct registration regs[3] = {{.number = 1}, {.number = 2}, {.number = 3}};
    uint8_t *bytes[2];

    (void)state;
    regs[0].asked = letters("ab", &bytes[0]);
    regs[1].asked = letters("bc", &bytes[1]);
    struct rrset *s = withdrawn_set("abc", "ab", regs, 3);
    assert_true(rrset_reg_withdrawn(s, &regs[0]));
    assert_false(rrset_reg_withdrawn(s, &regs[1]));
    assert_false(rrset_reg_withdrawn(s, &regs[2])); /* it asks for nothing */
    rrset_put(s);
    free(bytes[0]);
    free(bytes[1]);
}

static void maintenance_shortens_the_ttl(void **state)
{
    struct registration regs[2] = {{.number = 1}, {.number = 2}};
    struct rrset *s = withdrawn_set("a", "", regs, 2);

    (void)state;
    assert_int_equal(rrset_served_ttl(s, 5), 30);
    rrset_put(s);
    regs[1].flags = REG_DRAINING;
    s = withdrawn_set("a", "", regs, 2);
    assert_int_equal(rrset_served_ttl(s, 5), 5);
    assert_int_equal(rrset_served_ttl(s, 0), 0);
    assert_int_equal(rrset_served_ttl(s, 31), 30);
    assert_int_equal(rrset_ttl(s), 30);
    rrset_put(s);
}

/* A million records is nothing unusual, and hardly any of them are ever withdrawn. */
static void what_is_not_withdrawn_costs_nothing(void **state)
{
    static const uint8_t records[] = {0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 2};
    struct rdset set = {records, sizeof(records), 2}, none = {0};

    (void)state;
    /* 40 and 56 octets: one more would be another size of malloc's. */
    for (size_t nkey = 4; nkey <= 20; nkey += 16) {
        struct str key = {"abcdefghijklmnopqrst", nkey};
        struct rrset *s = rrset_new_withdrawn_keyed(key, RRTYPE_A, 30, &set, &none, NULL, 0);
        void *bare = malloc(24 + nkey + sizeof(records));
        assert_int_equal(malloc_usable_size(s), malloc_usable_size(bare));
        free(bare);
        rrset_put(s);
    }
}

static void one_set_within_another(void **state)
{
    static const char *const cases[][3] = {
        {"", "", "y"},     {"", "a", "y"},     {"a", "", "n"},   {"a", "a", "y"},
        {"b", "abc", "y"}, {"ac", "abc", "y"}, {"c", "ab", "n"}, {"ad", "abc", "n"},
        {"a", "bc", "n"},  {"b", "ac", "n"},
    };
    uint8_t *a, *b;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct rdset x = letters(cases[i][0], &a), y = letters(cases[i][1], &b);
        assert_int_equal(rdset_within(PLAIN, &x, &y), cases[i][2][0] == 'y');
        free(a);
        free(b);
    }
}

static struct hash128 tag_of(const char *owner, uint16_t type, uint32_t ttl, const char *values)
{
    struct dname name;
    uint8_t *bytes;
    struct rdset set = letters(values, &bytes);

    assert_int_equal(dname_from_text(str_c(owner), NULL, &name, NULL), 0);
    struct rrset *s = rrset_new(&name, type, ttl, &set, NULL, 0);
    assert_non_null(s);
    struct hash128 tag = rrset_etag(s);
    free(bytes);
    rrset_put(s);
    return tag;
}

static void tags_tell_records_apart(void **state)
{
    (void)state;
    struct hash128 tags[] = {
        tag_of("a.", PLAIN, 30, "xy"),
        tag_of("b.", PLAIN, 30, "xy"),
        tag_of("a.", PLAIN + 1, 30, "xy"),
        tag_of("a.", PLAIN, 31, "xy"),
        tag_of("a.", PLAIN, 30, "x"),
        tag_of("a.", PLAIN, 30, ""),
        rrset_etag(NULL),
    };

    for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
        for (size_t j = 0; j < ARRAY_SIZE(tags); j++)
            assert_int_equal(hash128_eq(&tags[i], &tags[j]), i == j);
    struct hash128 again = tag_of("A.", PLAIN, 30, "yxy");
    assert_true(hash128_eq(&tags[0], &again));
    /* Registrations do not count. */
    struct registration reg = {.number = 1, .id = STR("a")};
    struct rrset *with = new_set("a.", &reg, 1), *without = new_set("a.", NULL, 0);
    struct hash128 x = rrset_etag(with), y = rrset_etag(without);
    assert_true(hash128_eq(&x, &y));
    rrset_put(with);
    rrset_put(without);
}

static void *ref_and_put(void *arg)
{
    struct rrset *s = arg;

    for (int i = 0; i < 20000; i++)
        rrset_put(rrset_ref(s));
    rrset_put(s);
    return NULL;
}

static void threads_share_a_count(void **state)
{
    (void)state;
    struct rrset *s = new_set("web.", NULL, 0);
    pthread_t threads[4];

    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ref_and_put, rrset_ref(s)), 0);
    rrset_put(s); /* the last thread frees it */
    for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_sorted_without_duplicates),
        cmocka_unit_test(the_first_spelling_stays),
        cmocka_unit_test(algebra_is_that_of_sets),
        cmocka_unit_test(damaged_sets_are_found),
        cmocka_unit_test(oversized_records_are_refused),
        cmocka_unit_test(sets_give_back_what_they_were_made_of),
        cmocka_unit_test(registrations_come_in_order_of_number),
        cmocka_unit_test(withdrawn_records_are_there_and_not_served),
        cmocka_unit_test(a_registration_is_withdrawn_with_all_its_records),
        cmocka_unit_test(maintenance_shortens_the_ttl),
        cmocka_unit_test(what_is_not_withdrawn_costs_nothing),
        cmocka_unit_test(one_set_within_another),
        cmocka_unit_test(tags_tell_records_apart),
        cmocka_unit_test(threads_share_a_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

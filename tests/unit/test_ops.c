/* change.ops: written and read back; diffs folded and undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/error.h>

#include "ops.h"

static const uint8_t one[] = {0, 4, 192, 0, 2, 1};
static const uint8_t both[] = {0, 4, 192, 0, 2, 1, 0, 4, 192, 0, 2, 2};
static const struct rdset set_one = {one, sizeof(one), 1};
static const struct rdset set_both = {both, sizeof(both), 2};

static struct dname name(const char *text)
{
    struct dname n;

    assert_int_equal(dname_from_text(str_c(text), NULL, &n, NULL), 0);
    return n;
}

static struct rrset *set_of(const char *owner, uint32_t ttl, const struct rdset *rdatas,
                            const struct registration *regs, size_t nregs)
{
    struct dname n = name(owner);
    struct rrset *s = rrset_new(&n, RRTYPE_A, ttl, rdatas, regs, nregs);

    assert_non_null(s);
    return s;
}

static const struct registration regs[] = {
    {.number = 3,
     .id = {"web", 3},
     .subject = {"", 0},
     .source = {"192.0.2.9", 9},
     .created = -5,
     .lease_s = 180,
     .check = {"http://:8080/", 13},
     .flags = REG_DRAINING,
     .asked_ttl = UINT32_MAX,
     .asked = {one, sizeof(one), 1}},
    {.number = UINT64_C(1) << 40,
     .id = {"", 0},
     .source = {"", 0},
     .asked_ttl = 0,
     .asked = {both, sizeof(both), 2}},
};

static void add(struct diffs *d, unsigned zone, struct rrset *before, struct rrset *after)
{
    assert_int_equal(diffs_room(d), 0);
    diffs_add(d, zone, before, after);
}

static struct rrset *withdrawn_of(const char *owner, const struct rdset *withdrawn,
                                  const struct registration *list, size_t n)
{
    struct dname owner_name = name(owner);
    struct rrset *s = rrset_new_withdrawn(&owner_name, RRTYPE_A, 30, &set_both, withdrawn, list, n);

    assert_non_null(s);
    return s;
}

static struct diffs sample(void)
{
    struct diffs d = {0};

    add(&d, 0, NULL, set_of("web.lab.example.", 30, &set_both, regs, 2));
    add(&d, 1, set_of("a.b.", 0, &set_one, NULL, 0), NULL);
    add(&d, 1, set_of("\\000\\001.b.", INT32_MAX, &set_one, regs, 1),
        set_of("\\000\\001.b.", 5, &set_both, regs + 1, 1));
    add(&d, 1, withdrawn_of("w.b.", &set_one, regs, 2), withdrawn_of("w.b.", &set_both, regs, 2));
    add(&d, 1, withdrawn_of("x.b.", &set_both, NULL, 0), NULL);
    return d;
}

static const int64_t ids[] = {7, INT64_C(1) << 33};

static void same_set(const struct rrset *a, const struct rrset *b)
{
    struct registration ra, rb;

    assert_int_equal(!a, !b);
    if (!a)
        return;
    struct hash128 ea = rrset_etag(a), eb = rrset_etag(b);
    assert_true(hash128_eq(&ea, &eb));
    struct rdset wa = rrset_withdrawn(a), wb = rrset_withdrawn(b);
    assert_true(rdset_eq(RRTYPE_A, &wa, &wb));
    assert_int_equal(rrset_nregs(a), rrset_nregs(b));
    for (size_t i = 0; i < rrset_nregs(a); i++) {
        rrset_reg(a, i, &ra);
        rrset_reg(b, i, &rb);
        assert_true(registration_same(&ra, &rb));
    }
}

static void written_and_read_back(void **state)
{
    struct diffs d = sample();
    struct ops_reader reader;
    struct buf b = {0};
    struct diff diff;
    int64_t zone;

    (void)state;
    ops_encode(&d, ids, &b);
    assert_int_equal(b.error, 0);
    assert_int_equal(ops_read_start(buf_str(&b), &reader), 0);
    for (size_t i = 0; i < d.n; i++) {
        assert_int_equal(ops_read(&reader, &zone, &diff), 1);
        assert_int_equal(zone, ids[d.p[i].zone]);
        same_set(d.p[i].before, diff.before);
        same_set(d.p[i].after, diff.after);
        rrset_put(diff.before);
        rrset_put(diff.after);
    }
    assert_int_equal(ops_read(&reader, &zone, &diff), 0);
    diffs_free(&d);
    buf_free(&b);
}

/* web.b. A 192.0.2.1 with TTL 30 comes, registered as "web", as the first versions wrote it. */
#define V1_REGISTRATION                                                                            \
    "\0\0\0\0\0\0\0\5"                                                                             \
    "\0\0\0\0\0\0\0\6"                                                                             \
    "\0\0\0\7"                                                                                     \
    "\377\377\377\377"                                                                             \
    "\2"                                                                                           \
    "\0"                                                                                           \
    "\0\0\0\3web"                                                                                  \
    "\0\0\0\2::"                                                                                   \
    "\0\0\0\0"                                                                                     \
    "\0\0\0\0"                                                                                     \
    "\0\0\0\6"                                                                                     \
    "\0\4\300\0\2\1"
static const char version_1[] = "\1"
                                "\0\0\0\1"
                                "\0\0\0\0\0\0\0\7"
                                "\0\0\0\6"
                                "b\0web\0"
                                "\0\1"
                                "\0"
                                "\1"
                                "\0\0\0\36"
                                "\0\0\0\6"
                                "\0\4\300\0\2\1"
                                "\0\0\0\1" V1_REGISTRATION;

/* A state.db of an earlier version has them; what stands where the flags are was always unused. */
static void version_1_is_read(void **state)
{
    const struct registration reg = {.number = 5,
                                     .id = {"web", 3},
                                     .source = {"::", 2},
                                     .created = 6,
                                     .lease_s = 7,
                                     .asked_ttl = UINT32_MAX,
                                     .asked = {one, sizeof(one), 1}};
    struct rrset *expected = set_of("web.b.", 30, &set_one, &reg, 1);
    char copy[sizeof(version_1)];
    struct ops_reader reader;
    struct diff diff;
    int64_t zone;

    (void)state;
    memcpy(copy, version_1, sizeof(copy));
    struct str bytes = {copy, sizeof(copy) - 1};
    assert_int_equal(ops_read_start(bytes, &reader), 0);
    assert_int_equal(ops_read(&reader, &zone, &diff), 1);
    assert_int_equal(zone, 7);
    assert_null(diff.before);
    same_set(diff.after, expected);
    rrset_put(diff.after);
    assert_int_equal(ops_read(&reader, &zone, &diff), 0);
    rrset_put(expected);

    copy[0] = 2; /* where they are flags */
    assert_int_equal(ops_read_start(bytes, &reader), 0);
    assert_int_equal(ops_read(&reader, &zone, &diff), 1);
    struct registration read;
    rrset_reg(diff.after, 0, &read);
    assert_int_equal(read.flags, 2);
    rrset_put(diff.after);
    copy[0] = 3;
    assert_int_equal(ops_read_start(bytes, &reader), -BD_ECORRUPT);
    copy[0] = 0;
    assert_int_equal(ops_read_start(bytes, &reader), -BD_ECORRUPT);
}

/* Version 1 knows none, and what is withdrawn is among the records. */
static void withdrawn_records_are_checked(void **state)
{
    static const uint8_t third[] = {0, 4, 192, 0, 2, 3};
    const struct rdset set_third = {third, sizeof(third), 1};
    struct ops_reader reader;
    struct diffs d = {0};
    struct buf b = {0};
    struct diff diff;
    int64_t zone;

    (void)state;
    add(&d, 0, NULL, withdrawn_of("w.b.", &set_one, NULL, 0));
    ops_encode(&d, ids, &b);
    b.p[0] = 1;
    assert_int_equal(ops_read_start(buf_str(&b), &reader), 0);
    assert_int_equal(ops_read(&reader, &zone, &diff), -BD_ECORRUPT);
    diffs_free(&d);
    buf_reset(&b);
    add(&d, 0, NULL, withdrawn_of("w.b.", &set_third, NULL, 0));
    ops_encode(&d, ids, &b);
    assert_int_equal(ops_read_start(buf_str(&b), &reader), 0);
    assert_int_equal(ops_read(&reader, &zone, &diff), -BD_ECORRUPT);
    diffs_free(&d);
    buf_free(&b);
}

/* Reads all; what comes back does not matter, only that nothing is read beyond the bytes. */
static int read_all(struct str bytes)
{
    struct ops_reader reader;
    struct diff diff;
    int64_t zone;

    int r = ops_read_start(bytes, &reader);
    if (r < 0)
        return r;
    while ((r = ops_read(&reader, &zone, &diff)) == 1) {
        rrset_put(diff.before);
        rrset_put(diff.after);
    }
    return r;
}

/* In memory of exactly that size, so that a sanitizer sees a byte too many. */
static int read_copy(struct str bytes)
{
    char *copy = malloc(bytes.n + !bytes.n);

    assert_non_null(copy);
    if (bytes.n > 0)
        memcpy(copy, bytes.p, bytes.n);
    int r = read_all((struct str){copy, bytes.n});
    free(copy);
    return r;
}

static void cut_and_damaged(void **state)
{
    struct diffs d = sample();
    struct buf b = {0};

    (void)state;
    ops_encode(&d, ids, &b);
    assert_int_equal(read_copy(buf_str(&b)), 0);
    for (size_t n = 0; n < b.n; n++)
        assert_int_equal(read_copy((struct str){b.p, n}), -BD_ECORRUPT);
    for (size_t i = 0; i < b.n; i++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            b.p[i] = (char)(b.p[i] ^ 1 << bit);
            int r = read_copy(buf_str(&b));
            assert_true(r == 0 || r == -BD_ECORRUPT);
            b.p[i] = (char)(b.p[i] ^ 1 << bit);
        }
    }
    buf_add_c(&b, '\0');
    assert_int_equal(read_copy(buf_str(&b)), -BD_ECORRUPT);
    diffs_free(&d);
    buf_free(&b);
}

static void folded_to_one_a_set(void **state)
{
    struct diffs d = {0};
    struct rrset *a = set_of("a.b.", 1, &set_one, NULL, 0);
    struct rrset *a2 = set_of("a.b.", 2, &set_one, NULL, 0);
    struct rrset *b = set_of("b.b.", 1, &set_one, NULL, 0);

    (void)state;
    add(&d, 0, NULL, rrset_ref(b));          /* b comes, and goes again */
    add(&d, 0, rrset_ref(a), rrset_ref(a2)); /* a changes twice */
    add(&d, 1, NULL, rrset_ref(b));          /* another zone's */
    add(&d, 0, rrset_ref(a2), NULL);
    add(&d, 0, rrset_ref(b), NULL);
    diffs_fold(&d);
    assert_int_equal(d.n, 2);
    assert_int_equal(d.p[0].zone, 0);
    assert_ptr_equal(d.p[0].before, a);
    assert_null(d.p[0].after);
    assert_int_equal(d.p[1].zone, 1);
    assert_ptr_equal(d.p[1].after, b);
    diffs_free(&d);
    rrset_put(a);
    rrset_put(a2);
    rrset_put(b);
}

/* Equal in content, though another object. */
static void back_to_the_beginning_is_nothing(void **state)
{
    struct diffs d = {0};

    (void)state;
    add(&d, 0, set_of("a.b.", 1, &set_one, regs, 1), NULL);
    add(&d, 0, NULL, set_of("a.b.", 1, &set_one, regs, 1));
    diffs_fold(&d);
    assert_int_equal(d.n, 0);
    add(&d, 0, set_of("a.b.", 1, &set_one, regs, 1), NULL);
    add(&d, 0, NULL, set_of("a.b.", 1, &set_one, NULL, 0));
    diffs_fold(&d);
    assert_int_equal(d.n, 1);
    diffs_free(&d);
    add(&d, 0, withdrawn_of("a.b.", &set_one, NULL, 0), NULL);
    add(&d, 0, NULL, withdrawn_of("a.b.", &set_one, NULL, 0));
    diffs_fold(&d);
    assert_int_equal(d.n, 0);
    add(&d, 0, withdrawn_of("a.b.", &set_one, NULL, 0), NULL);
    add(&d, 0, NULL, withdrawn_of("a.b.", &set_both, NULL, 0));
    diffs_fold(&d);
    assert_int_equal(d.n, 1);
    diffs_free(&d);
}

static void undone(void **state)
{
    struct dname origin = name("b.");
    struct diffs d = {0};
    struct snap_edit *e;
    struct snap *s;

    (void)state;
    assert_int_equal(snap_new(&origin, 1, &s), 0);
    assert_int_equal(snap_edit_begin(s, &e), 0);
    struct rrset *a = set_of("a.b.", 1, &set_one, NULL, 0);
    struct rrset *b = set_of("b.b.", 1, &set_one, NULL, 0);
    struct snap_key ka = {0, rrset_owner_key(a), RRTYPE_A}, kb = {0, rrset_owner_key(b), RRTYPE_A};
    assert_int_equal(snap_edit_set(e, 0, rrset_ref(a)), 0);
    /* a goes, b comes */
    add(&d, 0, rrset_ref(a), NULL);
    assert_int_equal(snap_edit_delete(e, ka), 0);
    add(&d, 0, NULL, rrset_ref(b));
    assert_int_equal(snap_edit_set(e, 0, rrset_ref(b)), 0);
    assert_int_equal(diffs_undo(&d, e), 0);
    assert_ptr_equal(snap_edit_find(e, ka), a);
    assert_null(snap_edit_find(e, kb));
    diffs_free(&d);
    snap_edit_abort(e);
    snap_put(s);
    rrset_put(a);
    rrset_put(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(written_and_read_back),
        cmocka_unit_test(version_1_is_read),
        cmocka_unit_test(withdrawn_records_are_checked),
        cmocka_unit_test(cut_and_damaged),
        cmocka_unit_test(folded_to_one_a_set),
        cmocka_unit_test(back_to_the_beginning_is_nothing),
        cmocka_unit_test(undone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

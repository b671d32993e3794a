/* Snapshots: order, look-up, edits, sharing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns_kit.h"

static const char *const two_zones[] = {"Lab.Example.", "2.0.192.in-addr.arpa."};
static void a_new_snapshot_is_empty(void **state)
{
    (void)state;
    struct snap *s = kit_snap(two_zones, 2);
    struct dname lab = kit_name("lab.example.");
    struct snap_iter it;
    unsigned zone;

    assert_int_equal(snap_seq(s), 0);
    assert_int_equal(snap_nzones(s), 2);
    assert_memory_equal(snap_zone(s, 0)->origin.b, lab.b, lab.n);
    assert_int_equal(snap_zone(s, 0)->serial, 0);
    assert_int_equal(snap_zone(s, 0)->nrrsets, 0);
    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 0}, &it), 0);
    assert_null(snap_next(&it, &zone));
    assert_null(snap_next(&it, &zone));
    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 7}, &it), 0);
    assert_null(snap_next(&it, &zone));
    assert_null(snap_find_name(s, 0, &lab, RRTYPE_A));
    assert_null(snap_find_name(s, 9, &lab, RRTYPE_A));
    snap_put(s);
    snap_put(NULL);
}

static void the_longest_zone_wins(void **state)
{
    (void)state;
    static const char *const origins[] = {"example.", "lab.example.", "x.lab.example."};
    static const struct {
        const char *name;
        int zone;
    } cases[] = {{"example.", 0},       {"web.example.", 0},      {"LAB.example.", 1},
                 {"y.lab.example.", 1}, {"X.lab.EXAMPLE.", 2},    {"a.x.lab.example.", 2},
                 {"xlab.example.", 0},  {"lab.example.org.", -1}, {".", -1}};
    struct snap *s = kit_snap(origins, 3);

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct dname d = kit_name(cases[i].name);
        unsigned zone = 99;
        int r = snap_zone_of(s, &d, &zone);
        assert_int_equal(r, cases[i].zone < 0 ? -BD_ENOZONE : 0);
        assert_int_equal(zone, cases[i].zone < 0 ? 99 : cases[i].zone);
    }
    snap_put(s);
}

static void order_is_zone_owner_type(void **state)
{
    (void)state;
    static const char *const sorted[] = {"lab.example.", "*.lab.example.", "a.lab.example.",
                                         "z.a.lab.example.", "b.lab.example."};
    static const uint16_t types[] = {RRTYPE_A, RRTYPE_TXT, RRTYPE_AAAA, 65280};
    struct snap *s = kit_snap(two_zones, 2);
    struct snap_edit *e = kit_begin(s);
    struct snap_iter it;
    unsigned zone = 9;

    for (unsigned i = 0; i < 40; i++) { /* 7 and 40 have no common divisor: all, in disorder */
        unsigned k = i * 7 % 40;
        struct dname d = kit_name(sorted[k / 4 % 5]);
        assert_int_equal(snap_edit_set(e, k / 20, kit_rrset(&d, types[k % 4], k)), 0);
    }
    s = kit_commit(e, s, 1);
    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 0}, &it), 0);
    for (unsigned k = 0; k < 40; k++) {
        const struct rrset *set = snap_next(&it, &zone);
        assert_non_null(set);
        assert_int_equal(rrset_ttl(set), k);
        assert_int_equal(zone, k / 20);
    }
    assert_null(snap_next(&it, &zone));
    assert_int_equal(snap_zone(s, 0)->nrrsets, 20);
    assert_int_equal(snap_zone(s, 1)->nrecords, 20);
    assert_int_equal(snap_zone(s, 1)->serial, 12);
    assert_int_equal(snap_seq(s), 1);
    /* From a key in the middle, and from behind the last of a zone. */
    snap_seek(s, (struct snap_key){0, STR("example\0lab\0a\0"), RRTYPE_A + 1}, &it);
    assert_int_equal(rrset_ttl(snap_next(&it, &zone)), 9);
    snap_seek(s, (struct snap_key){0, STR("example\0lab\0c\0"), 0}, &it);
    assert_int_equal(rrset_ttl(snap_next(&it, &zone)), 20);
    assert_int_equal(zone, 1);
    snap_put(s);
}

static void edits_are_seen_while_they_are_made(void **state)
{
    (void)state;
    struct snap *s = kit_snap(two_zones, 2), *old;
    struct dname web = kit_name("web.lab.example.");
    struct str owner = STR("example\0lab\0web\0");
    struct snap_edit *e = kit_begin(s);
    size_t at = 0;

    snap_edit_set(e, 0, kit_rrset(&web, 1, 101));
    snap_edit_set(e, 0, kit_rrset(&web, 16, 116));
    snap_edit_set(e, 0, kit_rrset(&web, 28, 128));
    old = s = kit_commit(e, s, 1);
    snap_ref(old);
    e = kit_begin(s);
    assert_int_equal(rrset_ttl(snap_edit_find(e, (struct snap_key){0, owner, 1})), 101);
    snap_edit_set(e, 0, kit_rrset(&web, 1, 201));
    snap_edit_set(e, 0, kit_rrset(&web, 1, 301));
    assert_int_equal(snap_edit_delete(e, (struct snap_key){0, owner, 16}), 0);
    assert_int_equal(snap_edit_delete(e, (struct snap_key){0, owner, 99}), 0);
    assert_int_equal(snap_edit_delete(e, (struct snap_key){5, owner, 99}), 0);
    snap_edit_set(e, 0, kit_rrset(&web, 15, 315));
    snap_edit_set(e, 0, kit_rrset(&web, 65535, 365));
    assert_int_equal(rrset_ttl(snap_edit_find(e, (struct snap_key){0, owner, 1})), 301);
    assert_null(snap_edit_find(e, (struct snap_key){0, owner, 16}));
    assert_null(snap_edit_find(e, (struct snap_key){1, owner, 1}));
    static const uint32_t walk[] = {301, 315, 128, 365};
    for (size_t i = 0; i < ARRAY_SIZE(walk); i++)
        assert_int_equal(rrset_ttl(snap_edit_owner(e, 0, owner, &at)), walk[i]);
    assert_null(snap_edit_owner(e, 0, owner, &at));
    at = 0;
    assert_null(snap_edit_owner(e, 0, STR("example\0lab\0we\0"), &at));
    at = 0;
    assert_null(snap_edit_owner(e, 1, owner, &at));
    /* Readers of the base see nothing of it, before and after the commit. */
    assert_int_equal(rrset_ttl(snap_find_name(s, 0, &web, 1)), 101);
    s = kit_commit(e, s, 2);
    assert_int_equal(rrset_ttl(snap_find_name(old, 0, &web, 1)), 101);
    assert_int_equal(rrset_ttl(snap_find_name(old, 0, &web, 16)), 116);
    assert_int_equal(rrset_ttl(snap_find_name(s, 0, &web, 1)), 301);
    assert_null(snap_find_name(s, 0, &web, 16));
    assert_int_equal(snap_zone(s, 0)->nrrsets, 4);
    snap_put(old);
    snap_put(s);
}

static void an_aborted_edit_leaves_nothing(void **state)
{
    (void)state;
    struct snap *s = kit_snap(two_zones, 2);
    struct dname web = kit_name("web.lab.example.");
    struct snap_edit *e = kit_begin(s);

    snap_edit_set(e, 0, kit_rrset(&web, 1, 1));
    assert_int_equal(snap_edit_set(e, 2, kit_rrset(&web, 1, 1)), -BD_ENOZONE);
    snap_edit_abort(e);
    snap_edit_abort(NULL);
    assert_null(snap_find_name(s, 0, &web, 1));
    snap_put(s);
}

static void unchanged_zones_are_shared(void **state)
{
    (void)state;
    struct snap *a = kit_snap(two_zones, 2), *b;
    struct dname web = kit_name("web.lab.example."), ptr = kit_name("7.2.0.192.in-addr.arpa.");
    struct snap_edit *e = kit_begin(a);

    snap_edit_set(e, 0, kit_rrset(&web, 1, 1));
    snap_edit_set(e, 1, kit_rrset(&ptr, 12, 2));
    a = kit_commit(e, a, 1);
    e = kit_begin(a);
    snap_edit_set(e, 0, kit_rrset(&web, 28, 3));
    b = kit_commit(e, snap_ref(a), 2);
    /* RRsets that did not change are the same objects, and outlive the first snapshot. */
    const struct rrset *kept = snap_find_name(b, 0, &web, 1),
                       *other = snap_find_name(b, 1, &ptr, 12);
    assert_ptr_equal(kept, snap_find_name(a, 0, &web, 1));
    assert_ptr_equal(other, snap_find_name(a, 1, &ptr, 12));
    snap_put(a);
    assert_int_equal(rrset_ttl(kept), 1);
    assert_int_equal(rrset_ttl(other), 2);
    snap_put(b);
}

/* Far from any quadratic cost: 200,000 RRsets in one edit, in and against their order. */
static void large_edits_are_cheap(void **state)
{
    (void)state;
    static const char *const origins[] = {"a.", "b."};
    struct snap *s = kit_snap(origins, 2);
    struct snap_edit *e = kit_begin(s);
    char text[32];

    for (unsigned i = 0; i < 100000; i++) {
        for (unsigned zone = 0; zone < 2; zone++) {
            snprintf(text, sizeof(text), "h%06u.%c.", zone ? 99999 - i : i, zone ? 'b' : 'a');
            struct dname d = kit_name(text);
            assert_int_equal(snap_edit_set(e, zone, kit_rrset(&d, 1, 30)), 0);
        }
    }
    s = kit_commit(e, s, 1);
    assert_int_equal(snap_zone(s, 0)->nrrsets, 100000);
    assert_int_equal(snap_zone(s, 1)->nrrsets, 100000);
    struct dname last = kit_name("h099999.b.");
    assert_non_null(snap_find_name(s, 1, &last, 1));
    snap_put(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_snapshot_is_empty),
        cmocka_unit_test(the_longest_zone_wins),
        cmocka_unit_test(order_is_zone_owner_type),
        cmocka_unit_test(edits_are_seen_while_they_are_made),
        cmocka_unit_test(an_aborted_edit_leaves_nothing),
        cmocka_unit_test(unchanged_zones_are_shared),
        cmocka_unit_test(large_edits_are_cheap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

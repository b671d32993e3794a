/* The history: the zones as they were, and what changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <limits.h>

#include <betterdns/clock.h>
#include <betterdns/history.h>

#include "history_kit.h"

static void open_empty(struct regkit *k)
{
    assert_int_equal(regkit_open(k), 0);
}

/* ---- the zones as they were ---- */

static void imports_can_be_undone(void **state)
{
    struct regkit *k = *state;
    struct snap *then, *now;

    regkit_write(k, 0,
                 "$ORIGIN lab.example.\n@ 30 IN SOA ns1 admin 41 1 2 3 4\n@ 30 IN NS ns1\n"
                 "ns1 30 IN A 192.0.2.53\n");
    open_empty(k);
    now = registry_snapshot(k->r);
    assert_int_equal(snap_seq(now), 2);
    assert_int_equal(registry_oldest(k->r), 0);
    assert_int_equal(registry_at(k->r, 2, &then), 0);
    history_assert_same(then, now);
    snap_put(then);

    assert_int_equal(registry_at(k->r, 1, &then), 0);
    assert_int_equal(snap_seq(then), 1);
    assert_int_equal(snap_zone(then, 0)->serial, 42);
    assert_int_equal(snap_zone(then, 0)->nrrsets, 3);
    assert_int_equal(snap_zone(then, 1)->serial, 0);
    assert_int_equal(snap_zone(then, 1)->nrrsets, 0);
    snap_put(then);

    assert_int_equal(registry_at(k->r, 0, &then), 0);
    assert_int_equal(snap_seq(then), 0);
    struct hash128 chain = snap_chain(then), none = {{0}};
    assert_true(hash128_eq(&chain, &none));
    assert_int_equal(snap_zone(then, 0)->serial, 0);
    assert_int_equal(snap_zone(then, 0)->nrrsets, 0);
    snap_put(then);
    snap_put(now);

    assert_int_equal(registry_at(k->r, 3, &then), -BD_ENOTFOUND);
    assert_int_equal(registry_at(k->r, UINT64_MAX, &then), -BD_ENOTFOUND);
}

static void every_state_is_found_again(void **state)
{
    struct regkit *k = *state;
    struct history_kept kept = {0};
    unsigned seed = 7;

    open_empty(k);
    history_keep(&kept, k);
    for (unsigned i = 0; i < 400; i++) {
        history_random_change(k, &seed);
        history_keep(&kept, k);
        if (i % 150 == 149)
            regkit_reopen(k);
    }
    assert_true(snap_seq(kept.p[kept.n - 1]) > 100);
    history_assert_kept(&kept, k);

    /* The marker of an export made then is the marker of the state made now. */
    for (size_t i = 0; i < kept.n; i += 37) {
        struct snap *then;
        assert_int_equal(registry_at(k->r, snap_seq(kept.p[i]), &then), 0);
        struct hash128 a = registry_marker_hash(kept.p[i], 1), b = registry_marker_hash(then, 1);
        assert_true(hash128_eq(&a, &b));
        snap_put(then);
    }
    history_forget(&kept);
}

/* A zone that is not configured any more is no part of the past, and in nobody's way. */
static void zones_come_and_go(void **state)
{
    struct regkit *k = *state;
    struct history_kept kept = {0};
    unsigned seed = 3;
    struct snap *then;

    open_empty(k);
    for (unsigned i = 0; i < 50; i++) {
        history_random_change(k, &seed);
        history_keep(&kept, k);
    }
    regkit_close(k);
    k->options.nzones = 1;
    assert_int_equal(regkit_open(k), 0);
    for (size_t i = 0; i < kept.n; i++) {
        assert_int_equal(registry_at(k->r, snap_seq(kept.p[i]), &then), 0);
        assert_int_equal(snap_nzones(then), 1);
        assert_int_equal(snap_zone(then, 0)->serial, snap_zone(kept.p[i], 0)->serial);
        assert_int_equal(snap_zone(then, 0)->nrecords, snap_zone(kept.p[i], 0)->nrecords);
        snap_put(then);
    }
    assert_int_equal(ASK(k, OP_REGISTER, "late", .values = "192.0.2.1"), 0);
    k->options.nzones = KIT_ZONES;
    regkit_reopen(k);
    history_assert_kept(&kept, k);
    history_forget(&kept);
}

static void a_serial_leads_to_its_change(void **state)
{
    struct regkit *k = *state;
    uint64_t seq;

    open_empty(k);
    uint32_t first = regkit_serial(k, 0);
    uint64_t before = regkit_seq(k);
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR, "a.lab.example."),
                     0);
    assert_int_equal(ASK(k, OP_REGISTER, "b", .values = "192.0.2.1"), 0);
    assert_int_equal(registry_seq_at_serial(k->r, 0, first, &seq), 0);
    assert_int_equal(seq, 1);
    assert_int_equal(registry_seq_at_serial(k->r, 0, first + 1, &seq), 0);
    assert_int_equal(seq, before + 1);
    assert_int_equal(registry_seq_at_serial(k->r, 0, first + 2, &seq), 0);
    assert_int_equal(seq, before + 3);
    assert_int_equal(registry_seq_at_serial(k->r, 0, first + 3, &seq), -BD_ENOTFOUND);
    assert_int_equal(registry_seq_at_serial(k->r, 0, 0, &seq), -BD_ENOTFOUND);
    assert_int_equal(registry_seq_at_serial(k->r, 9, first, &seq), -BD_ENOTFOUND);

    /* A serial that was moved past what the server had shown belongs to no change. */
    regkit_close(k);
    k->zones[0].least_serial = first + 100;
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(regkit_serial(k, 0), first + 101);
    assert_int_equal(registry_seq_at_serial(k->r, 0, first + 101, &seq), 0);
    assert_int_equal(seq, before + 3);
}

/* ---- what changed ---- */

static struct dname name_of(const char *text)
{
    struct dname name;

    assert_int_equal(dname_from_text(str_c(text), NULL, &name, NULL), 0);
    return name;
}

static void fill(struct regkit *k)
{
    struct change *c = change_new(CHANGE_LEASE, STR("somebody"));

    open_empty(k);
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    regkit_add(c, &WHAT(OP_REGISTER, "a", .values = "192.0.2.2", .id = "other"));
    regkit_add(c, &WHAT(OP_REGISTER, "b", .values = "192.0.2.2"));
    regkit_add(c, &WHAT(OP_REGISTER, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR, "a.lab.example."));
    assert_int_equal(regkit_submit(k, c), 0);
    assert_int_equal(ASK(k, OP_DELETE, "b", .id = NULL), 0);
}

static void changes_are_told(void **state)
{
    struct regkit *k = *state;

    fill(k);
    uint32_t a = regkit_serial(k, 0), b = regkit_serial(k, 1);
    char text[512];
    snprintf(text, sizeof(text),
             "3 http test|0 %u|+A a.lab.example./1\n"
             "4 lease somebody|0 %u|1 %u|-A a.lab.example./1|+A a.lab.example./2"
             "|+A b.lab.example./1|+PTR 1.2.0.192.in-addr.arpa./1\n"
             "5 http test|0 %u|-A b.lab.example./1\n",
             a - 2, a - 1, b, a);
    assert_string_equal(history_text(k, &(struct history_filter){2, UINT_MAX, NULL}), text);
    const char *imports = history_text(k, &(struct history_filter){0, 1, NULL});
    assert_non_null(strstr(imports, "2 import configuration|1 "));
    assert_non_null(strstr(imports, "|+SOA 2.0.192.in-addr.arpa./1"));
    assert_string_equal(history_text(k, &(struct history_filter){5, UINT_MAX, NULL}), "");
    assert_string_equal(history_text(k, &(struct history_filter){UINT64_MAX, UINT_MAX, NULL}), "");
}

static void changes_are_filtered(void **state)
{
    struct regkit *k = *state;
    char text[256];

    fill(k);
    uint32_t a = regkit_serial(k, 0), b = regkit_serial(k, 1);
    snprintf(text, sizeof(text), "4 lease somebody|1 %u|+PTR 1.2.0.192.in-addr.arpa./1\n", b);
    assert_string_equal(history_text(k, &(struct history_filter){2, 1, NULL}), text);

    struct dname name = name_of("B.lab.example.");
    snprintf(text, sizeof(text),
             "4 lease somebody|0 %u|+A b.lab.example./1\n"
             "5 http test|0 %u|-A b.lab.example./1\n",
             a - 1, a);
    assert_string_equal(history_text(k, &(struct history_filter){0, UINT_MAX, &name}), text);
    assert_string_equal(history_text(k, &(struct history_filter){0, 0, &name}), text);
    assert_string_equal(history_text(k, &(struct history_filter){0, 1, &name}), "");

    /* The zone's own name is the beginning of all others in it. */
    name = name_of("lab.example.");
    const char *apex = history_text(k, &(struct history_filter){0, UINT_MAX, &name});
    assert_non_null(strstr(apex, "|+SOA lab.example./1"));
    assert_null(strstr(apex, "ns1"));
    assert_null(strstr(apex, "\n3 "));
}

static int stop_at(void *arg, const struct history_change *c)
{
    uint64_t *left = arg;

    (void)c;
    return --*left == 0 ? 77 : 0;
}

static void a_walk_ends_when_it_is_told_to(void **state)
{
    struct regkit *k = *state;
    struct history_filter all = {0, UINT_MAX, NULL};
    uint64_t left = 2;

    fill(k);
    assert_int_equal(registry_history(k->r, &all, stop_at, &left), 77);
    assert_int_equal(left, 0);
    left = 100;
    assert_int_equal(registry_history(k->r, &all, stop_at, &left), 0);
    assert_int_equal(left, 95);
    all.zone = KIT_ZONES;
    assert_int_equal(registry_history(k->r, &all, stop_at, &left), -BD_ENOZONE);
}

/* More than one transaction's worth; changes that are made meanwhile are not waited for. */
static int change_more(void *arg, const struct history_change *c)
{
    struct regkit *k = arg;
    static uint64_t last;

    assert_true(c->seq == 1 || c->seq == last + 1);
    last = c->seq;
    return ASK(k, OP_REGISTER, "b", .values = c->seq % 2 ? "192.0.2.1" : "192.0.2.2");
}

static void a_walk_is_not_outrun(void **state)
{
    struct regkit *k = *state;
    struct history_filter all = {0, UINT_MAX, NULL};
    struct snap *then;

    open_empty(k);
    for (unsigned i = 0; i < 1200; i++)
        assert_int_equal(ASK(k, OP_REGISTER, "a", .values = i % 2 ? "192.0.2.1" : "192.0.2.2"), 0);
    uint64_t last = regkit_seq(k);
    assert_int_equal(registry_history(k->r, &all, change_more, k), 0);
    assert_int_equal(regkit_seq(k), 2 * last);
    assert_int_equal(registry_at(k->r, 3, &then), 0);
    assert_int_equal(snap_zone(then, 0)->nrrsets, 4); /* SOA, NS, ns1, a */
    snap_put(then);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(imports_can_be_undone),          T(every_state_is_found_again), T(zones_come_and_go),
        T(a_serial_leads_to_its_change),   T(changes_are_told),           T(changes_are_filtered),
        T(a_walk_ends_when_it_is_told_to), T(a_walk_is_not_outrun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

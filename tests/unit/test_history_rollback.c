/* Back to what was: one more change, which can itself be undone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <limits.h>

#include <sqlite3.h>

#include <betterdns/clock.h>
#include <betterdns/history.h>

#include "history_kit.h"
#include "pause_kit.h"
#include "restore.h"
#include "save_kit.h"

static int end(void **state)
{
    pause_release_all();
    regkit_end(*state);
    return 0;
}

static int rollback(struct regkit *k, unsigned zone, uint64_t seq)
{
    struct receipt receipt = {0};

    k->problem = (struct problem){0};
    int r = registry_rollback(k->r, zone, seq, STR("operator"), clock_deadline(60 * NS_PER_S),
                              &receipt, &k->problem);
    rrset_put(k->receipt.set);
    k->receipt = receipt;
    return r;
}

/* With the registry closed: there is no lease in a request yet. */
static void execute(struct regkit *k, const char *sql)
{
    char path[160];
    sqlite3 *db;

    regkit_close(k);
    regkit_path(k, "state.db", path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(regkit_open(k), 0);
}

static void what_was_done_is_undone(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "kept", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "gone", .values = "192.0.2.2", .id = "g", .ttl = 77), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "moved", .values = "192.0.2.3"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR, "a."), 0);
    uint64_t then = regkit_seq(k), kept = regkit_number(k, "kept", "kept");
    uint64_t gone = regkit_number(k, "gone", "g"), moved = regkit_number(k, "moved", "moved");
    assert_int_equal(ASK(k, OP_DELETE, "gone"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "moved", .values = "192.0.2.33"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "late", .values = "192.0.2.4"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR), 0);
    uint64_t last = regkit_seq(k);
    uint32_t serial = regkit_serial(k, 0), other = regkit_serial(k, 1);

    assert_int_equal(rollback(k, 0, then), 0);
    assert_true(k->receipt.changed);
    assert_int_equal(k->receipt.seq, last + 1);
    assert_int_equal(k->receipt.serial, serial + 1);
    assert_int_equal(regkit_serial(k, 0), serial + 1);
    assert_string_equal(regkit_records(k, "kept", RRTYPE_A), "30 192.0.2.1");
    assert_string_equal(regkit_records(k, "gone", RRTYPE_A), "77 192.0.2.2");
    assert_string_equal(regkit_records(k, "moved", RRTYPE_A), "30 192.0.2.3");
    assert_string_equal(regkit_records(k, "late", RRTYPE_A), "-");
    assert_string_equal(regkit_registrations(k, "gone", RRTYPE_A), "g=192.0.2.2");
    assert_string_equal(regkit_registrations(k, "moved", RRTYPE_A), "moved=192.0.2.3");
    /* A number is never used again, nor for something else. */
    assert_int_equal(regkit_number(k, "kept", "kept"), kept);
    assert_true(regkit_number(k, "gone", "g") > gone + 2);
    assert_true(regkit_number(k, "moved", "moved") > moved + 2);
    assert_true(regkit_number(k, "moved", "moved") != regkit_number(k, "gone", "g"));
    /* The other zone is as it was. */
    assert_int_equal(regkit_serial(k, 1), other);
    assert_string_equal(regkit_records(k, "1.2.0.192.in-addr.arpa.", RRTYPE_PTR), "-");

    const char *text = history_text(k, &(struct history_filter){last, UINT_MAX, NULL});
    char expected[256];
    snprintf(expected, sizeof(expected),
             "%llu rollback operator|0 %u|+A gone.lab.example./1|-A late.lab.example./1"
             "|-A moved.lab.example./1|+A moved.lab.example./1\n",
             (unsigned long long)last + 1, serial + 1);
    assert_string_equal(text, expected);

    /* A host that repeats itself is known. */
    assert_int_equal(ASK(k, OP_REGISTER, "gone", .values = "192.0.2.2", .id = "g", .ttl = 77), 0);
    assert_false(k->receipt.changed);
    regkit_reopen(k);
    assert_string_equal(regkit_registrations(k, "gone", RRTYPE_A), "g=192.0.2.2");
}

static void twice_is_once(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(rollback(k, 1, regkit_seq(k)), 0); /* to where it is */
    assert_false(k->receipt.changed);
    assert_int_equal(k->receipt.zone, 1);
    assert_int_equal(k->receipt.serial, regkit_serial(k, 1));
    assert_int_equal(ASK(k, OP_REGISTER, "a", .values = "192.0.2.1"), 0);
    uint64_t then = regkit_seq(k);
    assert_int_equal(ASK(k, OP_DELETE, "a"), 0);
    assert_int_equal(rollback(k, 0, then), 0);
    assert_true(k->receipt.changed);
    uint64_t last = regkit_seq(k), number = regkit_number(k, "a", "a");
    uint32_t serial = regkit_serial(k, 0);
    assert_int_equal(rollback(k, 0, then), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(k->receipt.serial, serial);
    assert_int_equal(regkit_seq(k), last);
    assert_int_equal(regkit_serial(k, 0), serial);
    assert_int_equal(regkit_number(k, "a", "a"), number);

    /* And back again. */
    assert_int_equal(rollback(k, 0, then + 1), 0);
    assert_true(k->receipt.changed);
    assert_string_equal(regkit_records(k, "a", RRTYPE_A), "-");
    assert_int_equal(rollback(k, 0, last), 0);
    assert_string_equal(regkit_registrations(k, "a", RRTYPE_A), "a=192.0.2.1");
    assert_int_equal(regkit_serial(k, 0), serial + 2);
}

/* What of a set with leases comes back: the records all of it; a registration only where its host
 * still lives. */
static void leases_that_are_over_leave_their_records(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .id = "ended"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.2", .id = "lives"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.3", .id = "moved"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.4", .id = "free"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "alone", .values = "192.0.2.9"), 0);
    execute(k, "UPDATE registration SET lease = 60 WHERE id <> 'free'");
    uint64_t then = regkit_seq(k), lives = regkit_number(k, "web", "lives");
    uint64_t moved = regkit_number(k, "web", "moved");
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "ended"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.33", .id = "moved"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "free"), 0);
    assert_int_equal(ASK(k, OP_DELETE, "alone"), 0);

    assert_int_equal(rollback(k, 0, then), 0);
    assert_string_equal(regkit_records(k, "web", RRTYPE_A),
                        "30 192.0.2.1|192.0.2.2|192.0.2.3|192.0.2.4");
    assert_string_equal(regkit_registrations(k, "web", RRTYPE_A),
                        "lives=192.0.2.2;moved=192.0.2.3;free=192.0.2.4");
    assert_int_equal(regkit_number(k, "web", "lives"), lives);
    assert_true(regkit_number(k, "web", "moved") > moved);
    /* The operator's own: nobody registers over it, and it is deleted by name. */
    assert_string_equal(regkit_records(k, "alone", RRTYPE_A), "30 192.0.2.9");
    assert_string_equal(regkit_registrations(k, "alone", RRTYPE_A), "");
    assert_int_equal(ASK(k, OP_REGISTER, "alone", .values = "192.0.2.9"), -BD_ECONFLICT);
    assert_int_equal(rollback(k, 0, then), 0);
    assert_false(k->receipt.changed);
}

/* A host that came back with a new registration is living, too. */
static void a_host_that_returned_keeps_its_registration(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t then = regkit_seq(k);
    assert_int_equal(ASK(k, OP_DELETE, "web"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t number = regkit_number(k, "web", "web"), last = regkit_seq(k);
    assert_int_equal(rollback(k, 0, then), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(k->receipt.seq, last);
    assert_int_equal(regkit_number(k, "web", "web"), number);
}

static void the_result_is_a_zone(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(ASK(k, OP_REGISTER, "web", RRTYPE_CNAME, "ns1"), 0);
    uint64_t cname = regkit_seq(k);
    assert_int_equal(ASK(k, OP_DELETE, "web", RRTYPE_CNAME), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    assert_int_equal(ASK(k, OP_REGISTER, "web", RRTYPE_TXT, "text"), 0);
    uint64_t data = regkit_seq(k);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(rollback(k, 0, cname), 0);
        assert_string_equal(regkit_records(k, "web", RRTYPE_CNAME), "30 ns1.lab.example.");
        assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
        assert_int_equal(rollback(k, 0, data), 0);
        assert_string_equal(regkit_records(k, "web", RRTYPE_CNAME), "-");
        assert_string_equal(regkit_records(k, "web", RRTYPE_A), "30 192.0.2.1");
        assert_string_equal(regkit_records(k, "web", RRTYPE_TXT), "30 \"text\"");
    }
}

static struct {
    struct regkit *k;
    uint64_t seq;
    int result;
} later;

static void *roll_back_later(void *arg)
{
    later.result = rollback(later.k, 0, later.seq);
    return arg;
}

/* A registration is committed after the differences were taken, and before they are decided. */
static void what_comes_in_between_is_seen(void **state)
{
    struct regkit *k = *state;
    struct regkit_job job;
    pthread_t thread;

    assert_int_equal(ASK(k, OP_REGISTER, "web", RRTYPE_CNAME, "ns1"), 0);
    uint64_t cname = regkit_seq(k);
    assert_int_equal(ASK(k, OP_DELETE, "web", RRTYPE_CNAME), 0);
    pause_hold("committer: group taken");
    BEGIN(k, &job, .ask = WHAT(OP_REGISTER, "web", .values = "192.0.2.1"));
    pause_wait("committer: group taken", 1);
    later.k = k;
    later.seq = cname;
    assert_int_equal(pthread_create(&thread, NULL, roll_back_later, NULL), 0);
    regkit_wait_queued(k, 1);
    pause_release("committer: group taken");
    assert_int_equal(regkit_join(&job), 0);
    pthread_join(thread, NULL);
    assert_int_equal(later.result, 0);
    assert_int_equal(regkit_stats(k).refused, 1); /* at first */
    assert_string_equal(regkit_records(k, "web", RRTYPE_CNAME), "30 ns1.lab.example.");
    assert_string_equal(regkit_records(k, "web", RRTYPE_A), "-");
}

static void what_is_not_kept_is_said(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(rollback(k, 0, 77), -BD_ENOTFOUND);
    assert_string_equal(k->problem.field, "seq");
    assert_string_equal(k->problem.detail, "there is no change 77 to go back to");
    assert_string_equal(k->problem.hint, "the changes 0 to 2 are kept");
    assert_int_equal(rollback(k, 1, 1), -BD_ENOTFOUND);
    assert_string_equal(k->problem.detail,
                        "the zone '2.0.192.in-addr.arpa.' was not there yet after change 1");
    assert_int_equal(rollback(k, 0, 1), 0);
    assert_false(k->receipt.changed);
    assert_int_equal(rollback(k, KIT_ZONES, 1), -BD_ENOZONE);
    registry_stop(k->r);
    assert_int_equal(rollback(k, 0, 1), -BD_ESTOPPING);
}

/* ---- any state, from any other ---- */

static void assert_same_records(const struct snap *a, const struct snap *b, unsigned zone)
{
    const struct rrset *sa, *sb;
    struct snap_iter ia;
    unsigned z;

    assert_int_equal(snap_zone(a, zone)->nrecords, snap_zone(b, zone)->nrecords);
    snap_seek(a, (struct snap_key){.zone = zone, .owner = STR("")}, &ia);
    while ((sa = snap_next(&ia, &z)) && z == zone) {
        if (rrset_type(sa) == RRTYPE_SOA)
            continue;
        sb = snap_find(b, (struct snap_key){zone, rrset_owner_key(sa), rrset_type(sa)});
        assert_non_null(sb);
        struct hash128 ea = rrset_etag(sa), eb = rrset_etag(sb);
        assert_true(hash128_eq(&ea, &eb));
        assert_int_equal(rrset_nregs(sa), rrset_nregs(sb));
    }
}

static void back_to_any_state(void **state)
{
    struct regkit *k = *state;
    struct history_kept kept = {0};
    unsigned seed = 11;
    struct snap *now;

    history_keep(&kept, k);
    for (unsigned i = 0; i < 300; i++) {
        history_random_change(k, &seed);
        if (i % 5 == 0) {
            unsigned zone = history_random(&seed, KIT_ZONES);
            const struct snap *to = kept.p[history_random(&seed, (unsigned)kept.n)];
            struct snap *before = registry_snapshot(k->r);
            assert_int_equal(rollback(k, zone, snap_seq(to)), 0);
            now = registry_snapshot(k->r);
            assert_same_records(to, now, zone);
            assert_same_records(before, now, 1 - zone);
            assert_int_equal(snap_zone(now, zone)->serial,
                             snap_zone(before, zone)->serial + k->receipt.changed);
            snap_put(before);
            snap_put(now);
        }
        history_keep(&kept, k);
    }
    history_assert_kept(&kept, k);
    regkit_reopen(k); /* which reads what was written */
    now = registry_snapshot(k->r);
    history_assert_same(now, kept.p[kept.n - 1]);
    snap_put(now);
    history_forget(&kept);
}

/* ---- a hand's work ---- */

static void saves_are_undone(void **state)
{
    static struct savekit s;
    struct history_kept kept = {0};
    struct regkit *k = &s.k;

    (void)state;
    savekit_start(&s);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1"), 0);
    uint64_t then = regkit_seq(k);
    history_keep(&kept, k);
    char *text = savekit_export(&s);
    text = savekit_without(text, "192.0.2.81");
    text = savekit_replace(text, "hostmaster", "nobody");
    text = savekit_replace(text, "1209600", "77");
    savekit_expect(&s, savekit_with(text, "new 60 IN A 192.0.2.7"), SAVE_MERGED);
    ASSERT_RECORDS(&s, "www", RRTYPE_A, "60 192.0.2.80");
    history_keep(&kept, k);
    uint32_t serial = regkit_serial(k, 0);

    assert_int_equal(rollback(k, 0, then), 0);
    assert_true(k->receipt.changed);
    ASSERT_RECORDS(&s, "www", RRTYPE_A, "60 192.0.2.80|192.0.2.81");
    ASSERT_RECORDS(&s, "new", RRTYPE_A, "-");
    char soa[128];
    snprintf(soa, sizeof(soa),
             "3600 ns1.lab.example. hostmaster.lab.example. %u 3600 600 1209600 10", serial + 1);
    ASSERT_RECORDS(&s, "@", RRTYPE_SOA, soa);
    history_keep(&kept, k);

    /* A serial that a hand has moved ahead stays ahead. */
    text = savekit_export(&s);
    char from[32];
    snprintf(from, sizeof(from), " %u ", serial + 1);
    savekit_expect(&s, savekit_replace(text, from, " 5000 "), SAVE_MERGED);
    history_keep(&kept, k);
    assert_int_equal(rollback(k, 0, then + 1), 0);
    snprintf(soa, sizeof(soa), "3600 ns1.lab.example. nobody.lab.example. %u 3600 600 77 10",
             regkit_serial(k, 0));
    assert_true(regkit_serial(k, 0) > 5000);
    ASSERT_RECORDS(&s, "@", RRTYPE_SOA, soa);
    ASSERT_REGISTRATIONS(&s, "web", RRTYPE_A, "web=192.0.2.1");
    history_keep(&kept, k);
    history_assert_kept(&kept, k);
    regkit_reopen(k);
    history_assert_kept(&kept, k);
    history_forget(&kept);
    savekit_end(&s);
}

/* ---- the SOA ---- */

static struct rrset *soa_of(const char *text, uint32_t ttl)
{
    struct rdata *rdata = malloc(sizeof(*rdata));
    struct dname origin;
    struct dname_rules rules = {.origin = &origin};
    struct rdset set;
    struct lex_error error;
    uint8_t *bytes;

    assert_non_null(rdata);
    assert_int_equal(dname_from_text(STR("lab.example."), NULL, &origin, NULL), 0);
    assert_int_equal(rdata_from_text(RRTYPE_SOA, str_c(text), &rules, rdata, &error), 0);
    struct str one = {(const char *)rdata->b, rdata->n};
    assert_int_equal(rdset_pack(RRTYPE_SOA, &one, 1, &bytes, &set), 0);
    struct rrset *soa = rrset_new(&origin, RRTYPE_SOA, ttl, &set, NULL, 0);
    free(bytes);
    free(rdata);
    return soa;
}

static void a_serial_never_goes_back(void **state)
{
    struct rrset *then = soa_of("ns1 admin 5 1 2 3 4", 60), *now = soa_of("ns2 a 900 1 2 3 4", 30);
    struct rrset *mixed = soa_of("ns1 admin 900 1 2 3 4", 60);
    struct restore r = {.now = now, .then = then};
    struct rdset expected = rrset_rdatas(mixed);
    struct draft d;

    (void)state;
    assert_int_equal(draft_start(&d, now, RRTYPE_SOA, 30), 0);
    assert_int_equal(restore_draft(&d, &r), 1);
    assert_int_equal(d.ttl, 60);
    assert_int_equal(d.rdatas.n, expected.n);
    assert_memory_equal(d.rdatas.p, expected.p, expected.n);
    draft_free(&d);
    r.now = mixed;
    assert_int_equal(draft_start(&d, mixed, RRTYPE_SOA, 30), 0);
    assert_int_equal(restore_draft(&d, &r), 0);
    draft_free(&d);
    rrset_put(then);
    rrset_put(now);
    rrset_put(mixed);
}

#define T(f) cmocka_unit_test_setup_teardown(f, regkit_make_open, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(what_was_done_is_undone),
        T(twice_is_once),
        T(leases_that_are_over_leave_their_records),
        T(a_host_that_returned_keeps_its_registration),
        T(the_result_is_a_zone),
        T(what_comes_in_between_is_seen),
        T(what_is_not_kept_is_said),
        T(back_to_any_state),
        cmocka_unit_test(saves_are_undone),
        cmocka_unit_test(a_serial_never_goes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

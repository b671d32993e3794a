/* The book of renewals, and running time over restarts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/clock.h>

#include "impl.h"
#include "lease_kit.h"

#define S NS_PER_S
#define LEASE_S 60

#define REGISTER(k, name, ...)                                                                     \
    assert_int_equal(ASK(k, OP_REGISTER, name, .values = "192.0.2.1", .id = "a", __VA_ARGS__), 0)

static uint64_t running(struct regkit *k)
{
    return registry_running_ns(k->r);
}

/* ---- running time ---- */

static void it_is_summed_over_runs(void **state)
{
    struct regkit *k = *state;

    assert_int_equal(running(k), 1);
    lease_run_for(k, 25);
    assert_int_equal(running(k), 1 + 25 * S);
    regkit_reopen(k);
    assert_int_equal(running(k), 1 + 25 * S);
    lease_run_for(k, 5);
    assert_int_equal(running(k), 1 + 30 * S);
}

static void it_is_written_down_every_ten_seconds(void **state)
{
    struct regkit *k = *state;

    lease_run_for(k, 25);
    lease_crash(k);
    assert_in_range(running(k), 1 + 15 * S, 1 + 25 * S);
}

/* Else no lease would ever end while betterdns crashes soon after each start. */
static void runs_that_soon_crash_count(void **state)
{
    static const unsigned rows[][2] = {{1, 1}, {2, 2}, {3, 2}, {5, 4}, {9, 8}};
    struct regkit *k = *state;
    uint64_t sum = 1;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        lease_run_for(k, rows[i][0]);
        lease_crash(k);
        sum += rows[i][1] * S;
        assert_int_equal(running(k), sum);
    }
}

static void the_time_between_two_runs_does_not_count(void **state)
{
    struct regkit *k = *state;

    lease_run_for(k, 10);
    regkit_reopen(k);
    lease_jump(3600);
    lease_run_for(k, 10);
    assert_int_equal(running(k), 1 + 20 * S);
}

static void a_suspended_machine_loses_two_seconds(void **state)
{
    struct regkit *k = *state;

    lease_run_for(k, 10);
    lease_jump(3600);
    lease_run_for(k, 10);
    assert_int_equal(running(k), 1 + 22 * S);
}

/* The fresh state.db cannot be begun while a directory has its name. */
static void it_stands_still_while_the_registry_is_read_only(void **state)
{
    struct regkit *k = *state;
    char path[160];

    REGISTER(k, "web", .lease_s = LEASE_S);
    lease_run_for(k, 5);
    regkit_path(k, "state.db.tmp", path);
    assert_int_equal(mkdir(path, 0700), 0);
    rebuild_ask(k->r, "a test asks for it", -EIO, "nothing");
    uint64_t before = running(k);
    lease_run_for(k, 100);
    assert_int_equal(running(k), before);
    assert_int_equal(ASK(k, OP_REGISTER, "web", .values = "192.0.2.1", .id = "a"), -BD_EREADONLY);
    assert_int_equal(rmdir(path), 0);
    REGKIT_WAIT(!regkit_stats(k).read_only)
    lease_run_for(k, 5);
    assert_int_equal(running(k), before + 5 * S);
}

/* And whoever finds that there is room again is the next one that is written down. */
static void it_stands_still_while_the_disk_is_full(void **state)
{
    struct regkit *k = *state;

    lease_run_for(k, 16);
    pthread_mutex_lock(&k->r->lock);
    uint64_t written = k->r->run_written_ns;
    k->r->stats.full = true;
    pthread_mutex_unlock(&k->r->lock);
    assert_int_equal(written, 1 + 16 * S); /* there is nothing new to write */
    lease_run_for(k, 9);
    assert_int_equal(running(k), 1 + 16 * S);
    lease_run_for(k, 3);
    assert_false(regkit_stats(k).full);
    assert_int_equal(running(k), 1 + 18 * S);
}

/* What passed before counts. */
static void it_stands_still_while_renewals_are_held(void **state)
{
    struct regkit *k = *state;

    lease_run_for(k, 3);
    lease_jump(1);
    lease_hold_renewals(k, true);
    assert_int_equal(running(k), 1 + 4 * S);
    lease_run_for(k, 20);
    lease_jump(1);
    lease_hold_renewals(k, false);
    assert_int_equal(running(k), 1 + 4 * S);
    lease_run_for(k, 5);
    assert_int_equal(running(k), 1 + 9 * S);
}

/* Between two configurations another registry can be opened. */
static void a_run_can_begin_with_renewals_held(void **state)
{
    struct regkit *k = *state;

    lease_hold_renewals(k, true);
    lease_run_for(k, 5);
    lease_hold_renewals(k, false);
    assert_int_equal(running(k), 1);
    lease_run_for(k, 5);
    assert_int_equal(running(k), 1 + 5 * S);
}

static void a_tick_writes_seldom_however_many_leases_there_are(void **state)
{
    struct regkit *k = *state;
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    char name[16];

    for (unsigned i = 0; i < 2000; i++) {
        snprintf(name, sizeof(name), "h%u", i);
        regkit_add(c, &WHAT(OP_REGISTER, name, .values = "192.0.2.1", .id = "a", .lease_s = 60));
    }
    assert_int_equal(regkit_submit(k, c), 0);
    uint64_t commits = regkit_stats(k).commits;
    uint64_t seq = regkit_seq(k);
    lease_run_for(k, 100);
    assert_in_range(regkit_stats(k).commits - commits, 12, 13);
    assert_int_equal(regkit_seq(k), seq);
    assert_int_equal(regkit_serial(k, 0), k->receipt.serial);
}

/* ---- renewals ---- */

static void the_book_knows_who_renewed_when(void **state)
{
    struct regkit *k = *state;

    lease_run_for(k, 3);
    REGISTER(k, "lease", .lease_s = LEASE_S);
    REGISTER(k, "check", .check = "tcp://:22\n");
    REGISTER(k, "plain");
    assert_int_equal(lease_renewed(k, "lease"), 1 + 3 * S);
    assert_int_equal(lease_renewed(k, "check"), 1 + 3 * S);
    assert_int_equal(lease_renewed(k, "plain"), 0);
    lease_run_for(k, 4);
    uint64_t seq = regkit_seq(k), commits = regkit_stats(k).commits;
    REGISTER(k, "lease", .lease_s = LEASE_S);
    assert_false(k->receipt.changed);
    assert_int_equal(regkit_seq(k), seq);
    assert_int_equal(regkit_stats(k).commits, commits); /* a later renewal is in memory only */
    assert_int_equal(lease_renewed(k, "lease"), 1 + 7 * S);
    assert_int_equal(lease_renewed(k, "check"), 1 + 3 * S);
}

static void what_is_tried_or_refused_renews_nothing(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    lease_run_for(k, 5);
    REGISTER(k, "web", .lease_s = LEASE_S, .dry_run = true);
    assert_int_equal(lease_renewed(k, "web"), 1);
    struct change *c = change_new(CHANGE_HTTP, STR("test"));
    regkit_add(c, &WHAT(OP_REGISTER, "web", .values = "192.0.2.1", .id = "a", .lease_s = LEASE_S));
    regkit_add(c, &WHAT(OP_DELETE, "nobody"));
    assert_int_equal(regkit_submit(k, c), -BD_ENOTFOUND);
    assert_int_equal(lease_renewed(k, "web"), 1);
    REGISTER(k, "web", .lease_s = LEASE_S);
    assert_int_equal(lease_renewed(k, "web"), 1 + 5 * S);
}

static void a_registration_that_ends_leaves_the_book_and_its_rows(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    uint64_t number = k->receipt.number;
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"), 1);
    assert_int_equal(ASK(k, OP_DELETE, "web", .id = "a"), 0);
    assert_int_equal(registry_renewed_ns(k->r, number), 0);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"), 0);
}

static void a_lease_that_is_given_up_leaves_the_book_and_comes_back(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    REGISTER(k, "web");
    assert_int_equal(lease_renewed(k, "web"), 0);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"), 0);
    lease_run_for(k, 5);
    REGISTER(k, "web", .check = "tcp://:22\n");
    assert_int_equal(lease_renewed(k, "web"), 1 + 5 * S);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"), 1);
}

static void the_end_of_maintenance_is_a_renewal(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    uint64_t number = k->receipt.number;
    lease_run_for(k, 5);
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = number, .drain = true), 0);
    assert_int_equal(registry_renewed_ns(k->r, number), 1);
    lease_run_for(k, 2 * LEASE_S);
    assert_int_equal(ASK(k, OP_DRAIN, "web", .number = number), 0);
    assert_int_equal(registry_renewed_ns(k->r, number), running(k));
}

/* ---- over restarts ---- */

static void a_restart_gives_a_lease_its_full_length(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    lease_run_for(k, 50);
    assert_int_equal(running(k) - lease_renewed(k, "web"), 50 * S);
    regkit_reopen(k);
    assert_int_equal(lease_renewed(k, "web"), running(k));
}

/* Each run is shorter than the lease, and the host has died. */
static void but_not_again_and_again(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    lease_run_for(k, 20);
    regkit_reopen(k);
    uint64_t renewed = lease_renewed(k, "web");
    for (unsigned i = 0; i < 8; i++) {
        lease_run_for(k, 15);
        lease_crash(k);
        assert_int_equal(lease_renewed(k, "web"), renewed);
    }
    assert_true(running(k) > renewed + LEASE_S * S);
}

static void the_first_renewal_in_a_run_is_written_down(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "living", .lease_s = LEASE_S);
    REGISTER(k, "dead", .lease_s = LEASE_S);
    lease_run_for(k, 20);
    regkit_reopen(k);
    uint64_t before = running(k);
    lease_run_for(k, 5);
    uint64_t commits = regkit_stats(k).commits;
    REGISTER(k, "living", .lease_s = LEASE_S);
    assert_int_equal(regkit_stats(k).commits, commits + 1);
    REGISTER(k, "living", .lease_s = LEASE_S);
    assert_int_equal(regkit_stats(k).commits, commits + 1);
    lease_run_for(k, 15);
    lease_crash(k);
    assert_int_equal(lease_renewed(k, "dead"), before);
    assert_in_range(lease_renewed(k, "living"), before + 10 * S, running(k));
    assert_int_equal(lease_renewed(k, "living"), running(k));
}

/* A crash right after the answer, before any tick has been written. */
static void a_registration_is_written_down_with_its_renewal(void **state)
{
    struct regkit *k = *state;

    lease_run_for(k, 15);
    regkit_reopen(k);
    lease_settle(k); /* a group that writes nothing does not begin the run */
    REGISTER(k, "web", .lease_s = LEASE_S);
    lease_crash(k);
    uint64_t renewed = lease_renewed(k, "web");
    assert_in_range(renewed, 1 + 15 * S, running(k));
    assert_int_equal(
        lease_query(k, "SELECT count(*) FROM renewal JOIN run ON run.id = renewal.run"), 1);
    lease_run_for(k, 15);
    lease_crash(k);
    assert_int_equal(lease_renewed(k, "web"), renewed);
}

static void runs_that_no_renewal_names_are_forgotten(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    for (unsigned i = 0; i < 6; i++) {
        lease_run_for(k, 12);
        regkit_reopen(k);
    }
    lease_run_for(k, 12);
    uint64_t ran = running(k);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM run"), 3); /* its, the last one, this */
    REGISTER(k, "web", .lease_s = LEASE_S);
    regkit_reopen(k);
    lease_run_for(k, 12);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM run"), 2);
    assert_int_equal(running(k), ran + 12 * S);
}

/* A state.db of version 1 knows no renewals: what it has is as if renewed in the run before, and
 * that is written down, else each further run would say so again. */
static void registrations_without_a_row_get_one_length_too(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    regkit_close(k);
    lease_sql(k, "ALTER TABLE rrset DROP COLUMN withdrawn;"
                 "ALTER TABLE termination DROP COLUMN ran; DROP TABLE run; DROP TABLE renewal;"
                 "DROP TABLE note; PRAGMA user_version=1");
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(running(k), 1);
    assert_int_equal(lease_renewed(k, "web"), 1);
    for (unsigned i = 0; i < 5; i++) {
        lease_run_for(k, 15);
        lease_crash(k);
        assert_int_equal(lease_renewed(k, "web"), 1);
    }
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"), 1);
}

/* Restored from a backup, or edited: rows that name runs which are not there. */
static void a_row_whose_run_is_not_known_counts_as_none(void **state)
{
    struct regkit *k = *state;

    REGISTER(k, "web", .lease_s = LEASE_S);
    lease_run_for(k, 12);
    regkit_close(k);
    lease_sql(k, "UPDATE renewal SET run = 77");
    assert_int_equal(regkit_open(k), 0);
    assert_int_equal(lease_renewed(k, "web"), running(k));
    lease_run_for(k, 12);
    uint64_t renewed = lease_renewed(k, "web");
    lease_crash(k);
    assert_int_equal(lease_renewed(k, "web"), renewed);
}

/* ---- all at once ---- */

#define RENEWERS 3
#define RENEWALS 200

struct renewer {
    struct regkit *k;
    unsigned first;
    pthread_t thread;
};

static void *renew_main(void *arg)
{
    const struct renewer *w = arg;
    char name[8];

    for (unsigned i = 0; i < RENEWALS; i++) {
        struct change *c = change_new(CHANGE_HTTP, STR("test"));
        snprintf(name, sizeof(name), "h%u", (w->first + i) % 5);
        regkit_add(c, &(struct ask){.kind = i % 17 == 16 ? OP_DELETE : OP_REGISTER,
                                    .name = name,
                                    .values = i % 17 == 16 ? NULL : "192.0.2.1",
                                    .id = "a",
                                    .lease_s = LEASE_S});
        int r = registry_submit(w->k->r, c, clock_deadline(60 * S), NULL, NULL);
        assert_true(r == 0 || r == -BD_ENOTFOUND);
        change_put(c);
    }
    return NULL;
}

/* While hosts renew and end, time passes and somebody looks. */
static void a_renewal_is_never_ahead_of_time(void **state)
{
    struct regkit *k = *state;
    struct renewer w[RENEWERS];
    const uint64_t most = (uint64_t)RENEWERS * RENEWALS;
    uint64_t last = 0;

    for (unsigned i = 0; i < RENEWERS; i++) {
        w[i] = (struct renewer){.k = k, .first = i};
        assert_int_equal(pthread_create(&w[i].thread, NULL, renew_main, &w[i]), 0);
    }
    while (regkit_stats(k).submitted < most) {
        registry_tick(k->r);
        for (uint64_t number = 1; number <= most; number += 7) {
            uint64_t renewed = registry_renewed_ns(k->r, number), now = running(k);
            assert_true(renewed <= now && now >= last);
            last = now;
        }
    }
    for (unsigned i = 0; i < RENEWERS; i++)
        pthread_join(w[i].thread, NULL);
    lease_settle(k);
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal"),
                     lease_query(k, "SELECT count(*) FROM registration WHERE lease > 0"));
    assert_int_equal(lease_query(k, "SELECT count(*) FROM renewal WHERE run <> 1"), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, regkit_make_open, regkit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_is_summed_over_runs),
        TEST(it_is_written_down_every_ten_seconds),
        TEST(runs_that_soon_crash_count),
        TEST(the_time_between_two_runs_does_not_count),
        TEST(a_suspended_machine_loses_two_seconds),
        TEST(it_stands_still_while_the_registry_is_read_only),
        TEST(it_stands_still_while_the_disk_is_full),
        TEST(it_stands_still_while_renewals_are_held),
        TEST(a_run_can_begin_with_renewals_held),
        TEST(a_tick_writes_seldom_however_many_leases_there_are),
        TEST(the_book_knows_who_renewed_when),
        TEST(what_is_tried_or_refused_renews_nothing),
        TEST(a_registration_that_ends_leaves_the_book_and_its_rows),
        TEST(a_lease_that_is_given_up_leaves_the_book_and_comes_back),
        TEST(the_end_of_maintenance_is_a_renewal),
        TEST(a_restart_gives_a_lease_its_full_length),
        TEST(but_not_again_and_again),
        TEST(the_first_renewal_in_a_run_is_written_down),
        TEST(a_registration_is_written_down_with_its_renewal),
        TEST(runs_that_no_renewal_names_are_forgotten),
        TEST(registrations_without_a_row_get_one_length_too),
        TEST(a_row_whose_run_is_not_known_counts_as_none),
        TEST(a_renewal_is_never_ahead_of_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

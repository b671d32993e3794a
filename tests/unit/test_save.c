/* Rules 1, 4 and 7 of "The people's file": what one save makes of a zone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "save_kit.h"

/* ---- rule 1 ---- */

static void a_stale_editor_costs_nobody_a_record(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    text = savekit_without(text, "192.0.2.81");
    text = savekit_with(text, "new 60 IN A 192.0.2.90");
    savekit_expect(s, text, SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    ASSERT_REGISTRATIONS(s, "web", RRTYPE_A, "web=192.0.2.7");
    ASSERT_RECORDS(s, "www", RRTYPE_A, "60 192.0.2.80");
    ASSERT_RECORDS(s, "new", RRTYPE_A, "60 192.0.2.90");
    assert_int_equal(s->saved.added, 1);
    assert_int_equal(s->saved.deleted, 1);
    assert_string_equal(s->notes, "");
}

/* One save is one change: one number, one serial. */
static void one_save_is_one_change(void **state)
{
    struct savekit *s = *state;
    uint64_t seq = regkit_seq(&s->k);
    uint32_t serial = regkit_serial(&s->k, 0);
    char *text = savekit_export(s);

    text = savekit_with(text, "a 60 IN A 192.0.2.1");
    text = savekit_with(text, "b 60 IN A 192.0.2.2");
    savekit_expect(s, savekit_without(text, "old"), SAVE_MERGED);
    assert_int_equal(regkit_seq(&s->k), seq + 1);
    assert_int_equal(s->saved.seq, seq + 1);
    assert_int_equal(regkit_serial(&s->k, 0), serial + 1);
    assert_int_equal(s->saved.serial, serial + 1);
}

/* What the other side has done too is done once. */
static void both_sides_may_do_the_same(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_int_equal(ASK(&s->k, OP_DELETE, "old", RRTYPE_TXT), 0);
    uint64_t seq = regkit_seq(&s->k);
    text = savekit_with(text, "web 30 IN A 192.0.2.7");
    savekit_expect(s, savekit_without(text, "old"), SAVE_SAME);
    assert_int_equal(regkit_seq(&s->k), seq);
    ASSERT_REGISTRATIONS(s, "web", RRTYPE_A, "web=192.0.2.7");
}

static void both_sides_add_to_one_set(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_PUT, "www", .values = "192.0.2.80|192.0.2.82"), 0);
    savekit_expect(s, savekit_with(text, "www 60 IN A 192.0.2.83"), SAVE_MERGED);
    ASSERT_RECORDS(s, "www", RRTYPE_A, "60 192.0.2.80|192.0.2.82|192.0.2.83");
}

/* ---- registrations ---- */

static void a_hand_ends_a_registration_and_the_host_comes_back(void **state)
{
    struct savekit *s = *state;

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    uint64_t number = regkit_number(&s->k, "web", "web");
    savekit_expect(s, savekit_without(savekit_export(s), "web"), SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "-");
    ASSERT_NOTE(s, "web.lab.example. A: was registered by 'web', and deleted by hand");
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_true(s->k.receipt.created);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    assert_true(regkit_number(&s->k, "web", "web") > number);
}

/* Of a registration with two records one is left. */
static void a_hand_takes_a_part_of_a_registration(void **state)
{
    struct savekit *s = *state;

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7|192.0.2.8"), 0);
    savekit_expect(s, savekit_without(savekit_export(s), "web.lab.example. 30 IN A 192.0.2.8"),
                   SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    ASSERT_REGISTRATIONS(s, "web", RRTYPE_A, "web=192.0.2.7");
}

static void a_name_that_was_written_by_hand_is_not_registered(void **state)
{
    struct savekit *s = *state;

    savekit_expect(s, savekit_with(savekit_export(s), "web 30 IN A 192.0.2.7"), SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), -BD_ECONFLICT);
    assert_string_equal(s->k.problem.field, "name");
    assert_string_equal(s->k.problem.hint, "");
}

/* ---- rule 4: what the hand wins ---- */

static void the_hand_wins_on_ttl(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_PUT, "www", .values = "192.0.2.80|192.0.2.81", .ttl = 120), 0);
    text = savekit_replace(text, "www.lab.example. 60", "www.lab.example. 300");
    savekit_expect(s, savekit_replace(text, "www.lab.example. 60", "www.lab.example. 300"),
                   SAVE_MERGED);
    ASSERT_RECORDS(s, "www", RRTYPE_A, "300 192.0.2.80|192.0.2.81");
    ASSERT_NOTE(s, "www.lab.example. A: had a TTL of 120");
}

/* A TTL that the hand has not touched is not its will. */
static void a_ttl_that_was_left_alone_stays(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_PUT, "www", .values = "192.0.2.80|192.0.2.81", .ttl = 120), 0);
    savekit_expect(s, savekit_with(text, "www 60 IN A 192.0.2.82"), SAVE_MERGED);
    ASSERT_RECORDS(s, "www", RRTYPE_A, "120 192.0.2.80|192.0.2.81|192.0.2.82");
}

/* Nor is there anything to do where the record is there already. */
static void a_ttl_that_was_left_alone_is_no_change(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(
        ASK(&s->k, OP_PUT, "www", .values = "192.0.2.80|192.0.2.81|192.0.2.82", .ttl = 120), 0);
    uint64_t seq = regkit_seq(&s->k);
    savekit_expect(s, savekit_with(text, "www 60 IN A 192.0.2.82"), SAVE_SAME);
    assert_int_equal(regkit_seq(&s->k), seq);
}

static void a_cname_by_hand_takes_the_place_of_a_registration(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_with(text, "web 60 IN CNAME www"), SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_CNAME, "60 www.lab.example.");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "-");
    ASSERT_NOTE(s, "web.lab.example. A: gave way to the CNAME records of the file");
}

static void an_address_by_hand_takes_the_place_of_a_cname(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", RRTYPE_CNAME, "www"), 0);
    savekit_expect(s, savekit_with(text, "web 60 IN A 192.0.2.7"), SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_CNAME, "-");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "60 192.0.2.7");
    ASSERT_NOTE(s, "web.lab.example. CNAME: gave way to the A records of the file");
}

static void of_two_cnames_the_hand_s_stays(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", RRTYPE_CNAME, "www"), 0);
    savekit_expect(s, savekit_with(text, "web 60 IN CNAME mail"), SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_CNAME, "60 mail.lab.example.");
    ASSERT_REGISTRATIONS(s, "web", RRTYPE_CNAME, "");
}

/* In one save, in either direction: what leaves makes room for what comes. */
static void a_name_turns_into_a_cname_and_back(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_without(savekit_export(s), "old");

    savekit_expect(s, savekit_with(text, "old 60 IN CNAME www"), SAVE_MERGED);
    ASSERT_RECORDS(s, "old", RRTYPE_CNAME, "60 www.lab.example.");
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "-");
    assert_string_equal(s->notes, "");
    text = savekit_without(savekit_export(s), "old");
    savekit_expect(s, savekit_with(text, "old 60 IN TXT back"), SAVE_MERGED);
    ASSERT_RECORDS(s, "old", RRTYPE_CNAME, "-");
    assert_string_equal(s->notes, "");
}

/* ---- the SOA ---- */

static void soa_fields_are_merged_one_by_one(void **state)
{
    struct savekit *s = *state;
    char *first = savekit_export(s), *second = savekit_export(s);

    savekit_expect(s, savekit_replace(first, "3600 600 ", "1800 600 "), SAVE_MERGED);
    savekit_expect(s, savekit_replace(second, "1209600 10", "1209600 20"), SAVE_MERGED);
    ASSERT_RECORDS(s, "lab.example.", RRTYPE_SOA,
                   "3600 ns1.lab.example. hostmaster.lab.example. 10 1800 600 1209600 20");
}

/* Saved alone, the serial is a change. */
static void a_serial_ahead_is_followed(void **state)
{
    struct savekit *s = *state;
    uint64_t seq = regkit_seq(&s->k);
    char *text = savekit_export(s);

    savekit_expect(s, savekit_replace(text, " 8 3600", " 2026010100 3600"), SAVE_MERGED);
    assert_int_equal(regkit_serial(&s->k, 0), 2026010100);
    assert_int_equal(s->saved.serial, 2026010100);
    assert_int_equal(regkit_seq(&s->k), seq + 1);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_int_equal(regkit_serial(&s->k, 0), 2026010101);
    regkit_reopen(&s->k);
    assert_int_equal(regkit_serial(&s->k, 0), 2026010101);
}

static void the_farthest_serial_ahead_is_followed(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    savekit_expect(s, savekit_replace(text, " 8 3600", " 2147483655 3600"), SAVE_MERGED);
    assert_int_equal(regkit_serial(&s->k, 0), 2147483655);
}

/* Exactly 2^31 is neither ahead nor behind (RFC 1982 §3.2). */
static void a_serial_too_far_ahead_is_ignored(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_replace(savekit_export(s), " 8 3600", " 2147483656 3600");

    savekit_expect(s, savekit_with(text, "a 60 IN A 192.0.2.1"), SAVE_MERGED);
    assert_int_equal(regkit_serial(&s->k, 0), 9);
    ASSERT_NOTE(s, "lab.example. SOA: the serial 2147483656 is not ahead of the zone's, 8");
}

/* An author who counts up what he has read, while the zone moved on: two contents with one serial
 * there are not. */
static void a_serial_that_the_zone_has_used_is_ignored(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_replace(savekit_export(s), " 8 3600", " 9 3600");

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_with(text, "a 60 IN A 192.0.2.1"), SAVE_MERGED);
    assert_int_equal(regkit_serial(&s->k, 0), 10);
    ASSERT_NOTE(s, "the serial 9 is not ahead");
}

static void a_lower_serial_alone_asks_for_nothing(void **state)
{
    struct savekit *s = *state;
    uint64_t seq = regkit_seq(&s->k);

    char *text = savekit_replace(savekit_export(s), " 8 3600", " 3 3600");
    assert_int_equal(savekit_save(s, text), 0);
    free(text);
    assert_int_equal(s->saved.verdict, SAVE_SAME);
    assert_int_equal(regkit_seq(&s->k), seq);
    assert_int_equal(regkit_serial(&s->k, 0), 8);
}

/* ---- rule 7 ---- */

static void the_last_name_server_stays(void **state)
{
    struct savekit *s = *state;

    savekit_expect(s, savekit_with(savekit_export(s), "@ 3600 IN NS ns2.example."), SAVE_MERGED);
    char *text = savekit_without(savekit_export(s), "NS ns1");
    assert_int_equal(ASK(&s->k, OP_PUT, "lab.example.", RRTYPE_NS, "ns1"), 0);
    uint64_t seq = regkit_seq(&s->k);
    text = savekit_with(text, "a 60 IN A 192.0.2.1");
    assert_int_equal(savekit_save(s, text), -BD_ECONFLICT);
    free(text);
    assert_int_equal(s->saved.type, RRTYPE_NS);
    assert_true(dname_eq(&s->saved.owner, &s->k.zones[0].origin));
    ASSERT_RECORDS(s, "a", RRTYPE_A, "-");
    assert_int_equal(regkit_seq(&s->k), seq);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, savekit_make, savekit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stale_editor_costs_nobody_a_record),
        TEST(one_save_is_one_change),
        TEST(both_sides_may_do_the_same),
        TEST(both_sides_add_to_one_set),
        TEST(a_hand_ends_a_registration_and_the_host_comes_back),
        TEST(a_hand_takes_a_part_of_a_registration),
        TEST(a_name_that_was_written_by_hand_is_not_registered),
        TEST(the_hand_wins_on_ttl),
        TEST(a_ttl_that_was_left_alone_stays),
        TEST(a_ttl_that_was_left_alone_is_no_change),
        TEST(a_cname_by_hand_takes_the_place_of_a_registration),
        TEST(an_address_by_hand_takes_the_place_of_a_cname),
        TEST(of_two_cnames_the_hand_s_stays),
        TEST(a_name_turns_into_a_cname_and_back),
        TEST(soa_fields_are_merged_one_by_one),
        TEST(a_serial_ahead_is_followed),
        TEST(the_farthest_serial_ahead_is_followed),
        TEST(a_serial_too_far_ahead_is_ignored),
        TEST(a_serial_that_the_zone_has_used_is_ignored),
        TEST(a_lower_serial_alone_asks_for_nothing),
        TEST(the_last_name_server_stays),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

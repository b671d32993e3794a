/* Rules 2 and 3 of "The people's file": which earlier version a save is compared with. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "save_kit.h"

/* Saves a copy, so that the same editor can go on. */
static void write_buffer(struct savekit *s, const char *buffer, enum save_verdict verdict)
{
    assert_int_equal(savekit_save(s, buffer), 0);
    assert_int_equal(s->saved.verdict, verdict);
}

/* ---- rule 2: `:w` twice ---- */

/* The second save has no other marker, since the editor has not read the file again. */
static void what_the_first_save_added_the_second_deletes(void **state)
{
    struct savekit *s = *state;
    char *buffer = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");

    buffer = savekit_with(buffer, "b 60 IN A 192.0.2.2");
    write_buffer(s, buffer, SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_without(buffer, "b 60"), SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    /* It could be another author's, who shares an edit with this one: so it is said. */
    ASSERT_NOTE(s,
                "b.lab.example. A: 1 of the records go that an earlier save with the same marker "
                "added");
}

static void what_the_first_save_deleted_the_second_brings_back(void **state)
{
    struct savekit *s = *state;
    char *whole = savekit_export(s), *less = savekit_without(savekit_export(s), "old");

    less = savekit_without(less, "mail");
    write_buffer(s, less, SAVE_MERGED);
    free(less);
    savekit_expect(s, savekit_without(whole, "mail"), SAVE_MERGED);
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "60 \"old\"");
    ASSERT_RECORDS(s, "mail", RRTYPE_MX, "-");
}

/* What the API has deleted since the first save does not come back with the second. */
static void a_second_save_is_no_new_addition(void **state)
{
    struct savekit *s = *state;
    char *buffer = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");

    write_buffer(s, buffer, SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_DELETE, "a"), 0);
    savekit_expect(s, savekit_with(buffer, "b 60 IN A 192.0.2.2"), SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "60 192.0.2.2");
}

/* Rule 5 of such a base: accepted, what files have changed since the first save is undone. */
static void the_same_buffer_saved_again_asks_for_nothing(void **state)
{
    struct savekit *s = *state;
    char *buffer = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");

    write_buffer(s, buffer, SAVE_MERGED);
    write_buffer(s, buffer, SAVE_SAME);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_without(savekit_export(s), "old"), SAVE_MERGED);
    uint64_t seq = regkit_seq(&s->k);
    write_buffer(s, buffer, SAVE_STALE);
    assert_int_equal(regkit_seq(&s->k), seq);
    s->accept = true;
    savekit_expect(s, buffer, SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "60 \"old\"");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
}

/* A first save that changed nothing, since the other side had done the same, is a version too. */
static void a_save_that_changed_nothing_is_a_base(void **state)
{
    struct savekit *s = *state;
    char *buffer = savekit_with(savekit_export(s), "web 30 IN A 192.0.2.7");

    buffer = savekit_with(buffer, "a 60 IN A 192.0.2.1");
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "a", .values = "192.0.2.1", .ttl = 60), 0);
    write_buffer(s, buffer, SAVE_SAME);
    savekit_expect(s, savekit_without(buffer, "web"), SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
}

static void a_ttl_shows_a_save_too(void **state)
{
    struct savekit *s = *state;
    char *buffer =
        savekit_replace(savekit_export(s), "mail.lab.example. 60", "mail.lab.example. 90");
    char *again = savekit_with(strdup(buffer), "a 60 IN A 192.0.2.1");

    write_buffer(s, again, SAVE_MERGED);
    free(again);
    savekit_expect(s, buffer, SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "mail", RRTYPE_MX, "90 10 www.lab.example.");
}

/* ---- rule 2: two editors ---- */

static void two_editors_do_not_delete_each_other_s_records(void **state)
{
    struct savekit *s = *state;
    char *one = savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1");
    char *two = savekit_with(savekit_export(s), "b 60 IN A 192.0.2.2");

    write_buffer(s, one, SAVE_MERGED);
    write_buffer(s, two, SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "60 192.0.2.2");
    ASSERT_NOTE(s, "a.lab.example. A: 1 of the records stay that another save with the same "
                   "marker added");
    /* Each goes on with its own. */
    one = savekit_with(one, "c 60 IN A 192.0.2.3");
    write_buffer(s, one, SAVE_MERGED);
    two = savekit_with(savekit_without(two, "b 60"), "d 60 IN A 192.0.2.4");
    two = savekit_with(two, "b 60 IN A 192.0.2.22");
    write_buffer(s, two, SAVE_MERGED);
    two = savekit_without(two, "d 60");
    write_buffer(s, two, SAVE_MERGED);
    savekit_expect(s, savekit_without(one, "a 60"), SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "60 192.0.2.2|192.0.2.22");
    ASSERT_RECORDS(s, "c", RRTYPE_A, "60 192.0.2.3");
    ASSERT_RECORDS(s, "d", RRTYPE_A, "-");
    free(two);
}

/* `:w`, undo, another change, `:w`: as the two have nothing in common, the line stays deleted, and
 * that is said. */
static void what_another_save_deleted_stays_away(void **state)
{
    struct savekit *s = *state;
    char *whole = savekit_export(s), *less = savekit_without(savekit_export(s), "old");

    write_buffer(s, less, SAVE_MERGED);
    free(less);
    savekit_expect(s, savekit_with(whole, "b 60 IN A 192.0.2.2"), SAVE_MERGED);
    ASSERT_RECORDS(s, "b", RRTYPE_A, "60 192.0.2.2");
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "-");
    ASSERT_NOTE(s, "old.lab.example. TXT: 1 of the records stay away that another save with the "
                   "same marker deleted");
}

/* Both count the serial up, as many do by habit: that is nothing that they share. */
static void a_serial_that_both_count_up_joins_nobody(void **state)
{
    struct savekit *s = *state;
    char *one = savekit_replace(savekit_export(s), " 8 3600", " 9 3600");
    char *two = savekit_with(strdup(one), "b 60 IN A 192.0.2.2");

    savekit_expect(s, savekit_with(one, "a 60 IN A 192.0.2.1"), SAVE_MERGED);
    assert_int_equal(regkit_serial(&s->k, 0), 9);
    savekit_expect(s, two, SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "60 192.0.2.2");
    ASSERT_NOTE(s, "the serial 9 is not ahead of the zone's, 9");
}

/* The one who takes back all that he did looks like one who did nothing. */
static void an_undone_save_is_held(void **state)
{
    struct savekit *s = *state;
    char *whole = savekit_export(s);

    savekit_expect(s, savekit_with(savekit_export(s), "a 60 IN A 192.0.2.1"), SAVE_MERGED);
    write_buffer(s, whole, SAVE_STALE);
    ASSERT_NOTE(s, "a.lab.example. A: 1 of the records stay");
    s->accept = true;
    savekit_expect(s, whole, SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "-");
}

/* ---- rule 2: a deployment that commits our comment ---- */

static void a_deployment_with_our_marker_has_its_own_versions(void **state)
{
    struct savekit *s = *state;
    char *repository = savekit_export(s), line[64], name[16];

    for (unsigned i = 0; i < 40; i++) {
        snprintf(line, sizeof(line), "d%02u 60 IN A 198.51.100.%u", i, i);
        repository = savekit_with(repository, line);
        if (i >= 3) {
            snprintf(name, sizeof(name), "d%02u ", i - 3);
            repository = savekit_without(repository, name);
        }
        snprintf(name, sizeof(name), "host%u", i);
        assert_int_equal(ASK(&s->k, OP_REGISTER, name, .values = "192.0.2.7"), 0);
        write_buffer(s, repository, SAVE_MERGED);
        ASSERT_RECORDS(s, name, RRTYPE_A, "30 192.0.2.7");
        snprintf(name, sizeof(name), "d%02u", i);
        assert_string_not_equal(regkit_records(&s->k, name, RRTYPE_A), "-");
        if (i >= 3) {
            snprintf(name, sizeof(name), "d%02u", i - 3);
            ASSERT_RECORDS(s, name, RRTYPE_A, "-");
        }
        if (i == 20)
            regkit_reopen(&s->k);
    }
    free(repository);
}

/* ---- rule 3: no marker ---- */

#define MARKER "; betterdns"

static void without_a_marker_the_last_version_without_is_the_base(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_without(savekit_export(s), MARKER);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_int_equal(ASK(&s->k, OP_PUT, "mail", RRTYPE_MX, "20 mail"), 0);
    file = savekit_without(file, "old");
    file = savekit_with(file, "a 60 IN A 192.0.2.1");
    write_buffer(s, file, SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "-");
    ASSERT_RECORDS(s, "mail", RRTYPE_MX, "60 20 mail.lab.example.");
    savekit_expect(s, savekit_without(file, "a 60"), SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "-");
}

/* A repository that writes the same again and again asks for nothing. */
static void the_same_file_without_a_marker_asks_for_nothing(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_with(savekit_without(savekit_export(s), MARKER), "a 60 IN A 192.0.2.1");

    write_buffer(s, file, SAVE_MERGED);
    write_buffer(s, file, SAVE_SAME);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_with(savekit_export(s), "b 60 IN A 192.0.2.2"), SAVE_MERGED);
    uint64_t seq = regkit_seq(&s->k);
    write_buffer(s, file, SAVE_STALE);
    assert_int_equal(regkit_seq(&s->k), seq);
    s->accept = true;
    savekit_expect(s, file, SAVE_MERGED);
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
}

/* The record was in the last version, then its host registered it. */
static void a_registered_record_is_spared(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_with(savekit_without(savekit_export(s), MARKER), "web 30 IN A 192.0.2.7");

    write_buffer(s, file, SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_DELETE, "web"), 0);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_without(file, "web"), SAVE_SAME);
    ASSERT_REGISTRATIONS(s, "web", RRTYPE_A, "web=192.0.2.7");
    ASSERT_NOTE(s, "web.lab.example. A: is registered and stays");
}

static void a_registered_record_makes_way_for_no_cname(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_without(savekit_export(s), MARKER);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    file = savekit_with(file, "web 60 IN CNAME www");
    assert_int_equal(savekit_save(s, file), -BD_ECONFLICT);
    free(file);
    assert_int_equal(s->saved.type, RRTYPE_CNAME);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
}

/* ---- rule 3: a marker that is not ours ---- */

static char *with_marker(struct savekit *s, uint64_t seq, const struct hash128 *hash)
{
    struct buf marker = {0};
    char *text;

    zp_write_marker(seq, hash, &marker);
    buf_add_c(&marker, '\0');
    text = savekit_without(savekit_export(s), MARKER);
    text = savekit_with(text, marker.p);
    buf_free(&marker);
    return text;
}

/* Deletes nothing that it never had: the import was the last version without a valid marker. */
static void expect_no_marker(struct savekit *s, char *text)
{
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_with(text, "a 60 IN A 192.0.2.1"), SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    ASSERT_RECORDS(s, "kept", RRTYPE_A, "60 192.0.2.3");
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
}

static void write_kept(struct savekit *s)
{
    savekit_expect(s, savekit_with(savekit_export(s), "kept 60 IN A 192.0.2.3"), SAVE_MERGED);
}

static void a_number_that_was_edited_is_no_marker(void **state)
{
    struct savekit *s = *state;
    struct hash128 hash = regkit_mark(&s->k, 0);

    write_kept(s);
    expect_no_marker(s, savekit_without(with_marker(s, regkit_seq(&s->k), &hash), "kept"));
}

static void another_zone_s_marker_is_none(void **state)
{
    struct savekit *s = *state;

    write_kept(s);
    struct hash128 hash = regkit_mark(&s->k, 1);
    expect_no_marker(s, savekit_without(with_marker(s, regkit_seq(&s->k), &hash), "kept"));
}

static void a_marker_from_before_the_zone_is_none(void **state)
{
    struct savekit *s = *state;
    struct hash128 hash = {{0}};

    write_kept(s);
    expect_no_marker(s, savekit_without(with_marker(s, 0, &hash), "kept"));
}

/* A state.db restored from a backup knows nothing of the last registrations, which the file has:
 * they stay, and the host that comes again takes its record over. */
static void a_restored_state_takes_records_from_the_file(void **state)
{
    struct savekit *s = *state;
    struct buf backup = {0};
    char path[160];

    regkit_path(&s->k, "state.db", path);
    regkit_close(&s->k);
    assert_int_equal(file_read(path, 1 << 20, &backup), 0);
    assert_int_equal(regkit_open(&s->k), 0);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    char *file = savekit_export(s);
    regkit_close(&s->k);
    assert_int_equal(file_write_atomic(path, buf_str(&backup), 0640, false), 0);
    buf_free(&backup);
    assert_int_equal(regkit_open(&s->k), 0);
    savekit_expect(s, file, SAVE_MERGED);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.8"), 0);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.8");
    ASSERT_REGISTRATIONS(s, "web", RRTYPE_A, "web=192.0.2.8");
}

/* The history of an import of our own file begins anew: its marker is none, and since nobody knows
 * which of its records hosts have registered, a save deletes none. */
static void an_import_of_our_own_file_is_no_base(void **state)
{
    struct savekit *s = *state;
    char path[160];

    char *file = savekit_export(s);
    regkit_close(&s->k);
    regkit_write(&s->k, 0, file);
    regkit_path(&s->k, "state.db", path);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(regkit_open(&s->k), 0);
    savekit_expect(s, savekit_without(file, "old"), SAVE_SAME);
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "60 \"old\"");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, savekit_make, savekit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_the_first_save_added_the_second_deletes),
        TEST(what_the_first_save_deleted_the_second_brings_back),
        TEST(a_second_save_is_no_new_addition),
        TEST(the_same_buffer_saved_again_asks_for_nothing),
        TEST(a_save_that_changed_nothing_is_a_base),
        TEST(a_ttl_shows_a_save_too),
        TEST(two_editors_do_not_delete_each_other_s_records),
        TEST(what_another_save_deleted_stays_away),
        TEST(a_serial_that_both_count_up_joins_nobody),
        TEST(an_undone_save_is_held),
        TEST(a_deployment_with_our_marker_has_its_own_versions),
        TEST(without_a_marker_the_last_version_without_is_the_base),
        TEST(the_same_file_without_a_marker_asks_for_nothing),
        TEST(a_registered_record_is_spared),
        TEST(a_registered_record_makes_way_for_no_cname),
        TEST(a_number_that_was_edited_is_no_marker),
        TEST(another_zone_s_marker_is_none),
        TEST(a_marker_from_before_the_zone_is_none),
        TEST(a_restored_state_takes_records_from_the_file),
        TEST(an_import_of_our_own_file_is_no_base),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

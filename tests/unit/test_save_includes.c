/* Records of included files: merged by the last version of their own file, changed by hands only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include <betterdns/includes.h>

#include "save_kit.h"

#define ONE "one 60 IN A 198.51.100.1\n"
#define TWO "two 60 IN A 198.51.100.2\n"
#define THREE "three 60 IN A 198.51.100.3\n"
#define INCLUDE "$INCLUDE hosts.inc"

static int start(void **state)
{
    static struct savekit kit;

    savekit_start_with(&kit, "hosts.inc", ONE TWO);
    *state = &kit;
    return 0;
}

/* What the export of such a zone looks like: the included records are not in it. */
static char *export(struct savekit *s)
{
    static const char *const included[] = {"one.", "two.", "three."};
    char *text = savekit_export(s);

    for (size_t i = 0; i < ARRAY_SIZE(included); i++)
        if (strstr(text, included[i]))
            text = savekit_without(text, included[i]);
    return savekit_with(text, INCLUDE);
}

static void edit_included(struct savekit *s, char *file, const char *included)
{
    savekit_include(s, "hosts.inc", included);
    assert_int_equal(savekit_save(s, file), 0);
}

/* ---- merging ---- */

static void an_edit_of_an_included_file_is_merged(void **state)
{
    struct savekit *s = *state;
    char *file = export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    edit_included(s, file, TWO THREE);
    assert_int_equal(s->saved.verdict, SAVE_MERGED);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "two", RRTYPE_A, "60 198.51.100.2");
    ASSERT_RECORDS(s, "three", RRTYPE_A, "60 198.51.100.3");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    free(file);
}

/* All with one marker, and the second shows nothing of the first: an include has no two authors. */
static void each_version_of_an_included_file_is_the_base_of_the_next(void **state)
{
    struct savekit *s = *state;
    char *file = export(s);

    edit_included(s, file, ONE TWO THREE);
    edit_included(s, file, ONE TWO);
    assert_int_equal(s->saved.verdict, SAVE_MERGED);
    ASSERT_RECORDS(s, "three", RRTYPE_A, "-");
    edit_included(s, file, THREE);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "three", RRTYPE_A, "60 198.51.100.3");
    regkit_reopen(&s->k);
    edit_included(s, file, "");
    ASSERT_RECORDS(s, "three", RRTYPE_A, "-");
    free(file);
}

/* A stale editor of the zone file itself, while the include has moved on. */
static void a_stale_zone_file_leaves_its_includes_alone(void **state)
{
    struct savekit *s = *state;
    char *stale = export(s), *file = export(s);

    edit_included(s, file, TWO THREE);
    free(file);
    savekit_expect(s, savekit_without(stale, "old"), SAVE_MERGED);
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "-");
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "three", RRTYPE_A, "60 198.51.100.3");
}

/* What an included file has deleted is nothing that two authors of the zone file share. */
static void two_editors_share_no_edit_of_an_included_file(void **state)
{
    struct savekit *s = *state;
    char *first = savekit_with(export(s), "a 60 IN A 192.0.2.1");

    char *second = savekit_with(export(s), "b 60 IN A 192.0.2.2");
    savekit_expect(s, first, SAVE_MERGED);
    edit_included(s, second, TWO);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "60 192.0.2.2");
    free(second);
}

/* The same, when it was deleted before they saved. */
static void nor_one_that_was_made_before(void **state)
{
    struct savekit *s = *state;
    char *first = savekit_with(export(s), "a 60 IN A 192.0.2.1");
    char *second = savekit_with(export(s), "b 60 IN A 192.0.2.2"), *file = export(s);

    edit_included(s, file, TWO);
    free(file);
    savekit_expect(s, first, SAVE_MERGED);
    savekit_expect(s, second, SAVE_MERGED);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "a", RRTYPE_A, "60 192.0.2.1");
    ASSERT_RECORDS(s, "b", RRTYPE_A, "60 192.0.2.2");
}

/* A host registers what an included file had: an editor who read the zone before has not deleted
 * it, one who read it since may. */
static void a_record_goes_from_an_included_file_to_its_host(void **state)
{
    struct savekit *s = *state;
    char *stale = savekit_with(export(s), "a 60 IN A 192.0.2.1"), *file = export(s);

    edit_included(s, file, TWO);
    free(file);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "one", .values = "198.51.100.1", .ttl = 60), 0);
    savekit_expect(s, stale, SAVE_MERGED);
    ASSERT_REGISTRATIONS(s, "one", RRTYPE_A, "one=198.51.100.1");
    savekit_expect(s, export(s), SAVE_MERGED);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
}

static void the_include_line_takes_its_records_along(void **state)
{
    struct savekit *s = *state;

    savekit_expect(s, savekit_without(export(s), INCLUDE), SAVE_MERGED);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
    savekit_expect(s, export(s), SAVE_MERGED);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "60 198.51.100.1");
}

/* From the included file into the zone file, and back. */
static void a_record_may_move(void **state)
{
    struct savekit *s = *state;
    uint64_t seq = regkit_seq(&s->k);
    char *file = savekit_with(export(s), "one 60 IN A 198.51.100.1");

    edit_included(s, file, TWO);
    assert_int_equal(s->saved.verdict, SAVE_SAME);
    edit_included(s, savekit_without(file, "one 60"), ONE TWO);
    assert_int_equal(s->saved.verdict, SAVE_SAME);
    assert_int_equal(regkit_seq(&s->k), seq);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "60 198.51.100.1");
    free(file);
}

static void without_a_marker_an_include_is_merged_too(void **state)
{
    struct savekit *s = *state;
    char *file = savekit_without(export(s), "; betterdns");

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    edit_included(s, file, ONE);
    ASSERT_RECORDS(s, "two", RRTYPE_A, "-");
    edit_included(s, file, TWO);
    ASSERT_RECORDS(s, "one", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "two", RRTYPE_A, "60 198.51.100.2");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    free(file);
}

/* ---- nobody else changes them ---- */

static void expect_refused(struct savekit *s, const struct ask *ask)
{
    assert_int_equal(regkit_ask(&s->k, ask), -BD_ECONFLICT);
    assert_string_equal(s->k.problem.field, "name");
    assert_string_equal(s->k.problem.hint, "");
}

static void the_api_does_not_change_included_records(void **state)
{
    struct savekit *s = *state;

    expect_refused(s, &WHAT(OP_DELETE, "one"));
    expect_refused(s, &WHAT(OP_PUT, "one", .values = "192.0.2.1"));
    expect_refused(s, &WHAT(OP_PUT, "one", .values = "198.51.100.1", .ttl = 90));
    expect_refused(s, &WHAT(OP_REGISTER, "one", .values = "198.51.100.1"));
    ASSERT_RECORDS(s, "one", RRTYPE_A, "60 198.51.100.1");
    /* Beside them there is room. */
    assert_int_equal(ASK(&s->k, OP_PUT, "one", .values = "198.51.100.1|192.0.2.1"), 0);
    assert_int_equal(ASK(&s->k, OP_DELETE, "one", .values = "192.0.2.1"), 0);
}

/* From the save on, and no longer than the file says so. */
static void what_is_included_is_known_from_the_last_save(void **state)
{
    struct savekit *s = *state;
    char *file = export(s);

    edit_included(s, file, TWO THREE);
    expect_refused(s, &WHAT(OP_DELETE, "three"));
    savekit_expect(s, savekit_with(savekit_without(file, INCLUDE), "two 60 IN A 198.51.100.2"),
                   SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_DELETE, "two"), 0);
}

/* After a start that found the file unchanged. */
static void what_is_included_can_be_told(void **state)
{
    struct savekit *s = *state;
    struct zp_options options = {
        .origin = s->k.zones[0].origin, .default_ttl = 30, .include = includes_read};
    struct includes *includes;
    struct zp_zone *records;
    char *file = export(s);

    regkit_reopen(&s->k);
    assert_int_equal(includes_new(s->k.file[0], &includes), 0);
    options.include_arg = includes;
    assert_int_equal(zp_zone_load(str_c(file), &options, &records), 0);
    assert_int_equal(registry_note_included(s->k.r, 0, records), 0);
    zp_zone_free(records);
    includes_free(includes);
    free(file);
    expect_refused(s, &WHAT(OP_DELETE, "one"));
}

/* A save that asks for nothing says what is included too. */
static void a_save_at_start_says_what_is_included(void **state)
{
    struct savekit *s = *state;

    regkit_reopen(&s->k);
    savekit_expect(s, export(s), SAVE_SAME);
    expect_refused(s, &WHAT(OP_DELETE, "one"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, start, savekit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_edit_of_an_included_file_is_merged),
        TEST(each_version_of_an_included_file_is_the_base_of_the_next),
        TEST(a_stale_zone_file_leaves_its_includes_alone),
        TEST(two_editors_share_no_edit_of_an_included_file),
        TEST(nor_one_that_was_made_before),
        TEST(a_record_goes_from_an_included_file_to_its_host),
        TEST(the_include_line_takes_its_records_along),
        TEST(a_record_may_move),
        TEST(without_a_marker_an_include_is_merged_too),
        TEST(the_api_does_not_change_included_records),
        TEST(what_is_included_is_known_from_the_last_save),
        TEST(what_is_included_can_be_told),
        TEST(a_save_at_start_says_what_is_included),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

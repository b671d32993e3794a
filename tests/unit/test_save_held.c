/* Rules 5 and 6 of "The people's file": saves that change nothing before somebody says yes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <cmocka.h>

#include "save_kit.h"

/* ---- rule 5 ---- */

static void an_untouched_save_is_the_same(void **state)
{
    struct savekit *s = *state;
    uint64_t seq = regkit_seq(&s->k);

    savekit_expect(s, savekit_export(s), SAVE_SAME);
    assert_int_equal(regkit_seq(&s->k), seq);
    assert_int_equal(s->saved.seq, seq);
    assert_int_equal(s->saved.serial, 8);
}

static void an_untouched_stale_buffer_changes_nothing(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    uint64_t seq = regkit_seq(&s->k);
    savekit_expect(s, text, SAVE_STALE);
    assert_int_equal(regkit_seq(&s->k), seq);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
}

/* Names are the same in other letters (RFC 4343), comments are no records. */
static void a_stale_buffer_may_be_spelled_anew(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_replace(savekit_export(s), "mail.lab.example. 60 IN MX 10 www",
                                 "MAIL.lab.example. 60 IN MX 10 WWW");

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_with(text, "; a comment"), SAVE_STALE);
}

/* The zone has moved on and come back. */
static void a_stale_buffer_may_be_right_again(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_int_equal(ASK(&s->k, OP_DELETE, "web"), 0);
    savekit_expect(s, text, SAVE_SAME);
}

/* accept: what files have done since then is undone, what the API has done stays. */
static void an_accepted_backup_undoes_the_file_s_own_changes(void **state)
{
    struct savekit *s = *state;
    char *backup = savekit_export(s), *text = savekit_export(s);

    text = savekit_without(savekit_without(text, "old"), "192.0.2.81");
    text = savekit_replace(text, "mail.lab.example. 60", "mail.lab.example. 90");
    text = savekit_replace(text, "www.lab.example. 60", "www.lab.example. 90");
    text = savekit_replace(text, "3600 600 ", "1800 600 ");
    savekit_expect(s, savekit_with(text, "new 60 IN A 192.0.2.90"), SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    assert_int_equal(ASK(&s->k, OP_PUT, "www", .values = "192.0.2.80|192.0.2.82"), 0);
    assert_int_equal(savekit_save(s, backup), 0);
    assert_int_equal(s->saved.verdict, SAVE_STALE);
    s->accept = true;
    savekit_expect(s, backup, SAVE_MERGED);
    ASSERT_RECORDS(s, "new", RRTYPE_A, "-");
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "60 \"old\"");
    ASSERT_RECORDS(s, "mail", RRTYPE_MX, "60 10 www.lab.example.");
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7");
    ASSERT_REGISTRATIONS(s, "web", RRTYPE_A, "web=192.0.2.7");
    ASSERT_RECORDS(s, "www", RRTYPE_A, "60 192.0.2.80|192.0.2.81|192.0.2.82");
    ASSERT_RECORDS(s, "lab.example.", RRTYPE_SOA,
                   "3600 ns1.lab.example. hostmaster.lab.example. 12 3600 600 1209600 10");
}

/* What a file did before is no concern of it. */
static long peak_kib(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

/* In memory that grows with the edit, not with its square. */
static void an_accepted_backup_undoes_a_large_edit(void **state)
{
    struct savekit *s = *state;
    char *backup = savekit_export(s), *lines = calloc(5000, 32);
    size_t n = 0;

    assert_non_null(lines);
    for (unsigned i = 0; i < 5000; i++)
        n += (size_t)sprintf(lines + n, "h%u 60 IN A 192.0.2.1\n", i);
    savekit_expect(s, savekit_with(savekit_export(s), lines), SAVE_MERGED);
    const long before = peak_kib();
    s->accept = true;
    savekit_expect(s, backup, SAVE_MERGED);
    assert_int_equal(s->saved.deleted, 5000);
    assert_true(peak_kib() - before < 256L * 1024);
    free(lines);
}

/* Not a sentence for each of a thousand hosts; but that there are more is said. */
static void many_notes_are_cut(void **state)
{
    struct savekit *s = *state;
    char name[16];

    for (unsigned i = 0; i < 52; i++) {
        snprintf(name, sizeof(name), "h%u", i);
        assert_int_equal(ASK(&s->k, OP_REGISTER, name, .values = "192.0.2.1"), 0);
    }
    char *all = savekit_export(s);
    s->accept = true;
    savekit_expect(s, savekit_without(strdup(all), "h51."), SAVE_MERGED);
    assert_null(strstr(s->notes, "not listed"));
    savekit_expect(s, savekit_without(all, "192.0.2.1"), SAVE_MERGED);
    ASSERT_NOTE(s, "there is more of this kind, which is not listed");
}

static void an_accepted_backup_undoes_nothing_from_before(void **state)
{
    struct savekit *s = *state;

    savekit_expect(s, savekit_without(savekit_export(s), "old"), SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "old", RRTYPE_TXT, "\"old\"", .ttl = 60), 0);
    char *backup = savekit_export(s);
    assert_int_equal(ASK(&s->k, OP_DELETE, "old", RRTYPE_TXT), 0);
    s->accept = true;
    savekit_expect(s, backup, SAVE_SAME);
    ASSERT_RECORDS(s, "old", RRTYPE_TXT, "-");
}

/* A registration of a record that a file wrote first stays too. */
static void an_accepted_backup_spares_registrations(void **state)
{
    struct savekit *s = *state;
    char *backup = savekit_export(s);

    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.7"), 0);
    savekit_expect(s, savekit_with(savekit_export(s), "web 30 IN A 192.0.2.8"), SAVE_MERGED);
    assert_int_equal(ASK(&s->k, OP_REGISTER, "web", .values = "192.0.2.8", .id = "b"), 0);
    s->accept = true;
    savekit_expect(s, backup, SAVE_SAME);
    ASSERT_RECORDS(s, "web", RRTYPE_A, "30 192.0.2.7|192.0.2.8");
}

/* ---- rule 6 ---- */

static char *many(struct savekit *s, unsigned n)
{
    char *text = savekit_export(s), line[64];

    for (unsigned i = 0; i < n; i++) {
        snprintf(line, sizeof(line), "h%03u 60 IN A 198.51.100.%u", i, i % 250);
        text = savekit_with(text, line);
    }
    savekit_expect(s, text, SAVE_MERGED);
    return savekit_export(s);
}

static char *without_some(char *text, unsigned n)
{
    char owner[16];

    for (unsigned i = 0; i < n; i++) {
        snprintf(owner, sizeof(owner), "h%03u.", i);
        text = savekit_without(text, owner);
    }
    return text;
}

static void half_a_save_is_held(void **state)
{
    struct savekit *s = *state;

    char *text = without_some(many(s, 100), 21);
    uint64_t seq = regkit_seq(&s->k);
    assert_int_equal(savekit_save(s, text), 0);
    assert_int_equal(s->saved.verdict, SAVE_TOO_MANY);
    assert_int_equal(s->saved.deleted, 21);
    assert_int_equal(regkit_seq(&s->k), seq);
    ASSERT_RECORDS(s, "h000", RRTYPE_A, "60 198.51.100.0");
    s->accept = true;
    savekit_expect(s, text, SAVE_MERGED);
    assert_int_equal(s->saved.deleted, 21);
    ASSERT_RECORDS(s, "h000", RRTYPE_A, "-");
}

static void twenty_deletions_are_fine(void **state)
{
    struct savekit *s = *state;

    savekit_expect(s, without_some(many(s, 30), 20), SAVE_MERGED);
}

static void a_tenth_of_a_large_zone_is_fine(void **state)
{
    struct savekit *s = *state;

    char *text = many(s, 293); /* and 7 */
    savekit_expect(s, without_some(text, 30), SAVE_MERGED);
    text = savekit_export(s);
    for (unsigned i = 30; i < 58; i++) {
        char owner[16];
        snprintf(owner, sizeof(owner), "h%03u.", i);
        text = savekit_without(text, owner);
    }
    savekit_expect(s, text, SAVE_TOO_MANY);
}

/* `sed -i` over the whole file: a changed record is not a deleted one. */
static void changed_records_do_not_count(void **state)
{
    struct savekit *s = *state;
    char *text = many(s, 100), *at;

    while ((at = strstr(text, "198.51.100.")))
        memcpy(at, "203.0.113.1", 11);
    savekit_expect(s, text, SAVE_MERGED);
    ASSERT_RECORDS(s, "h042", RRTYPE_A, "60 203.0.113.142");
}

/* What would not leave anyway does not count either. */
static void records_that_are_gone_already_do_not_count(void **state)
{
    struct savekit *s = *state;
    char *text = without_some(many(s, 30), 25), owner[16];

    for (unsigned i = 0; i < 10; i++) {
        snprintf(owner, sizeof(owner), "h%03u", i);
        assert_int_equal(ASK(&s->k, OP_DELETE, owner), 0);
    }
    savekit_expect(s, text, SAVE_MERGED);
    assert_int_equal(s->saved.deleted, 15);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, savekit_make, savekit_remove)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_untouched_save_is_the_same),
        TEST(an_untouched_stale_buffer_changes_nothing),
        TEST(a_stale_buffer_may_be_spelled_anew),
        TEST(a_stale_buffer_may_be_right_again),
        TEST(an_accepted_backup_undoes_the_file_s_own_changes),
        TEST(an_accepted_backup_undoes_a_large_edit),
        TEST(many_notes_are_cut),
        TEST(an_accepted_backup_undoes_nothing_from_before),
        TEST(an_accepted_backup_spares_registrations),
        TEST(half_a_save_is_held),
        TEST(twenty_deletions_are_fine),
        TEST(a_tenth_of_a_large_zone_is_fine),
        TEST(changed_records_do_not_count),
        TEST(records_that_are_gone_already_do_not_count),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The tidied zone file: what it looks like, that it is the same zone, that it is at rest. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>
#include <betterdns/zonefile.h>

static struct zp_options options = {.any_owner = true};

static int include_nothing(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    (void)arg, (void)name, (void)depth;
    *ret_source = (struct zp_source){.name = "none", .text = {"", 0}};
    return 0;
}

static int setup(void **state)
{
    (void)state;
    options.include = include_nothing;
    return dname_from_text(STR("example.com."), NULL, &options.origin, NULL);
}

static void end_text(struct buf *b)
{
    buf_add_c(b, '\0');
    assert_int_equal(b->error, 0);
}

static void assert_tidy(const char *text, const char *want)
{
    struct buf out = {.p = NULL}, again = {.p = NULL};

    assert_int_equal(zp_fmt(str_c(text), &options, &out), 0);
    end_text(&out);
    assert_string_equal(out.p, want);
    assert_int_equal(zp_fmt(str_c(out.p), &options, &again), 0);
    end_text(&again);
    assert_string_equal(again.p, want);
    buf_free(&out);
    buf_free(&again);
}

static void test_columns(void **state)
{
    (void)state;
    assert_tidy("a A 192.0.2.1", "a A 192.0.2.1\n");
    assert_tidy("a  A 192.0.2.1 ; x\t \nweb 5m\tIN AAAA ::1;y\nmail IN 300 MX 10\ta\n",
                "a           A    192.0.2.1 ; x\n"
                "web   5m IN AAAA ::1       ;y\n"
                "mail 300 IN MX   10 a\n");
    /* No owner, an owner that is too long to count, nothing but a type. */
    assert_tidy("a A 192.0.2.1\n\tIN  NS b\na2345678901234567890123456 NS b\nb APL\n",
                "a    A   192.0.2.1\n"
                "  IN NS  b\n"
                "a2345678901234567890123456 NS b\n"
                "b    APL\n");
    /* The widest owner that counts, and the next. */
    assert_tidy("a23456789012345678901234 A 192.0.2.1\nb NS b\n",
                "a23456789012345678901234 A  192.0.2.1\nb                        NS b\n");
    assert_tidy("a234567890123456789012345 A 192.0.2.1\nb NS b\n",
                "a234567890123456789012345 A 192.0.2.1\nb NS b\n");
    assert_tidy("a CLASS1 5 A 192.0.2.1\nb Class01 A 192.0.2.1\n",
                "a 5 CLASS1  A 192.0.2.1\nb   Class01 A 192.0.2.1\n");
    assert_tidy(" ; no record\na A 192.0.2.1\n\t;x\n", " ; no record\na A 192.0.2.1\n\t;x\n");
    /* Wide characters are one column. */
    assert_tidy("\xc3\xa9 A 192.0.2.1\nab TXT \"\xc3\xa9\"  ; x\n  A 192.0.2.1 ; y\n",
                "\xc3\xa9  A   192.0.2.1\nab TXT \"\xc3\xa9\"       ; x\n   A   192.0.2.1 ; y\n");
}

static void test_lines_stay(void **state)
{
    (void)state;
    assert_tidy("", "");
    assert_tidy("\n", "\n");
    assert_tidy(";  a  \n\n  \n  ;b", ";  a\n\n\n  ;b\n");
    assert_tidy("$TTL\t 5 ;x\n$origin  a.b.c  ;y\n$ORIGIN .",
                "$TTL 5        ;x\n$origin a.b.c ;y\n$ORIGIN .\n");
}

static void test_groups(void **state)
{
    (void)state;
    assert_tidy("@ SOA a b (1;serial\n2 ; refresh\n\n  ; retry is next\n 3\n4 5)\n A 192.0.2.1\n",
                "@ SOA a b ( 1 ;serial\n"
                "      2       ; refresh\n"
                "\n"
                "      ; retry is next\n"
                "      3\n"
                "      4 5 )\n"
                "  A   192.0.2.1\n");
    assert_tidy("@ TXT(a\"b c\" \"d\"e\n)\nsvc SVCB 1 . alpn=\"h2,h3\" port=1\n",
                "@   TXT  ( a\"b c\" \"d\"e\n"
                "         )\n"
                "svc SVCB 1 . alpn=\"h2,h3\" port=1\n");
    /* What is around the type stays as it is, blanks at the end of a word too. */
    assert_tidy("w ( 5\n IN ) A  ( \n 192.0.2.1\n)\nlong  A 192.0.2.1\n",
                "w ( 5\n IN ) A  ( \n 192.0.2.1\n)\nlong A 192.0.2.1\n");
    assert_tidy("()\n( ) b  TXT x\\ ", "()\n( ) b  TXT x\\ \n");
    assert_tidy("b  TXT x\\ \n", "b TXT x\\ \n");
    assert_tidy("$TTL (\n  5 )\n", "$TTL (\n5 )\n");
}

static void test_line_ends(void **state)
{
    (void)state;
    assert_tidy("a  A 192.0.2.1 ; x \r\n\r\nb  TXT (a\r\nb)\r\n; c\r\nd A 192.0.2.1",
                "a A   192.0.2.1 ; x\r\n\r\nb TXT ( a\r\n      b )\r\n; c\r\nd A   192.0.2.1\r\n");
    assert_tidy("a  A 192.0.2.1\nb A  192.0.2.1\r\n", "a A 192.0.2.1\nb A 192.0.2.1\n");
}

static void test_comments_align(void **state)
{
    struct buf text = {.p = NULL};
    const char *line;

    (void)state;
    assert_tidy(
        "a A 192.0.2.1 ;1\nb TXT \"123456789012345678901234567890123456789012345678901234567"
        "890123456789\"  ;2\nc A 192.0.2.100 ;3\nd A 192.0.2.1\ne A ( ;4\n 192.0.2.1 );5\n",
        "a A   192.0.2.1   ;1\n"
        "b TXT \"12345678901234567890123456789012345678901234567890123456789012345678"
        "9\" ;2\n"
        "c A   192.0.2.100 ;3\n"
        "d A   192.0.2.1\n"
        "e A   (           ;4\n"
        "      192.0.2.1 ) ;5\n");
    /* A very long run is cut, always at the same line. */
    for (unsigned i = 0; i < 1000; i++)
        buf_addf(&text, "a%u A 192.0.2.1 ;\n", i);
    end_text(&text);
    struct buf out = {.p = NULL};
    assert_int_equal(zp_fmt(str_c(text.p), &options, &out), 0);
    end_text(&out);
    for (line = out.p; *line; line = strchr(line, '\n') + 1)
        assert_int_equal(strcspn(line, ";"), 4 + 1 + 2 + 9 + 1);
    buf_free(&text);
    buf_free(&out);
}

static void test_kept_directives(void **state)
{
    (void)state;
    assert_tidy("a  A 192.0.2.1\n$INCLUDE   x  ; y \n$include (  x\n)\na  A 192.0.2.2",
                "a A 192.0.2.1\n$INCLUDE   x  ; y \n$include (  x\n)\na A 192.0.2.2\n");
    assert_tidy("$GENERATE   1-3  h$  A 192.0.2.$  ", "$GENERATE   1-3  h$  A 192.0.2.$  \n");
}

static void test_refused(void **state)
{
    struct buf out = {.p = NULL};

    (void)state;
    assert_int_equal(zp_fmt(STR("a A 192.0.2.1\nb A x\n"), &options, &out), -BD_ESYNTAX);
    assert_int_equal(zp_fmt(STR("a TXT \"x"), &options, &out), -BD_ESYNTAX);
    assert_int_equal(zp_fmt(STR("a TXT (x"), &options, &out), -BD_ESYNTAX);
    assert_int_equal(out.n, 0);
}

/* ---- the same zone ---- */

static int on_record(void *arg, const struct zp_record *record)
{
    zp_write_canonical(record, arg);
    return 0;
}

/* Is the text accepted? Then the tidy one is the same zone, and stays. */
static bool same_zone(struct str text)
{
    struct buf records = {.p = NULL}, tidy = {.p = NULL}, same = {.p = NULL}, again = {.p = NULL};
    bool accepted = zp_parse(text, &options, on_record, &records) == 0;

    if (accepted && zp_fmt(text, &options, &tidy) != 0)
        fail_msg("refused:\n%.*s", STR_ARG(text));
    if (accepted && (zp_parse(buf_str(&tidy), &options, on_record, &same) != 0 ||
                     !str_eq(buf_str(&same), buf_str(&records))))
        fail_msg("another zone:\n%.*s\nof:\n%.*s", STR_ARG(tidy), STR_ARG(text));
    if (accepted &&
        (zp_fmt(buf_str(&tidy), &options, &again) != 0 || !str_eq(buf_str(&again), buf_str(&tidy))))
        fail_msg("changed again:\n%.*s\n%.*s", STR_ARG(tidy), STR_ARG(again));
    buf_free(&records);
    buf_free(&tidy);
    buf_free(&same);
    buf_free(&again);
    return accepted;
}

static void test_corpus_stays_the_same(void **state)
{
    glob_t found;
    unsigned accepted = 0;

    (void)state;
    options.default_ttl = 60;
    assert_int_equal(glob("tests/corpus/zone*/*", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf text = {.p = NULL};
        assert_int_equal(file_read(found.gl_pathv[i], 1 << 20, &text), 0);
        accepted += same_zone(buf_str(&text));
        buf_free(&text);
    }
    globfree(&found);
    assert_true(accepted >= 100);
}

static uint64_t seed = 20260102;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* Lines made of what zone files are made of, in any order. */
static void test_random_text_stays_the_same(void **state)
{
    static const char *const pieces[] = {
        "a",
        "A",
        "192.0.2.1",
        " ",
        " ",
        "\t",
        "  ",
        "\n",
        "\n",
        "\r\n",
        "(",
        ")",
        ";x",
        "; y ",
        "IN",
        "5m",
        "300",
        "TXT",
        "\"q\"",
        "\"\"",
        "\\ ",
        "\\;",
        "@",
        "MX",
        "10 b",
        "$TTL 5",
        "\n$ORIGIN c\n",
        "a A 192.0.2.1\n",
        " TXT ",
        "b TXT (",
        "\\\"",
        "\"a\\\"b\"",
        "CLASS1",
        "\xc3\xa9",
    };
    unsigned accepted = 0;

    (void)state;
    options.default_ttl = 60;
    for (int i = 0; i < 60000; i++) {
        struct buf text = {.p = NULL};
        buf_add_str(&text, draw(2) ? STR("x TXT ") : STR("x 5 TXT ("));
        for (uint32_t n = draw(12); n > 0; n--)
            buf_add_str(&text, str_c(pieces[draw(ARRAY_SIZE(pieces))]));
        accepted += same_zone(buf_str(&text));
        buf_free(&text);
    }
    assert_true(accepted >= 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_columns),
        cmocka_unit_test(test_lines_stay),
        cmocka_unit_test(test_groups),
        cmocka_unit_test(test_line_ends),
        cmocka_unit_test(test_comments_align),
        cmocka_unit_test(test_kept_directives),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_corpus_stays_the_same),
        cmocka_unit_test(test_random_text_stays_the_same),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}

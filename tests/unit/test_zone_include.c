/* $INCLUDE: what it means, where it ends, what is said of its faults, where records stand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "directive_kit.h"

static void test_include(void **state)
{
    static const struct file files[] = {
        {"hosts", "x A 192.0.2.1\ny TXT \"a b\"\n"},
        {"a b;c", "x A 192.0.2.2"}, /* no line end */
        {"empty", ""},
        {"one", "a A 192.0.2.1\n$INCLUDE two\nb A 192.0.2.2\n"},
        {"two", "c A 192.0.2.3\n"},
        {NULL, NULL},
    };

    (void)state;
    assert_records("$INCLUDE hosts\nz A 192.0.2.9\n", files,
                   "x.example.org. 60 A 192.0.2.1 1\ny.example.org. 60 TXT \"a b\" 1\n"
                   "z.example.org. 60 A 192.0.2.9\n");
    assert_records("$include \"hosts\" ; quoted", files,
                   "x.example.org. 60 A 192.0.2.1 1\ny.example.org. 60 TXT \"a b\" 1\n");
    assert_records("$INCLUDE a\\032b\\;c\n$INCLUDE \"a b;c\"\n$INCLUDE ( a\\ b\\059c\n )\n", files,
                   "x.example.org. 60 A 192.0.2.2 1\nx.example.org. 60 A 192.0.2.2 2\n"
                   "x.example.org. 60 A 192.0.2.2 3\n");
    assert_records("$INCLUDE empty\n$INCLUDE one\nz A 192.0.2.9\n", files,
                   "a.example.org. 60 A 192.0.2.1 2\nc.example.org. 60 A 192.0.2.3 3\n"
                   "b.example.org. 60 A 192.0.2.2 2\nz.example.org. 60 A 192.0.2.9\n");
    assert_records("$INCLUDE hosts sub\n$INCLUDE two other.example.org.\nz A 192.0.2.9\n", files,
                   "x.sub.example.org. 60 A 192.0.2.1 1\ny.sub.example.org. 60 TXT \"a b\" 1\n"
                   "c.other.example.org. 60 A 192.0.2.3 2\nz.example.org. 60 A 192.0.2.9\n");
}

/* $ORIGIN, $TTL, the last TTL and the last owner end with their file; an included file begins with
 * its includer's. */
static void test_include_scope(void **state)
{
    static const struct file files[] = {
        {"origin", "$ORIGIN in\nx A 192.0.2.1\n"},
        {"ttl", "x A 192.0.2.1\n$TTL 7\nx A 192.0.2.2\n"},
        {"owner", " A 192.0.2.1\nx 9 A 192.0.2.2\n"},
        {"bad owner", "x..y A 192.0.2.1\n"},
        {NULL, NULL},
    };
    struct run run;

    (void)state;
    assert_records("$INCLUDE origin\nz A 192.0.2.9\n", files,
                   "x.in.example.org. 60 A 192.0.2.1 1\nz.example.org. 60 A 192.0.2.9\n");
    assert_records("$TTL 5\n$INCLUDE ttl\nz A 192.0.2.9\n", files,
                   "x.example.org. 5 A 192.0.2.1 1\nx.example.org. 7 A 192.0.2.2 1\n"
                   "z.example.org. 5 A 192.0.2.9\n");
    assert_records("w 5 A 192.0.2.8\n$INCLUDE owner sub\n A 192.0.2.9\nw A 192.0.2.7\n", files,
                   "w.example.org. 5 A 192.0.2.8\nw.example.org. 5 A 192.0.2.1 1\n"
                   "x.sub.example.org. 9 A 192.0.2.2 1\nw.example.org. 5 A 192.0.2.9\n"
                   "w.example.org. 5 A 192.0.2.7\n");
    /* The same spelling under another origin is another name. */
    assert_records("x A 192.0.2.8\n$INCLUDE ttl sub\nx A 192.0.2.9\n", files,
                   "x.example.org. 60 A 192.0.2.8\nx.sub.example.org. 60 A 192.0.2.1 1\n"
                   "x.sub.example.org. 7 A 192.0.2.2 1\nx.example.org. 60 A 192.0.2.9\n");
    run = parse("w A 192.0.2.8\n$INCLUDE \"bad owner\"\n A 192.0.2.9\n", files);
    assert_int_equal(run.nerrors, 1);
    assert_string_equal(run.records.p,
                        "w.example.org. 60 A 192.0.2.8\nw.example.org. 60 A 192.0.2.9\n");
    end_run(&run);
}

static void test_include_faults(void **state)
{
    static const struct file files[] = {
        {"self", "a A 192.0.2.1\n$INCLUDE self\n"},
        {"ping", "$INCLUDE pong"},
        {"pong", "a A 192.0.2.1\n\n$INCLUDE ping\n"},
        {"out", "a A 192.0.2.1\na.example.com. A 192.0.2.1\n"},
        {"bom", "\xef\xbb\xbf"
                "a A 192.0.2.1\n"},
        {"open", "a A 192.0.2.1 (\n"},
        {"quote", "a TXT \"x\n"},
        {"dot", "a.example.org A 192.0.2.1\n"},
        {NULL, NULL},
    };

    (void)state;
    assert_fault("$INCLUDE", files, "z:1:9: error: $INCLUDE needs a file name");
    assert_fault("$INCLUDE \"\"", files, "z:1:10: error: $INCLUDE needs a file name");
    assert_fault("$INCLUDE \\000", files, "z:1:10: error: '\\000' is not a file name");
    assert_fault("$INCLUDE \\999", files, "z:1:10: error: '\\999' is not a file name");
    assert_fault("$INCLUDE out a..b", files,
                 "z:1:16: error: 'a..b' is not a name: a label is empty (two dots in a row, or a "
                 "dot in front)");
    assert_fault("$INCLUDE out a b", files,
                 "z:1:16: error: $INCLUDE takes a file name and an "
                 "origin");
    assert_fault("$INCLUDE out \"a\"", files,
                 "z:1:14: error: $INCLUDE takes a file name and an "
                 "origin");
    assert_fault("$INCLUDE \"out", files, "z:1:10: error: this quote is never closed");
    assert_fault("\n$INCLUDE none\n", files,
                 "z:2:10: error: 'none' cannot be included: No such file or directory");
    assert_fault("$INCLUDE refused", files, "z:1:10: error: it is a FIFO, not a file");
    assert_fault("$INCLUDE self", files, "self:2:10: error: 'self' includes itself");
    assert_fault("$INCLUDE ping", files,
                 "pong:3:10: error: 'ping' includes itself, by way of another file");
    assert_fault("$INCLUDE out", files,
                 "out:2:1: error: 'a.example.com.' is outside the zone 'example.org.'");
    assert_fault("$INCLUDE bom", files,
                 "bom:1:1: error: a byte order mark, which no zone file has: save it without");
    assert_fault("$INCLUDE open\n)", files, "open:1:15: error: this parenthesis is never closed");
    assert_fault("$INCLUDE quote", files, "quote:1:7: error: this quote is not closed in its line");
    assert_fault("$INCLUDE dot", files,
                 "dot:1:1: warning: 'a.example.org' means 'a.example.org.example.org.' here (did "
                 "you forget the final dot?)");
}

/* An error shows the line of its own file, and what is behind the file is still read. */
static void test_include_shown(void **state)
{
    static const struct file files[] = {
        {"conf/hosts", "ok A 192.0.2.1\nbad AAA ::1\n$INCLUDE deeper\nbad TXTT x\n"},
        {"deeper", "\n\ndeep MXX\n"},
        {NULL, NULL},
    };

    (void)state;
    assert_shown("a B 1\n$INCLUDE conf/hosts\nb AAA 2\n", files,
                 "z:1:3: error: unknown record type 'B'\n"
                 "  1 | a B 1\n"
                 "    |   ^\n"
                 "conf/hosts:2:5: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n"
                 "  2 | bad AAA ::1\n"
                 "    |     ^~~\n"
                 "deeper:3:6: error: unknown record type 'MXX' (did you mean 'MX'?)\n"
                 "  3 | deep MXX\n"
                 "    |      ^~~\n"
                 "conf/hosts:4:5: error: unknown record type 'TXTT' (did you mean 'TXT'?)\n"
                 "  4 | bad TXTT x\n"
                 "    |     ^~~~\n"
                 "z:3:3: error: unknown record type 'AAA' (did you mean 'AAAA'?)\n"
                 "  3 | b AAA 2\n"
                 "    |   ^~~\n");
}

/* A chain of n files: the deepest says "x A 192.0.2.1". */
static struct run chain(unsigned n)
{
    static char names[10][16], texts[10][32];
    static struct file files[11];
    struct run run;

    for (unsigned i = 0; i < n; i++) {
        snprintf(names[i], sizeof(names[i]), "deep%u", i + 1);
        if (i + 1 < n)
            snprintf(texts[i], sizeof(texts[i]), "$INCLUDE deep%u\n", i + 2);
        else
            snprintf(texts[i], sizeof(texts[i]), "x A 192.0.2.1\n");
        files[i] = (struct file){names[i], texts[i]};
    }
    files[n] = (struct file){NULL, NULL};
    run = parse("$INCLUDE deep1\n", files);
    return run;
}

static void test_include_depth(void **state)
{
    struct run run = chain(7);

    (void)state;
    assert_string_equal(run.records.p, "x.example.org. 60 A 192.0.2.1 7\n");
    assert_int_equal(run.r, 0);
    assert_int_equal(run.deepest, 7);
    end_run(&run);
    run = chain(8);
    assert_non_null(
        strstr(run.errors.p, "deep7:1:10: error: more than 7 files inside each other\n"));
    assert_int_equal(run.r, -BD_ESYNTAX);
    assert_int_equal(run.nerrors, 1);
    assert_int_equal(run.deepest, 7);
    end_run(&run);
}

/* A file of ordinary lines, long enough for the fast path, stands between others. */
static void test_include_long(void **state)
{
    struct buf text = {.p = NULL};
    struct file files[] = {{"long", NULL}, {NULL, NULL}};
    struct run run;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        buf_addf(&text, "host%u 7 IN A 192.0.2.%u\n", i, i % 256);
    buf_add_c(&text, '\0');
    assert_int_equal(text.error, 0);
    files[0].text = text.p;
    run = parse("a A 192.0.2.1\n$INCLUDE long sub\n A 192.0.2.2\n$INCLUDE long\nb A 192.0.2.3\n",
                files);
    assert_int_equal(run.r, 0);
    assert_int_equal(run.nrecords, 2003);
    assert_non_null(strstr(run.records.p, "a.example.org. 60 A 192.0.2.1\n"
                                          "host0.sub.example.org. 7 A 192.0.2.0 1\n"
                                          "host1.sub.example.org. 7 A 192.0.2.1 1\n"));
    assert_non_null(strstr(run.records.p, "host999.sub.example.org. 7 A 192.0.2.231 1\n"
                                          "a.example.org. 60 A 192.0.2.2\n"
                                          "host0.example.org. 7 A 192.0.2.0 2\n"));
    assert_non_null(strstr(run.records.p, "host999.example.org. 7 A 192.0.2.231 2\n"
                                          "b.example.org. 60 A 192.0.2.3\n"));
    end_run(&run);
    buf_free(&text);
}

/* Behind an included file the includer's end counts again: what stands in memory behind it, here
 * ordinary lines, is not read. */
static void test_include_end(void **state)
{
    static const char text[] = "$INCLUDE far\na A 192.0.2.1\nb";
    static const char behind[] = " 5 A 192.0.2.9\nz A 192.0.2.9\nz A 192.0.2.9\n";
    struct buf memory = {.p = NULL};
    struct file files[] = {{"far", NULL}, {NULL, NULL}};
    struct run run = {.files = files};
    struct zp_options with = options_of(&run);

    (void)state;
    buf_add_str(&memory, str_c(text));
    buf_add_str(&memory, str_c(behind));
    for (unsigned i = 0; i < 100; i++)
        buf_add_str(&memory, STR("x A 192.0.2.2\n"));
    buf_add_c(&memory, '\0');
    assert_int_equal(memory.error, 0);
    files[0].text = memory.p + sizeof(text) - 1 + sizeof(behind) - 1;
    run.text = (struct str){memory.p, sizeof(text) - 1};
    assert_int_equal(zp_parse(run.text, &with, on_record, &run), -BD_ESYNTAX);
    assert_int_equal(run.nrecords, 101);
    assert_int_equal(run.nerrors, 1);
    buf_add_c(&run.errors, '\0');
    assert_ptr_equal(strstr(run.errors.p, "z:3:2: error: the record has no type"), run.errors.p);
    buf_add_c(&run.records, '\0');
    assert_non_null(strstr(run.records.p, "\na.example.org. 60 A 192.0.2.1\n"));
    end_run(&run);
    buf_free(&memory);
}

/* However often a small file is included, and however few octets it has: there is an end. */
static void test_include_limit(void **state)
{
    static const struct file files[] = {{"e", ""}, {NULL, NULL}};
    struct buf text = {.p = NULL};
    struct run run;

    (void)state;
    for (unsigned i = 0; i < 65536; i++)
        buf_add_str(&text, STR("$INCLUDE e\n"));
    buf_add_c(&text, '\0');
    run = parse(text.p, files);
    assert_int_equal(run.r, 0);
    end_run(&run);
    text.n--;
    buf_add_str(&text, STR("$INCLUDE e\n"));
    buf_add_c(&text, '\0');
    assert_int_equal(text.error, 0);
    run = parse(text.p, files);
    assert_int_equal(run.r, -BD_ESYNTAX);
    assert_int_equal(run.nerrors, 1);
    assert_non_null(strstr(run.errors.p, "z:65537:10: error: the included files have more than 256 "
                                         "MiB together\n"));
    end_run(&run);
    buf_free(&text);
}

static int stop(void *arg, const struct zp_record *record)
{
    unsigned *n = arg;

    assert_int_equal(record->file, 1);
    return ++*n == 2 ? 42 : 0;
}

/* The callback's value, or no memory, ends all files at once. */
static void test_include_ends(void **state)
{
    static const struct file files[] = {
        {"three", "a A 192.0.2.1\nb A 192.0.2.2\nc A 192.0.2.3\n"},
        {"out", "$INCLUDE full\na A 192.0.2.1\n"},
        {NULL, NULL},
    };
    struct run run = {.files = files};
    struct zp_options with = options_of(&run);
    unsigned n = 0;

    (void)state;
    with.on_error = NULL;
    assert_int_equal(zp_parse(STR("$INCLUDE three\nd A 192.0.2.4\n"), &with, stop, &n), 42);
    assert_int_equal(n, 2);
    run = parse("$INCLUDE out\na A 192.0.2.1\n", files);
    assert_int_equal(run.r, -ENOMEM);
    assert_int_equal(run.nrecords, 0);
    end_run(&run);
}

/* As many errors as are wanted, over all files. */
static void test_include_flood(void **state)
{
    static const struct file files[] = {{"bad", "a A 1\nb A 2\nc A 3\n"}, {NULL, NULL}};
    struct run run = {.files = files, .text = STR("$INCLUDE bad\n$INCLUDE bad\n")};
    struct zp_options with = options_of(&run);

    (void)state;
    with.max_errors = 4;
    assert_int_equal(zp_parse(run.text, &with, on_record, &run), -BD_ESYNTAX);
    assert_int_equal(run.nerrors, 4);
    assert_int_equal(run.nwarnings, 1);
    end_run(&run);
}

static void test_places(void **state)
{
    static const struct file files[] = {
        {"hosts", "\na A 192.0.2.2\n$INCLUDE more\n\na A 192.0.2.4\n"},
        {"more", "; none\nb A 192.0.2.2\na A 192.0.2.3\n"},
        {NULL, NULL},
    };
    struct zp_zone *z = NULL;
    struct run run = load(APEX "$INCLUDE hosts\na A 192.0.2.1\na A 192.0.2.3\n\n"
                               "$GENERATE 1-2 b A 192.0.2.$\n$INCLUDE more\n",
                          files, &z);
    struct buf b;

    (void)state;
    assert_int_equal(run.r, 0);
    assert_int_equal(zp_zone_nfiles(z), 3);
    assert_string_equal(zp_zone_file(z, 1), "hosts");
    assert_string_equal(zp_zone_file(z, 2), "more");
    assert_string_equal(zp_zone_file(z, 3), "more");
    b = places(z);
    assert_string_equal(b.p, "example.org. NS z:2\nexample.org. SOA z:1\n"
                             "a.example.org. A z:5 hosts:2 more:3 hosts:5\n"
                             "b.example.org. A z:8 more:2\n"
                             "ns.example.org. A z:3\n");
    buf_free(&b);
    zp_zone_free(z);
    end_run(&run);
}

/* What only a whole zone can break names the other file. */
static void test_zone_faults(void **state)
{
    static const struct file files[] = {
        {"hosts", "a A 192.0.2.2\nb CNAME ns\n"},
        {"soa", "@ SOA ns h 2 2 3 4 5\n"},
        {NULL, NULL},
    };
    struct zp_zone *z = NULL;
    struct run run =
        load(APEX "a CNAME ns\nb A 192.0.2.3\n$INCLUDE hosts\n$INCLUDE soa\n", files, &z);

    (void)state;
    assert_int_equal(run.r, -BD_EINVALID);
    assert_int_equal(run.nerrors, 3);
    assert_non_null(strstr(run.errors.p,
                           "hosts:1:1: error: 'a.example.org.' has a CNAME (line 4 of the zone "
                           "file) and other data (A in line 1) (a CNAME stands alone)\n"
                           "  1 | a A 192.0.2.2\n"));
    assert_non_null(strstr(run.errors.p,
                           "hosts:2:1: error: 'b.example.org.' has a CNAME (line 2) and other data "
                           "(A in line 5 of the zone file) (a CNAME stands alone)\n"
                           "  2 | b CNAME ns\n"));
    assert_non_null(strstr(run.errors.p, "soa:1:1: error: a second SOA of 'example.org.': the "
                                         "first is in line 1 of the zone file\n"));
    end_run(&run);
    run = load("$INCLUDE hosts\n", files, &z);
    assert_int_equal(run.r, -BD_EINVALID);
    assert_non_null(strstr(run.errors.p, "z:1:1: error: the zone has no SOA record"));
    end_run(&run);
}

/* A whole zone may stand in included files; generated records that are repeated fold into one. */
static void test_zone_folding(void **state)
{
    static const struct file files[] = {{"all", APEX}, {NULL, NULL}};
    struct zp_zone *z = NULL;
    struct run run = load("$INCLUDE all\n$GENERATE 1-9 h A 192.0.2.1\nh A 192.0.2.1\n", files, &z);
    struct buf b;

    (void)state;
    assert_int_equal(run.r, 0);
    assert_int_equal(zp_zone_serial(z), 1);
    b = places(z);
    assert_string_equal(b.p, "example.org. NS all:2\nexample.org. SOA all:1\nh.example.org. A z:2\n"
                             "ns.example.org. A all:3\n");
    buf_free(&b);
    zp_zone_free(z);
    end_run(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_include),        cmocka_unit_test(test_include_scope),
        cmocka_unit_test(test_include_faults), cmocka_unit_test(test_include_shown),
        cmocka_unit_test(test_include_depth),  cmocka_unit_test(test_include_long),
        cmocka_unit_test(test_include_end),    cmocka_unit_test(test_include_limit),
        cmocka_unit_test(test_include_ends),   cmocka_unit_test(test_include_flood),
        cmocka_unit_test(test_places),         cmocka_unit_test(test_zone_faults),
        cmocka_unit_test(test_zone_folding),
    };

    return cmocka_run_group_tests(tests, directive_setup, NULL);
}

/* What a Corefile imports, as one text: controller/imports.c, in a directory of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "imports.h"

static char dir[64];

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static int set_up(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof(dir), "/tmp/betterdns-imports.XXXXXX");
    return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **unused)
{
    (void)unused;
    unsetenv("BETTERDNS_TEST_PART");
    return nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

static void put(const char *name, const char *content)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    *strrchr(path, '/') = '\0';
    assert_int_equal(file_make_dirs(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    assert_int_equal(file_write_atomic(path, str_c(content), 0644, false), 0);
}

static int take(struct corefile_source *s, struct problem *p)
{
    char path[256];

    snprintf(path, sizeof(path), "%s/Corefile", dir);
    return corefile_source_read(path, s, p);
}

/* '@' in what is expected: the directory. */
static void assert_text(const char *corefile, const char *expected)
{
    struct corefile_source s;
    struct buf want = {0};

    put("Corefile", corefile);
    assert_int_equal(take(&s, NULL), 0);
    for (; *expected; expected++)
        buf_addf(&want, *expected == '@' ? "%s" : "%.1s", *expected == '@' ? dir : expected);
    if (!str_eq(buf_str(&s.text), buf_str(&want)))
        fail_msg("of\n%s\nbecame\n%.*s\nand not\n%.*s", corefile, STR_ARG(buf_str(&s.text)),
                 STR_ARG(buf_str(&want)));
    buf_free(&want);
    corefile_source_free(&s);
}

static void what_is_imported(void **unused)
{
    (void)unused;
    put("a/1.conf", "one\n");
    put("a/2.conf", "two");
    put("a/.3.conf", "\xef\xbb\xbfhidden\n");
    put("b/in.conf", "import ../a/1.conf\n");
    put("a/q\"q", "quoted\n");
    setenv("BETTERDNS_TEST_PART", "1.conf", 1);
    assert_text("", "");
    assert_text("x {\n}\n", "x {\n}\n");
    assert_text("import a/1.conf", "one\n");
    assert_text("x {\n  import a/2.conf # why\n y\n}", "x {\n  \ntwo\n # why\n y\n}");
    assert_text("x { import a/1.conf\n}", "x { \none\n\n}");
    assert_text("import a/*.conf", "hidden\none\ntwo\n");
    assert_text("import b/in.conf", "one\n\n");
    assert_text("import ./b/../a//1.conf", "one\n");
    assert_text("import \"a/1.conf\"", "one\n");
    assert_text("import \"a/q\\\"q\"", "quoted\n");
    assert_text("import a/{$BETTERDNS_TEST_PART}", "one\n");
    assert_text("import a/{%BETTERDNS_TEST_PART%}", "one\n");
    assert_text("import a/{$BETTERDNS_TEST_NONE}1.conf", "one\n");
}

static void what_is_left(void **unused)
{
    (void)unused;
    put("a/1.conf", "one\n");
    put("b", "a file of a snippet's name\n");
    assert_text("# import a/1.conf\n", "# import a/1.conf\n");
    assert_text("x import a/1.conf\n", "x import a/1.conf\n");
    assert_text("import\na/1.conf\n", "import\na/1.conf\n");
    assert_text("import a/1.conf 2\n", "import a/1.conf 2\n");
    assert_text("import \"\"\n", "import \"\"\n");
    assert_text("(b) {\n x\n}\nimport b\n", "(b) {\n x\n}\nimport b\n");
    assert_text("y {\n import b\n}\n(b) {\n}\n", "y {\n import b\n}\n(b) {\n}\n");
    assert_text("import none.conf\n", "import \"@/none.conf\"\n\n");
    assert_text("import ../none/*.c\n", "import \"/tmp/none/*.c\"\n\n");
    assert_text("import a/*.*\n", "import \"@/a/*.*\"\n\n");
    assert_text("import a/[1].conf\n", "import \"@/a/[1].conf\"\n\n");
    assert_text("import a\n", "import \"@/a\"\n\n");
}

static void assert_place(const struct corefile_source *s, unsigned line, const char *name,
                         unsigned expected)
{
    unsigned of_file = 0;
    char path[256];

    const char *file = corefile_source_place(s, line, &of_file);
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (!file || strcmp(file, path) != 0 || of_file != expected)
        fail_msg("line %u is %s:%u, not %s:%u", line, file ? file : "nowhere", of_file, path,
                 expected);
}

static void lines_and_where_they_are_from(void **unused)
{
    struct corefile_source s;
    unsigned of_file;

    (void)unused;
    put("Corefile", "first\nx {\n    import a/1.conf\n    last\n}\n");
    put("a/1.conf", "one\nimport 2.conf\nimport none*\nthree\n");
    put("a/2.conf", "\ntwo");
    assert_int_equal(take(&s, NULL), 0);
    const struct str text = buf_str(&s.text);
    struct str rest = text, line;
    unsigned n = 0, seen = 0;
    while (rest.n > 0 && str_cut(&rest, '\n', &line)) {
        n++;
        seen++;
        if (str_eq(line, STR("first")))
            assert_place(&s, n, "Corefile", 1);
        else if (str_eq(line, STR("one")))
            assert_place(&s, n, "a/1.conf", 1);
        else if (str_eq(line, STR("two")))
            assert_place(&s, n, "a/2.conf", 2);
        else if (str_starts(line, STR("import")))
            assert_place(&s, n, "a/1.conf", 3);
        else if (str_eq(line, STR("three")))
            assert_place(&s, n, "a/1.conf", 4);
        else if (str_eq(line, STR("    last")))
            assert_place(&s, n, "Corefile", 4);
        else
            seen--;
    }
    assert_int_equal(seen, 6);
    assert_null(corefile_source_place(&s, 0, &of_file));
    assert_null(corefile_source_place(&s, n + 2, &of_file));
    corefile_source_free(&s);
}

static bool has(const struct corefile_source *s, const char *name)
{
    char path[256];
    bool found = false;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    for (unsigned i = 0; i < s->nfiles; i++)
        found = found || strcmp(s->files[i], path) == 0;
    return found;
}

static void the_files_to_watch(void **unused)
{
    struct corefile_source s;

    (void)unused;
    put("Corefile", "import a/1.conf\nimport a/none.conf\nimport a/none*\n");
    put("a/1.conf", "import 2.conf\n");
    put("a/2.conf", "");
    assert_int_equal(take(&s, NULL), 0);
    assert_true(has(&s, "Corefile") && has(&s, "a/1.conf") && has(&s, "a/2.conf"));
    assert_true(has(&s, "a/none.conf"));
    assert_int_equal(s.nfiles, 4);
    corefile_source_free(&s);
}

static void what_is_refused(void **unused)
{
    struct corefile_source s;
    struct problem p;
    struct buf large = {0};

    (void)unused;
    assert_int_equal(take(&s, &p), -ENOENT);
    assert_non_null(strstr(p.detail, "/Corefile cannot be read"));
    put("Corefile", "import Corefile\n");
    assert_int_equal(take(&s, &p), -BD_EINVALID);
    assert_non_null(strstr(p.detail, "more than 16 deep"));
    put("Corefile", "import a\nimport a\nimport a\n");
    put("a", "import b\nimport b\nimport b\nimport b\nimport b\nimport b\nimport b\nimport b\n");
    put("b", "import c\nimport c\nimport c\nimport c\nimport c\nimport c\nimport c\nimport c\n");
    put("c", "import d\nimport d\nimport d\nimport d\nimport d\nimport d\nimport d\nimport d\n");
    put("d", "x\n");
    assert_int_equal(take(&s, &p), -BD_EINVALID);
    assert_non_null(strstr(p.detail, "more than 256 files"));
    assert_true(p.hint[0]);
    for (unsigned i = 0; i < 70000; i++)
        buf_addf(&large, "123456789\n");
    buf_add_c(&large, '\0');
    put("d", large.p);
    put("Corefile", "import d\nimport d\n");
    assert_int_equal(take(&s, &p), -BD_EINVALID);
    assert_non_null(strstr(p.detail, "octets"));
    buf_free(&large);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_is_imported),   TEST(what_is_left),    TEST(lines_and_where_they_are_from),
        TEST(the_files_to_watch), TEST(what_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

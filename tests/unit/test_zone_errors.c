/* What people read about a zone file: tests/corpus/zone_errors has NAME.zone and, in NAME.txt,
 * every message with its place, source line and caret, as `betterdns zone check example.org
 * NAME.zone` shows them. `make golden` writes the texts anew, for the eye. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>
#include <betterdns/zonefile.h>

#define FOLDER "tests/corpus/zone_errors/"

struct shown {
    const char *file;
    struct str text;
    struct buf out;
};

static void on_error(void *arg, const struct zp_error *error)
{
    struct shown *s = arg;

    zp_error_format(s->file, s->text, error, &s->out);
}

/* Files of the folder, one level deep. */
static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    static struct buf text;
    static char path[160];

    (void)arg;
    if (depth > 1)
        return -ELOOP;
    buf_reset(&text);
    snprintf(path, sizeof(path), FOLDER "%.*s", STR_ARG(name));
    int r = file_read(path, 1 << 20, &text);
    *ret_source = (struct zp_source){path + strlen(FOLDER), buf_str(&text)};
    if (r < 0)
        ret_source->name = NULL;
    return r;
}

static struct buf check(const char *path)
{
    struct buf text = {.p = NULL};
    struct shown shown = {.file = path + strlen(FOLDER)};
    struct zp_options options = {
        .default_ttl = UINT32_MAX, .on_error = on_error, .error_arg = &shown, .include = include};
    struct zp_zone *zone = NULL;

    assert_int_equal(dname_from_text(STR("example.org."), NULL, &options.origin, NULL), 0);
    assert_int_equal(file_read(path, 1 << 20, &text), 0);
    shown.text = buf_str(&text);
    zp_zone_load(shown.text, &options, &zone);
    zp_zone_free(zone);
    buf_free(&text);
    assert_int_equal(shown.out.error, 0);
    return shown.out;
}

static bool same_text(const char *path, struct str got)
{
    char wanted[160];
    struct buf want = {.p = NULL};
    bool same;

    snprintf(wanted, sizeof(wanted), "%.*s.txt", (int)(strlen(path) - strlen(".zone")), path);
    if (getenv("BETTERDNS_GOLDEN")) {
        FILE *f = fopen(wanted, "w");
        assert_non_null(f);
        fwrite(got.p, 1, got.n, f);
        int r = fclose(f);
        assert_int_equal(r, 0);
    }
    assert_int_equal(file_read(wanted, 1 << 20, &want), 0);
    same = str_eq(buf_str(&want), got);
    if (!same)
        print_error("%s: wanted\n%.*sgot\n%.*s", path, STR_ARG(want), STR_ARG(got));
    buf_free(&want);
    return same;
}

static void test_messages(void **state)
{
    glob_t found;
    unsigned failed = 0;

    (void)state;
    assert_int_equal(glob(FOLDER "*.zone", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 60);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf got = check(found.gl_pathv[i]);
        assert_true(got.n > 0);
        failed += !same_text(found.gl_pathv[i], buf_str(&got));
        buf_free(&got);
    }
    globfree(&found);
    assert_int_equal(failed, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_messages)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

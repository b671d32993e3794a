/* The acceptance corpus (tests/corpus/zone): zones with the verdict that independent parsers agree
 * on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>
#include <betterdns/zonefile.h>

#define FOLDER "tests/corpus/zone/"

static struct buf read_file(const char *id, const char *ending)
{
    struct buf b = {.p = NULL};
    char path[128];

    snprintf(path, sizeof(path), FOLDER "%s%s", id, ending);
    int r = file_read(path, 1 << 20, &b);
    if (r < 0)
        fail_msg("%s: %s", path, bd_strerror(r));
    return b;
}

/* Lines as a sorted set. */
struct lines {
    struct str *line;
    size_t n;
};

static int compare_lines(const void *x, const void *y)
{
    const struct str *a = x, *b = y;
    int c = memcmp(a->p, b->p, a->n < b->n ? a->n : b->n);

    return c ? c : (a->n > b->n) - (a->n < b->n);
}

static struct lines lines_of(struct str text)
{
    struct lines ls = {calloc(text.n + 1, sizeof(struct str)), 0};
    struct str line;
    size_t kept = 0;

    assert_non_null(ls.line);
    while (str_cut(&text, '\n', &line)) {
        if (line.n)
            ls.line[ls.n++] = line;
    }
    qsort(ls.line, ls.n, sizeof(*ls.line), compare_lines);
    for (size_t i = 0; i < ls.n; i++) {
        if (kept == 0 || !str_eq(ls.line[kept - 1], ls.line[i]))
            ls.line[kept++] = ls.line[i];
    }
    ls.n = kept;
    return ls;
}

static bool same_lines(struct str a, struct str b)
{
    struct lines x = lines_of(a), y = lines_of(b);
    bool same = x.n == y.n;

    for (size_t i = 0; same && i < x.n; i++)
        same = str_eq(x.line[i], y.line[i]);
    free(x.line);
    free(y.line);
    return same;
}

struct run {
    struct str text;
    struct buf records, errors;
    unsigned nerrors, nrefused; /* errors; of them directives that are not kept yet */
    int parsed, loaded;
};

static int on_record(void *arg, const struct zp_record *record)
{
    zp_write_canonical(record, arg);
    return 0;
}

static void on_error(void *arg, const struct zp_error *error)
{
    struct run *run = arg;

    if (error->warning)
        return;
    run->nerrors++;
    run->nrefused += strstr(error->message, "is refused: this version cannot keep it") != NULL;
    zp_error_format("zone", run->text, error, &run->errors);
}

static struct run run_zone(struct str text, struct str origin)
{
    static const struct dname root = {.n = 1};
    struct dname_rules rules = {.origin = &root};
    struct run run = {.text = text};
    struct zp_options options = {
        .default_ttl = UINT32_MAX, .on_error = on_error, .error_arg = &run, .any_owner = true};
    struct zp_zone *zone = NULL;

    assert_int_equal(dname_from_text(origin, &rules, &options.origin, NULL), 0);
    run.parsed = zp_parse(text, &options, on_record, &run.records);
    options.on_error = NULL;
    run.loaded = zp_zone_load(text, &options, &zone);
    zp_zone_free(zone);
    assert_true((run.parsed < 0) == (run.nerrors != 0));
    return run;
}

static void end_run(struct run *run)
{
    buf_free(&run->records);
    buf_free(&run->errors);
}

static bool has_directive(struct str text)
{
    return memmem(text.p, text.n, "$INCLUDE", 8) || memmem(text.p, text.n, "$GENERATE", 9);
}

static unsigned expected, rejected, directive, contested, failed;

static void fault(const char *id, const char *what, struct run *run)
{
    failed++;
    buf_add_c(&run->errors, '\0');
    print_error("%s: %s\n%s", id, what, run->errors.p ? run->errors.p : "");
}

static void judge_expected(const char *id, struct run *run)
{
    struct buf want = read_file(id, ".expected");

    if (run->parsed < 0 || run->loaded < 0) {
        fault(id, "refused", run);
    } else if (!same_lines(buf_str(&run->records), buf_str(&want))) {
        fault(id, "other data", run);
    } else {
        expected++;
    }
    buf_free(&want);
}

static void judge(const char *id, struct str level, struct str verdict, struct str text,
                  struct run *run)
{
    if (str_eq(verdict, STR("contested"))) {
        contested++;
    } else if (has_directive(text)) {
        directive++;
        if (run->nrefused == 0 || run->loaded == 0)
            fault(id, "$INCLUDE or $GENERATE not refused with its reason", run);
    } else if (str_eq(verdict, STR("expected"))) {
        judge_expected(id, run);
    } else {
        rejected++;
        if ((str_eq(level, STR("zone")) ? run->loaded : run->parsed) == 0)
            fault(id, "accepted", run);
    }
}

static void test_corpus(void **state)
{
    struct buf manifest = read_file("MANIFEST", ".tsv");
    struct str rest = buf_str(&manifest), line, id, level, origin, verdict;

    (void)state;
    str_cut(&rest, '\n', &line);
    while (str_cut(&rest, '\n', &line)) {
        char name[32];
        struct buf text;
        struct run run;
        if (!str_cut(&line, '\t', &id) || !str_cut(&line, '\t', &level) ||
            !str_cut(&line, '\t', &origin) || !str_cut(&line, '\t', &verdict))
            fail_msg("a short line in the manifest");
        snprintf(name, sizeof(name), "%.*s", STR_ARG(id));
        text = read_file(name, ".zone");
        run = run_zone(buf_str(&text), origin);
        judge(name, level, verdict, buf_str(&text), &run);
        end_run(&run);
        buf_free(&text);
    }
    print_message("%u equal, %u refused, %u with $INCLUDE or $GENERATE, %u contested\n", expected,
                  rejected, directive, contested);
    assert_int_equal(failed, 0);
    assert_int_equal(expected + rejected + directive + contested, 210);
    buf_free(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

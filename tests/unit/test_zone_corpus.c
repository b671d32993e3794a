/* The acceptance corpus (tests/corpus/zone): zones with the verdict that independent parsers agree
 * on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>
#include <betterdns/includes.h>
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
    unsigned nerrors;
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
    struct includes *includes;

    assert_int_equal(includes_new(FOLDER, &includes), 0);
    options.include = includes_read;
    options.include_arg = includes;
    assert_int_equal(dname_from_text(origin, &rules, &options.origin, NULL), 0);
    run.parsed = zp_parse(text, &options, on_record, &run.records);
    options.on_error = NULL;
    run.loaded = zp_zone_load(text, &options, &zone);
    zp_zone_free(zone);
    includes_free(includes);
    assert_true((run.parsed < 0) == (run.nerrors != 0));
    return run;
}

static void end_run(struct run *run)
{
    buf_free(&run->records);
    buf_free(&run->errors);
}

static unsigned expected, rejected, contested, failed;

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

/* Where parsers disagree: with whom we agree, or that we refuse the zone; and why. */
static const struct {
    const char *id, *with; /* NULL: refused */
    const char *why;
} opinions[] = {
    {"case-043", NULL, "RFC 2181 section 8: a TTL is at most 2^31-1"},
    {"case-053", "bind", "RFC 2308 section 4 leaves the spelling of TTLs open: the sum, as BIND"},
    {"case-090", "bind", "RFC 1035 section 5.1: parentheses group data anywhere in an entry"},
    {"case-110", NULL, "RFC 1035 section 5.1: a quoted string is one item of one line"},
    {"case-126", NULL, "RFC 1035 section 5.1: a file is text; a NUL is written \\000"},
    {"case-128", NULL, "RFC 1035 section 5.1: a file is text; a NUL is written \\000"},
    {"case-133", NULL, "RFC 1035 section 5.1: a domain name has no form in quotes"},
    {"case-180", "bind", "RFC 1035 section 2.3.3: names are the same in either case"},
    {"case-185", "bind", "$GENERATE is BIND's"},
    {"case-190", "simd", "RFC 1035 section 5.1: an included file does not change its parent"},
    {"case-195", "bind", "RFC 1035 section 5.1: quotes make an item of text with blanks"},
    {"case-208", NULL, "RFC 1035 section 5.1: a CR alone ends no line"},
    {"case-268", NULL, "RFC 8659 section 4.1: a property has letters and digits"},
    {"case-280", NULL, "RFC 4509 section 2.1: a SHA-256 digest has 32 octets"},
    {"case-295", "zs", "RFC 1035 section 5.1: text without blanks needs no quotes"},
    {"case-320", "zs", "RFC 1035 section 3.2.1: the length is of 16 bits"},
    {"case-328", NULL, "RFC 1034 section 4.2.1: a zone holds the data of its own names"},
    {"case-333", "bind", "RFC 2181 section 5: a set has each record once"},
    {"case-335", NULL, "RFC 1034 section 4.2.1: the top of a zone has NS records"},
    {"case-343", "simd", "RFC 2181 section 5.2: parsed as written; the first TTL counts in a zone"},
};

/* The records of the group of parsers that this one belongs to; false: there is none. */
static bool find_group(struct str answers, struct str parser, struct str *ret_records)
{
    struct str line, name, start = STR("--- result of ");

    while (str_cut(&answers, '\n', &line)) {
        if (!str_starts(line, start))
            continue;
        line = (struct str){line.p + start.n, line.n - start.n};
        while (str_cut(&line, '/', &name)) {
            if (!str_eq(name, parser))
                continue;
            const char *end = memmem(answers.p, answers.n, "\n---", 4);
            *ret_records = (struct str){answers.p, end ? (size_t)(end - answers.p) : answers.n};
            return true;
        }
    }
    return false;
}

/* The files of answers end their lines there. */
#define ANSWER_MAX 300

static struct buf cut_lines(struct str text)
{
    struct buf b = {.p = NULL};
    struct str line;

    while (str_cut(&text, '\n', &line)) {
        buf_add(&b, line.p, line.n < ANSWER_MAX ? line.n : ANSWER_MAX);
        buf_add_c(&b, '\n');
    }
    assert_int_equal(b.error, 0);
    return b;
}

static void judge_contested(const char *id, struct str level, struct run *run)
{
    struct buf answers = read_file(id, ".contested"), ours = cut_lines(buf_str(&run->records));
    struct str records;
    size_t i = 0;

    while (i < ARRAY_SIZE(opinions) && strcmp(opinions[i].id, id) != 0)
        i++;
    if (i == ARRAY_SIZE(opinions)) {
        fault(id, "contested, and no opinion", run);
    } else if (!opinions[i].with) {
        if ((str_eq(level, STR("zone")) ? run->loaded : run->parsed) == 0)
            fault(id, opinions[i].why, run);
    } else if (run->parsed < 0 || run->loaded < 0 ||
               !find_group(buf_str(&answers), str_c(opinions[i].with), &records) ||
               !same_lines(buf_str(&ours), records)) {
        fault(id, opinions[i].why, run);
    }
    contested++;
    buf_free(&answers);
    buf_free(&ours);
}

static void judge(const char *id, struct str level, struct str verdict, struct run *run)
{
    if (str_eq(verdict, STR("contested"))) {
        judge_contested(id, level, run);
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
        judge(name, level, verdict, &run);
        end_run(&run);
        buf_free(&text);
    }
    print_message("%u equal, %u refused, %u contested\n", expected, rejected, contested);
    assert_int_equal(failed, 0);
    assert_int_equal(expected + rejected + contested, 210);
    buf_free(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

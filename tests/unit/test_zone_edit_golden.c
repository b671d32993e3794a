/* Zone files as people write them, and what edits make of them: tests/corpus/zone_edit. NAME.zone
 * is the file, NAME.edits says what changes, NAME.diff is what zp_edit makes of each. Every diff
 * there was read by somebody. BETTERDNS_GOLDEN=write writes them anew (make golden). */
#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>

#include "edit_kit.h"

#define FOLDER "tests/corpus/zone_edit/"
#define NO_TTL 2147483646U /* an edit's record says no TTL */
#define CONTEXT 2          /* lines around a change */

static unsigned nzones, nedits;

/* ---- files ---- */

static struct buf read_file(const char *name, const char *ending)
{
    struct buf b = {.p = NULL};
    char path[320];
    int r;

    snprintf(path, sizeof(path), FOLDER "%s%s", name, ending);
    r = file_read(path, 1 << 20, &b);
    if (r < 0)
        fail_msg("%s: %s", path, bd_strerror(r));
    return b;
}

static void write_file(const char *name, const char *ending, struct str text)
{
    char path[320];
    FILE *f;

    snprintf(path, sizeof(path), FOLDER "%s%s", name, ending);
    f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text.p, 1, text.n, f), text.n);
    int r = fclose(f);
    assert_int_equal(r, 0);
}

/* ---- the difference of two texts, line by line ---- */

struct lines {
    struct str *line; /* with their ends */
    size_t n;
};

static struct lines lines_of(struct str text)
{
    struct lines ls = {calloc(text.n + 1, sizeof(struct str)), 0};
    const char *end = text.p + text.n;
    struct str line;

    assert_non_null(ls.line);
    while (str_cut(&text, '\n', &line)) {
        line.n += line.p + line.n < end;
        ls.line[ls.n++] = line;
    }
    return ls;
}

/* A line with what cannot be seen: a carriage return, a missing line end. */
static void show(char mark, struct str line, struct buf *out)
{
    bool ended = line.n && line.p[line.n - 1] == '\n';

    line.n -= ended;
    buf_add_c(out, mark);
    for (size_t i = 0; i < line.n; i++) {
        if (line.p[i] == '\r')
            buf_add_str(out, STR("\\r"));
        else
            buf_add_c(out, line.p[i]);
    }
    buf_add_str(out, ended ? STR("\n") : STR("\n\\ no line end\n"));
}

struct diff {
    struct lines a, b;
    unsigned *common; /* [i][k]: the longest common sequence of a from i and b from k */
    size_t i, k;
    size_t shown; /* lines of a that were shown */
    struct buf *out;
};

static unsigned *common_at(struct diff *d, size_t i, size_t k)
{
    return &d->common[i * (d->b.n + 1) + k];
}

static void measure(struct diff *d)
{
    d->common = calloc((d->a.n + 1) * (d->b.n + 1), sizeof(*d->common));
    assert_non_null(d->common);
    for (size_t i = d->a.n; i-- > 0;) {
        for (size_t k = d->b.n; k-- > 0;) {
            unsigned down = *common_at(d, i + 1, k), right = *common_at(d, i, k + 1);
            *common_at(d, i, k) = str_eq(d->a.line[i], d->b.line[k])
                                      ? 1 + *common_at(d, i + 1, k + 1)
                                  : down > right ? down
                                                 : right;
        }
    }
}

/* One stretch of lines that differ, with those before it. */
static void show_stretch(struct diff *d)
{
    size_t from = d->i > CONTEXT ? d->i - CONTEXT : 0;

    if (from > d->shown || d->shown == 0)
        buf_addf(d->out, "@ %zu\n", d->i + 1);
    for (from = from > d->shown ? from : d->shown; from < d->i; from++)
        show(' ', d->a.line[from], d->out);
    while (d->i < d->a.n || d->k < d->b.n) {
        bool more_a = d->i < d->a.n, more_b = d->k < d->b.n;
        if (more_a && more_b && str_eq(d->a.line[d->i], d->b.line[d->k]))
            break;
        if (more_a && (!more_b || *common_at(d, d->i + 1, d->k) >= *common_at(d, d->i, d->k + 1)))
            show('-', d->a.line[d->i++], d->out);
        else
            show('+', d->b.line[d->k++], d->out);
    }
    for (d->shown = d->i; d->shown < d->a.n && d->shown < d->i + CONTEXT; d->shown++) {
        size_t ahead = d->shown - d->i;
        if (d->k + ahead >= d->b.n || !str_eq(d->a.line[d->shown], d->b.line[d->k + ahead]))
            break;
        show(' ', d->a.line[d->shown], d->out);
    }
}

static void show_diff(struct str a, struct str b, struct buf *out)
{
    struct diff d = {.a = lines_of(a), .b = lines_of(b), .out = out};

    measure(&d);
    while (d.i < d.a.n || d.k < d.b.n) {
        if (d.i < d.a.n && d.k < d.b.n && str_eq(d.a.line[d.i], d.b.line[d.k])) {
            d.i++;
            d.k++;
        } else {
            show_stretch(&d);
        }
    }
    free(d.common);
    free(d.a.line);
    free(d.b.line);
}

/* ---- included files ---- */

static struct {
    char name[64];
    struct buf text;
} included[8];
static size_t nincluded;

static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    (void)arg;
    (void)depth;
    for (size_t i = 0; i < nincluded; i++) {
        if (str_eq(name, str_c(included[i].name))) {
            *ret_source = (struct zp_source){included[i].name, buf_str(&included[i].text)};
            return 0;
        }
    }
    assert_true(nincluded < ARRAY_SIZE(included));
    snprintf(included[nincluded].name, sizeof(included[nincluded].name), "%.*s", STR_ARG(name));
    included[nincluded].text = read_file(included[nincluded].name, "");
    nincluded++;
    return include(arg, name, depth, ret_source);
}

/* ---- edits ---- */

struct job {
    struct str text;
    struct zp_options options;
    struct kit_zone zone, target;
    uint32_t ttl; /* of new sets: the SOA's */
    char kind;
};

static int apply_record(void *arg, const struct zp_record *rec)
{
    struct job *job = arg;
    struct str rdata = {(const char *)rec->rdata, rec->nrdata};

    if (job->kind == '-')
        kit_zone_remove(&job->target, &rec->owner, rec->type, rdata);
    else
        kit_zone_add(&job->target, &rec->owner, rec->type,
                     rec->ttl == NO_TTL ? UINT32_MAX : rec->ttl, job->ttl, rdata);
    return 0;
}

static struct dname name_of(const struct job *job, struct str text)
{
    const struct dname_rules rules = {.origin = &job->options.origin};
    struct dname name;

    assert_int_equal(dname_from_text(text, &rules, &name, NULL), 0);
    return name;
}

static void bump_serial(struct job *job)
{
    struct zp_edit_set *soa = kit_zone_find(&job->target, &job->options.origin, RRTYPE_SOA);
    uint8_t *rdata;

    assert_non_null(soa);
    rdata = (uint8_t *)(uintptr_t)soa->rdatas.p + 2;
    soa_set_serial(rdata, soa->rdatas.n - 2, serial_next(soa_serial(rdata, soa->rdatas.n - 2)));
}

/* "- web A 192.0.2.1", "+ web 300 A 192.0.2.2", "! web A" (all of the set), "~ web A 300" (its
 * TTL), "serial". */
static void apply(struct job *job, struct str line)
{
    struct zp_options options = job->options;
    struct str rest = {line.p + 2, line.n - 2}, owner, type, ttl = {NULL, 0};
    struct zp_edit_set *set;
    struct dname name;
    uint16_t code;
    uint64_t value;

    if (str_eq(line, STR("serial"))) {
        bump_serial(job);
        return;
    }
    job->kind = line.p[0];
    options.default_ttl = NO_TTL;
    if (job->kind == '-' || job->kind == '+') {
        if (zp_parse(rest, &options, apply_record, job) != 0)
            fail_msg("not understood: %.*s", STR_ARG(line));
        return;
    }
    if (!str_cut(&rest, ' ', &owner) || !str_cut(&rest, ' ', &type) ||
        rrtype_from_text(type, &code) < 0)
        fail_msg("not understood: %.*s", STR_ARG(line));
    name = name_of(job, owner);
    if (job->kind == '!') {
        kit_zone_drop(&job->target, &name, code);
        return;
    }
    set = kit_zone_find(&job->target, &name, code);
    if (!set || !str_cut(&rest, ' ', &ttl) || str_u64(ttl, INT32_MAX, &value) < 0) {
        fail_msg("not understood: %.*s", STR_ARG(line));
        return;
    }
    set->ttl = (uint32_t)value;
}

/* The edit, its difference, and that it means what it was to mean. */
static void run_edit(struct job *job, struct str title, struct buf *out)
{
    struct zp_edits edits = {.marker = {NULL, 0}};
    struct zp_edit_set *sets;
    struct buf text = {.p = NULL};
    struct kit_zone got;
    size_t where = 0;
    int r;

    kit_zone_tidy(&job->target);
    edits.nsets = kit_zone_diff(&job->zone, &job->target, &sets);
    edits.sets = sets;
    if (edits.nsets == 0)
        fail_msg("%.*s: changes nothing", STR_ARG(title));
    buf_addf(out, "== %.*s\n", STR_ARG(title));
    r = zp_edit(job->text, &job->options, &edits, kit_take_text, &text, &where);
    if (r == -BD_ECONFLICT) {
        buf_addf(out, "refused: set %zu\n", where);
    } else {
        assert_int_equal(r, 0);
        show_diff(job->text, buf_str(&text), out);
        got = kit_zone_read(buf_str(&text), &job->options);
        if (!kit_zone_eq(&got, &job->target))
            fail_msg("%.*s: another zone:\n%.*s", STR_ARG(title), STR_ARG(buf_str(out)));
        kit_zone_free(&got);
    }
    nedits++;
    free(sets);
    buf_free(&text);
    kit_zone_free(&job->target);
}

static void run_edits(struct job *job, struct str script, struct buf *out)
{
    struct str line, title = {NULL, 0};

    while (str_cut(&script, '\n', &line)) {
        if (line.n == 0)
            continue;
        if (str_starts(line, STR("# "))) {
            if (title.n)
                run_edit(job, title, out);
            title = (struct str){line.p + 2, line.n - 2};
            job->target = kit_zone_copy(&job->zone);
            continue;
        }
        apply(job, line);
    }
    run_edit(job, title, out);
}

static void run_zone(const char *name)
{
    struct buf text = read_file(name, ".zone"), script = read_file(name, ".edits");
    struct buf want = {.p = NULL}, got = {.p = NULL};
    struct str rest = buf_str(&script), origin;
    struct job job = {
        .text = buf_str(&text), .options.default_ttl = UINT32_MAX, .options.include = include};
    struct zp_edit_set *soa;

    /* The first line of the script is the origin. */
    assert_true(str_cut(&rest, '\n', &origin));
    assert_int_equal(dname_from_text(origin, NULL, &job.options.origin, NULL), 0);
    print_message("%s\n", name);
    job.zone = kit_zone_read(job.text, &job.options);
    soa = kit_zone_find(&job.zone, &job.options.origin, RRTYPE_SOA);
    job.ttl = soa->ttl;
    run_edits(&job, rest, &got);
    if (getenv("BETTERDNS_GOLDEN")) {
        write_file(name, ".diff", buf_str(&got));
    } else {
        want = read_file(name, ".diff");
        if (!str_eq(buf_str(&want), buf_str(&got)))
            fail_msg("%s: other texts than in " FOLDER ":\n%.*s", name, STR_ARG(buf_str(&got)));
    }
    nzones++;
    kit_zone_free(&job.zone);
    buf_free(&want);
    buf_free(&got);
    buf_free(&script);
    buf_free(&text);
}

static int is_zone(const struct dirent *entry)
{
    return str_ends(str_c(entry->d_name), STR(".zone"));
}

static void test_golden(void **state)
{
    struct dirent **entries;
    int n = scandir(FOLDER, &entries, is_zone, alphasort);
    const char *only = getenv("BETTERDNS_ONLY");

    (void)state;
    assert_true(n > 0);
    for (int i = 0; i < n; i++) {
        char *name = entries[i]->d_name;
        name[strlen(name) - strlen(".zone")] = '\0';
        if (!only || strstr(name, only))
            run_zone(name);
        free(entries[i]);
    }
    free(entries);
    for (size_t i = 0; i < nincluded; i++)
        buf_free(&included[i].text);
    print_message("%u zone files, %u edits\n", nzones, nedits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_golden)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}

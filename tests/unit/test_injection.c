/* Ten thousand names and values made to break out of a zone file, a JSON answer, a path or a log
 * line, each on the way that a request takes: text, wire form, registry, state.db, live copy,
 * people's file, JSON, and back. Comes out what went in, or a refusal that names the field.
 * BETTERDNS_SEED=N runs the same again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>
#include <betterdns/log.h>
#include <betterdns/zonefile.h>

#include "arena.h"
#include "http_private.h"
#include "injection_kit.h"
#include "internal.h"
#include "manifest.h"
#include "names.h"
#include "record_json.h"
#include "registry_kit.h"
#include "values.h"

#define ROUNDS 10000

static struct regkit kit;
static struct dname origin;
static struct api_zone api_zone;
static struct api api = {.zones = &api_zone, .origins = &origin, .nzones = 1};

/* ---- zone text ---- */

/* The records of a text, one after another, as read back. */
struct reread {
    const struct trial *trial;
    struct rdset left; /* what must still come */
    const uint8_t *at;
    unsigned count;
};

static int reread_record(void *arg, const struct zp_record *record)
{
    struct reread *rr = arg;
    struct str rdata;

    assert_true(dname_eq(&record->owner, &rr->trial->owner));
    assert_int_equal(record->type, rr->trial->type);
    assert_int_equal(record->ttl, 30);
    assert_true(rdset_next(&rr->left, &rr->at, &rdata));
    assert_int_equal(record->nrdata, rdata.n);
    assert_memory_equal(record->rdata, rdata.p, rdata.n);
    rr->count++;
    return 0;
}

/* A line a record, and nothing in it but printable ASCII. */
static void check_lines(struct str text, unsigned lines)
{
    for (size_t i = 0; i < text.n; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (c == '\n')
            lines--;
        else
            assert_in_range(c, ' ', '~');
    }
    assert_int_equal(lines, 0);
}

static void check_zone_text(const struct trial *t, const struct rdset *rdatas,
                            const struct buf *text)
{
    struct zp_options options = {.origin = origin, .default_ttl = UINT32_MAX};
    struct reread rr = {.trial = t, .left = *rdatas, .at = rdatas->p};

    check_lines(buf_str(text), rdatas->count);
    assert_int_equal(zp_parse(buf_str(text), &options, reread_record, &rr), 0);
    assert_int_equal(rr.count, rdatas->count);
}

static void check_zone_file(const struct trial *t, const struct rrset *set)
{
    struct rdset rdatas = rrset_rdatas(set);
    struct buf text = {0};

    zp_write_rrset(&t->owner, t->type, rrset_ttl(set), &rdatas, &text);
    check_zone_text(t, &rdatas, &text);
    buf_reset(&text);
    zp_write_people(&t->owner, &origin, t->type, rrset_ttl(set), &rdatas, &text);
    check_zone_text(t, &rdatas, &text);
    buf_free(&text);
}

/* ---- JSON ---- */

static const struct rrtype *row_of(uint16_t type)
{
    static struct rrtype generic = {.name = "TYPE", .example = "\\# 0"};
    const struct rrtype *row = rrtype_by_code(type);

    generic.code = type;
    return row ? row : &generic;
}

static void check_json(const struct trial *t, const struct rrset *set)
{
    struct rdset rdatas = rrset_rdatas(set);
    struct rrset *bare = rrset_new(&t->owner, t->type, rrset_ttl(set), &rdatas, NULL, 0);
    struct buf text = {0}, scratch = {0};
    struct json j = {.out = &text}, again = {.out = &text};
    struct http_fields fields = {0};
    struct json_numbers numbers;
    struct problem problem;
    struct arena arena = {0};
    struct values values;
    struct dname owner;
    unsigned zone;
    const struct record_json with = {.scratch = &scratch};

    record_json(&j, set, &origin, &with); /* with its registrations */
    assert_int_equal(json_scan(&arena, buf_str(&text), &numbers, &problem), 0);
    assert_null(memchr(text.p, '\n', text.n));
    if (t->id.n)
        assert_non_null(memmem(text.p, text.n, "\"id\":\"", 6));
    buf_reset(&text);
    record_json(&again, bare, &origin, &with);
    assert_int_equal(json_in_parse(&arena, buf_str(&text), &fields, &problem), 0);
    const struct http_field *list = http_field(&fields, "values");
    assert_int_equal(
        names_resolve(&api, http_field(&fields, "name")->text, &owner, &zone, &problem), 0);
    assert_true(dname_eq(&owner, &t->owner));
    assert_int_equal(values_read(&api, row_of(t->type), list->list, list->nlist, &values, &problem),
                     0);
    assert_int_equal(values.set.n, rdatas.n);
    assert_memory_equal(values.set.p, rdatas.p, rdatas.n);
    values_free(&values);
    rrset_put(bare);
    buf_free(&text);
    buf_free(&scratch);
    arena_free(&arena);
}

/* ---- paths, hosts(5), service discovery ---- */

static void check_path(const struct trial *t)
{
    char text[DNAME_TEXT_MAX], path[NAMES_PATH_MAX];
    struct str name = {text, dname_to_text(&t->owner, text)};
    size_t n = names_to_path(name, path), at = 0;

    for (size_t i = 0; i < n; i++, at++) {
        assert_true(path[i] == '%' || path[i] == '-' || path[i] == '.' || path[i] == '_' ||
                    path[i] == '~' || path[i] == '@' || path[i] == '*' ||
                    (ascii_lower((unsigned char)path[i]) >= 'a' &&
                     ascii_lower((unsigned char)path[i]) <= 'z') ||
                    (path[i] >= '0' && path[i] <= '9'));
        unsigned c = (unsigned char)path[i];
        if (c == '%') {
            assert_int_equal(sscanf(path + i + 1, "%2x", &c), 1);
            i += 2;
        }
        assert_int_equal((unsigned char)text[at], c);
    }
    assert_int_equal(at, name.n);
}

static void check_formats(const struct trial *t, const struct rrset *set)
{
    struct buf out = {0};
    struct manifest m = {.api = &api, .out = &out, .json = {.out = &out}};
    struct json_numbers numbers;
    struct arena arena = {0};
    struct problem problem;

    manifest_hosts.set(&m, 0, set);
    for (size_t i = 0; i < out.n; i++)
        assert_true(strchr("\t\n .-_:", out.p[i]) || (out.p[i] >= 'a' && out.p[i] <= 'z') ||
                    (out.p[i] >= '0' && out.p[i] <= '9'));
    assert_true(t->type == RRTYPE_A || t->type == RRTYPE_AAAA || out.n == 0);
    buf_reset(&out);
    manifest_prometheus.begin(&m);
    manifest_prometheus.set(&m, 0, set);
    manifest_prometheus.end(&m);
    assert_int_equal(json_scan(&arena, buf_str(&out), &numbers, &problem), 0);
    check_lines(buf_str(&out), 1);
    buf_free(&out);
    buf_free(&m.scratch);
    arena_free(&arena);
}

/* ---- the log ---- */

static int log_to = -1;

static struct buf logged(enum log_format format, const struct trial *t)
{
    int real = dup(STDERR_FILENO);
    struct buf line = {0};

    assert_int_equal(ftruncate(log_to, 0), 0);
    assert_int_equal(lseek(log_to, 0, SEEK_SET), 0);
    dup2(log_to, STDERR_FILENO);
    log_setup(format, LOG_LEVEL_INFO);
    log_info("a message", LOG_STR("value", buf_str(&t->value)), LOG_STR("id", buf_str(&t->id)),
             LOG_STR("name", buf_str(&t->name)));
    log_setup(LOG_LOGFMT, LOG_LEVEL_INFO);
    dup2(real, STDERR_FILENO);
    close(real);
    line.n = (size_t)lseek(log_to, 0, SEEK_CUR);
    size_t n = line.n;
    line.n = 0;
    assert_int_equal(pread(log_to, buf_room(&line, n), n, 0), n);
    line.n = n;
    return line;
}

/* Behind one pair of logfmt and its blank. */
static const char *skip_pair(const char *p, const char *end)
{
    while (p < end && (ascii_lower((unsigned char)*p) >= 'a' || *p == '_') && *p != '=')
        p++;
    assert_true(p < end && *p == '=');
    if (*++p != '"') {
        while (p < end && *p != ' ' && *p != '"' && *p != '=')
            p++;
    } else {
        for (p++; p < end && *p != '"'; p++)
            p += *p == '\\';
        p++;
    }
    assert_true(p == end || (p < end && *p == ' '));
    return p == end ? p : p + 1;
}

static void check_log(const struct trial *t)
{
    struct json_numbers numbers;
    struct arena arena = {0};
    struct problem problem;
    struct buf line = logged(LOG_LOGFMT, t);
    unsigned pairs = 0;

    assert_true(line.n > 0 && line.p[line.n - 1] == '\n');
    assert_null(memchr(line.p, '\n', line.n - 1));
    for (const char *p = line.p, *end = p + line.n - 1; p < end; pairs++)
        p = skip_pair(p, end);
    bool cut = memmem(line.p, line.n, " cut=true\n", 10) != NULL;
    assert_true(cut ? pairs <= 6 : pairs == 6);
    buf_free(&line);
    line = logged(LOG_JSON, t);
    for (char *nul = line.p; (nul = memmem(nul, line.n - (size_t)(nul - line.p), "\\u0000", 6));)
        nul[5] = '1'; /* valid JSON, but not to a scanner of requests */
    assert_int_equal(json_scan(&arena, buf_str(&line), &numbers, &problem), 0);
    assert_ptr_equal(memchr(line.p, '\n', line.n), line.p + line.n - 1);
    buf_free(&line);
    arena_free(&arena);
}

/* ---- one value, and all of them ---- */

/* Problems become answers: they are JSON, whatever they quote. */
static int refused(const struct trial *t, const struct problem *problem)
{
    struct buf text = {0};
    struct json j = {.out = &text};
    struct json_numbers numbers;
    struct arena arena = {0};
    struct problem other;
    bool host = dname_is_host(&t->owner) || !(row_of(t->type)->flags & RRTYPE_HOST_OWNER);

    if (t->known && host)
        fail_msg("type %u, '%.*s' '%.*s': %s", t->type, STR_ARG(buf_str(&t->name)),
                 STR_ARG(buf_str(&t->value)), problem->detail);
    assert_non_null(problem->field);
    assert_true(problem->detail[0] != '\0');
    json_open(&j, '[');
    json_c(&j, problem->field);
    json_c(&j, problem->detail);
    json_c(&j, problem->hint);
    json_close(&j, ']');
    assert_int_equal(json_scan(&arena, buf_str(&text), &numbers, &other), 0);
    buf_free(&text);
    arena_free(&arena);
    return -1;
}

static int submit(const struct trial *t, const struct values *values, bool durable)
{
    struct change *c = change_new(CHANGE_HTTP, STR("192.0.2.1"));
    struct op op = {.kind = OP_REGISTER,
                    .owner = t->owner,
                    .type = t->type,
                    .has_ttl = true,
                    .ttl = 30,
                    .id = buf_str(&t->id),
                    .source = STR("192.0.2.1"),
                    .values = values->set};

    assert_int_equal(change_add(c, &op), 0);
    if (!durable)
        change_dry_run(c);
    return regkit_submit(&kit, c);
}

/* 1: it was taken. */
static int run(struct trial *t, bool durable)
{
    struct problem problem = {0};
    struct str value = buf_str(&t->value);
    struct values values;
    struct dname owner;
    unsigned zone;

    if (names_resolve(&api, buf_str(&t->name), &owner, &zone, &problem) < 0)
        return refused(t, &problem);
    assert_true(!t->known || dname_eq(&owner, &t->owner));
    t->owner = owner;
    if (values_read(&api, row_of(t->type), &value, 1, &values, &problem) < 0)
        return refused(t, &problem);
    assert_int_equal(values.set.count, 1);
    if (t->known) {
        assert_int_equal(values.set.n, t->wire.n + 2);
        assert_memory_equal(values.set.p + 2, t->wire.p, t->wire.n);
    }
    int r = submit(t, &values, durable);
    values_free(&values);
    if (r < 0)
        return refused(t, &kit.problem);
    check_zone_file(t, kit.receipt.set);
    check_json(t, kit.receipt.set);
    check_path(t);
    check_formats(t, kit.receipt.set);
    return 1;
}

static void test_values(void **state)
{
    unsigned taken = 0, known = 0, mutated = 0;
    struct trial t;

    (void)state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        injection_make(&t, round);
        int r = run(&t, round % 4 == 0); /* the disk's time, four times less of it */
        if (round % 10 == 0)
            check_log(&t);
        taken += r > 0;
        known += r > 0 && t.known;
        mutated += r > 0 && !t.known;
        injection_free(&t);
    }
    print_message("%u taken, %u of them as spelled, %u mutated\n", taken, known, mutated);
    assert_true(known > ROUNDS / 2 && mutated > ROUNDS / 20 && ROUNDS - taken > ROUNDS / 20);
}

/* Both hold the same sets, in the same order; the SOA's serial apart. */
static void check_same(struct snap *a, struct snap *b, bool registrations)
{
    struct snap_iter at_a, at_b;
    const struct rrset *set_a, *set_b;
    struct registration reg_a, reg_b;
    unsigned zone;

    assert_int_equal(snap_seek(a, (struct snap_key){.zone = 0}, &at_a), 0);
    assert_int_equal(snap_seek(b, (struct snap_key){.zone = 0}, &at_b), 0);
    while (set_a = snap_next(&at_a, &zone), set_b = snap_next(&at_b, &zone), set_a && set_b) {
        struct hash128 tag_a = rrset_etag(set_a), tag_b = rrset_etag(set_b);
        assert_int_equal(rrset_type(set_a), rrset_type(set_b));
        assert_true(rrset_type(set_a) == RRTYPE_SOA || hash128_eq(&tag_a, &tag_b));
        assert_true(!registrations || rrset_nregs(set_a) == rrset_nregs(set_b));
        for (size_t i = 0; registrations && i < rrset_nregs(set_a); i++) {
            rrset_reg(set_a, i, &reg_a);
            rrset_reg(set_b, i, &reg_b);
            assert_true(str_eq(reg_a.id, reg_b.id));
        }
    }
    assert_true(!set_a && !set_b);
}

/* As export_zone prints it. */
static void print_people(struct snap *s, struct buf *out)
{
    struct hash128 marker = registry_marker_hash(s, 0);
    const struct rrset *set;
    struct snap_iter it;
    struct dname owner;
    unsigned zone;

    zp_write_marker(snap_seq(s), &marker, out);
    buf_addf(out, "$ORIGIN lab.example.\n$TTL 30\n");
    assert_int_equal(snap_seek(s, (struct snap_key){.zone = 0}, &it), 0);
    while ((set = snap_next(&it, &zone)) && zone == 0) {
        struct rdset rdatas = rrset_rdatas(set);
        rrset_owner(set, &owner);
        zp_write_people(&owner, &origin, rrset_type(set), rrset_ttl(set), &rdatas, out);
    }
}

/* The whole zone, as the server reads it and as people do. */
static void test_files(void **state)
{
    struct snap *before = registry_snapshot(kit.r), *after;
    struct buf text = {0};
    char path[128];

    (void)state;
    snprintf(path, sizeof(path), "%s/copy", kit.dir);
    assert_int_equal(live_write(path, before, 0, 5), 0);
    assert_int_equal(file_read(path, SIZE_MAX, &text), 0);
    check_lines(buf_str(&text), (unsigned)snap_zone(before, 0)->nrecords + 1); /* and the stamp */
    print_people(before, &text);

    regkit_reopen(&kit); /* what is in state.db */
    after = registry_snapshot(kit.r);
    check_same(before, after, true);
    snap_put(after);

    /* Another registry imports either. */
    for (unsigned i = 0; i < 2; i++) {
        struct regkit other;
        struct buf people = {0};
        regkit_start(&other);
        if (i == 1)
            print_people(before, &people);
        else
            assert_int_equal(file_read(path, SIZE_MAX, &people), 0);
        assert_int_equal(file_write_atomic(other.file[0], buf_str(&people), 0644, false), 0);
        if (regkit_open(&other) < 0)
            fail_msg("%s", other.problem.detail);
        after = registry_snapshot(other.r);
        check_same(before, after, false);
        snap_put(after);
        regkit_end(&other);
        buf_free(&people);
    }
    snap_put(before);
    buf_free(&text);
}

static int set_up(void **state)
{
    (void)state;
    log_to = memfd_create("log", MFD_CLOEXEC);
    regkit_start(&kit);
    if (log_to < 0 || regkit_open(&kit) < 0)
        return -1;
    origin = kit.zones[0].origin;
    api_zone.origin = origin;
    injection_start(&origin);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    regkit_end(&kit);
    close(log_to);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_files),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}

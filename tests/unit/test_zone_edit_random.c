/* Random zones as random people write them, random changes: the edited text is the wanted zone, and
 * what does not have to do with the change is as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>

#include "spelling_kit.h"

#define ZONES 3000

static unsigned nrefused;

static struct zp_options options;

static int setup(void **state)
{
    (void)state;
    options.default_ttl = UINT32_MAX;
    return dname_from_text(STR("example.org."), NULL, &options.origin, NULL);
}

/* ---- zones ---- */

static struct dname random_owner(void)
{
    static const char *const names[] = {"web",   "db", "mail", "a.sub", "b.sub",
                                        "sub",   "x1", "x2",   "x10",   "_sip._tcp",
                                        "w\\.w", "*",  "@",    "*.sub", "Cased"};
    const struct dname_rules rules = {.origin = &options.origin};
    struct dname name;

    assert_int_equal(
        dname_from_text(str_c(names[kit_draw(ARRAY_SIZE(names))]), &rules, &name, NULL), 0);
    return name;
}

static void add_text(struct kit_zone *z, const struct dname *owner, uint32_t ttl, uint16_t type,
                     const char *text)
{
    static struct rdata rdata;
    const struct dname_rules rules = {.origin = &options.origin};
    struct lex_error error;

    if (rdata_from_text(type, str_c(text), &rules, &rdata, &error) < 0)
        fail_msg("%s: %s", text, error.message);
    kit_zone_add(z, owner, type, ttl, ttl, (struct str){(const char *)rdata.b, rdata.n});
}

static bool has_owner(const struct kit_zone *z, const struct dname *owner)
{
    for (size_t i = 0; i < z->n; i++) {
        if (dname_eq(&z->sets[i].owner, owner))
            return true;
    }
    return false;
}

/* One more record, somewhere; a CNAME only where nothing else is. */
static void add_random(struct kit_zone *z)
{
    struct dname owner = random_owner();
    uint32_t ttl = kit_chance(70) ? UINT32_MAX : kit_random_ttl();
    char text[128];
    uint16_t type;

    if (kit_zone_find(z, &owner, RRTYPE_CNAME))
        return;
    switch (kit_draw(8)) {
    case 0:
        if (has_owner(z, &owner))
            return;
        type = RRTYPE_CNAME;
        snprintf(text, sizeof(text), "%s", kit_chance(50) ? "web" : "cdn.example.net.");
        break;
    case 1:
        type = RRTYPE_MX;
        snprintf(text, sizeof(text), "%u mail%u", kit_draw(3) * 10, kit_draw(3));
        break;
    case 2:
        type = RRTYPE_TXT;
        snprintf(text, sizeof(text), "%s",
                 kit_chance(50) ? "\"v=1; (x\" \"two \\\" parts\"" : "one");
        break;
    case 3:
        type = RRTYPE_AAAA;
        snprintf(text, sizeof(text), "2001:db8::%x", kit_draw(9));
        break;
    case 4:
        type = 65280;
        snprintf(text, sizeof(text), "\\# 3 0102%02x", kit_draw(9));
        break;
    default: type = RRTYPE_A; snprintf(text, sizeof(text), "192.0.2.%u", kit_draw(9));
    }
    if (ttl == UINT32_MAX)
        ttl = kit_zone_find(z, &owner, type) ? UINT32_MAX : 3600;
    add_text(z, &owner, ttl, type, text);
}

/* What "$GENERATE 1-4 g-$ A 192.0.2.$" makes. */
static void add_generated(struct kit_zone *z)
{
    const struct dname_rules rules = {.origin = &options.origin};
    uint32_t ttl = kit_random_ttl();

    for (unsigned i = 1; i <= KIT_GENERATED; i++) {
        char name[8], text[16];
        struct dname owner;
        snprintf(name, sizeof(name), "g-%u", i);
        snprintf(text, sizeof(text), "192.0.2.%u", i);
        assert_int_equal(dname_from_text(str_c(name), &rules, &owner, NULL), 0);
        add_text(z, &owner, ttl, RRTYPE_A, text);
    }
}

static struct kit_zone random_zone(void)
{
    struct kit_zone z = {NULL, 0};

    add_text(&z, &options.origin, kit_random_ttl(), RRTYPE_SOA, "ns1 host 7 7200 3600 1209600 300");
    add_text(&z, &options.origin, kit_random_ttl(), RRTYPE_NS, "ns1");
    if (kit_chance(50))
        add_text(&z, &options.origin, UINT32_MAX, RRTYPE_NS, "ns2.example.net.");
    for (unsigned n = kit_draw(25); n > 0; n--)
        add_random(&z);
    if (kit_chance(30))
        add_generated(&z);
    return z;
}

static void remove_random(struct kit_zone *z)
{
    struct zp_edit_set *s = &z->sets[kit_draw((unsigned)z->n)];
    const uint8_t *at = s->rdatas.p;
    struct dname owner = s->owner;
    struct str rdata;

    if (s->type == RRTYPE_SOA || s->type == RRTYPE_NS)
        return;
    if (kit_chance(40)) {
        kit_zone_drop(z, &owner, s->type);
        return;
    }
    for (unsigned skip = kit_draw(s->rdatas.count) + 1; skip > 0; skip--)
        rdset_next(&s->rdatas, &at, &rdata);
    kit_zone_remove(z, &owner, s->type, rdata);
    kit_zone_tidy(z);
}

static void bump_serial(struct kit_zone *z)
{
    struct zp_edit_set *soa = kit_zone_find(z, &options.origin, RRTYPE_SOA);
    uint8_t *rdata;

    assert_non_null(soa);
    rdata = (uint8_t *)(uintptr_t)soa->rdatas.p + 2;
    soa_set_serial(rdata, soa->rdatas.n - 2U, soa_serial(rdata, soa->rdatas.n - 2U) + 3);
}

static void change_random(struct kit_zone *z)
{
    for (unsigned n = 1 + kit_draw(6); n > 0; n--) {
        switch (kit_draw(5)) {
        case 0: bump_serial(z); break;
        case 1:
        case 2: remove_random(z); break;
        case 3: z->sets[kit_draw((unsigned)z->n)].ttl = kit_random_ttl(); break;
        default: add_random(z);
        }
    }
}

/* ---- what must be so ---- */

static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    const struct kit_spelling *w = arg;

    (void)name;
    (void)depth;
    *ret_source = (struct zp_source){"the.file", buf_str(&w->file)};
    return 0;
}

/* What is as wanted is left alone. */
static void check_at_rest(struct str text, const struct zp_edits *edits)
{
    struct buf again = {.p = NULL};

    assert_int_equal(zp_edit(text, &options, edits, kit_take_text, &again, NULL), 0);
    if (!str_eq(buf_str(&again), text))
        fail_msg("not at rest:\n%.*s\nbecame\n%.*s", STR_ARG(text), STR_ARG(buf_str(&again)));
    buf_free(&again);
}

static bool edit(struct str text, const struct kit_zone *from, const struct kit_zone *to,
                 struct buf *out)
{
    struct zp_edits edits = {.marker = {NULL, 0}};
    struct zp_edit_set *sets;
    struct kit_zone got;
    size_t where = 0;
    int r;

    edits.nsets = kit_zone_diff(from, to, &sets);
    edits.sets = sets;
    r = zp_edit(text, &options, &edits, kit_take_text, out, &where);
    if (r == 0)
        check_at_rest(buf_str(out), &edits);
    free(sets);
    if (r == -BD_ECONFLICT && options.include) {
        assert_true(where < edits.nsets);
        assert_int_equal(out->n, 0);
        return false;
    }
    assert_int_equal(r, 0);
    got = kit_zone_read(buf_str(out), &options);
    if (!kit_zone_eq(&got, to))
        fail_msg("another zone than wanted; of\n%.*s\nbecame\n%.*s", STR_ARG(text),
                 STR_ARG(buf_str(out)));
    kit_zone_free(&got);
    return true;
}

static bool is_changed(const struct kit_zone *from, struct kit_zone *to, size_t set)
{
    const struct zp_edit_set *a = &from->sets[set];
    const struct zp_edit_set *b = kit_zone_find(to, &a->owner, a->type);

    return !b || a->ttl != b->ttl || !rdset_eq(a->type, &a->rdatas, &b->rdatas);
}

/* The last line may get a line end when another comes behind it. */
static struct str without_cr(struct str line)
{
    line.n -= line.n && line.p[line.n - 1] == '\r';
    return line;
}

/* The lines that have nothing to do with the change are all there, in their order. */
static void check_untouched(const struct kit_spelling *w, struct kit_zone *to, struct str result)
{
    struct str before = buf_str(&w->text), line, found;

    for (size_t i = 0; str_cut(&before, '\n', &line); i++) {
        if (w->lines[i].inherits ||
            (w->lines[i].set != KIT_NO_SET && is_changed(w->zone, to, w->lines[i].set)))
            continue;
        do {
            if (!str_cut(&result, '\n', &found))
                fail_msg("a line has gone: %.*s\n%.*s", STR_ARG(line), STR_ARG(buf_str(&w->text)));
        } while (!str_eq(without_cr(line), without_cr(found)));
    }
}

/* May a change be refused? Only where it wants something of the file, or of what the file inherits.
 */
static bool may_conflict(const struct kit_spelling *w, struct kit_zone *to)
{
    if (w->file_inherits)
        return true;
    for (size_t i = 0; i < w->zone->n; i++) {
        if (w->included[i] && is_changed(w->zone, to, i))
            return true;
    }
    return false;
}

static void run_zone(uint64_t seed)
{
    static struct kit_spelling w;
    struct kit_zone zone, to, read;
    struct buf same = {.p = NULL}, there = {.p = NULL}, back = {.p = NULL};

    kit_state = seed * 7919 + 1;
    kit_draw(2);
    zone = random_zone();
    kit_write_zone(&w, &zone, &options.origin);
    options.include = w.file.n ? include : NULL;
    options.include_arg = &w;
    read = kit_zone_read(buf_str(&w.text), &options);
    assert_true(kit_zone_eq(&zone, &read));
    to = kit_zone_copy(&zone);
    assert_true(edit(buf_str(&w.text), &zone, &zone, &same));
    assert_true(str_eq(buf_str(&same), buf_str(&w.text)));
    change_random(&to);
    if (edit(buf_str(&w.text), &zone, &to, &there)) {
        check_untouched(&w, &to, buf_str(&there));
        nrefused += !edit(buf_str(&there), &to, &zone, &back);
    } else {
        if (!may_conflict(&w, &to))
            fail_msg("refused for nothing; of\n%.*s\nand\n%.*s", STR_ARG(buf_str(&w.text)),
                     STR_ARG(buf_str(&w.file)));
        nrefused++;
    }
    buf_free(&back);
    buf_free(&there);
    buf_free(&same);
    kit_zone_free(&read);
    kit_zone_free(&to);
    kit_zone_free(&zone);
    buf_free(&w.text);
    buf_free(&w.file);
}

static void test_random(void **state)
{
    const char *zones = getenv("BETTERDNS_ZONES"), *first = getenv("BETTERDNS_FIRST");
    uint64_t n = zones ? strtoull(zones, NULL, 10) : ZONES,
             from = first ? strtoull(first, NULL, 10) : 0;

    (void)state;
    for (uint64_t seed = from; seed < from + n; seed++) {
        if (zones)
            print_message("seed %llu\n", (unsigned long long)seed);
        run_zone(seed);
    }
    print_message("%u changes of included records refused\n", nrefused);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random)};

    return cmocka_run_group_tests(tests, setup, NULL);
}

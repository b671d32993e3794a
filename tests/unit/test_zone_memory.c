/* Without memory: each allocation of the parser fails once, what was asked for is -ENOMEM, and
 * nothing is left behind. Linked with --wrap. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/zonefile.h>

#include "edit_kit.h"

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static long blocks;          /* allocated and not freed */
static long fail_after = -1; /* so many succeed first; negative: all */

static bool may_allocate(void)
{
    return fail_after < 0 || fail_after-- > 0;
}

static void *counted(void *p)
{
    blocks += p != NULL;
    return p;
}

void *__wrap_malloc(size_t n)
{
    return may_allocate() ? counted(__real_malloc(n)) : NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    return may_allocate() ? counted(__real_calloc(n, size)) : NULL;
}

void *__wrap_realloc(void *p, size_t n)
{
    if (!may_allocate())
        return NULL;
    return p ? __real_realloc(p, n) : counted(__real_realloc(NULL, n));
}

void __wrap_free(void *p)
{
    blocks -= p != NULL;
    __real_free(p);
}

/* ---- what is tried ---- */

static struct zp_options options = {.default_ttl = 60};
static struct buf text;

static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    (void)arg, (void)name, (void)depth;
    *ret_source = (struct zp_source){"hosts", STR("in A 192.0.2.1\n")};
    return 0;
}

static void ignore_error(void *arg, const struct zp_error *error)
{
    (void)arg, (void)error;
}

static int ignore_record(void *arg, const struct zp_record *record)
{
    (void)arg, (void)record;
    return 0;
}

/* More than one of all that grows: records, files, octets. */
static int setup(void **state)
{
    (void)state;
    options.include = include;
    options.on_error = ignore_error;
    buf_add_str(&text, STR("@ SOA ns h 1 2 3 4 5\n@ NS ns\nns A 192.0.2.1\n"));
    for (int i = 0; i < 6; i++)
        buf_add_str(&text, STR("$INCLUDE hosts ; again\n"));
    buf_add_str(&text, STR("$GENERATE 1-90 g$ TXT \"$\"\n"));
    for (int i = 0; i < 90; i++)
        buf_addf(&text, "h%d A 192.0.2.%d\nh%d A 192.0.3.1\nt TXT \"%0100d\"\n", i, i, i, i);
    return text.error ? text.error : dname_from_text(STR("lab."), NULL, &options.origin, NULL);
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&text);
    return 0;
}

static int try_parse(void)
{
    return zp_parse(buf_str(&text), &options, ignore_record, NULL);
}

static int try_load(void)
{
    struct zp_zone *z = NULL;
    int r = zp_zone_load(buf_str(&text), &options, &z);

    assert_true((r == 0) == (z != NULL));
    zp_zone_free(z);
    return r;
}

static int try_fmt(void)
{
    struct buf out = {.p = NULL};
    int r = zp_fmt(buf_str(&text), &options, &out);

    buf_free(&out);
    return r;
}

static struct zp_zone *zone;

/* All writers, into one text. */
static int try_write(void)
{
    struct buf out = {.p = NULL};
    int r;

    for (size_t i = 0; i < zp_zone_nrrsets(zone); i++) {
        struct zp_record record = {.class = 1};
        struct rdset set;
        const uint8_t *at;
        struct str rdata;
        zp_zone_rrset(zone, i, &record.owner, &record.type, &record.ttl, &set);
        at = set.p;
        if (rdset_next(&set, &at, &rdata)) {
            record.rdata = (const uint8_t *)rdata.p;
            record.nrdata = (uint16_t)rdata.n;
            zp_write_canonical(&record, &out);
        }
        zp_write_people(&record.owner, &options.origin, record.type, record.ttl, &set, &out);
        zp_write_served(&record.owner, record.type, record.ttl, &set, &out);
    }
    r = out.error;
    buf_free(&out);
    return r;
}

/* The edited text: the same each time that there was memory enough. */
static struct edited {
    char text[1 << 16];
    size_t n;
} edited, wanted;

static int take_text(void *arg, struct str piece)
{
    struct edited *to = arg;

    assert_true(to->n + piece.n <= sizeof(to->text));
    memcpy(to->text + to->n, piece.p, piece.n);
    to->n += piece.n;
    return 0;
}

static int try_edit(void)
{
    static const uint8_t rdata[] = {0, 4, 10, 0, 0, 1, 0, 4, 10, 0, 0, 2};
    struct zp_edit_set sets[3];
    struct zp_edits edits = {.sets = sets, .nsets = ARRAY_SIZE(sets), .marker = STR("; m\n")};
    static const char *const owners[] = {"h1.lab.", "h2.lab.", "new.lab."};
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(sets); i++) {
        sets[i] = (struct zp_edit_set){.type = RRTYPE_A, .ttl = 60, .rdatas = {rdata, 12, 2}};
        assert_int_equal(dname_from_text(str_c(owners[i]), NULL, &sets[i].owner, NULL), 0);
    }
    sets[1].rdatas = (struct rdset){NULL, 0, 0};
    edited.n = 0;
    r = zp_edit(buf_str(&text), &options, &edits, take_text, &edited, NULL);
    assert_true(r == 0 || edited.n == 0);
    if (r == 0 && wanted.n == 0)
        wanted = edited;
    if (r == 0 && (edited.n != wanted.n || memcmp(edited.text, wanted.text, wanted.n) != 0))
        fail_msg("another text than with all memory");
    return r;
}

static void fail_each(int (*try)(void), long least)
{
    long n = 0;
    int r;

    do {
        long before = blocks;
        fail_after = n;
        r = try();
        fail_after = -1;
        if (blocks != before || (r != 0 && r != -ENOMEM))
            fail_msg("allocation %ld failed: %d, and %ld blocks are left", n, r, blocks - before);
        n++;
    } while (r != 0);
    assert_true(n > least);
}

static void test_parse(void **state)
{
    (void)state;
    fail_each(try_parse, 1);
}

static void test_load(void **state)
{
    (void)state;
    fail_each(try_load, 15);
}

static void test_fmt(void **state)
{
    (void)state;
    fail_each(try_fmt, 5);
}

static void test_write(void **state)
{
    (void)state;
    assert_int_equal(zp_zone_load(buf_str(&text), &options, &zone), 0);
    fail_each(try_write, 5);
    zp_zone_free(zone);
}

static void test_edit(void **state)
{
    (void)state;
    assert_int_equal(try_edit(), 0);
    fail_each(try_edit, 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse), cmocka_unit_test(test_load), cmocka_unit_test(test_fmt),
        cmocka_unit_test(test_write), cmocka_unit_test(test_edit),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}

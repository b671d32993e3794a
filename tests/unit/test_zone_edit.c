/* What zp_edit promises besides the text: markers, refusals, pieces, memory; and the acceptance
 * corpus, edited. */
#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/file.h>

#include "spelling_kit.h"

static struct zp_options options;

static int setup(void **state)
{
    (void)state;
    options.default_ttl = UINT32_MAX;
    return dname_from_text(STR("example.org."), NULL, &options.origin, NULL);
}

#define ZONE "$TTL 60\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\nweb A 192.0.2.2\n"

static struct dname name_of(const char *text)
{
    const struct dname_rules rules = {.origin = &options.origin};
    struct dname name;

    assert_int_equal(dname_from_text(str_c(text), &rules, &name, NULL), 0);
    return name;
}

static const uint8_t address_9[] = {0, 4, 192, 0, 2, 9};

static struct zp_edit_set address_set(const char *owner)
{
    return (struct zp_edit_set){
        .owner = name_of(owner), .type = RRTYPE_A, .ttl = 60, .rdatas = {address_9, 6, 1}};
}

static struct buf edit(struct str text, const struct zp_edits *edits, int want)
{
    struct buf out = {.p = NULL};
    size_t where = 99;

    assert_int_equal(zp_edit(text, &options, edits, kit_take_text, &out, &where), want);
    if (want != -BD_ECONFLICT)
        assert_int_equal(where, 99);
    if (want < 0)
        assert_int_equal(out.n, 0);
    return out;
}

static void assert_edited(struct str text, const struct zp_edits *edits, const char *want)
{
    struct buf out = edit(text, edits, 0);

    if (!str_eq(buf_str(&out), str_c(want)))
        fail_msg("not\n%s\nbut\n%.*s", want, STR_ARG(buf_str(&out)));
    buf_free(&out);
}

#define MARKER "; betterdns base=18 ffeeddccbbaa99887766554433221100\n"
#define OLD "; betterdns base=17 00112233445566778899aabbccddeeff"

static void test_marker(void **state)
{
    struct zp_edit_set set = address_set("web");
    struct zp_edits edits = {.marker = STR(MARKER)};

    (void)state;
    assert_edited(STR(ZONE), &edits, MARKER ZONE);
    assert_edited(STR(OLD "\n" ZONE), &edits, MARKER ZONE);
    assert_edited(STR("; first\n" OLD "\n" ZONE OLD "\n"), &edits,
                  "; first\n" MARKER ZONE OLD "\n");
    assert_edited(STR("; betterdns base=x\n" ZONE), &edits, MARKER "; betterdns base=x\n" ZONE);
    assert_edited(STR(ZONE OLD), &edits,
                  ZONE "; betterdns base=18 ffeeddccbbaa99887766554433221100");
    edits.sets = &set;
    edits.nsets = 1;
    assert_edited(STR("web 60 A 192.0.2.2\n@ 60 SOA ns1 host 1 2 3 4 5\n@ 60 NS ns1\n"), &edits,
                  MARKER "web 60 A 192.0.2.9\n@ 60 SOA ns1 host 1 2 3 4 5\n@ 60 NS ns1\n");
    /* No marker is wanted: the one that is there stays. */
    edits.marker.n = 0;
    assert_edited(STR(OLD "\n" ZONE), &edits,
                  OLD "\n$TTL 60\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.1\n"
                      "web A 192.0.2.9\n");
}

static void test_marker_with_crlf(void **state)
{
    struct zp_edits edits = {.marker = STR(MARKER)};

    (void)state;
    assert_edited(STR("$TTL 60\r\n" OLD "\r\n@ SOA ns1 h 1 2 3 4 5\r\n@ NS ns1\r\n"), &edits,
                  "$TTL 60\r\n; betterdns base=18 ffeeddccbbaa99887766554433221100\r\n"
                  "@ SOA ns1 h 1 2 3 4 5\r\n@ NS ns1\r\n");
    assert_edited(STR("$TTL 60\r\n@ SOA ns1 h 1 2 3 4 5\r\n@ NS ns1\r\n"), &edits,
                  "; betterdns base=18 ffeeddccbbaa99887766554433221100\r\n"
                  "$TTL 60\r\n@ SOA ns1 h 1 2 3 4 5\r\n@ NS ns1\r\n");
}

/* A comment inside of a record may be one too: it is not lost with the record. */
static void test_marker_inside_a_record(void **state)
{
    struct zp_edit_set set = address_set("web");
    struct zp_edits edits = {.sets = &set, .nsets = 1, .marker = STR(MARKER)};
    struct buf out;
    struct hash128 hash;
    uint64_t seq;

    (void)state;
    set.rdatas.count = 0;
    out = edit(STR("$TTL 60\n@ SOA ns1 h 1 2 3 4 5\n@ NS ns1\nweb A (\n" OLD "\n192.0.2.2 )\n"),
               &edits, 0);
    assert_int_equal(zp_find_marker(buf_str(&out), &seq, &hash), 0);
    assert_int_equal(seq, 18);
    buf_free(&out);
}

static void test_no_zone(void **state)
{
    struct zp_edit_set set = address_set("web");
    struct zp_edits edits = {.sets = &set, .nsets = 1};

    (void)state;
    edit(STR(ZONE "web AAA 192.0.2.2\n"), &edits, -BD_ESYNTAX);
    edit(STR("; nothing\n"), &edits, -BD_ESYNTAX);
    edit((struct str){NULL, 0}, &edits, -BD_ESYNTAX);
    edits.nsets = 0;
    edit(STR(ZONE "web A\n"), &edits, -BD_ESYNTAX);
}

static int stop_at_once(void *arg, struct str piece)
{
    (void)piece;
    ++*(int *)arg;
    return 4711;
}

static void test_stopped(void **state)
{
    struct zp_edit_set set = address_set("web");
    struct zp_edits edits = {.sets = &set, .nsets = 1};
    int calls = 0;

    (void)state;
    assert_int_equal(zp_edit(STR(ZONE), &options, &edits, stop_at_once, &calls, NULL), 4711);
    assert_int_equal(calls, 1);
}

/* The owner in force passes by a directive, and is not written out where nothing has changed. */
static void test_owner_behind_a_directive(void **state)
{
    static const char zone[] = ZONE "$GENERATE 1-2 g$ A 192.0.2.$\n  TXT \"of web\"\n";
    struct zp_edit_set sets[] = {address_set("g2"), address_set("ns1")};
    struct zp_edits edits = {.sets = sets, .nsets = 2};

    (void)state;
    sets[0].type = RRTYPE_AAAA; /* there is none, and none is wanted */
    sets[0].rdatas.count = 0;
    assert_edited(str_c(zone), &edits,
                  "$TTL 60\n@ SOA ns1 host 1 2 3 4 5\n@ NS ns1\nns1 A 192.0.2.9\n"
                  "web A 192.0.2.2\n$GENERATE 1-2 g$ A 192.0.2.$\n  TXT \"of web\"\n");
}

/* ---- included files ---- */

static int include(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    (void)name;
    (void)depth;
    *ret_source = (struct zp_source){"file", *(struct str *)arg};
    return 0;
}

static void test_included(void **state)
{
    struct str file = STR("db A 192.0.2.3\n");
    struct zp_edit_set sets[] = {address_set("a"), address_set("db")};
    struct zp_edits edits = {.sets = sets, .nsets = 2};
    struct buf out = {.p = NULL};
    size_t where = 99;

    (void)state;
    options.include = include;
    options.include_arg = &file;
    /* The first set is a new host, the second wants the file's record changed. */
    assert_int_equal(
        zp_edit(STR(ZONE "$INCLUDE file\n"), &options, &edits, kit_take_text, &out, &where),
        -BD_ECONFLICT);
    assert_int_equal(where, 1);
    assert_int_equal(out.n, 0);
    /* Without $TTL the file's record takes the TTL of the one before. */
    sets[0] = address_set("b");
    sets[1] = address_set("web");
    sets[1].ttl = 300;
    assert_int_equal(zp_edit(STR("@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nb A 192.0.2.8\n"
                                 "web A 192.0.2.9\n$INCLUDE file\n"),
                             &options, &edits, kit_take_text, &out, &where),
                     -BD_ECONFLICT);
    assert_int_equal(where, 1);
    assert_int_equal(out.n, 0);
    where = 99;
    assert_int_equal(zp_edit(STR("@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nweb A 192.0.2.9\n"
                                 "$INCLUDE file\nb A 192.0.2.8\n"),
                             &options, &edits, kit_take_text, &out, &where),
                     -BD_ECONFLICT);
    assert_int_equal(where, 1);
    /* A new host does not come between them. */
    sets[0] = address_set("app");
    sets[0].ttl = 300;
    edits.nsets = 1;
    assert_edited(STR("@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nweb A 192.0.2.9\n$INCLUDE file ; all\n"
                      "; and (\n\n$include file"),
                  &edits,
                  "@ 60 SOA ns1 h 1 2 3 4 5\n@ NS ns1\nweb A 192.0.2.9\n$INCLUDE file ; all\n"
                  "; and (\n\n$include file\napp 300 A 192.0.2.9");
    options.include = NULL;
    buf_free(&out);
}

/* ---- cost ---- */

struct pieces {
    struct str text;
    size_t n, views, most; /* pieces; of them views of the text; heap in use, the most */
};

static int count_piece(void *arg, struct str piece)
{
    struct pieces *p = arg;
    const struct mallinfo2 heap = mallinfo2();

    p->n++;
    p->views += piece.p >= p->text.p && piece.p + piece.n <= p->text.p + p->text.n;
    if (heap.uordblks + heap.hblkhd > p->most)
        p->most = heap.uordblks + heap.hblkhd;
    return 0;
}

/* A change of one set in a hundred thousand: three pieces, and less memory than a tenth of an octet
 * a record. */
static void test_cost(void **state)
{
    struct zp_edit_set set = address_set("h77777");
    struct zp_edits edits = {.sets = &set, .nsets = 1};
    struct buf text = {.p = NULL};
    struct pieces pieces = {.n = 0};
    struct mallinfo2 heap;

    (void)state;
    buf_add_str(&text, STR(ZONE));
    for (unsigned i = 0; i < 100000; i++)
        buf_addf(&text, "h%u A 10.0.%u.%u\n", i, i >> 8 & 255, i & 255);
    pieces.text = buf_str(&text);
    heap = mallinfo2();
    assert_int_equal(zp_edit(pieces.text, &options, &edits, count_piece, &pieces, NULL), 0);
    assert_int_equal(pieces.n, 3);
    assert_int_equal(pieces.views, 2);
    assert_true(pieces.most - heap.uordblks - heap.hblkhd < 400000);
    /* Nothing to do: the text itself, in one piece. */
    pieces.n = pieces.views = 0;
    edits.nsets = 0;
    assert_int_equal(zp_edit(pieces.text, &options, &edits, count_piece, &pieces, NULL), 0);
    assert_int_equal(pieces.n, 1);
    assert_int_equal(pieces.views, 1);
    buf_free(&text);
}

/* ---- the corpus ---- */

#define FOLDER "tests/corpus/zone/"
#define ROUNDS 20

static unsigned nedited;

static bool is_apex(const struct zp_edit_set *s)
{
    return dname_eq(&s->owner, &options.origin) && (s->type == RRTYPE_SOA || s->type == RRTYPE_NS);
}

static void change_some(struct kit_zone *z)
{
    for (unsigned n = 1 + kit_draw(5); n > 0 && z->n > 2; n--) {
        struct zp_edit_set *s = &z->sets[kit_draw((unsigned)z->n)];
        const struct dname owner = s->owner;
        const uint8_t *at = s->rdatas.p;
        struct str rdata;
        if (kit_chance(40)) {
            s->ttl = kit_random_ttl();
        } else if (s->type == RRTYPE_SOA) {
            uint8_t *bytes = (uint8_t *)(uintptr_t)s->rdatas.p + 2;
            soa_set_serial(bytes, s->rdatas.n - 2U, kit_draw(UINT32_MAX));
        } else if (!is_apex(s)) {
            for (unsigned skip = 1 + kit_draw(s->rdatas.count); skip > 0; skip--)
                rdset_next(&s->rdatas, &at, &rdata);
            kit_zone_remove(z, &owner, s->type, rdata);
            kit_zone_tidy(z);
        }
    }
}

/* There and back. */
static void edit_zone(struct str text, const struct kit_zone *zone)
{
    struct kit_zone to = kit_zone_copy(zone), got;
    struct zp_edits edits = {.nsets = 0};
    struct zp_edit_set *sets;
    struct buf there, back;

    change_some(&to);
    edits.nsets = kit_zone_diff(zone, &to, &sets);
    edits.sets = sets;
    there = edit(text, &edits, 0);
    free(sets);
    got = kit_zone_read(buf_str(&there), &options);
    assert_true(kit_zone_eq(&got, &to));
    kit_zone_free(&got);
    edits.nsets = kit_zone_diff(&to, zone, &sets);
    edits.sets = sets;
    back = edit(buf_str(&there), &edits, 0);
    free(sets);
    got = kit_zone_read(buf_str(&back), &options);
    assert_true(kit_zone_eq(&got, zone));
    kit_zone_free(&got);
    kit_zone_free(&to);
    buf_free(&back);
    buf_free(&there);
    nedited++;
}

static void edit_case(const char *id, struct str origin)
{
    static const struct dname root = {.n = 1};
    const struct dname_rules rules = {.origin = &root};
    struct zp_zone *loaded = NULL;
    struct kit_zone zone;
    struct buf text = {.p = NULL};
    char path[128];

    snprintf(path, sizeof(path), FOLDER "%s.zone", id);
    assert_int_equal(file_read(path, 1 << 20, &text), 0);
    assert_int_equal(dname_from_text(origin, &rules, &options.origin, NULL), 0);
    if (zp_zone_load(buf_str(&text), &options, &loaded) == 0) {
        zone = kit_zone_read(buf_str(&text), &options);
        for (unsigned i = 0; i < ROUNDS; i++)
            edit_zone(buf_str(&text), &zone);
        kit_zone_free(&zone);
    }
    zp_zone_free(loaded);
    buf_free(&text);
}

static void test_corpus(void **state)
{
    struct buf manifest = {.p = NULL};
    struct str rest, line, id, level, origin;
    const struct dname before = options.origin;

    (void)state;
    kit_state = 7;
    assert_int_equal(file_read(FOLDER "MANIFEST.tsv", 1 << 20, &manifest), 0);
    rest = buf_str(&manifest);
    str_cut(&rest, '\n', &line);
    while (str_cut(&rest, '\n', &line)) {
        char name[32];
        if (!str_cut(&line, '\t', &id) || !str_cut(&line, '\t', &level) ||
            !str_cut(&line, '\t', &origin))
            fail_msg("a short line in the manifest");
        snprintf(name, sizeof(name), "%.*s", STR_ARG(id));
        edit_case(name, origin);
    }
    print_message("%u edits of corpus zones\n", nedited);
    assert_true(nedited >= 60 * ROUNDS);
    options.origin = before;
    buf_free(&manifest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_marker),   cmocka_unit_test(test_marker_with_crlf),
        cmocka_unit_test(test_no_zone),  cmocka_unit_test(test_marker_inside_a_record),
        cmocka_unit_test(test_stopped),  cmocka_unit_test(test_owner_behind_a_directive),
        cmocka_unit_test(test_included), cmocka_unit_test(test_cost),
        cmocka_unit_test(test_corpus),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}

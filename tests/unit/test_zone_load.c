/* Whole zones and writers: rules, order, folding; wire to text to wire is the identity. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rdata_kit.h"
#include "zone_kit.h"

typedef void writer(const struct dname *owner, uint16_t type, uint32_t ttl,
                    const struct rdset *rdatas, struct buf *out);

/* All sets of a zone. */
static struct buf written(const struct zp_zone *z, writer *write)
{
    struct buf b = {.p = NULL};

    for (size_t i = 0; i < zp_zone_nrrsets(z); i++) {
        struct dname owner;
        struct rdset set;
        uint16_t type;
        uint32_t ttl;
        zp_zone_rrset(z, i, &owner, &type, &ttl, &set);
        write(&owner, type, ttl, &set, &b);
    }
    buf_add_c(&b, '\0');
    assert_int_equal(b.error, 0);
    return b;
}

static void write_people(const struct dname *owner, uint16_t type, uint32_t ttl,
                         const struct rdset *rdatas, struct buf *out)
{
    zp_write_people(owner, &kit_zone_options.origin, type, ttl, rdatas, out);
}

/* Sets are in canonical order, but each record says where it stood: of repeated ones the first. */
static void test_places(void **state)
{
    static const unsigned lines[] = {9, 2, 1, 7, 3, 4};
    struct kit_faults f;
    struct zp_zone *z = NULL;
    unsigned n = 0;

    (void)state;
    assert_int_equal(
        kit_zone_load(STR(KIT_APEX
                          "a A 192.0.2.2\nb A 192.0.2.3\n\n\na A 192.0.2.1\na A 192.0.2.2\n"
                          "@ NS ms\n"),
                      &f, &z),
        0);
    assert_int_equal(zp_zone_nfiles(z), 0);
    for (size_t i = 0; i < zp_zone_nrrsets(z); i++) {
        struct dname owner;
        struct rdset set;
        uint16_t type;
        uint32_t ttl;
        zp_zone_rrset(z, i, &owner, &type, &ttl, &set);
        for (uint32_t j = 0; j < set.count; j++) {
            unsigned file = 9, line = 9;
            zp_zone_where(z, i, j, &file, &line);
            assert_int_equal(file, 0);
            assert_true(n < ARRAY_SIZE(lines));
            assert_int_equal(line, lines[n++]);
        }
    }
    assert_int_equal(n, ARRAY_SIZE(lines));
    zp_zone_free(z);
    buf_free(&f.shown);
}

static void test_nothing_is_no_zone(void **state)
{
    struct kit_faults f;
    struct zp_zone *z = NULL;

    (void)state;
    assert_int_equal(kit_zone_load((struct str){NULL, 0}, &f, &z), -BD_EINVALID);
    assert_string_equal(f.shown.p, "1: the zone has no SOA record at 'example.org.'\n");
    assert_null(z);
    buf_free(&f.shown);
}

static void test_order_and_folding(void **state)
{
    struct kit_faults f;
    struct zp_zone *z = NULL;
    struct buf b;

    (void)state;
    assert_int_equal(
        kit_zone_load(
            STR("z 1 A 192.0.2.9\nb.a TXT x\n" KIT_APEX "Z 2 A 192.0.2.1\nz 1 A 192.0.2.9\n"
                "a 7 MX 10 M.z\na.example.org. MX 10 m.Z\n*.a AAAA ::1\n*.z A 192.0.2.9\n"),
            &f, &z),
        0);
    b = written(z, zp_write_rrset);
    assert_string_equal(b.p, "example.org. 60 IN NS ns.example.net.\n"
                             "example.org. 60 IN SOA ns.example.org. h.example.org. 9 2 3 4 5\n"
                             "a.example.org. 7 IN MX 10 M.z.example.org.\n"
                             "*.a.example.org. 7 IN AAAA ::1\n"
                             "b.a.example.org. 1 IN TXT \"x\"\n"
                             "z.example.org. 1 IN A 192.0.2.1\n"
                             "z.example.org. 1 IN A 192.0.2.9\n"
                             "*.z.example.org. 7 IN A 192.0.2.9\n");
    assert_int_equal(zp_zone_nrrsets(z), 7);
    assert_int_equal(zp_zone_serial(z), 9);
    assert_int_equal(f.errors, 0);
    assert_string_equal(f.shown.p,
                        "5: TTL 2 of 'z.example.org.' A differs from 1 in line 1, which counts\n"
                        "6: the same record as in line 1\n"
                        "8: the same record as in line 7\n");
    buf_free(&b);
    buf_free(&f.shown);
    zp_zone_free(z);
}

static void test_rules(void **state)
{
    static const struct {
        const char *text, *want;
        int r;
    } row[] = {
        {"", "1: the zone has no SOA record at 'example.org.'\n", -BD_EINVALID},
        {"@ NS a.\n", "1: the zone has no SOA record at 'example.org.'\n", -BD_EINVALID},
        {"\n@ SOA a b 1 2 3 4 5\n", "2: the zone has no NS record at 'example.org.'\n",
         -BD_EINVALID},
        {KIT_APEX "@ SOA ns h 8 2 3 4 5\n",
         "3: a second SOA of 'example.org.': the first is in line 1\n", -BD_EINVALID},
        {KIT_APEX "@ SOA NS h 9 2 3 4 5\n", "3: the same record as in line 1\n", 0},
        {KIT_APEX "a SOA ns h 1 2 3 4 5\n",
         "3: an SOA at 'a.example.org.', which is not the zone's apex\n", -BD_EINVALID},
        {KIT_APEX "a CNAME b\na A 192.0.2.1\n",
         "4: 'a.example.org.' has a CNAME (line 3) and other data (A in line 4)\n", -BD_EINVALID},
        {KIT_APEX "A A 192.0.2.1\na CNAME b\n",
         "4: 'a.example.org.' has a CNAME (line 4) and other data (A in line 3)\n", -BD_EINVALID},
        {KIT_APEX "a CNAME b\na CNAME c\n",
         "4: a second CNAME of 'a.example.org.': the first is in line 3\n", -BD_EINVALID},
        {KIT_APEX "a CNAME c\na CNAME b\n",
         "4: a second CNAME of 'a.example.org.': the first is in line 3\n", -BD_EINVALID},
        {KIT_APEX "a CNAME b\na CNAME B\n", "4: the same record as in line 3\n", 0},
        {KIT_APEX "a CNAME b\na NSEC b CNAME\na RRSIG CNAME 13 3 60 1 0 7 @ AAAA\n", "", 0},
        {KIT_APEX "a CNAME b\nx.a A 192.0.2.1\n", "", 0},
        {KIT_APEX "abcdefgh CNAME b\nx.abcdefgh A 192.0.2.1\nabcdefghi A 192.0.2.1\n", "", 0},
        {KIT_APEX "x.abcdefgh A 192.0.2.1\nabcdefgh CNAME b\nX.abcdefgh CNAME c\n",
         "5: 'x.abcdefgh.example.org.' has a CNAME (line 5) and other data (A in line 3)\n",
         -BD_EINVALID},
        {"@ NS a\nb A 1\n",
         "2: '1' is not an IPv4 address (four numbers from 0 to 255 with dots between them)\n",
         -BD_ESYNTAX},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct kit_faults f;
        struct zp_zone *z = NULL;
        int r = kit_zone_load(str_c(row[i].text), &f, &z);
        if (r != row[i].r || (z != NULL) != (r == 0) || strcmp(f.shown.p, row[i].want) != 0)
            fail_msg("%s gave %d: %s", row[i].text, r, f.shown.p);
        buf_free(&f.shown);
        zp_zone_free(z);
    }
}

static void test_people(void **state)
{
    struct kit_faults f;
    struct zp_zone *z = NULL;
    struct buf b = {.p = NULL};

    (void)state;
    assert_int_equal(kit_zone_load(STR(KIT_APEX "web 5 A 192.0.2.1\nweb A 192.0.2.2\n"), &f, &z),
                     0);
    b = written(z, write_people);
    assert_string_equal(
        b.p, "@                            60 IN NS     ns.example.net.\n"
             "@                            60 IN SOA    ns.example.org. h.example.org. (\n"
             "                                       9 ; serial\n"
             "                                       2 ; refresh\n"
             "                                       3 ; retry\n"
             "                                       4 ; expire\n"
             "                                       5 ) ; negative TTL\n"
             "web                           5 IN A      192.0.2.1\n"
             "web                           5 IN A      192.0.2.2\n");
    buf_free(&b);
    buf_free(&f.shown);
    zp_zone_free(z);
}

/* A server's copy: nothing that it refuses, and as octets what it misreads. */
static void test_served(void **state)
{
    struct kit_faults f;
    struct zp_zone *z = NULL;
    struct buf b = {.p = NULL};

    (void)state;
    assert_int_equal(
        kit_zone_load(STR(KIT_APEX "a A 192.0.2.1\nb APL 1:192.0.2.1/32\nc NSEC3PARAM 1 0 0 -\n"),
                      &f, &z),
        0);
    b = written(z, zp_write_served);
    assert_string_equal(b.p, "example.org. 60 IN NS ns.example.net.\n"
                             "example.org. 60 IN SOA ns.example.org. h.example.org. 9 2 3 4 5\n"
                             "a.example.org. 60 IN A 192.0.2.1\n"
                             "b.example.org. 60 IN APL \\# 8 00012004C0000201\n");
    buf_free(&b);
    buf_free(&f.shown);
    zp_zone_free(z);
}

/* ---- wire to text to wire ---- */

static uint64_t seed = 20260101;

static uint32_t draw(uint32_t below)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(seed >> 33) % below;
}

/* Octets as hostile as they come: what has a meaning in zone files, controls, letters, anything. */
static uint8_t draw_octet(void)
{
    static const char special[] = " \t\r\n\";()\\.@$*\0\xff\x7f-_aZ09#";

    return draw(3) ? (uint8_t)draw(256) : (uint8_t)special[draw(sizeof(special))];
}

static size_t draw_name(uint8_t *out, size_t max)
{
    size_t n = 0;

    while (draw(5) && n + 2 < max) {
        size_t room = max - n - 2, label = 1 + draw(draw(4) ? 6 : 63);
        if (label > room)
            break;
        out[n++] = (uint8_t)label;
        while (label--)
            out[n++] = draw_octet();
    }
    out[n++] = 0;
    return n;
}

static size_t draw_rdata(const struct rrtype *row, uint8_t *out)
{
    size_t n = 0, length;

    if (row)
        return kit_random_rdata(row, out);
    for (length = draw(40); n < length; n++)
        out[n] = (uint8_t)draw(256);
    return n;
}

/* One record that is expected, and how many came. */
struct expectation {
    struct dname owner;
    uint32_t ttl;
    uint16_t type;
    const uint8_t *rdata;
    size_t n;
    unsigned seen;
};

static int compare_record(void *arg, const struct zp_record *record)
{
    struct expectation *x = arg;

    x->seen++;
    assert_true(record->owner.n == x->owner.n &&
                memcmp(record->owner.b, x->owner.b, x->owner.n) == 0);
    assert_int_equal(record->ttl, x->ttl);
    assert_int_equal(record->type, x->type);
    assert_int_equal(record->class, 1);
    assert_int_equal(record->nrdata, x->n);
    assert_memory_equal(record->rdata, x->rdata, x->n);
    return 0;
}

static void assert_read_back(struct expectation *x, struct str text)
{
    struct zp_options any = kit_zone_options;
    struct kit_faults f = {.errors = 0};

    x->seen = 0;
    any.any_owner = true;
    any.on_error = kit_zone_error;
    any.error_arg = &f;
    if (zp_parse(text, &any, compare_record, x) != 0)
        fail_msg("%.*s\n%.*s", STR_ARG(f.shown), STR_ARG(text));
    assert_int_equal(x->seen, 1);
    buf_free(&f.shown);
}

static void round_trip(const struct rrtype *row, uint16_t type)
{
    static uint8_t packed[2 + KIT_RDATA_MAX];
    struct rdset set = {.p = packed, .count = 1};
    struct expectation x = {.type = type, .ttl = draw(2) ? draw(100) : draw(INT32_MAX)};
    struct zp_record record = {.ttl = x.ttl, .type = type, .class = 1, .rdata = packed + 2};
    struct buf b = {.p = NULL};

    x.owner.n = (uint8_t)(draw_name(x.owner.b, 200) - 1);
    memcpy(x.owner.b + x.owner.n, kit_zone_options.origin.b, kit_zone_options.origin.n);
    x.owner.n = (uint8_t)(x.owner.n + kit_zone_options.origin.n);
    x.rdata = packed + 2;
    x.n = draw_rdata(row, packed + 2);
    assert_true(x.n <= sizeof(packed) - 2);
    packed[0] = (uint8_t)(x.n >> 8);
    packed[1] = (uint8_t)x.n;
    set.n = (uint32_t)x.n + 2;

    zp_write_rrset(&x.owner, type, x.ttl, &set, &b);
    assert_read_back(&x, buf_str(&b));
    buf_reset(&b);
    zp_write_people(&x.owner, &kit_zone_options.origin, type, x.ttl, &set, &b);
    assert_read_back(&x, buf_str(&b));
    buf_reset(&b);
    dname_fold(&x.owner);
    record.owner = x.owner;
    record.nrdata = (uint16_t)x.n;
    zp_write_canonical(&record, &b);
    assert_read_back(&x, buf_str(&b));
    buf_free(&b);
}

static void test_round_trip(void **state)
{
    size_t n;
    const struct rrtype *rows = rrtype_table(&n);

    (void)state;
    for (size_t i = 0; i < n; i++) {
        for (int k = 0; k < 500 && !(rows[i].flags & RRTYPE_META); k++)
            round_trip(&rows[i], rows[i].code);
    }
    for (int k = 0; k < 500; k++)
        round_trip(NULL, (uint16_t)(65280 + draw(255)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_order_and_folding),
        cmocka_unit_test(test_nothing_is_no_zone),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_people),
        cmocka_unit_test(test_served),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, kit_zone_setup, NULL);
}

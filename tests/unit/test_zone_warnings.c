/* What a zone is warned of: all that serves, but hardly as it was meant. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "zone_kit.h"

/* A zone with them is a zone. */
static const struct {
    const char *text, *want;
} warned[] = {
    /* RFC 2181 §5.2: one TTL for an RRset; said once. */
    {"a 1 A 192.0.2.3\na 2 A 192.0.2.2\na 3 A 192.0.2.1\n",
     "4: TTL 2 of 'a.example.org.' A differs from 1 in line 3, which counts\n"},
    {"a 2 A 192.0.2.1\na 1 A 192.0.2.1\na 1 A 192.0.2.1\n",
     "4: the same record as in line 3\n5: the same record as in line 3\n"},
    /* RFC 6672 §2.4, §2.3. */
    {"d DNAME example.net.\na.d A 192.0.2.1\nb.c.d A 192.0.2.1\nda A 192.0.2.1\nd TXT x\n",
     "4: 'a.d.example.org.' is below the DNAME in line 3, which hides it\n"
     "5: 'b.c.d.example.org.' is below the DNAME in line 3, which hides it\n"},
    {"d DNAME example.net.\nd NS ns.example.net.\n",
     "4: 'd.example.org.' has an NS and a DNAME (line 3)\n"},
    {"@ DNAME example.net.\n", ""},
    /* Delegations: RFC 1034 §4.2.1. */
    {"d NS ns.d\nd NS d\nns.d A 192.0.2.1\nns.d AAAA ::1\nd A 192.0.2.1\n"
     "d DS 1 13 2 0000000000000000000000000000000000000000000000000000000000000000\n",
     ""},
    {"d NS ns.d\n",
     "3: the name server 'ns.d.example.org.' is inside what it serves, and has no address "
     "here\n"},
    {"d NS d\n",
     "3: the name server 'd.example.org.' is inside what it serves, and has no address here\n"},
    {"d NS ns.e\ne NS ns.example.net.\n", ""}, /* RFC 9471 §3.2: sibling glue is a courtesy */
    {"d NS ns.d\nns.d A 192.0.2.1\nx.d A 192.0.2.1\nd TXT x\ny.d TXT x\nz.ns.d NS x.\n",
     "5: 'x.d.example.org.' is delegated by the NS in line 3: its A is not answered from "
     "here\n"
     "6: 'd.example.org.' is delegated by the NS in line 3: its TXT is not answered from "
     "here\n"
     "7: 'y.d.example.org.' is delegated by the NS in line 3: its TXT is not answered from "
     "here\n"
     "8: 'z.ns.d.example.org.' is delegated by the NS in line 3: its NS is not answered from "
     "here\n"},
    {"d A 192.0.2.1\nd A 192.0.2.2\nd NS ns.example.net.\n",
     "3: 'd.example.org.' is delegated by the NS in line 5: its A is not answered from here\n"},
    /* Names that lead nowhere. */
    {"m MX 1 x\n", "3: this MX names 'x.example.org.', which does not exist\n"},
    {"m SRV 1 1 1 x\n", "3: this SRV names 'x.example.org.', which does not exist\n"},
    {"x TXT x\nm MX 1 x\n", "4: this MX names 'x.example.org.', which has no address\n"},
    {"y.x TXT x\nm MX 1 x\n", "4: this MX names 'x.example.org.', which has no address\n"},
    {"x AAAA ::1\nm MX 1 X\nn MX 0 .\no SRV 0 0 0 .\np MX 1 x.example.net.\n", ""},
    {"*.w A 192.0.2.1\nm MX 1 a.w\nm MX 2 a.b.w\n", ""}, /* RFC 4592 §3.3.1 */
    {"*.w A 192.0.2.1\nb.w TXT x\nm MX 1 a.b.w\n",
     "5: this MX names 'a.b.w.example.org.', which does not exist\n"},
    {"*.w TXT x\nm MX 1 a.w\n", "4: this MX names 'a.w.example.org.', which has no address\n"},
    {"*.w CNAME x.\nm MX 1 a.w\n* TXT x\n", ""},
    {"d NS ns.example.net.\nm MX 1 a.d\nn MX 1 d\n", ""},
    {"d DNAME example.net.\nm MX 1 a.d\n", ""},
    {"@ DNAME example.net.\n@ MX 1 a\n", ""},
    /* RFC 2181 §10.3, RFC 2782. */
    {"c CNAME x.\nm MX 1 c\nm SRV 1 1 1 c\nd NS c\n",
     "4: this MX names 'c.example.org.', which is a CNAME (line 3)\n"
     "5: this SRV names 'c.example.org.', which is a CNAME (line 3)\n"
     "6: this NS names 'c.example.org.', which is a CNAME (line 3)\n"},
    {"c CNAME c2\nc2 CNAME later\n", ""},
    {"c CNAME host.example.net\n",
     "3: this CNAME names 'host.example.net.example.org.', which does not exist\n"},
    {"@ MX 1 192.0.2.1.x\n", "3: this MX names '192.0.2.1.x.example.org.', which does not exist\n"},
    {"@ MX 1 192.0.2.1\nc CNAME 192.0.2.1\nd MX 1 1.2.3.a\n4.3.2.1 A 192.0.2.1\n",
     "3: '192.0.2.1' is an address, but MX wants a name: this means '192.0.2.1.example.org.'\n"
     "4: '192.0.2.1' is an address, but CNAME wants a name: this means "
     "'192.0.2.1.example.org.'\n"
     "5: this MX names '1.2.3.a.example.org.', which does not exist\n"},
};

static void test_zone_warnings(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(warned); i++) {
        struct kit_faults f;
        struct zp_zone *z = NULL;
        struct buf text = {.p = NULL};
        buf_addf(&text, KIT_APEX "%s", warned[i].text);
        int r = kit_zone_load(buf_str(&text), &f, &z);
        if (r != 0 || strcmp(f.shown.p, warned[i].want) != 0)
            fail_msg("%s gave %d: %s", warned[i].text, r, f.shown.p);
        buf_free(&text);
        buf_free(&f.shown);
        zp_zone_free(z);
    }
}

/* Numbers are names there (RFC 2317). */
static void test_reverse_zone(void **state)
{
    const struct zp_options before = kit_zone_options;
    struct kit_faults f;
    struct zp_zone *z = NULL;

    (void)state;
    assert_int_equal(dname_from_text(STR("arpa."), NULL, &kit_zone_options.origin, NULL), 0);
    assert_int_equal(
        kit_zone_load(STR(KIT_APEX "x CNAME 1.2.0.192\n1.2.0.192 CNAME 1.0-63.2.0.192\n"), &f, &z),
        0);
    assert_string_equal(f.shown.p,
                        "4: this CNAME names '1.0-63.2.0.192.arpa.', which does not exist\n");
    kit_zone_options = before;
    buf_free(&f.shown);
    zp_zone_free(z);
}

/* A zone of everything: its apex has no label, and a wildcard stands right below it. */
static void test_root_zone(void **state)
{
    const struct zp_options before = kit_zone_options;
    struct kit_faults f;
    struct zp_zone *z = NULL;

    (void)state;
    kit_zone_options.origin = (struct dname){.n = 1};
    assert_int_equal(kit_zone_load(STR(KIT_APEX "net NS ns.example.net.\nm MX 1 a.b\nn MX 0 .\n"
                                                "*.b A 192.0.2.1\no MX 1 x\n"),
                                   &f, &z),
                     0);
    assert_string_equal(f.shown.p,
                        "3: the name server 'ns.example.net.' is inside what it serves, and has no "
                        "address here\n7: this MX names 'x.', which does not exist\n");
    zp_zone_free(z);
    z = NULL;
    buf_free(&f.shown);
    assert_int_equal(kit_zone_load(STR(KIT_APEX "* A 192.0.2.1\nm MX 1 x\n"), &f, &z), 0);
    assert_string_equal(f.shown.p, "");
    kit_zone_options = before;
    buf_free(&f.shown);
    zp_zone_free(z);
}

/* A hundred of each are said, however many there are; a zone full of them takes no longer. */
static void test_findings_are_capped(void **state)
{
    struct kit_faults f;
    struct zp_zone *z = NULL;
    struct buf text = {.p = NULL};

    (void)state;
    buf_addf(&text, KIT_APEX);
    for (unsigned i = 0; i < 20000; i++)
        buf_addf(&text, "n%u NS ns.n%u\n", i, i);
    assert_int_equal(kit_zone_load(buf_str(&text), &f, &z), 0);
    assert_int_equal(f.warnings, 101);
    assert_non_null(strstr(f.shown.p, ": 100 warnings: any more are not shown\n"));
    zp_zone_free(z);
    buf_free(&f.shown);
    for (unsigned i = 0; i < 20000; i++)
        buf_addf(&text, "n%u CNAME x\n", i);
    assert_int_equal(kit_zone_load(buf_str(&text), &f, &z), -BD_EINVALID);
    assert_int_equal(f.errors, 100);
    assert_non_null(strstr(f.shown.p, ": 100 errors: the rest of the file was not looked at\n"));
    buf_free(&f.shown);
    buf_free(&text);
}

/* Many records that name one host with many records: each is looked up, none of them counted
 * through. */
static void test_many_targets(void **state)
{
    struct kit_faults f;
    struct zp_zone *z = NULL;
    struct buf text = {.p = NULL};

    (void)state;
    buf_addf(&text, KIT_APEX);
    for (unsigned i = 0; i < 60000; i++)
        buf_addf(&text, "many A 10.0.%u.%u\nall SRV 1 1 %u many\n", i >> 8, i & 255, i);
    assert_int_equal(kit_zone_load(buf_str(&text), &f, &z), 0);
    assert_string_equal(f.shown.p, "");
    assert_int_equal(zp_zone_nrrsets(z), 4);
    zp_zone_free(z);
    buf_free(&f.shown);
    buf_free(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zone_warnings), cmocka_unit_test(test_reverse_zone),
        cmocka_unit_test(test_root_zone),     cmocka_unit_test(test_findings_are_capped),
        cmocka_unit_test(test_many_targets),
    };

    return cmocka_run_group_tests(tests, kit_zone_setup, NULL);
}

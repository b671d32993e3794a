/* Values: what they become, and how a bad one is told; where a record stands in a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include <betterdns/file.h>

#include "peoples_file.h"
#include "values.h"

static struct dname origin;
static struct api api = {.origins = &origin, .nzones = 1};

static int setup(void **state)
{
    (void)state;
    return dname_from_text(STR("lab.example."), NULL, &origin, NULL);
}

static void refuse(uint16_t code, const char *text, const char *detail, const char *hint)
{
    struct problem problem = {.error = 0};
    struct str one = str_c(text);
    struct values v;

    assert_int_equal(values_read(&api, rrtype_by_code(code), &one, 1, &v, &problem), -BD_EINVALID);
    assert_string_equal(problem.field, "value");
    if (!strstr(problem.detail, detail) || !strstr(problem.hint, hint))
        fail_msg("'%s': '%s' (%s)", text, problem.detail, problem.hint);
}

static void test_refused(void **state)
{
    (void)state;
    refuse(RRTYPE_A, "2001:db8::1", "2001:db8::1", "/aaaa");
    refuse(RRTYPE_AAAA, "192.0.2.1", "192.0.2.1", "/a");
    refuse(RRTYPE_A, "127.0.0.1/8", "127.0.0.1/8", "");
    refuse(RRTYPE_A, "010.0.0.1", "010.0.0.1", "");
    refuse(RRTYPE_A, "", "''", "");
    refuse(RRTYPE_A, "192.0.2.1\n192.0.2.2", "192.0.2.1", "");
    refuse(RRTYPE_MX, "mail", "mail", "");
    refuse(RRTYPE_CNAME, "a b", "a b", "");
    refuse(RRTYPE_A, "192.0.2.1;x", "comment", "");
    refuse(RRTYPE_TXT, "v=DKIM1; k=rsa", "comment", "\"v=DKIM1; k=rsa\"");
    refuse(RRTYPE_TXT, "\"a;b\" c;d", "comment", "\\;");
}

static void test_index_is_named(void **state)
{
    const struct str texts[] = {STR("192.0.2.1"), STR("192.0.2.2"), STR("192.0.2.300")};
    struct problem problem = {.error = 0};
    struct values v;

    (void)state;
    assert_int_equal(values_read(&api, rrtype_by_code(RRTYPE_A), texts, 3, &v, &problem),
                     -BD_EINVALID);
    assert_string_equal(problem.field, "values");
    assert_non_null(strstr(problem.detail, "values[2]"));
}

static void test_names_follow_the_first_zone(void **state)
{
    const struct str texts[] = {STR("10 mail"), STR("20 mx.lab.example"), STR("5 mx.other.test.")};
    struct problem problem = {.error = 0};
    struct values v;
    struct buf out = {.p = NULL};
    struct str rdata;

    (void)state;
    assert_int_equal(values_read(&api, rrtype_by_code(RRTYPE_MX), texts, 3, &v, &problem), 0);
    assert_int_equal(v.set.count, 3);
    const uint8_t *at = v.set.p;
    while (rdset_next(&v.set, &at, &rdata)) {
        rdata_to_text(RRTYPE_MX, (const uint8_t *)rdata.p, rdata.n, &out);
        buf_add_c(&out, '|');
    }
    buf_add(&out, "", 1);
    assert_string_equal(out.p, "5 mx.other.test.|10 mail.lab.example.|20 mx.lab.example.|");
    buf_free(&out);
    values_free(&v);
    values_free(&v);
}

static void test_many(void **state)
{
    static char texts[2000][16];
    static struct str values[2000];
    struct problem problem = {.error = 0};
    struct values v;

    (void)state;
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(texts[i], sizeof(texts[i]), "10.0.%u.%u", i / 250, i % 250);
        values[i] = str_c(texts[i]);
    }
    assert_int_equal(values_read(&api, rrtype_by_code(RRTYPE_A), values, 2000, &v, &problem), 0);
    assert_int_equal(v.set.count, 2000);
    values_free(&v);
}

/* The line of the first record of this type; 0: it has none. */
static unsigned line_of(const struct api_zone *zone, const struct dname *owner, uint16_t type)
{
    struct peoples_places places;
    unsigned line = 0;

    assert_int_equal(peoples_file_places(zone, owner, &places), 0);
    for (size_t i = places.n; i-- > 0;) {
        assert_false(places.p[i].included);
        if (places.p[i].type == type)
            line = places.p[i].line;
    }
    peoples_places_free(&places);
    return line;
}

static void test_peoples_file_places(void **state)
{
    static const char text[] = "$TTL 60\n"
                               "@ SOA ns1 h ( 1\n 2 3 4 5 )\n"
                               "  NS ns1\n"
                               "ns1 A 192.0.2.1\n"
                               "; a comment\n"
                               "Web TXT \"a\n"; /* an unclosed quote behind it does no harm */
    char path[] = "/tmp/betterdns-test-XXXXXX";
    int fd = mkstemp(path);
    struct api_zone zone = {.origin = origin, .file = path};
    struct peoples_places places;
    struct dname ns, web;

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(file_write_all(fd, text, sizeof(text) - 1), 0);
    assert_int_equal(dname_from_text(STR("ns1.lab.example."), NULL, &ns, NULL), 0);
    assert_int_equal(dname_from_text(STR("web.lab.example."), NULL, &web, NULL), 0);
    assert_int_equal(line_of(&zone, &ns, RRTYPE_A), 5);
    assert_int_equal(line_of(&zone, &origin, RRTYPE_NS), 4);
    assert_int_equal(line_of(&zone, &web, RRTYPE_A), 0);
    close(fd);
    unlink(path);
    assert_int_equal(peoples_file_places(&zone, &ns, &places), -ENOENT);
    zone.file = NULL;
    assert_int_equal(peoples_file_places(&zone, &ns, &places), -BD_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_index_is_named),
        cmocka_unit_test(test_names_follow_the_first_zone),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_peoples_file_places),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}

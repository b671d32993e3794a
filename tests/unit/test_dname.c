/* Names: text, wire, keys and their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dns_kit.h"

static const char *text_of(const struct dname *d)
{
    static char out[DNAME_TEXT_MAX];
    size_t n = dname_to_text(d, out);

    assert_int_equal(n, strlen(out));
    return out;
}

/* Few octets, the telling ones often: what breaks escapes and orders. */
static uint8_t random_octet(void)
{
    static const uint8_t telling[] = {0, 1, 2, 0xff, 'a', 'A', 'z', 'Z', '.', '\\', '"', '@', '['};

    return rand() % 3 ? telling[(size_t)rand() % sizeof(telling)] : (uint8_t)rand();
}

static struct dname random_name(void)
{
    struct dname d = {.n = 0};
    int labels = rand() % 5;

    for (int i = 0; i < labels; i++) {
        int length = rand() % 8 == 0 ? 1 + rand() % 63 : 1 + rand() % 3;
        if (d.n + length + 1 >= DNAME_MAX)
            break;
        d.b[d.n++] = (uint8_t)length;
        for (int j = 0; j < length; j++)
            d.b[d.n++] = random_octet();
    }
    d.b[d.n++] = 0;
    return d;
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

static int key_cmp(const uint8_t *a, size_t na, const uint8_t *b, size_t nb)
{
    int d = memcmp(a, b, na < nb ? na : nb);

    return d ? d : (na > nb) - (na < nb);
}

static void text_becomes_wire(void **state)
{
    (void)state;
    struct dname d = kit_name("WeB.Lab.example.");

    assert_int_equal(d.n, 17);
    assert_memory_equal(d.b, "\3WeB\3Lab\7example", 17);
    assert_string_equal(text_of(&d), "WeB.Lab.example.");
    dname_fold(&d);
    assert_string_equal(text_of(&d), "web.lab.example.");
    d = kit_name(".");
    assert_true(dname_is_root(&d));
    assert_string_equal(text_of(&d), ".");
    d = kit_name("a\\.b.\\000\\255\\001.");
    assert_int_equal(d.n, 9);
    assert_memory_equal(d.b, "\3a.b\3\0\xff\1", 9);
    assert_string_equal(text_of(&d), "a\\.b.\\000\\255\\001.");
    d = kit_name("\\\"\\(\\)\\;\\@\\$\\\\\\ .");
    assert_string_equal(text_of(&d), "\\\"\\(\\)\\;\\@\\$\\\\\\032.");
}

static void relative_names_need_rules(void **state)
{
    (void)state;
    struct dname zones[] = {kit_name("lab.example."), kit_name("2.0.192.in-addr.arpa."),
                            kit_name(".")};
    struct dname_rules file = {.origin = &zones[0]};
    struct dname_rules api = {.origin = &zones[0], .zones = zones, .nzones = 3};
    struct dname_rules none = {.origin = NULL};
    static const struct {
        const char *text, *in_file, *in_api;
    } cases[] = {
        {"web", "web.lab.example.", "web.lab.example."},
        {"web.lab.example", "web.lab.example.lab.example.", "web.lab.example."},
        {"web.LAB.Example", "web.LAB.Example.lab.example.", "web.LAB.Example."},
        {"lab.example", "lab.example.lab.example.", "lab.example."},
        {"xlab.example", "xlab.example.lab.example.", "xlab.example.lab.example."},
        {"7.2.0.192.in-addr.arpa", "7.2.0.192.in-addr.arpa.lab.example.",
         "7.2.0.192.in-addr.arpa."},
        {"web.other.", "web.other.", "web.other."},
        {"@", "lab.example.", "lab.example."},
        {"\\@", "\\@.lab.example.", "\\@.lab.example."},
        {".", ".", "."},
    };
    struct dname d;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(dname_from_text(str_c(cases[i].text), &file, &d, NULL), 0);
        assert_string_equal(text_of(&d), cases[i].in_file);
        assert_int_equal(dname_from_text(str_c(cases[i].text), &api, &d, NULL), 0);
        assert_string_equal(text_of(&d), cases[i].in_api);
    }
    assert_int_equal(dname_from_text(STR("web"), &none, &d, NULL), -EDESTADDRREQ);
    assert_int_equal(dname_from_text(STR("web"), NULL, &d, NULL), -EDESTADDRREQ);
    assert_int_equal(dname_from_text(STR("@"), NULL, &d, NULL), -EDESTADDRREQ);
}

static void faults_are_found_in_place(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int error;
        size_t at;
        const char *word;
    } cases[] = {
        {"", -BD_ESYNTAX, 0, "empty"},
        {"a..b.", -BD_ESYNTAX, 2, "label is empty"},
        {".a.", -BD_ESYNTAX, 0, "label is empty"},
        {"..", -BD_ESYNTAX, 0, "label is empty"},
        {"ab\\", -BD_ESYNTAX, 2, "backslash"},
        {"a.b\\25", -BD_ESYNTAX, 3, "backslash"},
        {"a\\256.", -BD_ESYNTAX, 1, "backslash"},
        {"a\\1x3.", -BD_ESYNTAX, 1, "backslash"},
        {"a b.", -BD_ESYNTAX, 1, "blank"},
        {"w\xc3\xa9.", -BD_ESYNTAX, 1, "non-ASCII"},
        {"a\x7f.", -BD_ESYNTAX, 1, "control"},
        {"ok.1234567890123456789012345678901234567890123456789012345678901234.", -BD_EINVALID, 3,
         "63 octets"},
    };
    struct dname d = {.n = 77};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t at = 999;
        assert_int_equal(dname_from_text(str_c(cases[i].text), NULL, &d, &at), cases[i].error);
        assert_int_equal(at, cases[i].at);
        assert_int_equal(d.n, 77);
        assert_non_null(
            strstr(dname_fault(cases[i].error, str_c(cases[i].text), at), cases[i].word));
    }
    assert_int_equal(dname_from_text((struct str){"a\0b.", 4}, NULL, &d, NULL), -BD_ESYNTAX);
}

/* 255 octets on the wire are a name, 256 are not. */
static void lengths_end_at_255(void **state)
{
    (void)state;
    char text[300] = "";
    struct dname d, origin;
    size_t at = 0;

    for (int i = 0; i < 3; i++)
        strcat(text, "123456789012345678901234567890123456789012345678901234567890123.");
    strcat(text, "1234567890123456789012345678901234567890123456789012345678901");
    assert_int_equal(strlen(text), 3 * 64 + 61);
    strcat(text, ".");
    assert_int_equal(dname_from_text(str_c(text), NULL, &d, NULL), 0);
    assert_int_equal(d.n, 255);
    text[253] = 'x';
    assert_int_equal(dname_from_text(str_c(text), NULL, &origin, &at), -BD_EINVALID);
    assert_int_equal(at, 192);
    assert_non_null(strstr(dname_fault(-BD_EINVALID, str_c(text), at), "255"));
    /* The same with an origin: 249 + 6 fit, 250 + 6 do not. */
    origin = kit_name("abcd.");
    struct dname_rules rules = {.origin = &origin};
    text[247] = 'x';
    text[248] = '\0';
    assert_int_equal(dname_from_text(str_c(text), &rules, &d, NULL), 0);
    assert_int_equal(d.n, 255);
    text[248] = 'x';
    text[249] = '\0';
    assert_int_equal(dname_from_text(str_c(text), &rules, &d, &at), -BD_EINVALID);
    assert_int_equal(at, 0);
    assert_non_null(strstr(dname_fault(-BD_EINVALID, str_c(text), at), "255"));
    /* 127 labels are the most. */
    text[0] = '\0';
    for (int i = 0; i < 127; i++)
        strcat(text, "a.");
    assert_int_equal(dname_from_text(str_c(text), NULL, &d, NULL), 0);
    assert_int_equal(dname_labels(&d), 127);
    assert_int_equal(d.n, 255);
    strcat(text, "a.");
    assert_int_equal(dname_from_text(str_c(text), NULL, &d, NULL), -BD_EINVALID);
}

static void wire_is_checked(void **state)
{
    (void)state;
    struct dname d;
    uint8_t long_name[300];

    assert_int_equal(dname_from_wire((const uint8_t *)"\3web\0rest", 9, &d), 5);
    assert_int_equal(d.n, 5);
    assert_int_equal(dname_from_wire((const uint8_t *)"\3web", 4, &d), -BD_ESYNTAX);
    assert_int_equal(dname_from_wire((const uint8_t *)"\3we", 3, &d), -BD_ESYNTAX);
    assert_int_equal(dname_from_wire((const uint8_t *)"", 0, &d), -BD_ESYNTAX);
    assert_int_equal(dname_from_wire((const uint8_t *)"\300\14", 2, &d), -BD_ESYNTAX);
    assert_int_equal(dname_from_wire((const uint8_t *)"\100x", 66, &d), -BD_ESYNTAX);
    for (int i = 0; i < 150; i++)
        memcpy(long_name + 2 * i, "\1a", 2);
    long_name[254] = 0;
    assert_int_equal(dname_from_wire(long_name, sizeof(long_name), &d), 255);
    long_name[254] = 1;
    long_name[256] = 0;
    assert_int_equal(dname_from_wire(long_name, sizeof(long_name), &d), -BD_ESYNTAX);
}

/* The example of RFC 4034 §6.1. */
static void order_is_canonical(void **state)
{
    (void)state;
    static const char *const sorted[] = {
        "example.",         "a.example.",      "yljkjljk.a.example.",
        "Z.a.example.",     "zABC.a.EXAMPLE.", "z.example.",
        "\\001.z.example.", "*.z.example.",    "\\200.z.example.",
    };

    for (size_t i = 0; i < ARRAY_SIZE(sorted); i++) {
        for (size_t j = 0; j < ARRAY_SIZE(sorted); j++) {
            struct dname a = kit_name(sorted[i]), b = kit_name(sorted[j]);
            uint8_t ka[DNAME_KEY_MAX], kb[DNAME_KEY_MAX];
            int expected = (i > j) - (i < j);
            assert_int_equal(sign(dname_cmp(&a, &b)), expected);
            size_t na = dname_key(&a, ka), nb = dname_key(&b, kb);
            assert_int_equal(sign(key_cmp(ka, na, kb, nb)), expected);
        }
    }
}

static void keys_are_spelled_as_designed(void **state)
{
    (void)state;
    struct dname d = kit_name("\\000\\001\\255.Web.");
    uint8_t key[DNAME_KEY_MAX];

    assert_int_equal(dname_key(&d, key), 10);
    assert_memory_equal(key, "web\0\1\1\1\2\xff", 10);
    d = kit_name(".");
    assert_int_equal(dname_key(&d, key), 0);
    assert_int_equal(dname_from_key(NULL, 0, &d), 0);
    assert_true(dname_is_root(&d));
}

static void bad_keys_are_refused(void **state)
{
    (void)state;
    static const struct str bad[] = {
        {"a", 1}, {"\0", 1}, {"a\0\0", 3}, {"\1", 1}, {"\1\0", 2}, {"\1\3\0", 3}, {"A\0", 2},
    };
    uint8_t long_key[400];
    struct dname d;

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_int_equal(dname_from_key((const uint8_t *)bad[i].p, bad[i].n, &d), -BD_ESYNTAX);
    memset(long_key, 'a', sizeof(long_key));
    long_key[63] = 0;
    assert_int_equal(dname_from_key(long_key, 64, &d), 0);
    long_key[63] = 'a';
    long_key[64] = 0;
    assert_int_equal(dname_from_key(long_key, 65, &d), -BD_ESYNTAX);
    for (size_t i = 0; i < sizeof(long_key); i++)
        long_key[i] = i % 2 ? 0 : 'a';
    assert_int_equal(dname_from_key(long_key, 254, &d), 0);
    assert_int_equal(dname_from_key(long_key, 256, &d), -BD_ESYNTAX);
}

static void random_names_keep_their_laws(void **state)
{
    (void)state;
    srand(4034);
    for (int i = 0; i < 200000; i++) {
        struct dname a = random_name(), b = random_name(), back, folded = a;
        uint8_t ka[DNAME_KEY_MAX], kb[DNAME_KEY_MAX];
        size_t na = dname_key(&a, ka), nb = dname_key(&b, kb);

        assert_int_equal(sign(dname_cmp(&a, &b)), sign(key_cmp(ka, na, kb, nb)));
        assert_int_equal(dname_cmp(&a, &b) == 0, dname_eq(&a, &b));
        assert_int_equal(dname_below(&a, &b), na >= nb && memcmp(ka, kb, nb) == 0);
        dname_fold(&folded);
        assert_int_equal(dname_from_key(ka, na, &back), 0);
        assert_int_equal(back.n, a.n);
        assert_memory_equal(back.b, folded.b, a.n);
        assert_int_equal(dname_from_text(str_c(text_of(&a)), NULL, &back, NULL), 0);
        assert_int_equal(back.n, a.n);
        assert_memory_equal(back.b, a.b, a.n);
        assert_int_equal(dname_from_wire(a.b, a.n, &back), a.n);
    }
}

static void host_names_are_told(void **state)
{
    (void)state;
    static const char *const good[] = {"web.", "_dmarc.a-b.", "*.lab.example.",  "1.2.",
                                       "_.",   "*.",          "xn--mnchen-3ya.", "A."};
    static const char *const bad[] = {"-a.", "a-.",    "a.-b.",  "a*.",      "a.*.",
                                      "**.", "a\\.b.", "\\255.", "a\\032b.", "a/b."};

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct dname d = kit_name(good[i]);
        assert_true(dname_is_host(&d));
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct dname d = kit_name(bad[i]);
        assert_false(dname_is_host(&d));
    }
}

static void names_below_an_apex(void **state)
{
    (void)state;
    struct dname apex = kit_name("Lab.example."), web = kit_name("a\\@.web.laB.example.");
    struct dname other = kit_name("xlab.example."), root = kit_name(".");
    char out[DNAME_TEXT_MAX];

    assert_true(dname_below(&web, &apex));
    assert_true(dname_below(&apex, &apex));
    assert_true(dname_below(&web, &root));
    assert_false(dname_below(&other, &apex));
    assert_false(dname_below(&root, &apex));
    assert_int_equal(dname_to_text_below(&web, &apex, out), 7);
    assert_string_equal(out, "a\\@.web");
    assert_int_equal(dname_to_text_below(&apex, &apex, out), 1);
    assert_string_equal(out, "@");
    assert_int_equal(dname_to_text_below(&other, &root, out), 12);
    assert_string_equal(out, "xlab.example");
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_becomes_wire),
        cmocka_unit_test(relative_names_need_rules),
        cmocka_unit_test(faults_are_found_in_place),
        cmocka_unit_test(lengths_end_at_255),
        cmocka_unit_test(wire_is_checked),
        cmocka_unit_test(order_is_canonical),
        cmocka_unit_test(keys_are_spelled_as_designed),
        cmocka_unit_test(bad_keys_are_refused),
        cmocka_unit_test(random_names_keep_their_laws),
        cmocka_unit_test(host_names_are_told),
        cmocka_unit_test(names_below_an_apex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

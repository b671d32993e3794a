/* Whatever hosts and people do at once, what comes out is a zone, or the save is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "save_kit.h"

#define NAMES 4

struct kind {
    uint16_t type;
    const char *name, *values[3];
};
static const struct kind kinds[] = {
    {RRTYPE_A, "A", {"192.0.2.1", "192.0.2.2", "192.0.2.3"}},
    {RRTYPE_CNAME, "CNAME", {"www", "mail", "old"}},
    {RRTYPE_TXT, "TXT", {"\"x\"", "\"y\"", "\"z\""}},
    {39, "DNAME", {"a.example.", "b.example.", "c.example."}},
};

static bool is_zone(struct savekit *s, const char *text)
{
    const struct zp_options options = {.origin = s->k.zones[0].origin, .default_ttl = 30};
    struct zp_zone *records;

    if (zp_zone_load(str_c(text), &options, &records) < 0)
        return false;
    zp_zone_free(records);
    return true;
}

/* A host's change, which may well be refused. */
static void host_does(struct savekit *s)
{
    const struct kind *kind = &kinds[(size_t)rand() % ARRAY_SIZE(kinds)];
    const char *value = kind->values[rand() % 3];
    char name[8];

    snprintf(name, sizeof(name), "n%u", (unsigned)rand() % NAMES);
    if (rand() % 3 > 0)
        ASK(&s->k, OP_REGISTER, name, kind->type, value, .id = value, .ttl = 30);
    else
        ASK(&s->k, OP_DELETE, name, kind->type);
}

static bool has_name(const char *text, const char *name)
{
    char owner[32];

    snprintf(owner, sizeof(owner), "\n%s.lab", name);
    return strstr(text, owner) || strstr(text, owner + 1) == text;
}

/* One line more, or all of a name gone; what is no zone is not tried. */
static char *edit(struct savekit *s, char *text)
{
    const struct kind *kind = &kinds[(size_t)rand() % ARRAY_SIZE(kinds)];
    char name[8], line[80], *edited = strdup(text);

    snprintf(name, sizeof(name), "n%u", (unsigned)rand() % NAMES);
    if (has_name(text, name) && rand() % 2) {
        snprintf(line, sizeof(line), "%s.lab", name);
        edited = savekit_without(edited, line);
    }
    snprintf(line, sizeof(line), "%s.lab.example. %u IN %s %s", name, rand() % 2 ? 30U : 60U,
             kind->name, kind->values[rand() % 3]);
    if (rand() % 3 > 0)
        edited = savekit_with(edited, line);
    if (is_zone(s, edited)) {
        free(text);
        return edited;
    }
    free(edited);
    return text;
}

static void the_result_is_a_zone(void **state)
{
    struct savekit *s = *state;
    unsigned saved = 0, refused = 0;

    srand(11);
    for (unsigned i = 0; i < 300; i++) {
        char *text = savekit_export(s);
        if (rand() % 4 == 0)
            text = savekit_without(text, "; betterdns");
        for (unsigned n = (unsigned)rand() % 4; n > 0; n--)
            host_does(s);
        for (unsigned n = 1 + (unsigned)rand() % 3; n > 0; n--)
            text = edit(s, text);
        int r = savekit_save(s, text);
        assert_true(r == 0 || r == -BD_ECONFLICT);
        assert_true(r == 0 || s->saved.type != 0);
        saved += r == 0;
        refused += r < 0;
        free(text);
        text = savekit_export(s);
        assert_true(is_zone(s, text));
        free(text);
        if (i % 100 == 99)
            regkit_reopen(&s->k);
    }
    assert_true(saved > 200 && refused > 0);
}

/* RFC 2181 §5.2: either side's records fit into a message, both together do not. */
static void a_set_that_no_message_holds_is_refused(void **state)
{
    struct savekit *s = *state;
    char *text = savekit_export(s), line[400], value[300];
    uint64_t seq;

    for (unsigned i = 0; i < 240; i++) {
        memset(value, 'a', 250);
        snprintf(value + 250, sizeof(value) - 250, "%u", 100 + i);
        if (i % 2) {
            snprintf(line, sizeof(line), "\"%s\"", value);
            assert_int_equal(ASK(&s->k, OP_REGISTER, "big", RRTYPE_TXT, line, .id = value + 250),
                             0);
        } else {
            snprintf(line, sizeof(line), "big 30 IN TXT \"%s\"", value);
            text = savekit_with(text, line);
        }
    }
    for (unsigned i = 0; i < 20; i++) {
        memset(value, 'b', 250);
        snprintf(value + 250, sizeof(value) - 250, "%u", 100 + i);
        snprintf(line, sizeof(line), "big 30 IN TXT \"%s\"", value);
        text = savekit_with(text, line);
    }
    seq = regkit_seq(&s->k);
    assert_int_equal(savekit_save(s, text), -BD_EINVALID);
    free(text);
    assert_int_equal(s->saved.type, RRTYPE_TXT);
    assert_int_equal(s->saved.owner.b[1], 'b');
    assert_int_equal(regkit_seq(&s->k), seq);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_result_is_a_zone, savekit_make, savekit_remove),
        cmocka_unit_test_setup_teardown(a_set_that_no_message_holds_is_refused, savekit_make,
                                        savekit_remove),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

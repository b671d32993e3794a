/* The configuration of the server: what may be chosen is what the controller's tables have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include <betterdns/controller.h>

#include "config_kit.h"

static void a_server_by_commands_needs_them(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"server: {kind: exec}\n",
         ":1:16: 'exec' needs server.start: [PROGRAM, ARGUMENT, …], which "
         "stays in the foreground\n"},
        {"server: {kind: exec, start: [/bin/x], binary: y}\n",
         ":1:47: with kind exec the program is the first word of server.start\n"},
        {"server: {kind: nsd, start: [/bin/x], reload: [], probe: null}\n",
         ":1:28: only a server of kind exec has this\n"},
        {"server: {kind: knot, corefile: Corefile}\n",
         ":1:32: only a server of kind coredns has this\n"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        config_kit_faults_beside_a_zone(cases[i].text, cases[i].expected);
}

static void load_with(const char *key, const char *value, const char *more)
{
    struct config *c = NULL;
    char text[160];

    int n = snprintf(text, sizeof(text), "server: {%s: %s%s}\nzones: [{name: a.b}]\n", key, value,
                     more);
    assert_int_equal(config_kit_load((struct str){text, (size_t)n}, &c), 0);
    config_free(c);
}

/* Whatever kinds and strategies the controller has: they may be chosen, and are shown. */
static void the_controllers_tables_are_the_choices(void **state)
{
    struct controller_kind kind;
    struct controller_way way;
    struct buf out = {0}, refused = {0};
    char row[160];
    (void)state;

    buf_addf(&refused, ":1:16: 'named' is not ");
    config_print_defaults(&out);
    buf_add_c(&out, '\0');
    for (unsigned i = 0; controller_kind(i, &kind); i++) {
        load_with("kind", kind.name, kind.by_commands ? ", start: [/bin/x]" : "");
        snprintf(row, sizeof(row), "%s%s", i > 0 ? ", " : "# ", kind.name);
        assert_non_null(strstr(out.p, row));
        assert_true(!kind.program || strstr(out.p, kind.program));
        buf_addf(&refused, "%s%s", i > 0 ? " or " : "", kind.name);
    }
    buf_add_str(&refused, STR("\n\0"));
    config_kit_faults_beside_a_zone("server: {kind: named}\n", refused.p);
    buf_free(&refused);
    for (unsigned i = 0; controller_way(i, &way); i++) {
        load_with("strategy", way.name, "");
        snprintf(row, sizeof(row), "%s: %s", way.name, way.help);
        assert_non_null(strstr(out.p, row));
    }
    buf_free(&out);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, config_kit_set_up, config_kit_tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_server_by_commands_needs_them),
        TEST(the_controllers_tables_are_the_choices),
    };
    return cmocka_run_group_tests(tests, NULL, config_kit_free);
}

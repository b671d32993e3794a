/* The man pages say something of every row of the tables that they are made of. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include <betterdns/api.h>
#include <betterdns/rrtype.h>

#include "cli.h"
#include "config_option.h"
#include "man.h"
#include "roff.h"

/* What a heading of an item looks like in the page. */
static void assert_item(const struct buf *page, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void assert_item(const struct buf *page, const char *format, ...)
{
    struct buf words = {0}, item = {0};
    va_list args;

    va_start(args, format);
    buf_vaddf(&words, format, args);
    va_end(args);
    buf_add_c(&words, '\0');
    roff_item(&item, "%s", words.p);
    if (!memmem(page->p, page->n, item.p, item.n))
        fail_msg("no item '%s'", words.p);
    buf_free(&words);
    buf_free(&item);
}

static void assert_words(const struct buf *page, const char *text)
{
    struct buf words = {0};

    roff_text(&words, text);
    if (!memmem(page->p, page->n, words.p, words.n))
        fail_msg("nowhere: %s", text);
    buf_free(&words);
}

static void test_program(void **state)
{
    struct buf page = {0};

    (void)state;
    man_program(&page);
    for (const struct command *const *c = cli_commands(); *c; c++) {
        if ((*c)->hidden)
            continue;
        assert_item(&page, "%s%s%s", (*c)->name, (*c)->usage[0] ? " " : "", (*c)->usage);
        assert_words(&page, (*c)->help);
    }
    for (unsigned k = 0; k < CLI_NOPTIONS; k++) {
        const struct option_row *o = option_row((enum cli_option)k);
        struct buf head = {0};
        if (o->letter)
            buf_addf(&head, "%s%s%s, ", o->letter, o->argument ? " " : "",
                     o->argument ? o->argument : "");
        assert_item(&page, "%.*s%s%s%s", STR_ARG(buf_str(&head)), o->name, o->argument ? " " : "",
                    o->argument ? o->argument : "");
        assert_words(&page, o->help);
        buf_free(&head);
    }
    buf_free(&page);
}

static void test_config(void **state)
{
    struct buf page = {0};

    (void)state;
    man_config(&page);
    for (size_t i = 0; i < config_noptions; i++) {
        const struct option *o = &config_options[i];
        struct buf help = {0};
        assert_item(&page, "%s", o->path);
        if (o->help)
            buf_addf(&help, "%s", o->help);
        if (o->help_rest)
            o->help_rest(&help);
        buf_add_c(&help, '\0');
        assert_words(&page, help.p);
        buf_free(&help);
    }
    buf_free(&page);
}

static void test_http(void **state)
{
    struct buf page = {0};
    size_t n;
    const struct http_route *routes = api_routes(&n);

    (void)state;
    man_http(&page);
    for (size_t i = 0; i < n; i++) {
        const struct rrtype *type = routes[i].data;
        const char *rest = strchr(routes[i].pattern + 1, '/');
        if (type) {
            assert_item(&page, "%.*s", (int)strcspn(routes[i].pattern + 1, "/") + 1,
                        routes[i].pattern);
            assert_item(&page, "%s /TYPE%s", routes[i].method, rest ? rest : "");
            assert_words(&page, type->example);
        } else {
            assert_item(&page, "%s %s", routes[i].method, routes[i].pattern);
        }
        assert_words(&page, routes[i].help);
    }
    for (unsigned i = 0; i < EVENT_NKINDS; i++) {
        const char *name = event_kind_name((enum event_kind)i);
        assert_non_null(memmem(page.p, page.n, name, strlen(name)));
    }
    buf_free(&page);
}

/* Nothing in a text is a request of troff's, or an escape. */
static void test_roff(void **state)
{
    struct buf out = {0};

    (void)state;
    roff_text(&out, ".so \\n[x] 'a'\n.b -c \"q\" \xe2\x80\xa6");
    buf_add_c(&out, '\0');
    assert_string_equal(out.p, "\\&.so \\en[x] \\(aqa\\(aq\n\\&.b \\-c \\(dqq\\(dq \\[u2026]\n");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_program),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_roff),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* health [NAME]: what is checked, and how it is. */
#include "client.h"

#include <betterdns/http.h>

#define ADDRESS_WIDTH 16
#define STATE_WIDTH 12

/* A member in a column of at least that width. */
static void add_column(struct str object, const char *member, size_t width, struct buf *out)
{
    const size_t start = out->n;

    client_text(object, member, out);
    do
        buf_add_c(out, ' ');
    while (out->error == 0 && out->n < start + width);
}

static bool is_true(struct str object, const char *member)
{
    struct str value;

    return client_member(object, member, &value) && str_eq(value, STR("true"));
}

static void add_last(struct str check, struct buf *out)
{
    struct str last;

    if (!client_member(check, "last", &last)) {
        buf_addf(out, "  not checked yet");
        return;
    }
    buf_addf(out, "  ");
    client_text(last, "output", out); /* the latency is in it */
}

static void add_transitions(struct str check, struct buf *out)
{
    struct str list, item;

    if (!client_member(check, "transitions", &list))
        return;
    while (json_item(&list, &item)) {
        buf_addf(out, "    ");
        client_text(item, "time", out);
        buf_addf(out, "  ");
        client_text(item, "from", out);
        buf_addf(out, " -> ");
        client_text(item, "to", out);
        buf_addf(out, "  ");
        client_text(item, "output", out);
        buf_add_c(out, '\n');
    }
}

static void add_check(struct str check, struct buf *out)
{
    static const char *const marks[] = {"withdrawn", "kept", "draining"};

    buf_addf(out, "  ");
    add_column(check, "address", ADDRESS_WIDTH, out);
    add_column(check, "state", STATE_WIDTH, out);
    client_text(check, "url", out);
    for (size_t i = 0; i < ARRAY_SIZE(marks); i++)
        if (is_true(check, marks[i]))
            buf_addf(out, "  %s", marks[i]);
    add_last(check, out);
    buf_add_c(out, '\n');
    add_transitions(check, out);
}

static void add_name(struct str name, struct buf *out)
{
    struct str checks, check;

    client_text(name, "name", out);
    buf_addf(out, "  ");
    client_text(name, "state", out);
    buf_add_c(out, '\n');
    if (client_member(name, "checks", &checks))
        while (json_item(&checks, &check))
            add_check(check, out);
}

static void list_table(struct str body, struct buf *out)
{
    struct str list, item;

    if (is_true(body, "panic"))
        buf_addf(out, "PANIC: too many are down at once; nobody is removed\n");
    if (client_member(body, "health", &list))
        while (json_item(&list, &item))
            add_name(item, out);
}

static int run_health(const struct cli *cli)
{
    struct call call = {.method = "GET"};
    const bool one = cli->noperands > 0;

    call_path(&call, "/health");
    if (one)
        call_segment(&call, cli->operands[0]);
    return client_run(cli, &call, one ? "checks" : "health", one ? add_name : list_table);
}

const struct command command_health = {
    .name = "health",
    .usage = "[NAME]",
    .help = "What is checked, and how it is; of a name with what came before.",
    .most = 1,
    .options = OPTIONS_CLIENT,
    .run = run_health,
};

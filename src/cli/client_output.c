/* What the commands that ask a running betterdns print. */
#include "client.h"

#include <betterdns/http.h>

int client_format(const struct cli *cli, enum client_format *ret_format)
{
    static const char *const names[] = {"table", "json", "jsonl"};
    const char *text = cli->options[OPTION_OUTPUT];

    *ret_format = CLIENT_TABLE;
    for (size_t i = 0; text && i < ARRAY_SIZE(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *ret_format = (enum client_format)i;
            return EXIT_OK;
        }
    }
    return text ? cli_fail(EXIT_USAGE, "-o is table, json or jsonl, not '%s'", text) : EXIT_OK;
}

/* A terminal acts on what is not printable. */
static void add_printable(struct str text, struct buf *out)
{
    while (text.n > 0) {
        unsigned n = str_printable(text);
        if (n > 0)
            buf_add(out, text.p, n);
        else
            buf_add_c(out, '?');
        n = n ? n : 1;
        text = (struct str){text.p + n, text.n - n};
    }
}

void client_value(struct str value, struct buf *out)
{
    struct buf text = {0};

    json_text(value, &text);
    add_printable(buf_str(&text), out);
    if (text.error)
        out->error = text.error;
    buf_free(&text);
}

bool client_member(struct str object, const char *name, struct str *ret_value)
{
    return json_member(object, name, ret_value) && !str_eq(*ret_value, STR("null"));
}

void client_text(struct str object, const char *member, struct buf *out)
{
    struct str value;

    if (client_member(object, member, &value))
        client_value(value, out);
}

/* A line end can stand between values only. */
static void add_line(struct str value, struct buf *out)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] != '\n' && value.p[i] != '\r')
            buf_add_c(out, value.p[i]);
    buf_add_c(out, '\n');
}

void client_lines(struct str body, const char *list, struct buf *out)
{
    struct str items, item;

    if (!list)
        add_line(body, out);
    else if (json_member(body, list, &items))
        while (json_item(&items, &item))
            add_line(item, out);
}

int client_run(const struct cli *cli, struct call *call, const char *list, client_table_fn *table)
{
    struct buf body = {0}, out = {0};
    enum client_format format;
    bool sent = false;

    int code = client_format(cli, &format);
    if (code == EXIT_OK)
        code = client_send(cli, call, &body, &sent);
    if (code == EXIT_OK && sent && format != CLIENT_JSON && json_check(buf_str(&body)) < 0)
        code = cli_fail(EXIT_ERROR, "the answer is no JSON: is it a betterdns that answers?");
    if (code == EXIT_OK && sent && format == CLIENT_TABLE)
        table(buf_str(&body), &out);
    else if (code == EXIT_OK && sent && format == CLIENT_JSONL)
        client_lines(buf_str(&body), list, &out);
    else if (code == EXIT_OK)
        buf_add_str(&out, buf_str(&body));
    if (code == EXIT_OK)
        code = cli_print(&out);
    buf_free(&out);
    buf_free(&body);
    call_free(call);
    return code;
}

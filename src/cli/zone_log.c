/* zone log: what changed, when, by whom. */
#include "client.h"

#include <stdio.h>

#include <betterdns/http.h>

#define PAGE 1000 /* the most that the API gives at once */
#define LOG_MAX ((size_t)256 << 20)

static bool has_value(struct str record_set, const char *list, struct str wanted)
{
    struct str values, value;

    if (!client_member(record_set, list, &values))
        return false;
    while (json_item(&values, &value))
        if (str_eq(value, wanted))
            return true;
    return false;
}

/* The name as it stands in the zone's file: relative to it. */
static void add_name(struct str operation, struct str zone, struct buf *out)
{
    struct buf name = {0};
    struct str text;

    client_text(operation, "name", &name);
    text = buf_str(&name);
    if (str_eq_fold(text, zone))
        text = STR("@");
    else if (text.n > zone.n + 1 && zone.n > 1 && text.p[text.n - zone.n - 1] == '.' &&
             str_ends(text, zone))
        text.n -= zone.n + 1;
    buf_add_str(out, text);
    buf_free(&name);
}

/* The values of one side that the other has not, a line each. */
static void add_side(char sign, struct str one, struct str other, struct str head, struct buf *out)
{
    struct str values, value;

    if (!client_member(one, "values", &values))
        return;
    while (json_item(&values, &value)) {
        if (has_value(other, "values", value))
            continue;
        buf_addf(out, "    %c %.*s ", sign, STR_ARG(head));
        client_value(value, out);
        buf_add_c(out, '\n');
    }
}

/* The values that one side withdraws from DNS, and the other, which has them too, does not. */
static void add_withdrawn(const char *word, struct str one, struct str other, struct str head,
                          struct buf *out)
{
    struct str values, value;

    if (!client_member(one, "withdrawn", &values))
        return;
    while (json_item(&values, &value)) {
        if (has_value(other, "withdrawn", value) || !has_value(other, "values", value))
            continue;
        buf_addf(out, "    ~ %.*s ", STR_ARG(head));
        client_value(value, out);
        buf_addf(out, " %s\n", word);
    }
}

static void add_operation(struct str operation, struct str zone, struct buf *out)
{
    struct str before = STR(""), after = STR(""), old, new;
    struct buf head = {0};

    client_member(operation, "before", &before);
    client_member(operation, "after", &after);
    add_name(operation, zone, &head);
    buf_add_c(&head, ' ');
    client_text(operation, "type", &head);
    const size_t n = out->n;
    add_side('-', before, after, buf_str(&head), out);
    add_side('+', after, before, buf_str(&head), out);
    add_withdrawn("withdrawn from DNS", after, before, buf_str(&head), out);
    add_withdrawn("shown by DNS again", before, after, buf_str(&head), out);
    if (json_member(before, "ttl", &old) && json_member(after, "ttl", &new) && !str_eq(old, new))
        buf_addf(out, "    ~ %.*s TTL %.*s, was %.*s\n", STR_ARG(buf_str(&head)), STR_ARG(new),
                 STR_ARG(old));
    if (out->n == n)
        buf_addf(out, "    = %.*s registered otherwise\n", STR_ARG(buf_str(&head)));
    buf_free(&head);
}

static void add_change(struct str change, struct buf *out)
{
    static const char *const columns[] = {"time", "zone", "serial", "source", "actor"};
    struct buf zone = {0};
    struct str operations, operation;

    client_text(change, "seq", out);
    for (size_t i = 0; i < ARRAY_SIZE(columns); i++) {
        buf_addf(out, i == 2 ? " serial " : "  ");
        client_text(change, columns[i], out);
    }
    buf_add_c(out, '\n');
    client_text(change, "zone", &zone);
    if (client_member(change, "operations", &operations))
        while (json_item(&operations, &operation))
            add_operation(operation, buf_str(&zone), out);
    buf_free(&zone);
}

static void log_table(struct str body, struct buf *out)
{
    struct str changes, change;

    if (client_member(body, "changes", &changes))
        while (json_item(&changes, &change))
            add_change(change, out);
}

/* ---- pages ---- */

struct log {
    const struct cli *cli;
    enum client_format format;
    char since[STR_U64_MAX + 1]; /* of the next page; empty: from the beginning, or --since */
    uint64_t left;               /* changes that may still be asked for */
    bool more;
    struct buf out;
};

static uint64_t count_changes(struct str body)
{
    struct str changes, change, seq, last = STR("");
    uint64_t n = 0;

    /* One that touches several zones is an item for each. */
    if (client_member(body, "changes", &changes)) {
        while (json_item(&changes, &change) && json_member(change, "seq", &seq)) {
            n += !str_eq(seq, last);
            last = seq;
        }
    }
    return n;
}

static void read_next(struct log *l, struct str body)
{
    const uint64_t n = count_changes(body);
    struct str next;

    l->left -= n < l->left ? n : l->left;
    l->more = n > 0 && l->left > 0 && client_member(body, "next", &next) && next.n <= STR_U64_MAX;
    if (l->more)
        snprintf(l->since, sizeof(l->since), "%.*s", STR_ARG(next));
}

static void fill_call(const struct log *l, struct call *call)
{
    const struct cli *cli = l->cli;
    const char *limit = cli->options[OPTION_LIMIT];
    char page[STR_U64_MAX + 1];
    uint64_t asked = 0;

    /* A limit that is no number is the server's to refuse. */
    snprintf(page, sizeof(page), "%llu", (unsigned long long)(l->left < PAGE ? l->left : PAGE));
    if (limit && (str_u64(str_c(limit), UINT64_MAX, &asked) < 0 || asked == 0))
        snprintf(page, sizeof(page), "%s", limit);
    call_path(call, "/changes");
    call_query(call, "since", l->since[0] ? l->since : cli->options[OPTION_SINCE]);
    call_query(call, "zone", cli->noperands > 0 ? cli->operands[0] : NULL);
    call_query(call, "name", cli->options[OPTION_NAME]);
    call_query(call, "limit", limit || l->format != CLIENT_JSON ? page : NULL);
}

static int take_page(struct log *l)
{
    struct call call = {.method = "GET"};
    struct buf body = {0};
    bool sent = false;

    fill_call(l, &call);
    l->more = false;
    int code = client_send(l->cli, &call, &body, &sent);
    if (code != EXIT_OK || !sent || l->format == CLIENT_JSON) {
        buf_add_str(&l->out, buf_str(&body));
    } else if (json_check(buf_str(&body)) < 0) {
        code = cli_fail(EXIT_ERROR, "the answer is no JSON: is it a betterdns that answers?");
    } else {
        if (l->format == CLIENT_TABLE)
            log_table(buf_str(&body), &l->out);
        else
            client_lines(buf_str(&body), "changes", &l->out);
        read_next(l, buf_str(&body));
    }
    buf_free(&body);
    call_free(&call);
    return code;
}

static int run_zone_log(const struct cli *cli)
{
    struct log l = {.cli = cli, .left = UINT64_MAX};
    const char *limit = cli->options[OPTION_LIMIT];
    uint64_t asked;

    if (limit && str_u64(str_c(limit), UINT64_MAX, &asked) == 0 && asked > 0)
        l.left = asked;
    int code = client_format(cli, &l.format);
    /* Kept until the end: what fails half-way prints nothing. */
    do {
        if (code == EXIT_OK)
            code = take_page(&l);
        if (code == EXIT_OK && l.more && l.out.n > LOG_MAX)
            code = cli_fail(EXIT_ERROR, "the log is too large for once: take --since and --limit");
    } while (code == EXIT_OK && l.more);
    if (code == EXIT_OK)
        return cli_print(&l.out);
    buf_free(&l.out);
    return code;
}

const struct command command_zone_log = {
    .name = "zone log",
    .usage = "[ZONE]",
    .help = "What changed, when, and by whom: the oldest first.",
    .more =
        "+ is a record that came, - one that went, ~ another TTL, = the same records with other\n"
        "registrations. With -o json the API's answer: one page.",
    .most = 1,
    .options = OPTIONS_CLIENT | OPTION_BIT(OPTION_SINCE) | OPTION_BIT(OPTION_NAME) |
               OPTION_BIT(OPTION_LIMIT),
    .run = run_zone_log,
};

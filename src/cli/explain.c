/* explain: a name's records, where they come from, and what DNS makes of them. */
#include "client.h"

#include <betterdns/http.h>

static void add_values(struct str set, struct buf *out)
{
    struct str values, value;

    client_text(set, "ttl", out);
    if (!client_member(set, "values", &values))
        return;
    while (json_item(&values, &value)) {
        buf_add_c(out, ' ');
        client_value(value, out);
    }
}

/* "    what  member member …"; members that are null are left out. */
static void add_row(const char *what, struct str object, const char *const *members,
                    struct buf *out)
{
    struct str value;

    buf_addf(out, "    %-11s", what);
    for (; *members; members++) {
        if (!client_member(object, *members, &value))
            continue;
        buf_add_c(out, ' ');
        client_text(object, *members, out);
    }
    buf_add_c(out, '\n');
}

static void add_places(struct str record, struct buf *out)
{
    struct str places, place;

    if (!client_member(record, "lines", &places))
        return;
    while (json_item(&places, &place)) {
        buf_addf(out, "    written in  ");
        client_text(place, "file", out);
        buf_add_c(out, ':');
        client_text(place, "line", out);
        buf_add_c(out, '\n');
    }
}

static void add_checks(struct str record, struct buf *out)
{
    static const char *const members[] = {"address", "url", "state", NULL};
    static const char *const why[] = {"reason", NULL};
    struct str checks, check, reason;

    if (!client_member(record, "checks", &checks))
        return;
    while (json_item(&checks, &check)) {
        add_row("checked", check, members, out);
        if (client_member(check, "reason", &reason))
            add_row("because", check, why, out);
    }
}

static void add_lease(struct str registration, struct buf *out)
{
    static const char *const members[] = {"lease", "expires", NULL};
    struct str lease;

    if (client_member(registration, "lease", &lease))
        add_row("lease, ends", registration, members, out);
}

static void add_maintenance(struct str registration, struct buf *out)
{
    struct str draining;

    if (client_member(registration, "draining", &draining) && str_eq(draining, STR("true")))
        buf_addf(out, "    maintenance until DELETE /maintenance/NAME\n");
}

static void add_record(struct str record, struct buf *out)
{
    static const char *const registration_members[] = {"seq", "created", "source",
                                                       "id",  "subject", NULL};
    static const char *const change_members[] = {"seq", "time", "source", "actor", NULL};
    struct str list, item, served;

    client_text(record, "type", out);
    buf_add_c(out, ' ');
    add_values(record, out);
    buf_add_c(out, '\n');
    if (client_member(record, "registrations", &list))
        while (json_item(&list, &item)) {
            add_row("registered", item, registration_members, out);
            add_lease(item, out);
            add_maintenance(item, out);
        }
    add_checks(record, out);
    if (client_member(record, "changed", &item))
        add_row("changed", item, change_members, out);
    add_places(record, out);
    buf_addf(out, "    served      ");
    if (client_member(record, "served", &served))
        add_values(served, out);
    else
        buf_addf(out, "no");
    buf_add_c(out, '\n');
}

static void explain_table(struct str body, struct buf *out)
{
    struct str records, record, value;

    client_text(body, "name", out);
    buf_addf(out, "  zone ");
    client_text(body, "zone", out);
    buf_addf(out, " serial ");
    client_text(body, "serial", out);
    if (client_member(body, "served_serial", &value)) {
        buf_addf(out, ", served ");
        client_text(body, "served_serial", out);
    }
    buf_add_c(out, '\n');
    if (client_member(body, "unanswered", &value)) {
        buf_addf(out, "DNS was not asked: ");
        client_text(body, "unanswered", out);
        buf_add_c(out, '\n');
    }
    if (client_member(body, "records", &records))
        while (json_item(&records, &record))
            add_record(record, out);
}

static int run_explain(const struct cli *cli)
{
    struct call call = {.method = "GET"};

    call_path(&call, "/explain");
    call_segment(&call, cli->operands[0]);
    return client_run(cli, &call, "records", explain_table);
}

const struct command command_explain = {
    .name = "explain",
    .usage = "NAME",
    .help = "A name's records: who made them, when, where they are written, what DNS shows.",
    .least = 1,
    .most = 1,
    .options = OPTIONS_CLIENT,
    .run = run_explain,
};

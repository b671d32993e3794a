/* zone show, rollback, accept, discard: a zone as it was, and what becomes of it. */
#include "client.h"

#include <betterdns/http.h>

/* ---- show ---- */

/* The record sets of all zones of a manifest, one a line. */
static void add_records(struct str body, struct buf *out)
{
    struct str zones, zone;

    if (json_member(body, "zones", &zones))
        while (json_item(&zones, &zone))
            client_lines(zone, "records", out);
}

static int run_zone_show(const struct cli *cli)
{
    struct call call = {.method = "GET"};
    struct buf body = {0}, out = {0};
    enum client_format format;
    bool sent = false;

    int code = client_format(cli, &format);
    if (code != EXIT_OK)
        return code;
    call_path(&call, "/");
    call_query(&call, "zone", cli->operands[0]);
    call_query(&call, "seq", cli->options[OPTION_SEQ]);
    call_query(&call, "serial", cli->options[OPTION_SERIAL]);
    call_query(&call, "format", format == CLIENT_TABLE ? "zone" : "json");
    code = client_send(cli, &call, &body, &sent);
    if (code == EXIT_OK && sent && format == CLIENT_JSONL)
        add_records(buf_str(&body), &out);
    else
        buf_add_str(&out, buf_str(&body));
    if (code == EXIT_OK)
        code = cli_print(&out);
    buf_free(&out);
    buf_free(&body);
    call_free(&call);
    return code;
}

const struct command command_zone_show = {
    .name = "zone show",
    .usage = "ZONE",
    .help = "Prints a zone as it is, or as it was, as a zone file.",
    .more = "`betterdns zone log` tells seqs and serials. -o jsonl: a record set a line.",
    .least = 1,
    .most = 1,
    .options = OPTIONS_CLIENT | OPTION_BIT(OPTION_SEQ) | OPTION_BIT(OPTION_SERIAL),
    .run = run_zone_show,
};

/* ---- what writes ---- */

static void outcome(struct str body, struct buf *out)
{
    struct str changed;

    client_text(body, "zone", out);
    if (json_member(body, "changed", &changed) && str_eq(changed, STR("true"))) {
        buf_addf(out, ": change ");
        client_text(body, "seq", out);
        buf_addf(out, ", serial ");
    } else {
        buf_addf(out, ": nothing to change, serial ");
    }
    client_text(body, "serial", out);
    buf_add_c(out, '\n');
}

static int run_zone_rollback(const struct cli *cli)
{
    struct call call = {.method = "POST"};

    call_path(&call, "/rollback");
    call_query(&call, "wait", cli->options[OPTION_WAIT]);
    call_field(&call, "zone", cli->operands[0]);
    call_field(&call, "seq", cli->operands[1]);
    return client_run(cli, &call, NULL, outcome);
}

const struct command command_zone_rollback = {
    .name = "zone rollback",
    .usage = "ZONE SEQ",
    .help = "Makes a zone what it was after the change SEQ, by a new change.",
    .more = "Nothing of the history is lost: a rollback can be rolled back.",
    .least = 2,
    .most = 2,
    .options = OPTIONS_CLIENT | OPTION_BIT(OPTION_WAIT),
    .run = run_zone_rollback,
};

static int decide(const struct cli *cli, const char *what)
{
    struct call call = {.method = "POST"};

    call_path(&call, "/zones");
    call_segment(&call, cli->operands[0]);
    call_path(&call, what);
    call_query(&call, "wait", cli->options[OPTION_WAIT]);
    return client_run(cli, &call, NULL, outcome);
}

static int run_zone_accept(const struct cli *cli)
{
    return decide(cli, "/accept");
}

static int run_zone_discard(const struct cli *cli)
{
    return decide(cli, "/discard");
}

const struct command command_zone_accept = {
    .name = "zone accept",
    .usage = "ZONE",
    .help = "Takes a save of the zone's file that is held back, as it stands.",
    .more =
        "A save is held when it deletes more than 20 records and more than a tenth of the zone\n"
        "(is it whole?), or shows an earlier state unchanged: what was changed by hand since is\n"
        "then taken back; what hosts registered stays. GET /status says what is held.",
    .least = 1,
    .most = 1,
    .options = OPTIONS_CLIENT | OPTION_BIT(OPTION_WAIT),
    .run = run_zone_accept,
};

const struct command command_zone_discard = {
    .name = "zone discard",
    .usage = "ZONE",
    .help = "Writes the zone over a save of its file that is held back or refused.",
    .more = "The save is kept beside the file, as .NAME.discarded; what is served does not change.",
    .least = 1,
    .most = 1,
    .options = OPTIONS_CLIENT | OPTION_BIT(OPTION_WAIT),
    .run = run_zone_discard,
};

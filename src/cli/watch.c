/* watch: what happens, as it happens. */
#include "client.h"

#include <stdio.h>

#include <betterdns/clock.h>
#include <betterdns/http.h>

#define ID_MAX 64
#define AGAIN_NS NS_PER_S /* between two attempts at a server that does not answer */

struct watch {
    const struct cli *cli;
    enum client_format format;
    char after[ID_MAX]; /* empty: from now on */
    bool silent;        /* the server does not answer, and that was said */
};

/* ---- what is printed ---- */

static void add_member(const char *before, struct str event, const char *name, struct buf *out)
{
    struct str value;

    if (!client_member(event, name, &value))
        return;
    buf_addf(out, "%s", before);
    client_value(value, out);
}

static bool is_member(struct str event, const char *name, struct str wanted)
{
    struct str value;

    return json_member(event, name, &value) && str_eq(value, wanted);
}

/* Names of kinds have twelve letters at most. */
static void add_event(struct str event, struct buf *out)
{
    struct str value;
    struct buf kind = {0};

    client_text(event, "time", out);
    client_text(event, "kind", &kind);
    buf_addf(out, "  %-12.*s", STR_ARG(buf_str(&kind)));
    buf_free(&kind);
    add_member("  ", event, client_member(event, "name", &value) ? "name" : "zone", out);
    add_member(" ", event, "type", out);
    add_member("  ", event, "registration", out);
    add_member(" #", event, "number", out);
    add_member("  ", event, "from", out);
    add_member(" -> ", event, "to", out);
    if (is_member(event, "dry_run", STR("true")))
        buf_addf(out, "  dry run");
    if (is_member(event, "ok", STR("false")))
        buf_addf(out, "  failed");
    if (client_member(event, "on", &value))
        buf_addf(out, "  %s", str_eq(value, STR("true")) ? "begins" : "ends");
    add_member("  ", event, "detail", out);
    buf_add_c(out, '\n');
}

static void add_events(struct str body, enum client_format format, struct buf *out)
{
    struct str events, event;
    bool any = false;

    if (!client_member(body, "events", &events))
        return;
    while (json_item(&events, &event)) {
        any = true;
        if (format == CLIENT_TABLE)
            add_event(event, out);
        else if (format == CLIENT_JSONL)
            client_lines(event, NULL, out);
    }
    if (any && format == CLIENT_JSON)
        buf_add_str(out, body);
}

/* ---- asking ---- */

static void fill_call(const struct watch *w, struct call *call)
{
    const struct cli *cli = w->cli;

    call_path(call, "/events");
    call_query(call, "after", w->after[0] ? w->after : NULL);
    /* The first answer only says where to go on. */
    call_query(call, "wait", w->after[0] || cli->options[OPTION_CURL] ? "30s" : NULL);
    call_query(call, "kind", cli->options[OPTION_KIND]);
    call_query(call, "name", cli->noperands > 0 ? cli->operands[0] : NULL);
}

static int take(struct watch *w, struct str body)
{
    struct buf out = {0}, last = {0};
    int code = EXIT_OK;

    if (json_check(body) == 0)
        client_text(body, "last", &last);
    if (last.n == 0 || last.n >= sizeof(w->after))
        code = cli_fail(EXIT_ERROR, "the answer has no events: is it a betterdns that answers?");
    if (code == EXIT_OK) {
        snprintf(w->after, sizeof(w->after), "%.*s", STR_ARG(buf_str(&last)));
        add_events(body, w->format, &out);
        code = cli_print(&out);
    }
    buf_free(&last);
    buf_free(&out);
    return code;
}

static void wait_a_moment(void)
{
    const struct timespec pause = clock_timespec(AGAIN_NS);

    nanosleep(&pause, NULL);
}

/* Whoever has watched goes on once the server is back. */
static int ask_again(struct watch *w)
{
    struct call call = {.method = "GET"};
    struct buf body = {0};
    long status = 0;

    fill_call(w, &call);
    int code = client_try(w->cli, &call, &body, &status);
    const bool silent = status == 0 || status == 503;
    if (code == EXIT_OK && silent) {
        if (!w->silent)
            cli_fail(EXIT_OK, "the server does not answer: trying again");
        wait_a_moment();
    } else if (code == EXIT_OK && status == 410) {
        cli_fail(EXIT_OK, "events were missed: the server does not keep them any more, or has "
                          "been started anew");
        snprintf(w->after, sizeof(w->after), "0"); /* none of those that there are was seen */
    } else if (code == EXIT_OK && status == 200) {
        code = take(w, buf_str(&body));
    } else if (code == EXIT_OK) {
        code = client_refusal(status, buf_str(&body));
    }
    w->silent = silent;
    buf_free(&body);
    call_free(&call);
    return code;
}

static int run_watch(const struct cli *cli)
{
    struct watch w = {.cli = cli};
    struct call call = {.method = "GET"};
    struct buf body = {0};
    bool sent = false;

    int code = client_format(cli, &w.format);
    fill_call(&w, &call);
    if (code == EXIT_OK)
        code = client_send(cli, &call, &body, &sent);
    if (code == EXIT_OK && !sent)
        code = cli_print(&body);
    else if (code == EXIT_OK)
        code = take(&w, buf_str(&body));
    buf_free(&body);
    call_free(&call);
    while (code == EXIT_OK && sent)
        code = ask_again(&w);
    return code;
}

const struct command command_watch = {
    .name = "watch",
    .usage = "[NAME]",
    .help = "What happens, as it happens: registrations, changes, checks, publishes.",
    .more = "NAME is a name or a pattern: \"web*\". Kinds: registered, unregistered, changed,\n"
            "transition, withdrawn, restored, terminated, published, escalated, rejected, panic.\n"
            "When the server has been away, watch goes on where it was, and says what it missed.",
    .most = 1,
    .options = OPTIONS_CLIENT | OPTION_BIT(OPTION_KIND),
    .run = run_watch,
};

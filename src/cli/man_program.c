/* betterdns(1), by the tables of commands and of options. */
#include "cli.h"
#include "man.h"
#include "roff.h"

static const char beginning[] =
    ".SH SYNOPSIS\n"
    ".B betterdns\n"
    "[\\fB\\-c\\fP \\fIFILE\\fP] \\fICOMMAND\\fP [\\fIARGUMENT\\fP...]\n"
    ".SH DESCRIPTION\n"
    "A registrar for DNS: hosts register themselves over HTTP, administrators edit the zone\n"
    "files by hand, and a DNS server (CoreDNS, BIND, NSD, Knot, or any other) serves both.\n"
    "A registration can end with a lease or by a check that fails.\n"
    "Nothing that was acknowledged is lost, and no edit of a file is.\n"
    ".PP\n"
    ".B betterdns run\n"
    "starts the DNS server and watches over it; the server outlives a betterdns that dies, and\n"
    "the next one adopts it.\n"
    "The other commands look at files, or ask a running betterdns over HTTP.\n"
    ".SH COMMANDS\n"
    "Data goes to standard output, messages go to standard error.\n"
    "A command that fails prints nothing on standard output.\n";

static const char end[] =
    ".SH SIGNALS\n"
    "Of\n.B betterdns run:\n"
    ".TP\n.B SIGTERM, SIGINT\n"
    "An orderly stop: new requests are refused with 503, those under way are answered, the zone\n"
    "files are written, and then the DNS server is ended, or left to answer where\n"
    "server.on_stop is keep.\n"
    "A second one ends the program at once with exit code 1; whatever was acknowledged is\n"
    "durable, and the next start adopts the DNS server.\n"
    ".TP\n.B SIGHUP\n"
    "Reads the configuration again, and what it names: the token, the program of the DNS server,\n"
    "its own Corefile.\n"
    "DNS goes on: the server stays, or where its own configuration is another one now, a new one\n"
    "is started beside it, which it makes way for.\n"
    "HTTP goes on: requests wait for some 20 ms, or where zones come or go as long as it takes to\n"
    "read them all; connections stay open, and only streams of events end, which go on where they\n"
    "were with Last-Event-ID.\n"
    "A file with a fault changes nothing, and the log says where the fault is;\n"
    "what turns out to be impossible later, as a DNS server that does not start, brings the old\n"
    "configuration back.\n"
    "Another data directory needs a restart.\n"
    "Counters, and a strategy that was exchanged at run time, begin anew.\n"
    "(Zone files are watched, and need no signal.)\n"
    ".TP\n.B SIGUSR1\n"
    "Logs in one line how it stands: the DNS server, the zones, files that wait for somebody.\n"
    ".PP\n"
    "SIGPIPE is ignored.\n"
    ".SH SYSTEMD\n"
    "Where NOTIFY_SOCKET is set,\n"
    ".BR sd_notify (3)\n"
    "is told: READY=1 when the DNS server answers for every zone, RELOADING=1, STOPPING=1,\n"
    "EXTEND_TIMEOUT_USEC while a large start goes on, and in STATUS how it stands.\n"
    "Where WATCHDOG_USEC is set, WATCHDOG=1 is sent while the program makes progress.\n"
    "The unit needs KillMode=process, so that the DNS server can go on, and\n"
    "RuntimeDirectoryPreserve=yes.\n"
    ".SH ENVIRONMENT\n"
    ".TP\n.B BETTERDNS_CONFIG\n"
    "The configuration, where no\n.B \\-c\nis given.\n"
    ".TP\n.B BETTERDNS_SERVER\n"
    "The betterdns to ask, where no\n.B \\-\\-server\nis given.\n"
    ".SH FILES\n"
    ".TP\n.I /etc/betterdns/betterdns.yaml\nThe configuration,\n.BR betterdns.yaml (5).\n"
    ".TP\n.I DATA/state.db\n"
    "Records, registrations and their history: what is true. DATA is data of the configuration,\n"
    "/var/lib/betterdns.\n"
    ".TP\n.I DATA/state.lock, DATA/child.N.lock\n"
    "Who runs: betterdns, and the DNS servers that it started.\n"
    ".TP\n.I LIVE\n"
    "What the DNS server reads: its configuration, and a copy of each zone. live of the\n"
    "configuration, /run/betterdns; best on tmpfs.\n"
    ".TP\n.I zones[].file\n"
    "The zone files for people to edit. Comments, order and lines that nobody touches stay.\n"
    ".SH EXIT STATUS\n";

static const char examples[] = ".SH EXAMPLES\n"
                               "A configuration to begin with, what is in its way, and a start:\n"
                               ".PP\n.nf\n"
                               "betterdns config >betterdns.yaml\n"
                               "betterdns doctor \\-c betterdns.yaml\n"
                               "betterdns run \\-c betterdns.yaml\n"
                               ".fi\n.PP\n"
                               "The same for the user that the service runs as:\n"
                               ".PP\n.nf\n"
                               "sudo \\-u betterdns betterdns doctor\n"
                               ".fi\n.PP\n"
                               "What changed since change 100, and back to how it was then:\n"
                               ".PP\n.nf\n"
                               "betterdns zone log lab.example \\-\\-since 100\n"
                               "betterdns zone rollback lab.example 100\n"
                               ".fi\n.PP\n"
                               "Where a name's records come from:\n"
                               ".PP\n.nf\n"
                               "betterdns explain web.lab.example\n"
                               ".fi\n.PP\n"
                               "Completion in bash, for this session:\n"
                               ".PP\n.nf\n"
                               "source <(betterdns completion bash)\n"
                               ".fi\n"
                               ".SH SEE ALSO\n"
                               ".BR betterdns.yaml (5),\n"
                               ".BR betterdns\\-http (7),\n"
                               ".BR coredns (1),\n"
                               ".BR systemd.service (5)\n";

static void add_option(struct buf *out, enum cli_option option)
{
    const struct option_row *o = option_row(option);
    struct buf values = {0};

    if (o->letter)
        roff_item(out, "%s%s%s, %s%s%s", o->letter, o->argument ? " " : "",
                  o->argument ? o->argument : "", o->name, o->argument ? " " : "",
                  o->argument ? o->argument : "");
    else
        roff_item(out, "%s%s%s", o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    roff_text(out, o->help);
    if (o->values) {
        o->values(&values);
        buf_addf(out, ".br\nValues: ");
        roff_add(out, str_trim(buf_str(&values)));
        buf_add_c(out, '\n');
    }
    buf_free(&values);
}

static void add_command(struct buf *out, const struct command *c)
{
    const char *before = "Options: ";

    roff_item(out, "%s%s%s", c->name, c->usage[0] ? " " : "", c->usage);
    roff_text(out, c->help);
    if (c->more) /* its lines may be a table */
    {
        buf_addf(out, ".br\n");
        roff_text(out, c->more);
    }
    for (unsigned k = 0; k < CLI_NOPTIONS; k++) {
        if (!(c->options & OPTION_BIT(k)))
            continue;
        if (before[0] == 'O')
            buf_addf(out, ".br\n");
        buf_addf(out, "%s", before);
        roff_add(out, str_c(option_row((enum cli_option)k)->name));
        before = ", ";
    }
    if (before[0] == ',')
        buf_add_c(out, '\n');
}

void man_program(struct buf *out)
{
    static const char *const codes[] = {
        [EXIT_OK] = "success",
        [EXIT_ERROR] = "an error; of doctor: something was found",
        [EXIT_USAGE] = "the command line is not understood",
        [EXIT_NOT_FOUND] = "not found (HTTP 404; a program that is not there)",
        [EXIT_CONFLICT] = "a conflict (HTTP 409 and 412; a port or directory that is taken)",
        [EXIT_NOT_ALLOWED] = "not allowed (HTTP 401 and 403; no right to a file or port)",
        [EXIT_UNREACHABLE] = "nobody answers at --server",
        [EXIT_INVALID] = "not valid (HTTP 400, 413, 415 and 422; a configuration or zone file)",
        [EXIT_TIMEOUT] = "a time-out (HTTP 202: durable, but not served yet)",
    };

    roff_head(out, "betterdns", 1, "a registrar for DNS");
    buf_add_str(out, str_c(beginning));
    for (const struct command *const *c = cli_commands(); *c; c++) {
        if (!(*c)->hidden)
            add_command(out, *c);
    }
    buf_addf(out, ".SH OPTIONS\nEach is understood before and behind its command.\n");
    for (unsigned k = 0; k < CLI_NOPTIONS; k++)
        add_option(out, (enum cli_option)k);
    buf_add_str(out, str_c(end));
    for (unsigned i = 0; i < ARRAY_SIZE(codes); i++) {
        roff_item(out, "%u", i);
        roff_text(out, codes[i]);
    }
    buf_add_str(out, str_c(examples));
}

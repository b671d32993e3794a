/* betterdns.yaml(5), by the table of options of the configuration. */
#include "config_option.h"
#include "man.h"
#include "roff.h"

static void add_choices(struct buf *out, const struct option *o)
{
    const char *choice;

    for (unsigned i = 0; (choice = option_choice_at(o, i)) != NULL; i++) {
        buf_addf(out, "%s", i == 0 ? "One of " : ", ");
        roff_add(out, str_c(choice));
    }
    if (option_choice_at(o, 0))
        buf_addf(out, ".\n.br\n");
}

static void add_value(struct buf *out, const char *what, const char *value)
{
    if (!value || !value[0])
        return;
    buf_addf(out, "%s: ", what);
    roff_add(out, str_c(value));
    buf_addf(out, "\n.br\n");
}

static void add_option(struct buf *out, const struct option *o)
{
    struct buf help = {0};

    roff_item(out, "%s", o->path);
    add_value(out, "Default", o->fallback);
    add_value(out, "For example", o->example);
    add_choices(out, o);
    option_help(o, &help);
    buf_add_c(&help, '\0');
    if (help.p && help.p[0])
        roff_text(out, help.p);
    buf_free(&help);
}

static const char beginning[] =
    ".SH DESCRIPTION\n"
    "The configuration of\n.BR betterdns (1),\n"
    "in YAML; JSON is YAML.\n"
    "Options stand in sections: http.listen is the member listen of the section http.\n"
    "zones[].name is the member name of each member of the list zones.\n"
    "Relative paths are relative to the directory of the file.\n"
    ".PP\n"
    "Whatever is left out has its default; only zones must have one member at least.\n"
    "A key that is unknown, or given twice, and a value of the wrong kind are refused with\n"
    "file:line:column, the nearest key, and exit code 7.\n"
    ".PP\n"
    "Times are written 500ms, 30s, 5m, 1h.\n"
    "Addresses are written 192.0.2.53:53 or [2001:db8::53]:53, networks 192.0.2.0/24.\n"
    ".PP\n"
    ".B betterdns config\n"
    "prints all of this as a file to begin with,\n"
    ".B betterdns check\n"
    "says what is wrong with one, and\n"
    ".B betterdns doctor\n"
    "what is in its way on this machine.\n"
    "The file is read at start, and again after\n"
    ".B systemctl reload betterdns\n"
    "(SIGHUP), which puts it in force while DNS and HTTP go on; a bad file leaves what is in\n"
    "force as it is, and the log says why.\n"
    "Another data needs a restart.\n"
    ".SH OPTIONS\n";

static const char end[] =
    ".SH FILES\n"
    ".TP\n.I /etc/betterdns/betterdns.yaml\n"
    "The configuration, where neither\n.B \\-c\nnor BETTERDNS_CONFIG names another.\n"
    ".SH EXAMPLES\n"
    "A zone that CoreDNS serves to the network, and an API that asks for a token:\n"
    ".PP\n.nf\n"
    "data: /var/lib/betterdns\n"
    "live: /run/betterdns\n"
    "http:\n"
    "  listen: [10.0.0.53:8000]\n"
    "  token_file: /etc/betterdns/token\n"
    "zones:\n"
    "  \\- name: lab.example\n"
    "    file: /etc/betterdns/lab.example.zone\n"
    "    ns: [ns1.lab.example. 10.0.0.53]\n"
    "server:\n"
    "  listen: 10.0.0.53:53\n"
    ".fi\n"
    ".SH SEE ALSO\n"
    ".BR betterdns (1),\n"
    ".BR betterdns\\-http (7)\n";

void man_config(struct buf *out)
{
    roff_head(out, "betterdns.yaml", 5, "the configuration of betterdns");
    buf_add_str(out, str_c(beginning));
    for (size_t i = 0; i < config_noptions; i++)
        add_option(out, &config_options[i]);
    buf_add_str(out, str_c(end));
}

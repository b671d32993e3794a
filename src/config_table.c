/* The table of options. */
#include <betterdns/controller.h>

#include "config_option.h"

static const char *const on_stop[] = {"stop", "keep", NULL};
static const char *const auth[] = {"token", "none", NULL};
static const char *const terminators[] = {"none", "exec", "webhook", NULL};
static const char *const policies[] = {"after_success", "anyway", NULL};

#define AT(field) .offset = offsetof(struct config, field)
#define LIST(field, number)                                                                        \
    .set = option_list, .offset = offsetof(struct config, field),                                  \
    .count = offsetof(struct config, number)
#define ZONE(field) .offset = offsetof(struct config_zone, field)
#define RULE(field) .offset = offsetof(struct health_rule, field)
#define MAPS(field, number, element_of)                                                            \
    .set = option_maps, .offset = offsetof(struct config, field),                                  \
    .count = offsetof(struct config, number), .element = &(element_of)

/* What the controller's tables say. */
static const char *kind_name(unsigned i)
{
    struct controller_kind kind;

    return controller_kind(i, &kind) ? kind.name : NULL;
}

static const char *way_name(unsigned i)
{
    struct controller_way way;

    return controller_way(i, &way) ? way.name : NULL;
}

static void list_ways(struct buf *out)
{
    struct controller_way way;

    for (unsigned i = 0; controller_way(i, &way); i++)
        buf_addf(out, "%s%s: %s", i > 0 ? "; " : "", way.name, way.help);
}

static void list_programs(struct buf *out)
{
    struct controller_kind kind;

    for (unsigned i = 0, n = 0; controller_kind(i, &kind); i++)
        if (kind.program)
            buf_addf(out, "%s%s", n++ > 0 ? ", " : "", kind.program);
}

static const struct element zone_map = {.size = sizeof(struct config_zone), .what = "zone"};
static const struct element rule_map = {.size = sizeof(struct health_rule), .what = "rule"};

const struct option config_options[] = {
    {"data", option_path, AT(data), .fallback = "/var/lib/betterdns", .help = "state.db, locks"},
    {"live", option_path, AT(live), .fallback = "/run/betterdns",
     .help = "what the DNS server reads; best on tmpfs"},

    {"http.listen", LIST(http.listen, http.nlisten), .element = &element_address,
     .fallback = "[127.0.0.1:8000]", .help = "beyond loopback: token_file, or auth: none"},
    {"http.token_file", option_path_or_none, AT(http.token_file), .fallback = "null",
     .help = "Authorization: Bearer …, for writes and reads"},
    {"http.auth", option_second, AT(http.auth_none), .choices = auth, .fallback = "token",
     .help = "none: everybody who can connect may write"},
    {"http.allow", LIST(http.allow, http.nallow), .element = &element_network, .fallback = "[]",
     .help = "networks that may connect; empty: all"},
    {"http.hosts", LIST(http.hosts, http.nhosts), .element = &element_host, .fallback = "[]",
     .help = "further names that Host may have"},
    {"http.trusted_proxies", LIST(http.trusted_proxies, http.ntrusted_proxies),
     .element = &element_network, .fallback = "[]", .help = "whose X-Forwarded-For is believed"},

    {"server.kind", option_listed, AT(server.kind), .listed = kind_name, .fallback = "coredns"},
    {"server.listen", option_dns_address, AT(server.listen), .fallback = "127.0.0.1:53",
     .help = "the address that the world asks"},
    {"server.strategy", option_listed, AT(server.strategy), .listed = way_name, .fallback = "auto",
     .help_rest = list_ways},
    {"server.binary", option_program_or_none, AT(server.binary), .fallback = "null",
     .help = "a path, or a name in PATH; null: ", .help_rest = list_programs},
    {"server.corefile", option_path_or_none, AT(server.corefile), .fallback = "null",
     .help = "your own for CoreDNS, in the place of the one that is written"},
    {"server.start", LIST(server.start, server.nstart), .element = &element_word, .fallback = "[]",
     .help = "of exec: stays in the foreground; {zones}: a list of names and files"},
    {"server.reload", LIST(server.reload, server.nreload), .element = &element_word,
     .fallback = "[]", .help = "of exec: reads its zones again; empty: SIGHUP"},
    {"server.stop", LIST(server.stop, server.nstop), .element = &element_word, .fallback = "[]",
     .help = "of exec: ends it; empty: SIGTERM"},
    {"server.probe", option_dns_address_or_none, AT(server.probe), .fallback = "null",
     .help = "of exec: where it is asked; null: server.listen"},
    {"server.on_stop", option_second, AT(server.keep_on_stop), .choices = on_stop,
     .fallback = "stop", .help = "keep: DNS stays up when betterdns is stopped"},

    {"zones", MAPS(zones, nzones, zone_map), .fallback = "", .help = "at least one, as:"},
    {"zones[].name", option_origin, ZONE(origin), .example = "lab.example"},
    {"zones[].file", option_zone_file, ZONE(file), .fallback = "null",
     .example = "lab.example.zone", .help = "made where there is none; null: in data"},
    {"zones[].write", option_bool, ZONE(write), .fallback = "true",
     .help = "false: the file is a source only"},
    {"zones[].ttl", option_ttl, ZONE(ttl), .fallback = "30",
     .help = "of records that give none; seconds, or 5m, 1h"},
    {"zones[].ns", .set = option_list, ZONE(ns), .count = offsetof(struct config_zone, nns),
     .element = &element_ns, .fallback = "[]", .example = "[ns1.lab.example. 192.0.2.53]",
     .help = "for a zone that is made; default: ns1 at 127.0.0.1"},

    {"checks.allow", LIST(checks.allow, checks.nallow), .element = &element_network,
     .fallback = "[]", .help = "networks that any check may reach, 127.0.0.0/8 for a try"},
    {"checks.interval", option_check_default, .fallback = "10s", .help = "1s at least"},
    {"checks.timeout", option_check_default, .fallback = "5s", .help = "then it has failed"},
    {"checks.fall", option_check_default, .fallback = "3", .help = "failures in a row: down"},
    {"checks.rise", option_check_default, .fallback = "2", .help = "successes in a row: back"},
    {"checks.deregister_after", option_check_default, .fallback = "2m",
     .help = "of being down: terminated, unregistered; or never"},
    {"checks.keep_last", option_bool, AT(checks.keep_last), .fallback = "true",
     .help = "a name with several registrants keeps its last address"},
    {"checks.witnesses", LIST(checks.witnesses, checks.nwitnesses), .element = &element_witness,
     .fallback = "[]",
     .help = "192.0.2.1 or tcp://192.0.2.1:22: must answer, else nobody is removed"},
    {"checks.exec", option_commands, .fallback = "{}",
     .help = "of exec:NAME: NAME: [PROGRAM, \"{address}\"]; no shell"},
    {"checks.rules", MAPS(checks.rules, checks.nrules, rule_map), .fallback = "",
     .help = "checks that nobody asked for with a registration, as:"},
    {"checks.rules[].name", option_text, RULE(pattern), .example = "\"web*.lab.example\""},
    {"checks.rules[].check", option_check, RULE(check), .example = "\"http://:8080/healthz\"",
     .help = "or {url: …, interval: 1s, fall: 2, …}"},
    {"checks.rules[].handwritten", option_bool, RULE(handwritten), .fallback = "false",
     .help = "true: for records that nobody registered, too"},

    {"terminate.enabled", option_bool, AT(terminate.enabled), .fallback = "false",
     .help = "false: a dry run, which counts as done; true needs http.token_file"},
    {"terminate.kind", option_choice, AT(terminate.kind), .choices = terminators,
     .fallback = "none"},
    {"terminate.argv", LIST(terminate.argv, terminate.nargv), .element = &element_word,
     .fallback = "[]", .help = "[/usr/local/bin/kill-vm, \"{name}\", \"{address}\", \"{id}\"]"},
    {"terminate.user", option_text_or_none, AT(terminate.user), .fallback = "null",
     .help = "whom it runs as"},
    {"terminate.timeout", option_duration, AT(terminate.timeout_ms), .fallback = "30s"},
    {"terminate.policy", option_second, AT(terminate.anyway), .choices = policies,
     .fallback = "after_success",
     .help = "when it is unregistered; anyway: also where that failed"},
    {"terminate.url", option_text_or_none, AT(terminate.url), .fallback = "null",
     .help = "of the webhook"},
    {"terminate.secret_file", option_path_or_none, AT(terminate.secret_file), .fallback = "null",
     .help = "signs it: HMAC-SHA256"},

    {"maintenance.ttl", option_ttl, AT(maintenance.ttl), .fallback = "5s",
     .help = "of the records of a host that is being drained"},
};
const size_t config_noptions = ARRAY_SIZE(config_options);

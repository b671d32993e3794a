/* The configuration: the table of options, loading, and what must hold among them. */
#include <betterdns/config.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>

#include "config_option.h"

#define FILE_MAX ((size_t)1 << 20)

/* A list of maps, each by the options below "PATH[].". */
static option_set_fn option_maps;

static const char *const kinds[] = {"coredns", "bind", "nsd", "knot", NULL};
static const char *const strategies[] = {"auto", "file", "signal", "restart", NULL};
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

static const struct element zone_map = {.size = sizeof(struct config_zone), .what = "zone"};
static const struct element rule_map = {.size = sizeof(struct health_rule), .what = "rule"};

/* In the order in which `betterdns config` prints them; one that another needs stands before it. */
static const struct option options[] = {
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

    {"server.kind", option_choice, AT(server.kind), .choices = kinds, .fallback = "coredns",
     .help = "coredns, bind, nsd or knot"},
    {"server.listen", option_dns_address, AT(server.listen), .fallback = "127.0.0.1:53",
     .help = "the address that the world asks"},
    {"server.strategy", option_choice, AT(server.strategy), .choices = strategies,
     .fallback = "auto",
     .help = "file: it polls; signal closes its TCP connections; restart: a new one beside it"},
    {"server.binary", option_program_or_none, AT(server.binary), .fallback = "null",
     .help = "a path, or a name in PATH; null: coredns, named, nsd, knotd"},
    {"server.corefile", option_path_or_none, AT(server.corefile), .fallback = "null",
     .help = "your own for CoreDNS, in the place of the one that is written"},
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
     .fallback = "none", .help = "none, exec or webhook"},
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

/* ---- keys ---- */

/* Is the option's path prefix + key, or does it go on from there? */
static bool leads_to(const struct option *o, struct str prefix, struct str key)
{
    struct str path = str_c(o->path);

    if (!str_starts(path, prefix))
        return false;
    path = (struct str){path.p + prefix.n, path.n - prefix.n};
    if (!str_starts(path, key))
        return false;
    return path.n == key.n || path.p[key.n] == '.' || path.p[key.n] == '[';
}

static void unknown_key(struct loader *l, struct str prefix, const struct node *key)
{
    struct str_nearest near = {.word = key->text};

    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        struct str path = str_c(options[i].path);
        if (!str_starts(path, prefix))
            continue;
        path = (struct str){path.p + prefix.n, path.n - prefix.n};
        size_t n = 0;
        while (n < path.n && path.p[n] != '.' && path.p[n] != '[')
            n++;
        str_nearest_try(&near, (struct str){path.p, n});
    }
    if (str_starts(key->text, STR("tls")) || str_starts(key->text, STR("ssl")))
        fault(&l->faults, key,
              "unknown key '%.*s': there is no TLS here; put a proxy in front (examples/)",
              STR_ARG(key->text));
    else if (near.best.n > 0)
        fault(&l->faults, key, "unknown key '%.*s' (did you mean '%.*s'?)", STR_ARG(key->text),
              STR_ARG(near.best));
    else
        fault(&l->faults, key, "unknown key '%.*s'", STR_ARG(key->text));
}

static bool is_known(struct str prefix, struct str key, bool *ret_section)
{
    bool known = false;

    /* "http.listen" in one word is not how it is written. */
    if (key.n == 0 || memchr(key.p, '.', key.n) || memchr(key.p, '[', key.n))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        if (!leads_to(&options[i], prefix, key))
            continue;
        known = true;
        *ret_section = options[i].path[prefix.n + key.n] == '.';
    }
    return known;
}

/* Every key of the map is one of the table's. Sections are looked into; lists of maps are looked
 * into when they are set. */
static void check_keys(struct loader *l, const struct node *map, struct str prefix)
{
    for (const struct node *m = map->first; m; m = m->next) {
        bool section = false;
        if (!is_known(prefix, m->key->text, &section)) {
            unknown_key(l, prefix, m->key);
            continue;
        }
        if (!section || node_is_null(m))
            continue;
        if (m->kind != NODE_MAP) {
            fault(&l->faults, m, "expected keys under '%.*s'", STR_ARG(m->key->text));
            continue;
        }
        struct buf below = {0};
        buf_addf(&below, "%.*s%.*s.", STR_ARG(prefix), STR_ARG(m->key->text));
        if (below.error)
            l->faults.no_memory = true;
        else
            check_keys(l, m, buf_str(&below));
        buf_free(&below);
    }
}

/* ---- values ---- */

const struct node *value_at(const struct node *map, struct str path)
{
    struct str key;
    const struct node *at = map;

    while (at && str_cut(&path, '.', &key))
        at = node_member(at, key);
    return at;
}

static void set_option(struct loader *l, const struct option *o, const struct node *map,
                       struct str path, void *base)
{
    const struct node *value = value_at(map, path);
    struct node *fallback = NULL;

    if (!value && !o->fallback) {
        fault(&l->faults, map, "'%.*s' is missing", STR_ARG(path));
        return;
    }
    if (!value) {
        /* Defaults go the same way as what is given. */
        yaml_tree(l->pool, str_c(o->fallback), &l->faults, &fallback);
        value = fallback;
    }
    if (value)
        o->set(l, o, value, base);
}

/* All options that stand directly under the prefix ("" or "zones[]."), from map into base. */
static void set_options(struct loader *l, const struct node *map, struct str prefix, void *base)
{
    for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
        struct str path = str_c(options[i].path);
        if (!str_starts(path, prefix))
            continue;
        path = (struct str){path.p + prefix.n, path.n - prefix.n};
        if (!memchr(path.p, '[', path.n))
            set_option(l, &options[i], map, path, base);
    }
}

static void option_maps(struct loader *l, const struct option *o, const struct node *value,
                        void *base)
{
    const struct element *e = o->element;
    unsigned n = 0;
    struct buf prefix = {0};

    if (node_is_null(value))
        return;
    if (value->kind != NODE_LIST) {
        fault(&l->faults, value, "expected a list: each %s begins with '- name: …'", e->what);
        return;
    }
    buf_addf(&prefix, "%s[].", o->path);
    char *all = prefix.error ? NULL : loader_alloc(l, value->n, e->size);
    l->faults.no_memory |= prefix.error != 0;
    for (const struct node *m = value->first; all && m; m = m->next) {
        if (m->kind != NODE_MAP) {
            fault(&l->faults, m, "expected a %s's keys, beginning with 'name: …'", e->what);
            continue;
        }
        check_keys(l, m, buf_str(&prefix));
        set_options(l, m, buf_str(&prefix), all + n++ * e->size);
    }
    buf_free(&prefix);
    *(void **)option_field(o, base) = all;
    *(unsigned *)(void *)((char *)base + o->count) = n;
}

/* ---- what must hold among options ---- */

static bool is_loopback(const struct sockaddr_storage *a)
{
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)a;
        return ntohl(in->sin_addr.s_addr) >> 24 == 127;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)a;
    bool mapped = IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr) && in6->sin6_addr.s6_addr[12] == 127;
    return mapped || IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr);
}

static void check_http(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    const struct node *listen = value_at(root, STR("http.listen"));
    bool beyond = false;

    for (unsigned i = 0; i < c->http.nlisten; i++)
        beyond |= !is_loopback(&c->http.listen[i]);
    if (listen && listen->n == 0 && (listen->kind == NODE_LIST || node_is_null(listen)))
        fault(&l->faults, listen, "nothing to listen on; expected at least one address");
    if (c->http.auth_none && c->http.token_file)
        fault(&l->faults, value_at(root, STR("http.auth")), "'auth: none' and a token_file");
    if (beyond && !c->http.auth_none && !c->http.token_file)
        fault(&l->faults, listen,
              "beyond loopback everybody could change DNS: give http.token_file (or say 'auth: "
              "none', when the network is trusted)");
}

static void check_zones(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    const struct node *list = value_at(root, STR("zones"));

    bool none = node_is_null(list) || (list->kind == NODE_LIST && list->n == 0);
    bool alone = l->faults.n == 0;
    if (none)
        fault(&l->faults, list, "no zone is configured%s", alone ? "; write, for example:" : "");
    if (none && alone) {
        buf_addf(l->faults.out, "zones:\n  - name: lab.example\n    ttl: 30\n"
                                "    ns: [ns1.lab.example. 192.0.2.53]\n");
    }
    /* Members that are no zone were complained about, and are not in c->zones: then places do not
     * match. */
    if (!list || list->n != c->nzones)
        return;
    const struct node *at = list->first;
    for (unsigned i = 0; i < c->nzones; i++, at = at->next) {
        const struct config_zone *a = &c->zones[i];
        for (unsigned j = 0; a->origin.n > 0 && a->file && j < i; j++) {
            const struct config_zone *b = &c->zones[j];
            if (dname_eq(&a->origin, &b->origin))
                fault(&l->faults, at, "this zone is configured twice");
            else if (b->file && strcmp(a->file, b->file) == 0)
                fault(&l->faults, at, "two zones have the file %s", a->file);
        }
    }
}

/* ---- the whole ---- */

/* What config_free gets is the first member. */
struct loaded {
    struct config config;
    struct pool pool;
};

void config_free(struct config *c)
{
    if (!c)
        return;
    struct loaded *whole = (struct loaded *)(void *)c;
    struct pool pool = whole->pool;
    free(whole);
    pool_free(&pool);
}

/* The directory of a path, absolute but with its symbolic links. */
static char *directory_of(struct pool *pool, const char *path)
{
    const char *slash = strrchr(path, '/');
    struct str dir = slash ? (struct str){path, (size_t)(slash - path)} : (struct str){0};
    struct buf b = {0};

    if (path[0] != '/') {
        char *here = getcwd(NULL, 0);
        buf_addf(&b, "%s%s", here ? here : ".", dir.n > 0 ? "/" : "");
        free(here);
    }
    buf_add_str(&b, dir);
    char *copy = b.error ? NULL : pool_text(pool, buf_str(&b));
    buf_free(&b);
    return copy;
}

static int load_text(struct loader *l, struct str content)
{
    struct node *root = NULL;

    int r = yaml_tree(l->pool, content, &l->faults, &root);
    if (r < 0 && !root)
        return r;
    if (root && root->kind != NODE_MAP && !node_is_null(root)) {
        fault(&l->faults, root, "expected keys and values, as 'data: /var/lib/betterdns'");
        return -BD_EINVALID;
    }
    if (root && root->kind == NODE_MAP)
        check_keys(l, root, STR(""));
    set_options(l, root, STR(""), l->config);
    check_http(l, root);
    check_zones(l, root);
    config_check_alive(l, root);
    if (l->faults.no_memory || l->faults.out->error)
        return -ENOMEM;
    return l->faults.n > 0 ? -BD_EINVALID : 0;
}

static int read_config(const char *path, struct buf *content, struct buf *ret_errors)
{
    int r = path ? file_read(path, FILE_MAX, content) : 0;

    if (r == -EFBIG)
        buf_addf(ret_errors, "%s: larger than 1MiB\n", path);
    else if (r == -EISDIR || r == -EINVAL)
        buf_addf(ret_errors, "%s: not a file\n", path);
    else
        return r;
    return -BD_EINVALID;
}

int config_load(const char *path, struct config **ret_config, struct buf *ret_errors)
{
    const char *name = path ? path : "configuration";
    struct buf content = {0};
    struct loaded *whole = calloc(1, sizeof(*whole));
    struct loader l = {.faults = {.file = name, .out = ret_errors}};

    int r = whole ? read_config(path, &content, ret_errors) : -ENOMEM;
    if (r < 0)
        goto out;
    l.pool = &whole->pool;
    l.config = &whole->config;
    l.dir = directory_of(l.pool, path ? path : "");
    l.config->path = path ? pool_text(l.pool, str_c(path)) : NULL;
    r = l.dir && (!path || l.config->path) ? load_text(&l, buf_str(&content)) : -ENOMEM;
out:
    buf_free(&content);
    if (r < 0) {
        config_free(whole ? &whole->config : NULL);
        return r;
    }
    *ret_config = &whole->config;
    return 0;
}

/* ---- the defaults as text ---- */

static void print_row(struct buf *out, const char *indent, struct str key, const char *value,
                      const char *help)
{
    const size_t column = 42;
    size_t start = out->n;

    buf_addf(out, "%s%.*s:%s%s", indent, STR_ARG(key), value[0] ? " " : "", value);
    size_t width = out->n - start;
    if (help)
        buf_addf(out, "%*s# %s", (int)(width < column ? column - width : 1), "", help);
    buf_add_c(out, '\n');
}

/* A member of a list: an example, not a default, that is there to be uncommented. */
static void print_member(struct buf *out, const struct option *o, struct str *list)
{
    const char *end = strstr(o->path, "[].");
    const struct str head = {o->path, (size_t)(end - o->path)};
    const bool first = !str_eq(head, *list), deep = memchr(head.p, '.', head.n) != NULL;

    *list = head;
    print_row(out,
              deep    ? first ? "#    - " : "#      "
              : first ? "#  - "
                      : "#    ",
              str_c(end + strlen("[].")), o->example ? o->example : o->fallback, o->help);
}

static void print_option(struct buf *out, const struct option *o, struct str *section,
                         struct str *list)
{
    struct str rest = str_c(o->path), head;

    if (strstr(o->path, "[].")) {
        print_member(out, o, list);
        return;
    }
    str_cut(&rest, '.', &head);
    if (rest.n == 0) {
        print_row(out, "", head, o->fallback, o->help);
        return;
    }
    if (!str_eq(head, *section))
        buf_addf(out, "%.*s:\n", STR_ARG(head));
    *section = head;
    print_row(out, "  ", rest, o->fallback, o->help);
}

void config_print_defaults(struct buf *out)
{
    struct str section = STR(""), list = STR("");

    buf_addf(out,
             "# Every option of betterdns with its default. Paths are relative to this file.\n");
    for (size_t i = 0; i < ARRAY_SIZE(options); i++)
        print_option(out, &options[i], &section, &list);
}

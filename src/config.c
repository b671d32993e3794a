/* The configuration: loading by the table of options, and what must hold among them. */
#include <betterdns/config.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/controller.h>
#include <betterdns/file.h>
#include <betterdns/sockaddr.h>

#include "config_option.h"

#define FILE_MAX ((size_t)1 << 20)

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

    for (size_t i = 0; i < config_noptions; i++) {
        struct str path = str_c(config_options[i].path);
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
    for (size_t i = 0; i < config_noptions; i++) {
        if (!leads_to(&config_options[i], prefix, key))
            continue;
        known = true;
        *ret_section = config_options[i].path[prefix.n + key.n] == '.';
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
    for (size_t i = 0; i < config_noptions; i++) {
        struct str path = str_c(config_options[i].path);
        if (!str_starts(path, prefix))
            continue;
        path = (struct str){path.p + prefix.n, path.n - prefix.n};
        if (!memchr(path.p, '[', path.n))
            set_option(l, &config_options[i], map, path, base);
    }
}

void option_maps(struct loader *l, const struct option *o, const struct node *value, void *base)
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

/* Only one program can have a port of an address; a wildcard has it of all. */
static bool collide(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    char host_a[SOCKADDR_HOST_SIZE], host_b[SOCKADDR_HOST_SIZE];

    if (sockaddr_port(a) == 0 || sockaddr_port(a) != sockaddr_port(b))
        return false;
    return sockaddr_is_wildcard(a) || sockaddr_is_wildcard(b) ||
           strcmp(sockaddr_host(a, host_a), sockaddr_host(b, host_b)) == 0;
}

/* DNS listens on TCP too. */
static void check_ports(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    const struct node *listen = value_at(root, STR("server.listen"));

    if (!listen)
        listen = value_at(root, STR("http.listen"));
    for (unsigned i = 0; i < c->http.nlisten; i++)
        if (collide(&c->http.listen[i], &c->server.listen))
            fault(&l->faults, listen, "http.listen and server.listen name the same port");
}

/* Options that a server of some kinds alone has. */
static const struct kind_option {
    const char *path;
    size_t flag; /* of struct controller_kind: it has this one */
} kind_options[] = {
    {"server.corefile", offsetof(struct controller_kind, takes_corefile)},
    {"server.start", offsetof(struct controller_kind, by_commands)},
    {"server.reload", offsetof(struct controller_kind, by_commands)},
    {"server.stop", offsetof(struct controller_kind, by_commands)},
    {"server.probe", offsetof(struct controller_kind, by_commands)},
};

static bool kind_has(const struct controller_kind *kind, const struct kind_option *o)
{
    return *(const bool *)((const char *)kind + o->flag);
}

static void refuse_option(struct loader *l, const struct node *root, const struct kind_option *o)
{
    const struct node *value = value_at(root, str_c(o->path));
    struct controller_kind kind;
    struct buf names = {0};

    if (!value || node_is_null(value) || (value->kind == NODE_LIST && value->n == 0))
        return;
    for (unsigned i = 0; controller_kind(i, &kind); i++)
        if (kind_has(&kind, o))
            buf_addf(&names, "%s%s", names.n > 0 ? " or " : "", kind.name);
    fault(&l->faults, value, "only a server of kind %.*s has this", STR_ARG(buf_str(&names)));
    buf_free(&names);
}

static void check_server(struct loader *l, const struct node *root)
{
    const struct config *c = l->config;
    struct controller_kind kind;

    if (!c->server.kind || !controller_kind_named(c->server.kind, &kind))
        return; /* which has been said */
    if (kind.by_commands && c->server.nstart == 0)
        fault(&l->faults, value_at(root, STR("server.kind")),
              "'%s' needs server.start: [PROGRAM, ARGUMENT, …], which stays in the foreground",
              kind.name);
    if (kind.by_commands && c->server.binary)
        fault(&l->faults, value_at(root, STR("server.binary")),
              "with kind %s the program is the first word of server.start", kind.name);
    for (size_t i = 0; i < ARRAY_SIZE(kind_options); i++)
        if (!kind_has(&kind, &kind_options[i]))
            refuse_option(l, root, &kind_options[i]);
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
    check_ports(l, root);
    check_server(l, root);
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

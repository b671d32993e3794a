/* The types of options. */
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

#include <betterdns/lex.h>

#include "config_option.h"

void *option_field(const struct option *o, void *base)
{
    return (char *)base + o->offset;
}

void *loader_alloc(struct loader *l, size_t count, size_t size)
{
    void *p = pool_array(l->pool, count, size);
    if (!p)
        l->faults.no_memory = true;
    return p;
}

char *loader_text(struct loader *l, struct str s)
{
    char *copy = pool_text(l->pool, s);
    if (!copy)
        l->faults.no_memory = true;
    return copy;
}

bool value_is_text(struct loader *l, const struct node *v, const char *what)
{
    if (v->kind == NODE_TEXT && v->text.n > 0 && !node_is_null(v))
        return true;
    const char *got = v->kind == NODE_LIST ? "a list" : v->kind == NODE_MAP ? "keys" : "nothing";
    fault(&l->faults, v, "expected %s, not %s", what, got);
    return false;
}

static char *absolute(struct loader *l, struct str path)
{
    if (path.n > 0 && path.p[0] == '/')
        return loader_text(l, path);
    if (str_starts(path, STR("./")))
        path = (struct str){path.p + 2, path.n - 2};
    struct buf b = {0};
    buf_addf(&b, "%s/%.*s", l->dir, STR_ARG(path));
    char *joined = b.error ? NULL : loader_text(l, buf_str(&b));
    buf_free(&b);
    if (!joined)
        l->faults.no_memory = true;
    return joined;
}

void option_path(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    if (value_is_text(l, value, "a path"))
        *(char **)option_field(o, base) = absolute(l, value->text);
}

void option_path_or_none(struct loader *l, const struct option *o, const struct node *value,
                         void *base)
{
    if (!node_is_null(value))
        option_path(l, o, value, base);
}

void option_program(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    if (!value_is_text(l, value, "a program"))
        return;
    bool path = memchr(value->text.p, '/', value->text.n) != NULL;
    *(char **)option_field(o, base) = path ? absolute(l, value->text) : loader_text(l, value->text);
}

void option_program_or_none(struct loader *l, const struct option *o, const struct node *value,
                            void *base)
{
    if (!node_is_null(value))
        option_program(l, o, value, base);
}

const char *option_choice_at(const struct option *o, unsigned i)
{
    if (o->set == option_listed)
        return o->listed(i);
    return o->set == option_choice || o->set == option_second ? o->choices[i] : NULL;
}

void option_help(const struct option *o, struct buf *out)
{
    buf_addf(out, "%s", o->help ? o->help : "");
    if (o->help_rest)
        o->help_rest(out);
}

/* The choice, and its place; or NULL and a complaint. */
static const char *choose(struct loader *l, const struct option *o, const struct node *value,
                          unsigned *ret_place)
{
    struct buf all = {0};
    const char *choice;

    for (unsigned i = 0; (choice = option_choice_at(o, i)) != NULL; i++) {
        if (value->kind == NODE_TEXT && str_eq(value->text, str_c(choice))) {
            *ret_place = i;
            break;
        }
        buf_addf(&all, "%s%s", i ? " or " : "", choice);
    }
    if (!choice && value->kind == NODE_TEXT)
        fault(&l->faults, value, "'%.*s' is not %.*s", STR_ARG(value->text),
              STR_ARG(buf_str(&all)));
    else if (!choice)
        fault(&l->faults, value, "expected %.*s", STR_ARG(buf_str(&all)));
    buf_free(&all);
    return choice;
}

void option_choice(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    unsigned place;
    const char *choice = choose(l, o, value, &place);
    if (choice)
        *(char **)option_field(o, base) = loader_text(l, str_c(choice));
}

void option_listed(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    option_choice(l, o, value, base);
}

void option_second(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    unsigned place;
    if (choose(l, o, value, &place))
        *(bool *)option_field(o, base) = place == 1;
}

void option_bool(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    static const char *const choices[] = {"false", "true", NULL};
    struct option either = {.set = option_second, .choices = choices, .offset = o->offset};

    if (value->kind == NODE_TEXT && !value->plain)
        fault(&l->faults, value, "expected true or false, without quotes");
    else
        option_second(l, &either, value, base);
}

void option_ttl(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    if (!value_is_text(l, value, "a TTL"))
        return;
    int r = lex_ttl(value->text, option_field(o, base));
    if (r == -ERANGE)
        fault(&l->faults, value, "'%.*s': a TTL is at most 2147483647 s (RFC 2181 §8)",
              STR_ARG(value->text));
    else if (r < 0)
        fault(&l->faults, value, "'%.*s' is not a TTL; expected seconds, or 5m, 1h",
              STR_ARG(value->text));
}

/* "192.0.2.1:53", "[2001:db8::1]:53": the host without brackets, and the port. */
static bool split_address(struct str s, char host[64], char port[8])
{
    const char *colon = s.n > 0 ? memrchr(s.p, ':', s.n) : NULL;
    if (!colon)
        return false;
    struct str h = {s.p, (size_t)(colon - s.p)}, p = {colon + 1, s.n - (size_t)(colon - s.p) - 1};
    bool brackets = h.n >= 2 && h.p[0] == '[' && h.p[h.n - 1] == ']';
    if (brackets)
        h = (struct str){h.p + 1, h.n - 2};
    bool six = h.n > 0 && memchr(h.p, ':', h.n) != NULL;
    uint64_t number;
    if (h.n == 0 || h.n >= 64 || six != brackets || p.n >= 8 || str_u64(p, 65535, &number) < 0)
        return false;
    snprintf(host, 64, "%.*s", STR_ARG(h));
    snprintf(port, 8, "%.*s", STR_ARG(p));
    return true;
}

static bool read_address(struct loader *l, const struct node *value, const void *base, void *ret)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char host[64], port[8];
    (void)base;

    if (value->text.n > 1 && memchr("sr", value->text.p[value->text.n - 1], 2) &&
        value->text.p[value->text.n - 2] >= '0' && value->text.p[value->text.n - 2] <= '9') {
        fault(&l->faults, value, "'%.*s': there is no TLS here; put a proxy in front (examples/)",
              STR_ARG(value->text));
        return false;
    }
    if (!split_address(value->text, host, port) || getaddrinfo(host, port, &hints, &found) != 0) {
        fault(&l->faults, value,
              "'%.*s' is not an address and port, as 127.0.0.1:53 or \"[::1]:53\"",
              STR_ARG(value->text));
        return false;
    }
    memset(ret, 0, sizeof(struct sockaddr_storage));
    memcpy(ret, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return true;
}

void option_dns_address(struct loader *l, const struct option *o, const struct node *value,
                        void *base)
{
    struct sockaddr_storage *a = option_field(o, base);
    if (!value_is_text(l, value, "an address and port") || !read_address(l, value, base, a))
        return;
    /* The same place in both families' addresses. */
    _Static_assert(offsetof(struct sockaddr_in, sin_port) ==
                       offsetof(struct sockaddr_in6, sin6_port),
                   "one place of the port");
    if (((const struct sockaddr_in *)(const void *)a)->sin_port == 0)
        fault(&l->faults, value, "a DNS server needs a port that others know, not 0");
}

void option_dns_address_or_none(struct loader *l, const struct option *o, const struct node *value,
                                void *base)
{
    if (!node_is_null(value))
        option_dns_address(l, o, value, base);
}

static bool read_network(struct loader *l, const struct node *value, const void *base, void *ret)
{
    (void)base;
    if (network_parse(value->text, ret) == 0)
        return true;
    fault(&l->faults, value,
          "'%.*s' is not a network as 10.0.0.0/8 or an address (bits behind the length must be 0)",
          STR_ARG(value->text));
    return false;
}

static bool read_host(struct loader *l, const struct node *value, const void *base, void *ret)
{
    struct str *s = ret;
    (void)base;
    for (size_t i = 0; i < value->text.n; i++) {
        char c = value->text.p[i];
        if (c <= ' ' || c == '/' || c == 0x7f || c == ':') {
            fault(&l->faults, value, "'%.*s' is not a host name (without port and path)",
                  STR_ARG(value->text));
            return false;
        }
    }
    *s = value->text;
    return true;
}

static bool add_ns_address(struct loader *l, const struct node *value, struct str word,
                           struct registry_ns *ns)
{
    struct network n;

    if (ns->naddresses == REGISTRY_ADDRESSES_MAX) {
        fault(&l->faults, value, "more than %d addresses", REGISTRY_ADDRESSES_MAX);
        return false;
    }
    if (network_parse(word, &n) < 0 || memchr(word.p, '/', word.n)) {
        fault(&l->faults, value, "'%.*s' is not an address", STR_ARG(word));
        return false;
    }
    bool six = n.family == AF_INET6;
    unsigned i = ns->naddresses++;
    ns->address[i].type = six ? RRTYPE_AAAA : RRTYPE_A;
    ns->address[i].n = six ? 16 : 4;
    memcpy(ns->address[i].b, n.address, ns->address[i].n);
    return true;
}

/* "ns1.lab.example. 192.0.2.53 2001:db8::53": a name and the addresses that the zone gives for it.
 */
static bool read_ns(struct loader *l, const struct node *value, const void *base, void *ret)
{
    const struct config_zone *zone = base;
    /* One label is meant in the zone; several without a final dot only where they end in it. */
    struct str rest = value->text, word = {0};
    struct registry_ns *ns = ret;

    str_cut(&rest, ' ', &word);
    bool label = !memchr(word.p, '.', word.n);
    struct dname_rules rules = {label ? &zone->origin : NULL, &zone->origin, 1};
    if (dname_from_text(word, &rules, &ns->name, NULL) < 0 || !dname_is_host(&ns->name)) {
        fault(&l->faults, value, "'%.*s' is not the name of a name server (final dot?)",
              STR_ARG(word));
        return false;
    }
    dname_fold(&ns->name);
    while (str_cut(&rest, ' ', &word)) {
        if (word.n > 0 && !add_ns_address(l, value, word, ns))
            return false;
    }
    bool inside = dname_below(&ns->name, &zone->origin);
    if (inside == (ns->naddresses > 0))
        return true;
    fault(&l->faults, value,
          inside ? "'%.*s' is in the zone and needs an address, as in 'ns1.lab.example. 192.0.2.53'"
                 : "'%.*s' is not in the zone, which has no place for its addresses",
          STR_ARG(value->text));
    return false;
}

const struct element element_address = {sizeof(struct sockaddr_storage), "an address and port",
                                        read_address};
const struct element element_network = {sizeof(struct network), "a network", read_network};
const struct element element_host = {sizeof(struct str), "a host name", read_host};
const struct element element_ns = {sizeof(struct registry_ns), "a name server", read_ns};

void option_list(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    const struct element *e = o->element;
    unsigned n = 0;

    if (node_is_null(value))
        return;
    if (value->kind != NODE_LIST) {
        fault(&l->faults, value, "expected a list, as [A, B]");
        return;
    }
    char *all = loader_alloc(l, value->n, e->size);
    for (const struct node *m = value->first; all && m; m = m->next) {
        if (value_is_text(l, m, e->what) && e->read(l, m, base, all + n * e->size))
            n++;
    }
    *(void **)option_field(o, base) = all;
    *(unsigned *)(void *)((char *)base + o->count) = n;
}

void option_origin(struct loader *l, const struct option *o, const struct node *value, void *base)
{
    static const struct dname root = {.n = 1};
    const struct dname_rules rules = {.origin = &root};
    struct dname *origin = option_field(o, base);

    if (!value_is_text(l, value, "a zone's name"))
        return;
    int r = str_eq(value->text, STR("@")) ? -BD_ESYNTAX
                                          : dname_from_text(value->text, &rules, origin, NULL);
    if (r < 0 || dname_is_root(origin)) {
        *origin = (struct dname){0};
        fault(&l->faults, value, "'%.*s' is not a zone's name", STR_ARG(value->text));
        return;
    }
    dname_fold(origin);
}

void option_zone_file(struct loader *l, const struct option *o, const struct node *value,
                      void *base)
{
    struct config_zone *zone = base;
    char name[DNAME_TEXT_MAX + sizeof(".zone")];

    if (!node_is_null(value)) {
        option_path(l, o, value, base);
        return;
    }
    if (zone->origin.n == 0 || !l->config->data)
        return; /* which has been said */
    size_t n = dname_to_text(&zone->origin, name);
    for (size_t i = 0; i < n; i++)
        name[i] = name[i] == '/' ? '-' : name[i]; /* RFC 2317 names zones so */
    snprintf(name + n, sizeof(name) - n, "zone");
    struct buf b = {0};
    buf_addf(&b, "%s/%s", l->config->data, name);
    zone->file = b.error ? NULL : loader_text(l, buf_str(&b));
    buf_free(&b);
}

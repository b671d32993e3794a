/* The options that requests are judged by. */
#include "rules.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <betterdns/sockaddr.h>

static int copy_str(struct arena *a, struct str *s)
{
    if (!s->p)
        return 0;
    char *copy = arena_alloc(a, s->n + 1);
    if (!copy)
        return -ENOMEM;
    memcpy(copy, s->p, s->n);
    s->p = copy;
    return 0;
}

static void *copy_array(struct arena *a, const void *items, size_t n, size_t size)
{
    void *copy = arena_alloc(a, n * size + 1);

    if (copy && n > 0)
        memcpy(copy, items, n * size);
    return copy;
}

static int copy_options(struct arena *a, const struct http_options *o, struct http_options *to)
{
    *to = *o;
    to->listen = NULL;
    to->nlisten = 0;
    to->allow = copy_array(a, o->allow, o->nallow, sizeof(*o->allow));
    to->zones = copy_array(a, o->zones, o->nzones, sizeof(*o->zones));
    to->trusted_proxies =
        copy_array(a, o->trusted_proxies, o->ntrusted_proxies, sizeof(*o->trusted_proxies));
    struct str *hosts = copy_array(a, o->hosts, o->nhosts, sizeof(*o->hosts));
    to->hosts = hosts;
    if (!to->allow || !to->zones || !to->trusted_proxies || !hosts)
        return -ENOMEM;
    int r = copy_str(a, &to->token);
    for (unsigned i = 0; i < o->nhosts && r == 0; i++)
        r = copy_str(a, &hosts[i]);
    return r;
}

int rules_new(const struct http_options *o, struct http_rules **ret_rules)
{
    struct http_rules *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    r->addresses = copy_array(&r->arena, o->listen, o->nlisten, sizeof(*o->listen));
    r->naddresses = o->nlisten;
    if (!r->addresses || copy_options(&r->arena, o, &r->options) < 0) {
        rules_free(r);
        return -ENOMEM;
    }
    *ret_rules = r;
    return 0;
}

static bool is_at(const struct sockaddr_storage *listened, const struct sockaddr_storage *local)
{
    struct address one, other;

    if (listened->ss_family != local->ss_family || sockaddr_port(listened) != sockaddr_port(local))
        return false;
    address_of(listened, &one);
    address_of(local, &other);
    return sockaddr_is_wildcard(listened) ||
           (one.family == other.family && memcmp(one.b, other.b, sizeof(one.b)) == 0);
}

bool rules_have(const struct http_rules *r, const struct sockaddr_storage *local)
{
    for (unsigned i = 0; i < r->naddresses; i++)
        if (is_at(&r->addresses[i], local))
            return true;
    return false;
}

bool rules_give_up(const struct http_rules *r, const struct http_rules *before)
{
    for (unsigned i = 0; i < before->naddresses; i++)
        if (!rules_have(r, &before->addresses[i]))
            return true;
    return false;
}

void rules_free(struct http_rules *r)
{
    while (r) {
        struct http_rules *before = r->before;
        arena_free(&r->arena);
        free(r);
        r = before;
    }
}

/* Registry, controller, health, HTTP: from the configuration to their options. */
#include "parts.h"

#include <stdlib.h>

#include <betterdns/clock.h>
#include <betterdns/secret.h>
#include <betterdns/version.h>

static const struct secret token_secret = {"token_file", "token file", "a token"};

/* ---- registry ---- */

/* For all zones together: a child that hangs does not answer for any. */
#define CHILD_ANSWERS_NS (3 * NS_PER_S)

/* A zone as it is configured, and what the world may have seen of it, whatever has become of
 * state.db. */
static struct registry_zone seen_zone(const struct config *c, unsigned i, uint64_t deadline_ns)
{
    const struct controller_live live = controller_live(c->live, &c->zones[i].origin);
    uint32_t serial = live.serial;

    if (serial == 0)
        serial = controller_child_serial(c->data, &c->zones[i].origin, deadline_ns);
    return (struct registry_zone){.origin = c->zones[i].origin,
                                  .file = c->zones[i].file,
                                  .ttl = c->zones[i].ttl,
                                  .ns = c->zones[i].ns,
                                  .nns = c->zones[i].nns,
                                  .least_serial = serial,
                                  .live_seq = live.seq,
                                  .live_hash = live.hash};
}

static int open_registry(struct parts *p, const struct config *c, struct problem *ret_problem)
{
    const uint64_t deadline_ns = clock_deadline(CHILD_ANSWERS_NS);
    struct registry_zone *zones = calloc(c->nzones, sizeof(*zones));
    if (!zones)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    for (unsigned i = 0; i < c->nzones; i++)
        zones[i] = seen_zone(c, i, deadline_ns);
    struct registry_options options = {.data = c->data,
                                       .zones = zones,
                                       .nzones = c->nzones,
                                       .events = p->events,
                                       .keep_last = c->checks.keep_last};
    int r = registry_open(&options, &p->registry, ret_problem);
    free(zones);
    return r;
}

/* Of a zone that state.db knows, the registry asks for neither file nor name servers. */
bool parts_same_registry(const struct config *a, const struct config *b)
{
    bool same = strcmp(a->data, b->data) == 0 && a->nzones == b->nzones &&
                a->checks.keep_last == b->checks.keep_last;

    for (unsigned i = 0; same && i < a->nzones; i++)
        same = dname_eq(&a->zones[i].origin, &b->zones[i].origin) &&
               a->zones[i].ttl == b->zones[i].ttl;
    return same;
}

/* ---- controller ---- */

/* With zones to be freed, NULL without memory. */
static struct controller_options controller_options(const struct parts *p, const struct config *c,
                                                    struct controller_zone **ret_zones)
{
    struct controller_zone *zones = calloc(c->nzones, sizeof(*zones));

    for (unsigned i = 0; zones && i < c->nzones; i++)
        zones[i] = (struct controller_zone){.origin = c->zones[i].origin,
                                            .file = c->zones[i].file,
                                            .write = c->zones[i].write,
                                            .ttl = c->zones[i].ttl};
    *ret_zones = zones;
    return (struct controller_options){.data = c->data,
                                       .live = c->live,
                                       .zones = zones,
                                       .nzones = c->nzones,
                                       .kind = c->server.kind,
                                       .strategy = c->server.strategy,
                                       .corefile = c->server.corefile,
                                       .binary = c->server.binary,
                                       .listen = c->server.listen,
                                       .probe = c->server.probe,
                                       .start = {c->server.start, c->server.nstart},
                                       .reload = {c->server.reload, c->server.nreload},
                                       .stop = {c->server.stop, c->server.nstop},
                                       .keep_on_stop = c->server.keep_on_stop,
                                       .drain_ttl = c->maintenance.ttl,
                                       .events = p->events};
}

static int new_controller(struct parts *p, const struct config *c, struct problem *ret_problem)
{
    struct controller_zone *zones;
    struct controller_options options = controller_options(p, c, &zones);
    if (!zones)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    int r = controller_new(&options, p->loop, p->registry, &p->controller, ret_problem);
    free(zones);
    return r;
}

static int check_controller(const struct parts *p, const struct config *c,
                            struct problem *ret_problem)
{
    struct controller_zone *zones;
    struct controller_options options = controller_options(p, c, &zones);
    if (!zones)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    options.events = NULL; /* what is found is told when it is put in force */
    int r = controller_check(&options, ret_problem);
    free(zones);
    return r;
}

/* ---- health ---- */

static int new_health(const struct parts *p, const struct config *c, struct health **ret_health,
                      struct problem *ret_problem)
{
    struct sockaddr_storage *own = calloc(c->http.nlisten + 1, sizeof(*own));
    if (!own)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    memcpy(own, c->http.listen, c->http.nlisten * sizeof(*own));
    own[c->http.nlisten] = c->server.listen;
    struct health_options options = {.defaults = c->checks.defaults,
                                     .allow = c->checks.allow,
                                     .nallow = c->checks.nallow,
                                     .own = own,
                                     .nown = c->http.nlisten + 1,
                                     .rules = c->checks.rules,
                                     .nrules = c->checks.nrules,
                                     .keep_last = c->checks.keep_last,
                                     .witnesses = c->checks.witnesses,
                                     .nwitnesses = c->checks.nwitnesses,
                                     .commands = c->checks.commands,
                                     .ncommands = c->checks.ncommands,
                                     .terminate = c->terminate,
                                     .maintenance_ttl = c->maintenance.ttl,
                                     .events = p->events};
    int r = health_new(&options, p->registry, ret_health, ret_problem);
    free(own);
    return r;
}

/* ---- HTTP ---- */

static int fill_api(struct parts *p, const struct config *c)
{
    struct api_zone *zones = calloc(c->nzones, sizeof(*zones));
    struct dname *origins = calloc(c->nzones, sizeof(*origins));

    p->api.zones = zones;
    p->api.origins = origins;
    if (!zones || !origins)
        return -ENOMEM;
    for (unsigned i = 0; i < c->nzones; i++) {
        zones[i] = (struct api_zone){.origin = c->zones[i].origin, .file = c->zones[i].file};
        origins[i] = c->zones[i].origin;
    }
    p->api.registry = p->registry;
    p->api.controller = p->controller;
    p->api.health = p->health;
    p->api.events = p->events;
    p->api.nzones = c->nzones;
    p->api.version = bd_version();
    return 0;
}

static int serve(struct parts *p, const struct http_options *options, struct problem *ret_problem)
{
    size_t nroutes;
    const struct http_route *routes = api_routes(&nroutes);

    if (p->http)
        return http_prepare(p->http, options, ret_problem);
    int r = http_start(options, routes, nroutes, &p->api, &p->http, ret_problem);
    if (r == 0)
        p->api.http = p->http;
    return r;
}

/* Of these options, for the first time or the next. */
static int start_http(struct parts *p, const struct config *c, struct problem *ret_problem)
{
    struct dname *origins = calloc(c->nzones, sizeof(*origins));
    struct buf token = {0};

    if (!origins)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    for (unsigned i = 0; i < c->nzones; i++)
        origins[i] = c->zones[i].origin;
    int r = secret_read(c->http.token_file, &token_secret, &token, ret_problem);
    struct http_options options = {.listen = c->http.listen,
                                   .nlisten = c->http.nlisten,
                                   .token = token.p ? buf_str(&token) : (struct str){0},
                                   .allow = c->http.allow,
                                   .nallow = c->http.nallow,
                                   .hosts = c->http.hosts,
                                   .nhosts = c->http.nhosts,
                                   .zones = origins,
                                   .nzones = c->nzones,
                                   .trusted_proxies = c->http.trusted_proxies,
                                   .ntrusted_proxies = c->http.ntrusted_proxies};
    if (r == 0)
        r = serve(p, &options, ret_problem);
    buf_free(&token);
    free(origins);
    return r;
}

/* ---- all of them ---- */

/* A token that cannot be had is said before a large zone has been read. */
static int check_token(const struct config *c, struct problem *ret_problem)
{
    struct buf token = {0};

    int r = secret_read(c->http.token_file, &token_secret, &token, ret_problem);
    buf_free(&token);
    return r;
}

int parts_open(struct parts *p, const struct config *c, bool goes_back, struct problem *ret_problem)
{
    int r = goes_back ? 0 : check_token(c, ret_problem);

    if (r == 0 && !p->registry)
        r = open_registry(p, c, ret_problem);
    if (r == 0)
        r = new_controller(p, c, ret_problem);
    if (r == 0)
        r = new_health(p, c, &p->health, ret_problem);
    if (r == 0 && (r = fill_api(p, c)) < 0)
        problem_set(ret_problem, r, NULL, "no memory");
    if (r == 0 && goes_back)
        http_forget(p->http);
    else if (r == 0)
        r = start_http(p, c, ret_problem);
    return r;
}

void parts_close(struct parts *p, bool keep_registry)
{
    if (p->health)
        health_stop(p->health);
    if (p->registry && !keep_registry)
        registry_stop(p->registry);
    health_free(p->health); /* its feed ends before the registry, */
    p->health = NULL;
    controller_free(p->controller); /* and so does who watches it */
    p->controller = NULL;
    if (p->registry && !keep_registry) {
        registry_close(p->registry);
        p->registry = NULL;
    }
    free((void *)(uintptr_t)p->api.zones);
    free(p->api.origins);
    p->api.zones = NULL;
    p->api.origins = NULL;
}

/* ---- before anything is torn down ---- */

static bool is_known(const struct config *c, const struct dname *origin)
{
    for (unsigned i = 0; i < c->nzones; i++)
        if (dname_eq(&c->zones[i].origin, origin))
            return true;
    return false;
}

static int check_zones(const struct config *now, const struct config *next,
                       struct problem *ret_problem)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < next->nzones; i++) {
        const struct config_zone *z = &next->zones[i];
        const struct registry_zone zone = {.origin = z->origin, .file = z->file, .ttl = z->ttl};
        if (!is_known(now, &z->origin))
            r = registry_check_file(&zone, ret_problem);
    }
    return r;
}

static int check_health(const struct parts *p, const struct config *next,
                        struct problem *ret_problem)
{
    struct health *health;

    int r = new_health(p, next, &health, ret_problem);
    if (r == 0)
        health_free(health);
    return r;
}

int parts_check(struct parts *p, const struct config *now, const struct config *next,
                struct problem *ret_problem)
{
    if (strcmp(now->data, next->data) != 0) {
        problem_set(ret_problem, -BD_EINVALID, "data", "another data directory needs a restart");
        return problem_hint(ret_problem, "systemctl restart betterdns");
    }
    int r = check_zones(now, next, ret_problem);
    if (r == 0)
        r = check_controller(p, next, ret_problem);
    if (r == 0)
        r = check_health(p, next, ret_problem);
    return r == 0 ? start_http(p, next, ret_problem) : r;
}

/* GET /healthz, /readyz and /version: for load balancers and probes, answered without a token. */
#include "resources.h"

static void answer_true(struct http_response *rs, const char *key)
{
    struct json j = {.out = http_body(rs)};

    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, key);
    json_bool(&j, true);
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
}

/* The process answers: that is all it says. */
void healthz_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    (void)context;
    (void)rq;
    answer_true(rs, "alive");
}

/* Writes are taken, and DNS answers for every zone. */
void readyz_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct controller_status server;
    struct registry_stats registry;

    (void)rq;
    registry_stats(api->registry, &registry);
    bool serving = controller_ready(api->controller);
    if (serving && !registry.read_only) {
        answer_true(rs, "ready");
        return;
    }
    if (serving) {
        http_problem_as(rs, 503, "read-only", "Not ready", "the store is read-only: %s",
                        registry.read_only_reason);
        return;
    }
    controller_status(api->controller, &server, NULL);
    http_problem_as(rs, 503, "not-ready", "Not ready", "the DNS server (%s) is %s%s%s", server.kind,
                    server.state, server.reason[0] ? ": " : "", server.reason);
}

void version_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct json j = {.out = http_body(rs)};
    struct controller_status server;

    (void)rq;
    controller_status(api->controller, &server, NULL);
    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, "version");
    json_c(&j, api->version);
    json_key(&j, "server");
    json_open(&j, '{');
    json_key(&j, "kind");
    json_c(&j, server.kind);
    json_key(&j, "version");
    json_c(&j, server.version[0] ? server.version : NULL);
    json_close(&j, '}');
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
}

/* GET /health and /health/NAME: what is checked, and how it is. PUT /health/NAME: a host's own
 * report. */
#include "resources.h"

#include "check_json.h"
#include "names.h"
#include "outcome.h"
#include "record_json.h"

/* The checks of a health_each, in order of names: one object a name. */
struct writing {
    const struct api *api;
    struct json json;
    struct buf checks;       /* of the name at hand: they stand behind its state */
    struct json checks_json; /* into checks */
    struct dname name;       /* n 0: none yet */
    unsigned zone;
    enum check_state worst;
    bool transitions;
};

/* ---- one name ---- */

static void end_name(struct writing *w)
{
    struct json *j = &w->json;

    if (w->name.n == 0)
        return;
    json_close(&w->checks_json, ']');
    json_open(j, '{');
    json_key(j, "name");
    record_json_name(j, &w->name);
    json_key(j, "zone");
    record_json_name(j, &w->api->origins[w->zone]);
    json_key(j, "state");
    json_c(j, check_state_name(w->worst));
    json_key(j, "checks");
    json_raw(j, &w->checks);
    json_close(j, '}');
    w->name.n = 0;
}

static int see_check(void *arg, const struct health_check *c)
{
    struct writing *w = arg;

    if (w->name.n == 0 || !dname_eq(&w->name, &c->owner)) {
        end_name(w);
        buf_reset(&w->checks);
        w->checks_json = (struct json){.out = &w->checks};
        json_open(&w->checks_json, '[');
        w->name = c->owner;
        w->zone = c->zone;
        w->worst = c->state;
    }
    if (check_state_is_worse(c->state, w->worst))
        w->worst = c->state;
    json_open(&w->checks_json, '{');
    check_json_members(&w->checks_json, c);
    if (w->transitions)
        check_json_transitions(&w->checks_json, c);
    json_close(&w->checks_json, '}');
    return w->checks.error;
}

/* ---- GET ---- */

static void refuse(int error, struct problem *problem, struct http_response *rs)
{
    outcome_fault(error, problem);
    http_problem(rs, problem);
}

void health_list_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct writing w = {.api = context, .json = {.out = http_body(rs)}};
    struct problem problem = {0};
    struct json *j = &w.json;

    (void)rq;
    struct snap *snap = registry_snapshot(w.api->registry);
    uint64_t seq = snap_seq(snap);
    snap_put(snap);
    http_type(rs, "application/json");
    json_open(j, '{');
    json_key(j, "health");
    json_open(j, '[');
    int r = health_each(w.api->health, NULL, see_check, &w);
    end_name(&w);
    json_close(j, ']');
    json_key(j, "panic");
    json_bool(j, health_panic(w.api->health));
    json_key(j, "seq");
    json_uint(j, seq);
    json_close(j, '}');
    buf_add_c(j->out, '\n');
    if (r < 0)
        refuse(r, &problem, rs);
    buf_free(&w.checks);
}

void health_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct writing w = {.api = context, .json = {.out = http_body(rs)}, .transitions = true};
    struct problem problem = {0};
    struct dname name;
    char text[DNAME_TEXT_MAX];
    unsigned zone;

    if (names_resolve(w.api, http_segment(rq, "name"), &name, &zone, &problem) < 0) {
        http_problem(rs, &problem);
        return;
    }
    http_type(rs, "application/json");
    int r = health_each(w.api->health, &name, see_check, &w);
    if (r == 0 && w.name.n == 0) {
        dname_to_text(&name, text);
        r = problem_set(&problem, -BD_ENOTFOUND, NULL, "nothing of %s is checked", text);
        problem_hint(&problem, "register it with a check: -d check=http://:8080/healthz");
    }
    end_name(&w);
    buf_add_c(w.json.out, '\n');
    if (r < 0)
        refuse(r, &problem, rs);
    buf_free(&w.checks);
}

/* ---- PUT ---- */

static int text_field(const struct http_fields *fields, const char *name, struct str *ret_text,
                      struct problem *problem)
{
    const struct http_field *field = http_field(fields, name);

    *ret_text = (struct str){NULL, 0};
    if (!field || field->kind == FIELD_NULL)
        return 0;
    if (field->kind != FIELD_STRING)
        return problem_set(problem, -BD_EINVALID, name, "'%s' must be one text", name);
    *ret_text = field->text;
    return 0;
}

/* Beside a body the query only says whose report it is. */
static int check_names(const struct http_request *rq, const struct http_fields *fields,
                       struct problem *problem)
{
    const struct http_fields *query = http_parameters(rq);
    const bool body = http_has_body(rq);

    for (size_t i = 0; i < http_nfields(fields); i++) {
        struct str name = http_field_at(fields, i)->name;
        bool known = str_eq(name, STR("status")) || str_eq(name, STR("output"));
        if (!known && (body || !str_eq(name, STR("id"))))
            return problem_set(problem, -BD_EINVALID, NULL, "there is no field '%.*s'",
                               STR_ARG(name));
    }
    for (size_t i = 0; body && i < http_nfields(query); i++)
        if (!str_eq(http_field_at(query, i)->name, STR("id")))
            return problem_set(problem, -BD_ESYNTAX, NULL, "there is no parameter '%.*s'",
                               STR_ARG(http_field_at(query, i)->name));
    return 0;
}

static int read_report(const struct http_request *rq, enum health_status *ret_status,
                       struct str *ret_output, struct problem *problem)
{
    static const char *const names[] = {
        [HEALTH_PASS] = "pass", [HEALTH_WARN] = "warn", [HEALTH_FAIL] = "fail"};
    const struct http_fields *fields;
    struct str status;
    int r;

    if ((r = http_fields(rq, &fields, problem)) < 0)
        return r;
    if ((r = check_names(rq, fields, problem)) < 0)
        return r;
    if ((r = text_field(fields, "status", &status, problem)) < 0 ||
        (r = text_field(fields, "output", ret_output, problem)) < 0)
        return r;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        if (str_eq(status, str_c(names[i]))) {
            *ret_status = (enum health_status)i;
            return 0;
        }
    }
    problem_set(problem, -BD_EINVALID, "status", "the status is pass, warn or fail, not '%.*s'",
                STR_ARG(status));
    return problem_hint(problem, "for example: -d status=pass");
}

void health_put(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct problem problem = {0};
    enum health_status status = HEALTH_FAIL;
    struct str output = {NULL, 0};
    struct dname name;
    unsigned zone;
    int r;

    if ((r = names_resolve(api, http_segment(rq, "name"), &name, &zone, &problem)) < 0 ||
        (r = read_report(rq, &status, &output, &problem)) < 0 ||
        (r = health_report(api->health, &name, http_query(rq, "id"), status, output, &problem)) <
            0) {
        refuse(r, &problem, rs);
        return;
    }
    health_get(context, rq, rs);
}

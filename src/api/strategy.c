/* GET and PUT /controller/strategy: how the DNS server learns of changes. */
#include "resources.h"

#include <stdio.h>

#include "outcome.h"

#define NAME_MAX_SIZE 64

void strategy_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct json j = {.out = http_body(rs)};
    struct controller_choice choice;

    (void)rq;
    controller_strategy(api->controller, &choice);
    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, "strategy");
    json_c(&j, choice.strategy);
    json_key(&j, "chosen");
    json_c(&j, choice.chosen);
    json_key(&j, "reason");
    json_c(&j, choice.why);
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
}

static int check_fields(const struct http_request *rq, const struct http_fields *fields,
                        struct problem *problem)
{
    const struct http_fields *query = http_parameters(rq);

    for (size_t i = 0; i < http_nfields(fields); i++) {
        struct str name = http_field_at(fields, i)->name;
        if (!str_eq(name, STR("strategy")))
            return problem_set(problem, -BD_EINVALID, NULL, "there is no field '%.*s'",
                               STR_ARG(name));
    }
    if (http_has_body(rq) && http_nfields(query) > 0)
        return problem_set(problem, -BD_ESYNTAX, NULL, "there is no parameter '%.*s'",
                           STR_ARG(http_field_at(query, 0)->name));
    return 0;
}

static int read_name(const struct http_request *rq, char ret_name[NAME_MAX_SIZE],
                     struct problem *problem)
{
    const struct http_fields *fields;
    int r;

    if ((r = http_fields(rq, &fields, problem)) < 0 || (r = check_fields(rq, fields, problem)) < 0)
        return r;
    const struct http_field *f = http_field(fields, "strategy");
    if (!f || f->kind != FIELD_STRING || f->text.n >= NAME_MAX_SIZE) {
        problem_set(problem, -BD_EINVALID, "strategy", "'strategy' must be one name");
        return problem_hint(problem, "for example: -X PUT -d strategy=auto");
    }
    snprintf(ret_name, NAME_MAX_SIZE, "%.*s", STR_ARG(f->text));
    return 0;
}

void strategy_put(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct problem problem = {0};
    char name[NAME_MAX_SIZE];
    int r;

    if ((r = read_name(rq, name, &problem)) < 0 ||
        (r = controller_set_strategy(api->controller, name, &problem)) < 0) {
        outcome_fault(r, &problem);
        http_problem(rs, &problem);
        return;
    }
    strategy_get(context, rq, rs);
}

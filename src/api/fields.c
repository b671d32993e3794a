/* The fields of a write's body. */
#include "fields.h"

#include <stdio.h>

#include <betterdns/duration.h>

#define ID_MAX 255
#define LEASE_LEAST_S 10U
#define CHECK_MEMBERS_MAX 32U /* more than there are */

enum {
    FIELDS_ALL = FIELDS_POST | FIELDS_PUT | FIELDS_DELETE,
    FIELDS_QUERY = 8, /* says how to answer: never in a body */
};

struct rule {
    const char *name;
    unsigned where;
    const char *refusal; /* why, where it is nowhere allowed */
    bool members;        /* check.interval */
};

static const char hooks_refusal[] =
    "hooks never come from a request: they are in the operator's configuration";

static const struct rule rules[] = {
    {.name = "name", .where = FIELDS_ALL},
    {.name = "hostname", .where = FIELDS_POST}, /* what cloud-init's phone_home can say */
    {.name = "value", .where = FIELDS_ALL},
    {.name = "values", .where = FIELDS_ALL},
    {.name = "ttl", .where = FIELDS_POST | FIELDS_PUT},
    {.name = "id", .where = FIELDS_POST | FIELDS_DELETE},
    {.name = "class", .where = FIELDS_ALL},
    {.name = "type", .where = FIELDS_ALL},
    {.name = "record_type", .where = FIELDS_ALL},
    {.name = "wait", .where = FIELDS_QUERY},
    {.name = "timeout", .where = FIELDS_QUERY},
    {.name = "dry_run", .where = FIELDS_QUERY},
    {.name = "return", .where = FIELDS_QUERY},
    {.name = "lease", .where = FIELDS_POST},
    {.name = "check", .where = FIELDS_POST, .members = true},
    {.name = "terminate", .refusal = hooks_refusal, .members = true},
    {.name = "webhook", .refusal = hooks_refusal, .members = true},
    {.name = "hook", .refusal = hooks_refusal, .members = true},
    {.name = "notify", .refusal = hooks_refusal, .members = true},
};

static const struct rule *rule_of(struct str name)
{
    const char *dot = name.n ? memchr(name.p, '.', name.n) : NULL;

    if (dot) /* check.interval */
        name.n = (size_t)(dot - name.p);
    for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
        if (str_eq(name, str_c(rules[i].name)) && (!dot || rules[i].members))
            return &rules[i];
    return NULL;
}

static const struct rule *nearest_rule(struct str name, unsigned where)
{
    const struct rule *best = NULL;
    size_t least = name.n / 2 + 1;

    for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
        size_t d = str_distance(name, str_c(rules[i].name));
        if ((rules[i].where & where) && d < least) {
            least = d;
            best = &rules[i];
        }
    }
    return best;
}

static int unknown(struct str name, unsigned where, struct fields *f, struct problem *problem)
{
    const struct rule *near = nearest_rule(name, where);

    snprintf(f->culprit, sizeof(f->culprit), "%.*s", STR_ARG(name));
    if (where & FIELDS_QUERY)
        problem_set(problem, -BD_ESYNTAX, f->culprit, "there is no parameter '%s'", f->culprit);
    else
        problem_set(problem, -BD_EINVALID, f->culprit, "there is no field '%s'", f->culprit);
    return near ? problem_hint(problem, "did you mean '%s'?", near->name) : problem->error;
}

static int check_name(const struct http_field *field, unsigned where, struct fields *f,
                      struct problem *problem)
{
    const struct rule *rule = rule_of(field->name);

    if (!rule)
        return unknown(field->name, where, f, problem);
    /* Of two answers to how, either may be the one that is meant. */
    if ((rule->where & where & FIELDS_QUERY) && field->kind == FIELD_LIST)
        return problem_set(problem, -BD_ESYNTAX, rule->name, "'%s' is given more than once",
                           rule->name);
    /* Clients that always send all of their fields send null for those that they do not use. */
    if ((rule->where & where) ||
        (!rule->where && field->kind == FIELD_NULL && str_eq(field->name, str_c(rule->name))))
        return 0;
    if (rule->refusal)
        return problem_set(problem, -BD_EINVALID, rule->name, "%s", rule->refusal);
    if (rule->where == FIELDS_QUERY) {
        problem_set(problem, -BD_EINVALID, rule->name, "'%s' is not a field of a body", rule->name);
        return problem_hint(problem, "it goes into the URL: ?%s=…", rule->name);
    }
    if (where & FIELDS_PUT)
        problem_set(problem, -BD_EINVALID, rule->name,
                    "PUT replaces the whole record set, whose registrations end: it takes no '%s'",
                    rule->name);
    else
        problem_set(problem, -BD_EINVALID, rule->name, "DELETE takes no '%s'", rule->name);
    return problem->error;
}

/* Beside a body the query only says how to answer. A misspelt dry_run must not write. */
static int check_parameter(const struct http_field *parameter, struct fields *f,
                           struct problem *problem)
{
    const struct rule *rule = rule_of(parameter->name);

    if (rule && rule->where != FIELDS_QUERY)
        return problem_set(problem, -BD_ESYNTAX, rule->name,
                           "'%s' is in the query although there is a body: give it in the body",
                           rule->name);
    return check_name(parameter, FIELDS_QUERY, f, problem);
}

static int check_names(const struct http_request *rq, const struct http_fields *body,
                       enum fields_method method, struct fields *f, struct problem *problem)
{
    bool in_query = !http_has_body(rq);
    unsigned where = method | (in_query ? FIELDS_QUERY : 0U);

    for (size_t i = 0; i < http_nfields(body); i++) {
        int r = check_name(http_field_at(body, i), where, f, problem);
        if (r < 0)
            return r;
    }
    const struct http_fields *parameters = http_parameters(rq);
    for (size_t i = 0; !in_query && i < http_nfields(parameters); i++) {
        int r = check_parameter(http_field_at(parameters, i), f, problem);
        if (r < 0)
            return r;
    }
    return 0;
}

/* A text field; p NULL where it is not given or null. */
static int text_field(const struct http_fields *body, const char *name, struct str *ret_text,
                      struct problem *problem)
{
    const struct http_field *field = http_field(body, name);

    *ret_text = (struct str){NULL, 0};
    if (!field || field->kind == FIELD_NULL)
        return 0;
    if (field->kind == FIELD_LIST)
        return problem_set(problem, -BD_EINVALID, name, "'%s' is given more than once", name);
    if (field->kind != FIELD_STRING)
        return problem_set(problem, -BD_EINVALID, name, "'%s' must be a string", name);
    *ret_text = (struct str){field->text.p ? field->text.p : "", field->text.n};
    return 0;
}

static int check_type(const struct http_fields *body, const char *name, const struct rrtype *type,
                      struct problem *problem)
{
    struct str text;
    uint16_t code;
    int r = text_field(body, name, &text, problem);

    if (r < 0 || !text.p)
        return r;
    if (rrtype_from_text(text, &code) < 0) {
        const struct rrtype *near = rrtype_nearest(text);
        problem_set(problem, -BD_EINVALID, name, "'%.*s' is not a record type", STR_ARG(text));
        return near ? problem_hint(problem, "did you mean '%s'?", near->name) : problem->error;
    }
    if (code == type->code)
        return 0;
    problem_set(problem, -BD_EMISMATCH, name,
                "the body is of type %.*s, but this is the route of %s", STR_ARG(text), type->name);
    const struct rrtype *right = rrtype_by_code(code);
    if (!right || !(right->flags & RRTYPE_ROUTE))
        return problem_hint(problem, "GET /types lists the types that have a route");
    char route[RRTYPE_TEXT_MAX] = "";
    for (size_t i = 0; right->name[i] && i + 1 < sizeof(route); i++)
        route[i] = (char)ascii_lower((unsigned char)right->name[i]);
    return problem_hint(problem, "its route is /%s", route);
}

static int check_class(const struct http_fields *body, struct problem *problem)
{
    struct str text;
    int r = text_field(body, "class", &text, problem);

    if (r < 0 || !text.p || str_eq_fold(text, STR("IN")))
        return r;
    return problem_set(problem, -BD_EINVALID, "class",
                       "'%.*s' is not a class that is served: IN is", STR_ARG(text));
}

static int read_name(const struct http_fields *body, struct fields *f, struct problem *problem)
{
    struct str hostname;
    int r = text_field(body, "name", &f->name, problem);

    if (r < 0 || (r = text_field(body, "hostname", &hostname, problem)) < 0 || !hostname.p)
        return r;
    if (f->name.p)
        return problem_set(problem, -BD_EINVALID, "hostname",
                           "give 'name' or 'hostname', not both");
    f->name = hostname;
    return 0;
}

static int read_ttl(const struct http_fields *body, struct fields *f, struct problem *problem)
{
    const struct http_field *field = http_field(body, "ttl");

    if (!field || field->kind == FIELD_NULL)
        return 0;
    if (field->kind != FIELD_STRING && field->kind != FIELD_NUMBER)
        return problem_set(problem, -BD_EINVALID, "ttl", "'ttl' must be one number");
    if (lex_ttl(field->text, &f->ttl) == 0) {
        f->has_ttl = true;
        return 0;
    }
    problem_set(problem, -BD_EINVALID, "ttl", "'%.*s' is not a TTL", STR_ARG(field->text));
    return problem_hint(problem, "seconds from 0 to 2147483647, or with units: 5m, 1h30m");
}

static int read_id(const struct http_fields *body, struct fields *f, struct problem *problem)
{
    int r = text_field(body, "id", &f->id, problem);

    if (r < 0 || !f->id.p)
        return r;
    /* An empty one is a shell variable that was not set: it must not mean "all". */
    if (f->id.n == 0)
        return problem_set(problem, -BD_EINVALID, "id", "the id is empty");
    if (f->id.n > ID_MAX)
        return problem_set(problem, -BD_EINVALID, "id", "the id is longer than %d bytes", ID_MAX);
    for (size_t i = 0; i < f->id.n; i++) {
        unsigned char c = (unsigned char)f->id.p[i];
        if (c < 0x20 || c == 0x7f)
            return problem_set(problem, -BD_EINVALID, "id", "the id has a control character");
    }
    return 0;
}

static int read_values(const struct http_fields *body, struct fields *f, struct problem *problem)
{
    const struct http_field *value = http_field(body, "value");
    const struct http_field *values = http_field(body, "values");
    const struct http_field *field = value ? value : values;

    if (!field)
        return 0;
    const char *name = value ? "value" : "values";
    if (value && values)
        return problem_set(problem, -BD_EINVALID, "values", "give 'value' or 'values', not both");
    if (field->kind == FIELD_LIST) {
        f->values = field->list;
        f->nvalues = field->nlist;
        if (f->nvalues == 0)
            return problem_set(problem, -BD_EINVALID, name, "'%s' is an empty list", name);
        return 0;
    }
    if (field->kind != FIELD_STRING) {
        problem_set(problem, -BD_EINVALID, name, "'%s' must be a string", name);
        return problem_hint(problem, "values are text, as in a zone file: \"value\":\"…\"");
    }
    f->one = field->text;
    f->values = &f->one;
    f->nvalues = 1;
    return 0;
}

static int read_lease(const struct http_fields *body, struct fields *f, struct problem *problem)
{
    const struct http_field *field = http_field(body, "lease");
    uint64_t ms;

    if (!field || field->kind == FIELD_NULL)
        return 0;
    if ((field->kind != FIELD_STRING && field->kind != FIELD_NUMBER) ||
        duration_parse(field->text, &ms) < 0) {
        problem_set(problem, -BD_EINVALID, "lease", "the lease is not a time");
        return problem_hint(problem, "with a unit: 30s, 3m, 1h30m");
    }
    if (ms < UINT64_C(1000) * LEASE_LEAST_S || ms / 1000 > INT32_MAX) {
        problem_set(problem, -BD_EINVALID, "lease", "a lease of %.*s is too %s",
                    STR_ARG(field->text), ms / 1000 > INT32_MAX ? "long" : "short");
        return problem_hint(problem,
                            "at least %us; about three times as long as it takes to "
                            "repeat the request",
                            LEASE_LEAST_S);
    }
    f->lease_s = (uint32_t)(ms / 1000);
    return 0;
}

static int add_member(const struct http_field *field, struct check_member *members, size_t *n,
                      struct problem *problem)
{
    const struct str prefix = STR("check.");
    const bool url = str_eq(field->name, STR("check"));

    if (!url && !str_starts(field->name, prefix))
        return 0;
    /* Whoever gives a check shall not believe that there is one. */
    if (url && field->kind == FIELD_EMPTY) {
        problem_set(problem, -BD_EINVALID, "check", "a check needs a URL");
        return problem_hint(problem, "\"check\":{\"url\":\"http://:8080/healthz\"}");
    }
    if (field->kind == FIELD_NULL)
        return 0;
    if (field->kind == FIELD_LIST || field->kind == FIELD_EMPTY)
        return problem_set(problem, -BD_EINVALID, "check", "'%.*s' must be one value",
                           STR_ARG(field->name));
    if (*n == CHECK_MEMBERS_MAX)
        return problem_set(problem, -BD_EINVALID, "check", "a check has not so many members");
    members[(*n)++] = (struct check_member){
        url ? STR("url") : (struct str){field->name.p + prefix.n, field->name.n - prefix.n},
        field->text,
    };
    return 0;
}

static int read_check(const struct http_fields *body, struct fields *f, struct problem *problem)
{
    struct check_member members[CHECK_MEMBERS_MAX];
    size_t n = 0;

    for (size_t i = 0; i < http_nfields(body); i++) {
        int r = add_member(http_field_at(body, i), members, &n, problem);
        if (r < 0)
            return r;
    }
    if (n == 0)
        return 0;
    int r = check_read(members, n, &f->check, problem);
    return r < 0 ? r : f->check.error;
}

int fields_read(const struct http_request *rq, const struct rrtype *type, enum fields_method method,
                struct fields *f, struct problem *ret_problem)
{
    const struct http_fields *body;
    int r = http_fields(rq, &body, ret_problem);

    if (r < 0)
        return r;
    *f = (struct fields){.has_ttl = false};
    if ((r = check_names(rq, body, method, f, ret_problem)) < 0 ||
        (r = check_type(body, "type", type, ret_problem)) < 0 ||
        (r = check_type(body, "record_type", type, ret_problem)) < 0 ||
        (r = check_class(body, ret_problem)) < 0 || (r = read_name(body, f, ret_problem)) < 0 ||
        (r = read_id(body, f, ret_problem)) < 0 || (r = read_ttl(body, f, ret_problem)) < 0 ||
        (r = read_lease(body, f, ret_problem)) < 0 || (r = read_check(body, f, ret_problem)) < 0)
        return r;
    return read_values(body, f, ret_problem);
}

void fields_free(struct fields *f)
{
    buf_free(&f->check);
}

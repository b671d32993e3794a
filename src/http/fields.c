/* The fields of a request, out of whichever form they came in. */
#include "http_private.h"

static const struct str json_type = {"application/json", 16};
static const struct str form_type = {"application/x-www-form-urlencoded", 33};

static const char *const type_hint =
    "curl -d name=web sends a form; for JSON add -H 'Content-Type: application/json'";

static struct str without_blanks(struct str s)
{
    while (s.n > 0 && memchr(" \t\r\n", s.p[0], 4))
        s = (struct str){s.p + 1, s.n - 1};
    return s;
}

static bool looks_like_json(struct str body)
{
    body = without_blanks(body);
    return body.n > 0 && (body.p[0] == '{' || body.p[0] == '[');
}

/* "name=…" */
static bool looks_like_form(struct str body)
{
    const char *equals = body.n ? memchr(body.p, '=', body.n) : NULL;

    for (const char *p = body.p; equals && p < equals; p++) {
        const unsigned char c = ascii_lower((unsigned char)*p);
        if ((c < 'a' || c > 'z') && c != '_' && c != '.')
            return false;
    }
    return equals && equals > body.p;
}

static int parse_json(const struct http_request *rq, struct http_fields *f, struct problem *p)
{
    if (looks_like_form(rq->body)) {
        problem_set(p, -BD_EMISMATCH, NULL, "Content-Type says JSON, but the body is a form");
        return problem_hint(p, "leave the Content-Type out: curl -d sends a form by itself");
    }
    return json_in_parse(rq->arena, rq->body, f, p);
}

static int parse_form(const struct http_request *rq, struct http_fields *f, struct problem *p)
{
    if (looks_like_json(rq->body)) {
        problem_set(p, -BD_EMISMATCH, NULL, "Content-Type says form, but the body is JSON");
        return problem_hint(p, "add -H 'Content-Type: application/json'");
    }
    return form_parse(rq->arena, without_blanks(rq->body), "form", f, p);
}

static int parse(const struct http_request *rq, struct http_fields *f, struct problem *p)
{
    struct str rest = header_value(rq, STR("Content-Type")), type = STR("");

    if (rq->body.n == 0) {
        *f = rq->parameters;
        return 0;
    }
    str_cut(&rest, ';', &type);
    type = str_trim(type);
    if (str_eq_fold(type, json_type))
        return parse_json(rq, f, p);
    if (str_eq_fold(type, form_type))
        return parse_form(rq, f, p);
    if (type.n == 0)
        problem_set(p, -EMEDIUMTYPE, NULL, "the body has no Content-Type");
    else
        problem_set(p, -EMEDIUMTYPE, NULL, "a body of type '%.*s' is not understood",
                    STR_ARG(type));
    return problem_hint(p, "%s", type_hint);
}

int http_fields(const struct http_request *rq, const struct http_fields **ret_fields,
                struct problem *ret_problem)
{
    struct http_lazy *lazy = rq->lazy;

    if (!lazy->done)
        lazy->error = parse(rq, &lazy->fields, &lazy->problem);
    lazy->done = true;
    if (lazy->error < 0) {
        *ret_problem = lazy->problem;
        return lazy->error;
    }
    *ret_fields = &lazy->fields;
    return 0;
}

bool query_parse(struct http_request *rq, struct http_response *rs)
{
    struct problem p = {0};

    rq->parameters = (struct http_fields){0};
    if (form_parse(rq->arena, rq->query, "query", &rq->parameters, &p) < 0)
        return problem_refuse(rs, &p);
    return true;
}

/* NULL: none is near. */
static const char *nearest(struct str name, const char *const *known)
{
    const char *best = NULL;
    size_t least = name.n / 2 + 1;

    for (; *known; known++) {
        const size_t d = str_distance(name, str_c(*known));
        if (d < least) {
            least = d;
            best = *known;
        }
    }
    return best;
}

static bool is_listed(struct str name, const char *const *known)
{
    for (; *known; known++) {
        if (str_eq(name, str_c(*known)))
            return true;
    }
    return false;
}

/* A misspelt parameter must not do something else without a word. */
bool query_known(struct http_request *rq, struct http_response *rs)
{
    const char *const *known = rq->route->query;
    struct problem p = {0};

    for (size_t i = 0; known && i < rq->parameters.n; i++) {
        const struct http_field *field = &rq->parameters.items[i];
        const struct str name = field->name;
        if (is_listed(name, known)) {
            if (field->kind != FIELD_LIST)
                continue;
            problem_set(&p, -BD_ESYNTAX, NULL, "'%.*s' is given more than once", STR_ARG(name));
            return problem_refuse(rs, &p);
        }
        problem_set(&p, -BD_ESYNTAX, NULL, "%.*s has no query parameter '%.*s'", STR_ARG(rq->path),
                    STR_ARG(name));
        const char *near = nearest(name, known);
        if (near)
            problem_hint(&p, "did you mean '%s'?", near);
        return problem_refuse(rs, &p);
    }
    return true;
}

const struct http_field *http_field(const struct http_fields *f, const char *name)
{
    const struct str wanted = str_c(name);

    for (size_t i = 0; i < f->n; i++) {
        if (str_eq(f->items[i].name, wanted))
            return &f->items[i];
    }
    return NULL;
}

size_t http_nfields(const struct http_fields *f)
{
    return f->n;
}

const struct http_field *http_field_at(const struct http_fields *f, size_t i)
{
    return i < f->n ? &f->items[i] : NULL;
}

/* application/x-www-form-urlencoded: bodies and queries alike. */
#include "http_private.h"
#include "urldecode.h"

static struct http_field *find(const struct http_fields *f, struct str name)
{
    for (size_t i = 0; i < f->n; i++) {
        if (str_eq(f->items[i].name, name))
            return &f->items[i];
    }
    return NULL;
}

int fields_add(struct arena *a, struct http_fields *f, const struct http_field *field,
               struct problem *p)
{
    if (find(f, field->name))
        return problem_set(p, -BD_ESYNTAX, NULL, "'%.*s' is given twice", STR_ARG(field->name));
    if (f->n == HTTP_FIELDS_MAX)
        return problem_set(p, -BD_ESYNTAX, NULL, "more than %d fields", HTTP_FIELDS_MAX);
    if (f->n == f->cap) {
        struct http_field *items = arena_grow(a, f->items, &f->cap, sizeof(*items));
        if (!items)
            return problem_set(p, -ENOMEM, NULL, "out of memory");
        f->items = items;
    }
    f->items[f->n++] = *field;
    return 0;
}

/* A name that comes again makes a list. */
struct growing {
    struct str *items;
    size_t cap;
};

static int add_value(struct arena *a, struct http_field *field, struct growing *g, struct str text)
{
    if (field->kind != FIELD_LIST) {
        g->items = arena_grow(a, NULL, &g->cap, sizeof(*g->items));
        if (!g->items)
            return -ENOMEM;
        g->items[0] = field->text;
        *field = (struct http_field){.name = field->name, .kind = FIELD_LIST, .nlist = 1};
    }
    if (field->nlist == g->cap) {
        struct str *items = arena_grow(a, g->items, &g->cap, sizeof(*items));
        if (!items)
            return -ENOMEM;
        g->items = items;
    }
    g->items[field->nlist++] = text;
    field->list = g->items;
    return 0;
}

static int add_pair(struct arena *a, struct http_fields *f, struct growing *lists, struct str name,
                    struct str text, struct problem *p)
{
    struct http_field *known = find(f, name);

    if (!known) {
        struct http_field field = {.name = name, .kind = FIELD_STRING, .text = text};
        return fields_add(a, f, &field, p);
    }
    int r = add_value(a, known, &lists[known - f->items], text);
    return r < 0 ? problem_set(p, r, NULL, "out of memory") : 0;
}

int form_parse(struct arena *a, struct str text, const char *what, struct http_fields *f,
               struct problem *p)
{
    struct growing lists[HTTP_FIELDS_MAX] = {0};
    struct str pair, raw;

    while (str_cut(&text, '&', &pair)) {
        struct str name = STR(""), value = STR("");
        if (pair.n == 0)
            continue;
        if (pair.p[0] != '=')
            str_cut(&pair, '=', &raw);
        else
            raw = STR("");
        int r = urldecode(a, raw, true, what, &name, p);
        if (r == 0)
            r = urldecode(a, pair, true, what, &value, p);
        if (r == 0 && name.n == 0)
            r = problem_set(p, -BD_ESYNTAX, NULL, "the %s has a value without a name", what);
        if (r == 0)
            r = add_pair(a, f, lists, name, value, p);
        if (r < 0)
            return r;
    }
    return 0;
}

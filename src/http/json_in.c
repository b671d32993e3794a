/* A JSON body as flat fields: the values of nested objects under their names joined by dots. */
#include <stdlib.h>

#include <cjson/cJSON.h>

#include "http_private.h"

struct walk {
    struct arena *arena;
    struct http_fields *fields;
    struct json_numbers numbers; /* in the order of the text, which is also the tree's */
    size_t number;               /* the next one */
    struct problem *problem;
};

static int walk_object(struct walk *w, const cJSON *object, struct str prefix);

static int no_memory(struct walk *w)
{
    return problem_set(w->problem, -ENOMEM, NULL, "out of memory");
}

/* cJSON's tree goes before the request ends. The scanner let no NUL through. */
static int copy_text(struct walk *w, const char *text, struct str *ret_copy)
{
    const struct str s = str_c(text);
    char *copy = arena_alloc(w->arena, s.n + 1);

    if (!copy)
        return no_memory(w);
    memcpy(copy, s.p, s.n);
    *ret_copy = (struct str){copy, s.n};
    return 0;
}

static int join(struct walk *w, struct str prefix, struct str key, struct str *ret_name)
{
    char *name = arena_alloc(w->arena, prefix.n + 1 + key.n);

    if (!name)
        return no_memory(w);
    if (prefix.n > 0) {
        memcpy(name, prefix.p, prefix.n);
        name[prefix.n] = '.';
    }
    const size_t from = prefix.n ? prefix.n + 1 : 0;
    memcpy(name + from, key.p, key.n);
    *ret_name = (struct str){name, from + key.n};
    return 0;
}

static struct str next_number(struct walk *w)
{
    return w->number < w->numbers.n ? w->numbers.items[w->number++] : STR("0");
}

static int take_list(struct walk *w, const cJSON *list, struct http_field *field)
{
    const size_t n = (size_t)cJSON_GetArraySize(list);
    struct str *items = arena_alloc(w->arena, (n + 1) * sizeof(*items));
    const cJSON *item;

    if (!items)
        return no_memory(w);
    field->kind = FIELD_LIST;
    field->list = items;
    cJSON_ArrayForEach(item, list)
    {
        int r = 0;
        if (cJSON_IsNumber(item))
            items[field->nlist] = next_number(w);
        else if (cJSON_IsString(item))
            r = copy_text(w, item->valuestring, &items[field->nlist]);
        else
            r = problem_set(w->problem, -BD_ESYNTAX, NULL,
                            "the list '%.*s' has something that is neither a text nor a number",
                            STR_ARG(field->name));
        if (r < 0)
            return r;
        field->nlist++;
    }
    return 0;
}

static int take_value(struct walk *w, const cJSON *value, struct str name)
{
    struct http_field field = {.name = name, .kind = FIELD_NULL, .text = STR("null")};
    int r = 0;

    if (cJSON_IsObject(value) && value->child)
        return walk_object(w, value, name);
    if (cJSON_IsObject(value)) {
        field.kind = FIELD_EMPTY;
        field.text = STR("{}");
    } else if (cJSON_IsString(value)) {
        field.kind = FIELD_STRING;
        r = copy_text(w, value->valuestring, &field.text);
    } else if (cJSON_IsNumber(value)) {
        field.kind = FIELD_NUMBER;
        field.text = next_number(w);
    } else if (cJSON_IsBool(value)) {
        field.kind = FIELD_BOOL;
        field.text = cJSON_IsTrue(value) ? STR("true") : STR("false");
    } else if (cJSON_IsArray(value)) {
        field.text = STR("");
        r = take_list(w, value, &field);
    }
    return r < 0 ? r : fields_add(w->arena, w->fields, &field, w->problem);
}

static bool seen_before(const cJSON *object, const cJSON *member)
{
    for (const cJSON *m = object->child; m != member; m = m->next) {
        if (strcmp(m->string, member->string) == 0)
            return true;
    }
    return false;
}

static int walk_object(struct walk *w, const cJSON *object, struct str prefix)
{
    const cJSON *member;
    size_t n = 0;

    cJSON_ArrayForEach(member, object)
    {
        struct str key = STR(""), name = STR("");
        if (++n > HTTP_FIELDS_MAX)
            return problem_set(w->problem, -BD_ESYNTAX, NULL, "more than %d fields",
                               HTTP_FIELDS_MAX);
        if (seen_before(object, member))
            return problem_set(w->problem, -BD_ESYNTAX, NULL, "'%s' is given twice",
                               member->string);
        int r = copy_text(w, member->string, &key);
        if (r == 0)
            r = join(w, prefix, key, &name);
        if (r == 0)
            r = take_value(w, member, name);
        if (r < 0)
            return r;
    }
    return 0;
}

int json_in_parse(struct arena *a, struct str text, struct http_fields *f, struct problem *p)
{
    struct walk w = {.arena = a, .fields = f, .problem = p};

    int r = json_scan(a, text, &w.numbers, p);
    if (r < 0)
        return r;
    cJSON *root = cJSON_ParseWithLengthOpts(text.p, text.n, NULL, 0);
    if (!root)
        return no_memory(&w); /* its syntax was fine */
    if (cJSON_IsObject(root))
        r = walk_object(&w, root, STR(""));
    else
        r = problem_set(p, -BD_ESYNTAX, NULL, "the body is no JSON object");
    cJSON_Delete(root);
    return r;
}

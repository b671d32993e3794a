/* If-Match and If-None-Match. */
#include "precondition.h"

#include <stdio.h>

char *etag_text(const struct hash128 *tag, char out[ETAG_TEXT_SIZE])
{
    char hex[HASH128_HEX_SIZE];

    snprintf(out, ETAG_TEXT_SIZE, "\"%s\"", hash128_hex(tag, hex));
    return out;
}

/* One entity-tag off the front: [ W/ ] DQUOTE *etagc DQUOTE. */
static int take_tag(struct str *rest, bool *ret_weak, struct str *ret_opaque)
{
    *ret_weak = str_starts(*rest, STR("W/"));
    if (*ret_weak)
        *rest = (struct str){rest->p + 2, rest->n - 2};
    if (rest->n < 2 || rest->p[0] != '"')
        return -BD_ESYNTAX;
    const char *end = memchr(rest->p + 1, '"', rest->n - 1);
    if (!end)
        return -BD_ESYNTAX;
    *ret_opaque = (struct str){rest->p + 1, (size_t)(end - rest->p) - 1};
    *rest = str_trim((struct str){end + 1, rest->n - ret_opaque->n - 2});
    return 0;
}

/* The comma between two tags; empty members of a list are allowed (RFC 9110 §5.6.1). */
static int take_commas(struct str *rest)
{
    if (rest->n > 0 && rest->p[0] != ',')
        return -BD_ESYNTAX;
    while (rest->n > 0 && rest->p[0] == ',')
        *rest = str_trim((struct str){rest->p + 1, rest->n - 1});
    return 0;
}

int etag_list_read(struct str text, bool weak, struct etag_list *ret_list)
{
    struct str rest = str_trim(text), opaque;
    struct etag_list list = {.any = false};
    bool is_weak;

    if (str_eq(rest, STR("*"))) {
        list.any = true;
        *ret_list = list;
        return 0;
    }
    if (rest.n == 0)
        return -BD_ESYNTAX;
    while (rest.n > 0) {
        struct hash128 tag;
        if (take_tag(&rest, &is_weak, &opaque) < 0 || take_commas(&rest) < 0)
            return -BD_ESYNTAX;
        /* A tag that is none of ours matches nothing, and needs no place. */
        if ((is_weak && !weak) || hash128_from_hex(opaque, &tag) < 0)
            continue;
        if (list.n == PRECONDITION_TAGS_MAX)
            return -BD_ESYNTAX;
        list.tag[list.n++] = tag;
    }
    *ret_list = list;
    return 0;
}

bool etag_list_has(const struct etag_list *list, const struct hash128 *tag)
{
    for (size_t i = 0; i < list->n; i++)
        if (hash128_eq(&list->tag[i], tag))
            return true;
    return false;
}

static int read_header(const struct http_request *rq, const char *name, bool weak, bool *ret_given,
                       struct etag_list *ret_list, struct problem *ret_problem)
{
    struct str text;

    if (http_header_list(rq, name, &text) < 0)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    *ret_given = text.p != NULL;
    if (!text.p || etag_list_read(text, weak, ret_list) == 0)
        return 0;
    problem_set(ret_problem, -BD_ESYNTAX, name, "%s: '%.*s' is not a list of entity tags", name,
                STR_ARG(text));
    return problem_hint(ret_problem, "the ETag of a GET, with its double quotes, or *");
}

int precondition_read(const struct http_request *rq, struct precondition *ret_precondition,
                      struct problem *ret_problem)
{
    struct precondition p = {.if_match = false};
    int r;

    r = read_header(rq, "If-Match", false, &p.if_match, &p.match, ret_problem);
    if (r < 0)
        return r;
    r = read_header(rq, "If-None-Match", true, &p.if_none_match, &p.none_match, ret_problem);
    if (r < 0)
        return r;
    *ret_precondition = p;
    return 0;
}

int precondition_to_op(const struct precondition *p, struct op *op, struct problem *ret_problem)
{
    static const struct hash128 never = {.b = {0}};

    if (p->if_none_match && !p->none_match.any)
        return problem_set(ret_problem, -BD_ESYNTAX, "If-None-Match",
                           "If-None-Match of a write can only be *: there must be no such record");
    op->if_absent = p->if_none_match;
    op->if_exists = p->if_match && p->match.any;
    if (p->if_match && !p->match.any) {
        /* A list without a tag of ours is a condition that fails, not one that is absent. */
        op->if_match = p->match.n ? p->match.tag : &never;
        op->nif_match = p->match.n ? p->match.n : 1;
    }
    return 0;
}

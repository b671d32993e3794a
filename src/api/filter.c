/* Which record sets a GET asks for. */
#include "filter.h"

#include <betterdns/glob.h>

#include "names.h"

static int read_type(struct str text, uint16_t *ret_type, struct problem *ret_problem)
{
    if (rrtype_from_text(text, ret_type) == 0)
        return 0;
    problem_set(ret_problem, -BD_ESYNTAX, "type", "'%.*s' is not a record type", STR_ARG(text));
    const struct rrtype *near = rrtype_nearest(text);
    return near ? problem_hint(ret_problem, "did you mean '%s'?", near->name)
                : problem_hint(ret_problem, "GET /types lists them");
}

int filter_read(const struct api *api, const struct http_request *rq, struct filter *ret_filter,
                struct problem *ret_problem)
{
    struct filter f = {.glob = http_query(rq, "name")};
    struct str zone = http_query(rq, "zone"), type = http_query(rq, "type");
    int r;

    if (zone.p) {
        r = names_zone(api, zone, &f.zone, ret_problem);
        if (r < 0)
            return r;
        f.one_zone = true;
    }
    if (type.p) {
        r = read_type(type, &f.type, ret_problem);
        if (r < 0)
            return r;
    }
    *ret_filter = f;
    return 0;
}

bool filter_takes(const struct filter *f, const struct dname *origin, const struct rrset *set)
{
    struct dname owner;

    if (f->type && rrset_type(set) != f->type)
        return false;
    if (f->glob.n == 0)
        return true;
    rrset_owner(set, &owner);
    return glob_match_name(f->glob, &owner, origin);
}

/* Names as clients write them. */
#include "names.h"

#include <stdio.h>

struct dname_rules names_rules(const struct api *api)
{
    return (struct dname_rules){
        .origin = &api->origins[0],
        .zones = api->origins,
        .nzones = api->nzones,
    };
}

/* The zones' names for a hint, as many as there is room for. */
static void list_zones(const struct api *api, char *out, size_t size)
{
    char text[DNAME_TEXT_MAX];
    size_t n = 0;

    out[0] = '\0';
    for (unsigned i = 0; i < api->nzones; i++) {
        size_t length = dname_to_text(&api->origins[i], text);
        if (n + length + 8 > size) {
            snprintf(out + n, size - n, ", …");
            return;
        }
        n += (size_t)snprintf(out + n, size - n, "%s%s", i ? ", " : "", text);
    }
}

static int longest_match(const struct api *api, const struct dname *name, unsigned *ret_zone)
{
    unsigned best = api->nzones;

    for (unsigned i = 0; i < api->nzones; i++) {
        bool longer = best == api->nzones || api->origins[i].n > api->origins[best].n;
        if (longer && dname_below(name, &api->origins[i]))
            best = i;
    }
    if (best == api->nzones)
        return -BD_ENOZONE;
    *ret_zone = best;
    return 0;
}

static int outside(const struct api *api, struct str text, const char *field,
                   struct problem *ret_problem)
{
    char zones[120];

    list_zones(api, zones, sizeof(zones));
    problem_set(ret_problem, -BD_ENOZONE, field, "'%.*s' is outside every configured zone",
                STR_ARG(text));
    return problem_hint(ret_problem, "zones: %s; a name without the final dot is relative to %s",
                        zones, api->nzones > 1 ? "the first of them" : "it");
}

static int from_text(const struct api *api, struct str text, const char *field,
                     struct dname *ret_name, struct problem *ret_problem)
{
    struct dname_rules rules = names_rules(api);
    size_t at = 0;
    int r;

    if (text.n == 0) {
        problem_set(ret_problem, -BD_EINVALID, field, "the %s is empty", field);
        return problem_hint(ret_problem, "'@' is the zone itself");
    }
    r = dname_from_text(text, &rules, ret_name, &at);
    if (r < 0)
        return problem_set(ret_problem, -BD_EINVALID, field, "'%.*s%s' is not a name: %s",
                           text.n > 80 ? 80 : (int)text.n, text.p, text.n > 80 ? "…" : "",
                           dname_fault(r, text, at));
    dname_fold(ret_name);
    return 0;
}

int names_resolve(const struct api *api, struct str text, struct dname *ret_name,
                  unsigned *ret_zone, struct problem *ret_problem)
{
    struct dname name;
    int r = from_text(api, text, "name", &name, ret_problem);

    if (r < 0)
        return r;
    if (longest_match(api, &name, ret_zone) < 0)
        return outside(api, text, "name", ret_problem);
    *ret_name = name;
    return 0;
}

int names_zone(const struct api *api, struct str text, unsigned *ret_zone,
               struct problem *ret_problem)
{
    struct dname name;
    int r = from_text(api, text, "zone", &name, ret_problem);

    if (r < 0)
        return r;
    for (unsigned i = 0; i < api->nzones; i++) {
        if (dname_eq(&name, &api->origins[i])) {
            *ret_zone = i;
            return 0;
        }
    }
    char zones[120];
    list_zones(api, zones, sizeof(zones));
    problem_set(ret_problem, -BD_ENOZONE, "zone", "'%.*s' is not a configured zone", STR_ARG(text));
    return problem_hint(ret_problem, "zones: %s", zones);
}

size_t names_short(const struct api *api, const struct dname *name, char out[DNAME_TEXT_MAX])
{
    struct dname_rules rules = names_rules(api);
    struct dname again;

    if (dname_below(name, &api->origins[0])) {
        size_t n = dname_to_text_below(name, &api->origins[0], out);
        /* "x.lab.example" for x.lab.example.lab.example. would be read as absolute. */
        if (dname_from_text((struct str){out, n}, &rules, &again, NULL) == 0 &&
            dname_eq(&again, name))
            return n;
    }
    return dname_to_text(name, out);
}

/* RFC 3986 §3.3: pchar, but for the sub-delimiters, which shells care about. */
static bool is_plain(unsigned char c)
{
    bool letter = ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
    bool digit = c >= '0' && c <= '9';

    return letter || digit || c == '-' || c == '.' || c == '_' || c == '~' || c == '@' || c == '*';
}

size_t names_to_path(struct str text, char out[NAMES_PATH_MAX])
{
    static const char digits[] = "0123456789ABCDEF";
    size_t n = 0;

    for (size_t i = 0; i < text.n && n + 4 <= NAMES_PATH_MAX; i++) {
        unsigned char c = (unsigned char)text.p[i];
        if (is_plain(c)) {
            out[n++] = (char)c;
            continue;
        }
        out[n++] = '%';
        out[n++] = digits[c >> 4];
        out[n++] = digits[c & 15];
    }
    out[n] = '\0';
    return n;
}

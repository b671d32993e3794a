/* What can be seen of a Corefile of the user's own without a server. */
#include <stdlib.h>

#include <betterdns/controller.h>

#include "corefile.h"
#include "imports.h"
#include "internal.h"
#include "kept.h"

static int fill(const struct controller_corefile *look, const char *live,
                char (*names)[DNAME_TEXT_MAX], struct server_zone *zones)
{
    for (unsigned i = 0; i < look->nzones; i++) {
        dname_to_text(look->origins[i], names[i]);
        zones[i] =
            (struct server_zone){.name = names[i], .path = live_path(live, look->origins[i])};
        if (!zones[i].path)
            return -ENOMEM;
    }
    return 0;
}

static int check(const struct controller_corefile *look, const char *live, struct str text,
                 struct problem *p)
{
    struct server_zone *zones = calloc(look->nzones, sizeof(*zones));
    char(*names)[DNAME_TEXT_MAX] = calloc(look->nzones, sizeof(*names));
    const struct corefile_facts facts = {
        .path = look->path, .listen = look->listen, .zones = zones, .nzones = look->nzones};
    struct corefile_found found;

    int r = zones && names ? fill(look, live, names, zones) : -ENOMEM;
    if (r < 0)
        problem_set(p, r, NULL, "no memory");
    else
        r = corefile_check(text, &facts, &found, p);
    for (unsigned i = 0; zones && i < look->nzones; i++)
        free((void *)(uintptr_t)zones[i].path);
    free(zones);
    free(names);
    return r;
}

/* Is there one that a start could take in its place? *ret_other: it is another. */
static bool has_kept(const struct controller_corefile *look, const char *live, struct str text,
                     bool *ret_other)
{
    struct buf kept = {0};
    char *path = kept_path(look->data);

    bool has = path && kept_read(path, look->path, &kept) == 0 &&
               check(look, live, buf_str(&kept), NULL) == 0;
    *ret_other = has && !str_eq(buf_str(&kept), text);
    buf_free(&kept);
    free(path);
    return has;
}

int controller_corefile(const struct controller_corefile *look,
                        struct controller_corefile_kept *ret_kept, struct problem *ret_problem)
{
    struct corefile_source source = {.nfiles = 0};
    char *live = realpath(look->live, NULL); /* as the controller writes it */

    int r = corefile_source_read(look->path, &source, ret_problem);
    if (r == 0)
        r = check(look, live ? live : look->live, buf_str(&source.text), ret_problem);
    ret_kept->there =
        has_kept(look, live ? live : look->live, buf_str(&source.text), &ret_kept->is_another);
    corefile_source_free(&source);
    free(live);
    return r;
}

/* The user's own configuration of the server. */
#include "own.h"

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "corefile.h"
#include "told.h"

struct own {
    struct controller *c;
    char *path;
    struct buf good, trial, before; /* before: the good one before this */
    bool trying, again;
    unsigned revision;   /* of the signal by which it is tried; 0: none yet */
    struct hash128 seen; /* of what was read last */
    struct corefile_found found, trial_found;
    char trouble[256];
};

static int check(struct own *o, struct str text, struct corefile_found *ret_found,
                 struct problem *ret_problem)
{
    struct controller *c = o->c;
    struct server_zone *zones = calloc(c->nzones, sizeof(*zones));
    const struct corefile_facts facts = {
        .path = o->path, .listen = &c->listen, .zones = zones, .nzones = c->nzones};

    if (!zones)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    for (unsigned i = 0; i < c->nzones; i++)
        zones[i] = (struct server_zone){.name = c->zones[i].name, .path = c->zones[i].live};
    int r = corefile_check(text, &facts, ret_found, ret_problem);
    free(zones);
    return r;
}

/* What other threads go by. */
static void note(struct own *o)
{
    struct controller *c = o->c;

    pthread_mutex_lock(&c->lock);
    c->never_polls = !o->found.polls;
    memcpy(c->unproven, o->found.lacks, sizeof(c->unproven));
    pthread_mutex_unlock(&c->lock);
}
_Static_assert(sizeof(((struct controller *)0)->unproven) ==
                   sizeof(((struct corefile_found *)0)->lacks),
               "equal");

int own_new(struct controller *c, const char *path, struct own **ret_own,
            struct problem *ret_problem)
{
    struct own *o = calloc(1, sizeof(*o));
    if (!o)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    o->c = c;
    o->path = str_dup(str_c(path));
    int r = o->path ? file_read(path, COREFILE_MAX, &o->good) : -ENOMEM;
    if (r < 0) {
        problem_set(ret_problem, r, "corefile", "%s cannot be read: %s", path, bd_strerror(r));
        problem_hint(ret_problem, "write it, or leave server.corefile out: then one is written");
    } else {
        r = check(o, buf_str(&o->good), &o->found, ret_problem);
    }
    if (r < 0) {
        own_free(o);
        return r;
    }
    o->seen = hash128(o->good.p, o->good.n);
    note(o);
    *ret_own = o;
    return 0;
}

void own_free(struct own *o)
{
    if (!o)
        return;
    buf_free(&o->good);
    buf_free(&o->trial);
    buf_free(&o->before);
    free(o->path);
    free(o);
}

const char *own_path(const struct own *o)
{
    return o->path;
}

struct str own_text(const struct own *o)
{
    return buf_str(o->trying ? &o->trial : &o->good);
}

bool own_has_probe(const struct own *o)
{
    return o->found.probe;
}

bool own_has_nsid(const struct own *o)
{
    return o->found.nsid;
}

const char *own_trouble(const struct own *o)
{
    return o->trouble;
}

/* ---- a change of it ---- */

static void complain(struct own *o, const char *why)
{
    str_format(o->trouble, sizeof(o->trouble), "%s; the last good one stays", why);
    log_error("the changed configuration of the server is not used", LOG_C("path", o->path),
              LOG_C("reason", o->trouble));
    told_config_rejected(o->c, o->trouble);
}

static int check_trial(struct own *o, struct problem *p)
{
    int r = check(o, buf_str(&o->trial), &o->trial_found, p);

    if (r < 0)
        return r;
    if (o->trial_found.probe == o->found.probe && o->trial_found.nsid == o->found.nsid)
        return 0;
    return problem_set(p, -BD_EINVALID, NULL,
                       "%s has another `bind` or `nsid` for our zones than at our start: restart "
                       "betterdns for that",
                       o->path);
}

void own_look(struct own *o)
{
    struct buf text = {0};
    struct problem p = {0};

    o->again = o->trying && o->revision != 0;
    if (o->again)
        return;
    int r = file_read(o->path, COREFILE_MAX, &text);
    if (r < 0) { /* being replaced, perhaps: there is another look soon */
        buf_free(&text);
        return;
    }
    const struct hash128 hash = hash128(text.p, text.n);
    if (hash128_eq(&hash, &o->seen)) {
        buf_free(&text);
        return;
    }
    o->seen = hash;
    buf_free(&o->trial);
    o->trial = text;
    o->revision = 0;
    o->trouble[0] = '\0';
    o->trying = !str_eq(buf_str(&o->trial), buf_str(&o->good));
    if (!o->trying || check_trial(o, &p) == 0)
        return;
    o->trying = false;
    complain(o, p.detail);
}

bool own_looks_again(const struct own *o)
{
    return o->again;
}

bool own_is_due(const struct own *o)
{
    return o->trying && o->revision == 0;
}

void own_sent(struct own *o, unsigned revision)
{
    if (own_is_due(o))
        o->revision = revision;
}

void own_in_force(struct own *o, unsigned revision)
{
    if (!o->trying || o->revision == 0 || revision < o->revision)
        return;
    buf_free(&o->before);
    o->before = o->good;
    o->good = o->trial;
    o->trial = (struct buf){0};
    o->found = o->trial_found;
    o->trying = false;
    o->trouble[0] = '\0';
    note(o);
    log_info("the server's configuration was changed", LOG_C("path", o->path));
}

void own_refused(struct own *o)
{
    char why[256];

    if (!o->trying || o->revision == 0)
        return;
    o->trying = false;
    str_format(why, sizeof(why), "%s refused %s as it is now (its own log says why)",
               o->c->kind->name, o->path);
    complain(o, why);
}

void own_ended(struct own *o, bool loading)
{
    if (o->trying) {
        o->trying = false;
        o->seen = (struct hash128){0};
    }
    if (!loading || o->before.n == 0)
        return;
    buf_free(&o->good);
    o->good = o->before;
    o->before = (struct buf){0};
    complain(o, "the server did not start with its new configuration");
}

/* The user's own configuration of the server. */
#include "own.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/log.h>

#include "corefile.h"
#include "imports.h"
#include "kept.h"
#include "told.h"
#include "watcher.h"

struct own {
    struct controller *c;
    char *path, *folder, *kept_path;
    struct corefile_source source;  /* of what was read last */
    struct buf good, trial, before; /* before: the good one before this */
    struct buf kept;                /* what is, or soon will be, in kept_path */
    bool trying, again, renewed, asks;
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

static void complain(struct own *o, const char *why)
{
    char text[224];

    if (strstr(why, o->path))
        str_format(text, sizeof(text), "%s", why);
    else
        str_format(text, sizeof(text), "%s: %s", o->path, why);
    str_format(o->trouble, sizeof(o->trouble), "%s; the last good one stays", text);
    log_error("the changed configuration of the server is not used", LOG_C("path", o->path),
              LOG_C("reason", o->trouble));
    told_config_rejected(o->c, o->trouble);
}

/* ---- the one that is kept ---- */

void own_keep(struct own *o)
{
    struct buf all = {0};

    if (str_eq(buf_str(&o->good), buf_str(&o->kept)))
        return;
    kept_print(o->path, buf_str(&o->good), &all);
    int r = files_keep(o->c->files, o->kept_path, &all);
    if (r < 0) {
        log_warning("cannot keep what is good: a later start may want it",
                    LOG_C("path", o->kept_path), LOG_ERR(r));
        return;
    }
    buf_reset(&o->kept);
    buf_add_str(&o->kept, buf_str(&o->good));
}

bool own_fall_back(struct own *o, const char *why)
{
    struct corefile_found found;

    if (o->kept.n == 0 || str_eq(buf_str(&o->kept), buf_str(&o->good)) ||
        check(o, buf_str(&o->kept), &found, NULL) < 0)
        return false;
    buf_reset(&o->good);
    buf_add_str(&o->good, buf_str(&o->kept));
    o->found = found;
    note(o);
    complain(o, why);
    return true;
}

/* ---- new and free ---- */

static int read_first(struct own *o, struct problem *p)
{
    int r = corefile_source_read(o->path, &o->source, p);

    if (r < 0)
        return r;
    o->seen = hash128(o->source.text.p, o->source.text.n);
    buf_add_str(&o->good, buf_str(&o->source.text));
    return o->good.error < 0 ? problem_set(p, -ENOMEM, NULL, "no memory")
                             : check(o, buf_str(&o->good), &o->found, p);
}

int own_new(struct controller *c, const char *path, struct own **ret_own,
            struct problem *ret_problem)
{
    const char *slash = strrchr(path, '/');
    struct problem problem;

    struct own *o = calloc(1, sizeof(*o));
    if (!o)
        return problem_set(ret_problem, -ENOMEM, NULL, "no memory");
    o->c = c;
    o->path = str_dup(str_c(path));
    o->folder = str_dup(slash == path ? STR("/") : (struct str){path, (size_t)(slash - path)});
    o->kept_path = kept_path(c->data);
    int r = o->path && o->folder && o->kept_path
                ? read_first(o, &problem)
                : problem_set(&problem, -ENOMEM, NULL, "no memory");
    if (r != -ENOMEM)
        kept_read(o->kept_path, o->path, &o->kept);
    if (r < 0 && r != -ENOMEM && own_fall_back(o, problem.detail))
        r = 0;
    if (r < 0) {
        *ret_problem = problem;
        own_free(o);
        return r;
    }
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
    buf_free(&o->kept);
    corefile_source_free(&o->source);
    free(o->path);
    free(o->folder);
    free(o->kept_path);
    free(o);
}

const char *own_path(const struct own *o)
{
    return o->path;
}

const char *own_folder(const struct own *o)
{
    return access(o->folder, X_OK) == 0 ? o->folder : NULL;
}

int own_watch(struct own *o)
{
    const char *const *files = (const char *const *)o->source.files;
    const unsigned n = o->source.nfiles;

    return watcher_set_paths(o->c->watcher, o->c->nzones, n > 0 ? files : (const char *[]){o->path},
                             n > 0 ? n : 1);
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

/* ---- the server's words ---- */

/* Behind the copy's path: ":LINE". How long that is; 0: it is none. */
static size_t line_of(struct str text, unsigned *ret_line)
{
    size_t n = 1;
    uint64_t line;

    if (text.n < 2 || text.p[0] != ':')
        return 0;
    while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
        n++;
    if (str_u64((struct str){text.p + 1, n - 1}, UINT32_MAX, &line) < 0)
        return 0;
    *ret_line = (unsigned)line;
    return n;
}

bool own_words(const struct own *o, const char *path, struct str words, struct buf *out)
{
    const size_t size = strlen(path);
    unsigned line, of_file;
    bool there = true;

    while (words.n > 0) {
        const char *at = memmem(words.p, words.n, path, size);
        size_t n = at ? (size_t)(at - words.p) : words.n;
        buf_add_str(out, (struct str){words.p, n});
        words = (struct str){words.p + n, words.n - n};
        if (!at)
            break;
        words = (struct str){words.p + size, words.n - size};
        n = line_of(words, &line);
        const char *file = n > 0 ? corefile_source_place(&o->source, line, &of_file) : NULL;
        there = there && (n == 0 || file);
        if (file)
            buf_addf(out, "%s:%u", file, of_file);
        else
            buf_addf(out, "%s", o->path);
        words = file ? (struct str){words.p + n, words.n - n} : words;
    }
    return there;
}

/* ---- a change of it ---- */

static int check_trial(struct own *o, struct problem *p)
{
    int r = check(o, buf_str(&o->trial), &o->trial_found, p);

    if (r < 0)
        return r;
    if (o->trial_found.probe == o->found.probe && o->trial_found.nsid == o->found.nsid)
        return 0;
    return problem_set(p, -BD_EINVALID, NULL,
                       "%s has another `bind` or `nsid` for our zones than at our start: send "
                       "betterdns SIGHUP for that",
                       o->path);
}

/* Is it another one than was read last? Then o->source is that. */
static bool read_again(struct own *o)
{
    struct corefile_source source;
    struct problem p = {0};

    int r = corefile_source_read(o->path, &source, &p);
    if (r < 0 && r != -BD_EINVALID) /* being replaced, perhaps: there is another look soon */
        return false;
    const struct hash128 hash =
        r < 0 ? hash128(p.detail, strlen(p.detail)) : hash128(source.text.p, source.text.n);
    const bool same = hash128_eq(&hash, &o->seen);
    o->seen = hash;
    if (r < 0) {
        if (!same)
            complain(o, p.detail);
        return false;
    }
    if (!same) {
        struct corefile_source old = o->source;
        o->source = source;
        source = old;
        if (own_watch(o) < 0)
            o->seen = (struct hash128){0}; /* no memory: once more */
    }
    corefile_source_free(&source);
    return !same;
}

void own_look(struct own *o)
{
    struct problem p = {0};

    o->again = o->trying && o->revision != 0;
    if (o->again || !read_again(o))
        return;
    buf_reset(&o->trial);
    buf_add_str(&o->trial, buf_str(&o->source.text));
    if (o->trial.error) {
        buf_free(&o->trial);
        o->seen = (struct hash128){0};
        return;
    }
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
    o->renewed = true;
    note(o);
    if (o->found.nsid) /* else nobody has seen that it is */
        own_keep(o);
    log_info("the server's configuration was changed", LOG_C("path", o->path));
}

bool own_renewed(struct own *o)
{
    const bool renewed = o->renewed;

    o->renewed = false;
    return renewed;
}

void own_refused(struct own *o)
{
    if (!o->trying || o->revision == 0)
        return;
    o->trying = false;
    o->asks = true;
}

bool own_asks_why(struct own *o, const char *probe, struct buf *out)
{
    if (!o->asks)
        return false;
    o->asks = false;
    corefile_fill(buf_str(&o->trial), probe, "x", out);
    buf_addf(out, "%s", o->c->kind->refused);
    return true;
}

void own_told_why(struct own *o, const char *path, struct str words)
{
    struct buf said = {0};

    /* Another one was read since: then it is about that. */
    if (o->trying || !str_eq(buf_str(&o->trial), buf_str(&o->source.text)))
        return;
    const bool known = words.n > 0 && own_words(o, path, words, &said);
    if (!known) {
        buf_reset(&said);
        buf_addf(&said, "%s refused %s as it is now (its own log says why)", o->c->kind->name,
                 o->path);
    }
    buf_add_c(&said, '\0');
    if (!said.error)
        complain(o, said.p);
    buf_free(&said);
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
    own_keep(o);
    complain(o, "the server did not start with its new configuration");
}

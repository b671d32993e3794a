/* The records of a people's file, and the files that it includes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <betterdns/error.h>
#include <betterdns/log.h>

#include "people/people.h"
#include "watcher.h"

/* ---- the files that it includes ---- */

/* $INCLUDE is rare: a text without it needs no parse to be known again. */
static bool includes_others(struct str text)
{
    static const struct str word = {"$INCLUDE", 8};
    const char *end = text.p + text.n;

    for (const char *p = text.p; p && p < end; p++) {
        p = memchr(p, '$', (size_t)(end - p));
        if (!p)
            return false;
        if ((size_t)(end - p) >= word.n && str_eq_fold((struct str){p, word.n}, word))
            return true;
    }
    return false;
}

static int read_included(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    struct people_parsing *g = arg;

    int r = includes_read(g->includes, name, depth, ret_source);
    if (r == 0) {
        const struct str text = ret_source->text;
        const struct hash128 hash = hash128(text.p ? text.p : "", text.n);
        hash128_add(&g->others, hash.b, sizeof(hash.b));
    }
    return r;
}

int people_parsing_open(const struct people *p, struct people_parsing *g)
{
    const struct ctl_zone *z = people_zone(p);

    *g = (struct people_parsing){.options = {.origin = z->origin, .default_ttl = z->ttl}};
    int r = includes_new(z->file, &g->includes);
    if (r < 0)
        return r;
    hash128_start(&g->others);
    g->options.include = read_included;
    g->options.include_arg = g;
    return 0;
}

void people_parsing_close(struct people_parsing *g)
{
    includes_free(g->includes);
    g->includes = NULL;
}

struct hash128 people_content(struct people_parsing *g, const struct hash128 *plain)
{
    if (includes_count(g->includes) == 0)
        return *plain;
    hash128_add(&g->others, plain->b, sizeof(plain->b));
    return hash128_end(&g->others);
}

/* ---- records ---- */

struct report {
    const char *path;
    struct faults *faults, *warnings;
};

static void on_error(void *arg, const struct zp_error *e)
{
    struct report *r = arg;
    struct faults *to = e->warning ? r->warnings : r->faults;
    char message[sizeof(struct lex_error)]; /* of which both are */

    snprintf(message, sizeof(message), "%s%s%s%s", e->message, e->hint ? " (" : "",
             e->hint ? e->hint : "", e->hint ? ")" : "");
    if (to)
        faults_add(to, e->file ? e->file : r->path, e->line, e->column, message);
}

int people_parse(const struct people *p, struct str text, struct faults *faults,
                 struct faults *warnings, struct people_parsed *ret_parsed)
{
    struct report report = {people_zone(p)->file, faults, warnings};
    struct people_parsed parsed = {.zone = NULL};

    int r = people_parsing_open(p, &parsed.parsing);
    if (r < 0)
        return r;
    parsed.parsing.options.on_error = on_error;
    parsed.parsing.options.error_arg = &report;
    /* The callbacks' argument is where it stays for the parse. */
    parsed.parsing.options.include_arg = &parsed.parsing;
    r = zp_zone_load(text, &parsed.parsing.options, &parsed.zone);
    if (r < 0)
        people_parsing_close(&parsed.parsing);
    else
        *ret_parsed = parsed;
    return r;
}

void people_parsed_free(struct people_parsed *parsed)
{
    zp_zone_free(parsed->zone);
    people_parsing_close(&parsed->parsing);
}

/* ---- looking after what it includes ---- */

static void free_included(struct people_included *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(list[i].path);
    free(list);
}

void people_free_included(struct people *p)
{
    free_included(p->included, p->nincluded);
    p->included = NULL;
    p->nincluded = 0;
}

static bool same_files(const struct people *p, const struct includes *in)
{
    if (p->nincluded != includes_count(in))
        return false;
    for (size_t i = 0; i < p->nincluded; i++)
        if (strcmp(p->included[i].path, includes_path(in, i)) != 0)
            return false;
    return true;
}

static int watch(struct people *p)
{
    const char **paths = calloc(p->nincluded + 1, sizeof(*paths));

    p->unwatched = true;
    if (!paths)
        return -ENOMEM;
    paths[0] = people_zone(p)->file;
    for (size_t i = 0; i < p->nincluded; i++)
        paths[i + 1] = p->included[i].path;
    int r = watcher_set_paths(p->c->watcher, p->zone, paths, p->nincluded + 1);
    p->unwatched = r < 0;
    free(paths);
    return r;
}

static int note_files(struct people *p, const struct includes *in)
{
    size_t n = includes_count(in);

    if (same_files(p, in))
        return p->unwatched ? watch(p) : 0;
    struct people_included *list = calloc(n + 1, sizeof(*list));
    if (!list)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        list[i].path = str_dup(str_c(includes_path(in, i)));
        if (!list[i].path) {
            free_included(list, i);
            return -ENOMEM;
        }
    }
    people_free_included(p);
    p->included = list;
    p->nincluded = n;
    return watch(p);
}

/* As the file itself: not while somebody writes it. What cannot be read is the parser's to say. */
static int settle_one(struct people_included *one, const char *dir, uint64_t *again_ns)
{
    size_t n = strlen(dir);
    bool below = strncmp(one->path, dir, n) == 0 && one->path[n] == '/';
    struct save_fault fault;
    struct save_text text = {.leased = false};

    /* Not below it: the directory is another one by now. */
    int r = below ? save_read_below(&one->reader, dir, one->path + n + 1, &text, again_ns, &fault)
                  : -ENOENT;
    if (r == -EAGAIN)
        return r;
    one->there = r == 0;
    if (r == 0)
        one->stat = text.stat;
    else
        one->there = people_stat(one->path, &one->stat) == 0;
    buf_free(&text.text);
    return 0;
}

/* The fence of what it may include; without its final slash. To be freed. */
static char *directory(const struct people *p)
{
    const char *file = people_zone(p)->file, *slash = strrchr(file, '/');
    char *dir = str_dup(slash ? (struct str){file, (size_t)(slash - file) + 1} : STR("."));
    char *absolute = dir ? realpath(dir, NULL) : NULL;

    free(dir);
    if (absolute && strcmp(absolute, "/") == 0)
        absolute[0] = '\0';
    return absolute;
}

bool people_included_moved(const struct people *p)
{
    struct people_stat st;

    for (size_t i = 0; i < p->nincluded; i++) {
        const struct people_included *one = &p->included[i];
        bool there = people_stat(one->path, &st) == 0;
        if (there != one->there || (there && !people_stat_eq(&st, &one->stat)))
            return true;
    }
    return false;
}

static int settle_files(struct people *p, uint64_t *again_ns)
{
    char *dir = directory(p); /* gone by now: then they are, too */
    int r = 0;

    for (size_t i = 0; r == 0 && i < p->nincluded; i++)
        r = settle_one(&p->included[i], dir ? dir : "", again_ns);
    free(dir);
    return r;
}

/* Finds out which they are, waits for their writers, and reads what they hold then. */
static int read_all(struct people *p, struct str text, const struct hash128 *plain,
                    struct hash128 *ret_content, uint64_t *again_ns)
{
    struct people_parsing g;
    struct zp_zone *zone = NULL;

    int r = people_parsing_open(p, &g);
    if (r < 0)
        return r;
    r = zp_zone_load(text, &g.options, &zone);
    bool known = same_files(p, g.includes);
    if (r != -ENOMEM)
        r = note_files(p, g.includes);
    if (r == 0 && known)
        *ret_content = people_content(&g, plain);
    zp_zone_free(zone);
    people_parsing_close(&g);
    if (r == 0 && !known)
        r = settle_files(p, again_ns);
    return r == 0 && !known ? 1 : r;
}

int people_read_included(struct people *p, struct str text, const struct hash128 *plain,
                         struct hash128 *ret_content, uint64_t *again_ns)
{
    if (!includes_others(text)) {
        bool stale = p->nincluded > 0 || p->unwatched;
        people_free_included(p);
        *ret_content = *plain;
        return stale ? watch(p) : 0;
    }
    int r = settle_files(p, again_ns);
    /* 1: others than it had before, which have been waited for by now. */
    for (unsigned i = 0; r == 0 && i < 3; i++) {
        r = read_all(p, text, plain, ret_content, again_ns);
        if (r == 0)
            return 0;
        r = r == 1 ? 0 : r;
    }
    *again_ns = clock_deadline(NS_PER_S);
    return r < 0 ? r : -EAGAIN;
}

/* ---- what two texts ask for ---- */

static bool same_marker(struct str a, struct str b)
{
    struct hash128 hash_a = {{0}}, hash_b = {{0}};
    uint64_t seq_a = 0, seq_b = 0;
    int r = zp_find_marker(a, &seq_a, &hash_a);

    return zp_find_marker(b, &seq_b, &hash_b) == r && seq_a == seq_b &&
           hash128_eq(&hash_a, &hash_b);
}

static bool same_rrset(const struct zp_zone *a, const struct zp_zone *b, size_t i)
{
    struct dname owner_a, owner_b;
    struct rdset rdatas_a, rdatas_b;
    uint16_t type_a, type_b;
    uint32_t ttl_a, ttl_b;

    zp_zone_rrset(a, i, &owner_a, &type_a, &ttl_a, &rdatas_a);
    zp_zone_rrset(b, i, &owner_b, &type_b, &ttl_b, &rdatas_b);
    return type_a == type_b && ttl_a == ttl_b && rdatas_a.n == rdatas_b.n &&
           dname_eq(&owner_a, &owner_b) && memcmp(rdatas_a.p, rdatas_b.p, rdatas_a.n) == 0;
}

bool people_ask_the_same(const struct people *p, struct str a, struct str b)
{
    struct people_parsed parsed_a, parsed_b;

    if (!same_marker(a, b) || people_parse(p, a, NULL, NULL, &parsed_a) < 0)
        return false;
    bool same = people_parse(p, b, NULL, NULL, &parsed_b) == 0;
    if (same) {
        size_t n = zp_zone_nrrsets(parsed_a.zone);
        same = zp_zone_nrrsets(parsed_b.zone) == n;
        for (size_t i = 0; same && i < n; i++)
            same = same_rrset(parsed_a.zone, parsed_b.zone, i);
        people_parsed_free(&parsed_b);
    }
    people_parsed_free(&parsed_a);
    return same;
}

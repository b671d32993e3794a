/* The Corefile's syntax, as far as it concerns us: tokens, server blocks, and four directives. */
#include "corefile.h"

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/duration.h>
#include <betterdns/sockaddr.h>

#include "corefile_words.h"

#define PORT_DEFAULT 53U
#define POLL_MOST_MS 2000U
#define LABELS_MAX 64U
#define IMPORTS_MAX 8 /* deep */

/* ---- names ---- */

static struct str without_dot(struct str s)
{
    if (s.n > 1 && s.p[s.n - 1] == '.')
        s.n--;
    return s;
}

static bool same_name(struct str a, struct str b)
{
    a = without_dot(a);
    b = without_dot(b);
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower((unsigned char)a.p[i]) != ascii_lower((unsigned char)b.p[i]))
            return false;
    return true;
}

static bool is_at_or_above(struct str label, struct str zone)
{
    label = without_dot(label);
    zone = without_dot(zone);
    if (str_eq(label, STR(".")) || same_name(label, zone))
        return true;
    if (zone.n <= label.n + 1 || zone.p[zone.n - label.n - 1] != '.')
        return false;
    return same_name(label, (struct str){zone.p + zone.n - label.n, label.n});
}

/* "dns://lab.example:53,": the name, where it is plain DNS on that port; n 0 else. */
static struct str name_of(struct str label, unsigned port)
{
    const struct str none = {NULL, 0}, scheme = STR("dns://");
    uint64_t number = PORT_DEFAULT;

    if (label.n > 0 && label.p[label.n - 1] == ',')
        label.n--;
    if (str_starts(label, scheme))
        label = (struct str){label.p + scheme.n, label.n - scheme.n};
    else if (label.n > 0 && memmem(label.p, label.n, "://", 3))
        return none;
    const char *colon = label.n > 0 ? memrchr(label.p, ':', label.n) : NULL;
    if (colon) {
        size_t n = (size_t)(colon - label.p);
        if (str_u64((struct str){colon + 1, label.n - n - 1}, 65535, &number) < 0)
            return none;
        label.n = n;
    }
    return number == port ? label : none;
}

/* ---- a block ---- */

/* What is looked for: one zone. */
struct search {
    struct str text; /* of the whole file */
    const struct corefile_facts *facts;
    const struct server_zone *zone;
    bool label_is_zone;
    struct str root; /* of the block */

    bool file, probe, nsid, polls; /* found */
};

/* "FOLDER/NAME" as CoreDNS understands a path: from the block's root, and that from the folder of
 * the Corefile. */
static void add_folder(const struct search *s, struct str token, struct buf *out)
{
    const char *file = s->facts->path;
    const bool in_root = s->root.n > 0 && token.p[0] != '/';

    if (token.p[0] != '/' && !(in_root && s->root.p[0] == '/'))
        buf_addf(out, "%.*s/", (int)(strrchr(file, '/') - file), file);
    if (in_root)
        buf_addf(out, "%.*s/", STR_ARG(s->root));
    buf_add_str(out, token);
}

/* The same file, whatever way leads to its directory? */
static bool is_live_copy(const struct search *s, struct str token)
{
    const char *live = s->zone->path, *name = strrchr(live, '/');
    struct buf path = {0};
    bool same = false;

    if (str_eq(token, str_c(live)))
        return true;
    if (token.n == 0 || !name)
        return false;
    add_folder(s, token, &path);
    if (str_ends(buf_str(&path), str_c(name))) {
        path.n -= strlen(name);
        buf_add_c(&path, '\0');
        char *found = path.error ? NULL : realpath(path.p, NULL);
        same = found && strlen(found) == (size_t)(name - live) &&
               memcmp(found, live, (size_t)(name - live)) == 0;
        free(found);
    }
    buf_free(&path);
    return same;
}

/* "reload 100ms" in the braces of `file`; without it CoreDNS takes a minute. */
static bool polls(struct str body)
{
    struct corefile_words r = {.text = body, .rest = body};
    struct corefile_word w;
    uint64_t ms;

    while (corefile_next(&r, &w))
        if (corefile_is(&w, "reload") && corefile_next(&r, &w))
            return duration_parse(w.text, &ms) == 0 && ms > 0 && ms <= POLL_MOST_MS;
    return false;
}

/* file PATH [ZONE…] [{ … }] */
static void see_file(struct search *s, struct corefile_words *r)
{
    struct corefile_words ahead = *r;
    struct corefile_word w;
    bool mine = s->label_is_zone, path, named = false;
    struct str body = {NULL, 0};

    if (!corefile_next(&ahead, &w) || w.first)
        return;
    path = is_live_copy(s, w.text);
    for (*r = ahead; corefile_next(&ahead, &w) && !w.first; *r = ahead) {
        if (corefile_is(&w, "{")) {
            body = corefile_body(&ahead);
            *r = ahead;
            break;
        }
        mine = named ? mine : false;
        named = true;
        mine = mine || same_name(w.text, str_c(s->zone->name));
    }
    if (!path || !mine || s->file)
        return;
    s->file = true;
    s->polls = polls(body);
}

static void see_root(struct search *s, struct corefile_words *r)
{
    struct corefile_words ahead = *r;
    struct corefile_word w;

    if (!corefile_next(&ahead, &w) || w.first)
        return;
    s->root = w.text;
    *r = ahead;
}

/* The words of a line. */
static bool has_word(struct corefile_words *r, const char *wanted)
{
    struct corefile_words ahead = *r;
    struct corefile_word w;
    bool found = false;

    while (corefile_next(&ahead, &w) && !w.first && !corefile_is(&w, "{")) {
        found = found || corefile_is(&w, wanted);
        *r = ahead;
    }
    return found;
}

static void see_body(struct search *s, struct str body, int deep)
{
    struct corefile_words r = {.text = body, .rest = body};
    struct corefile_word w;

    while (corefile_next(&r, &w)) {
        if (corefile_is(&w, "{"))
            corefile_body(&r);
        else if (corefile_is(&w, "root"))
            see_root(s, &r);
        else if (corefile_is(&w, "file"))
            see_file(s, &r);
        else if (corefile_is(&w, "bind"))
            s->probe = has_word(&r, COREFILE_PROBE) || s->probe;
        else if (corefile_is(&w, "nsid"))
            s->nsid = has_word(&r, COREFILE_NSID) || s->nsid;
        else if (corefile_is(&w, "import") && deep < IMPORTS_MAX && corefile_next(&r, &w))
            see_body(s, corefile_snippet(s->text, w.text), deep + 1);
        else
            has_word(&r, "");
    }
}

/* ---- the file ---- */

/* The next server block: does one of its labels lead to the zone? False at the end. */
static bool next_block(struct search *s, struct corefile_words *r, bool *ret_leads,
                       struct str *ret_body)
{
    const unsigned port = sockaddr_port(s->facts->listen);
    struct str zone = str_c(s->zone->name);
    struct corefile_word w;

    *ret_leads = s->label_is_zone = false;
    while (corefile_next(r, &w)) {
        if (corefile_is(&w, "{")) {
            *ret_body = corefile_body(r);
            return true;
        }
        struct str name = name_of(w.text, port);
        if (name.n == 0)
            continue;
        *ret_leads = *ret_leads || is_at_or_above(name, zone);
        s->label_is_zone = s->label_is_zone || same_name(name, zone);
    }
    return false;
}

/* In the first block that has its file. */
static void find_zone(struct search *s)
{
    struct corefile_words r = {.text = s->text, .rest = s->text};
    struct str body;
    bool leads;

    while (!s->file && next_block(s, &r, &leads, &body)) {
        s->probe = s->nsid = false;
        s->root = (struct str){NULL, 0};
        if (leads)
            see_body(s, body, 0);
        if (leads && !s->file && s->root.n > 0) /* it may stand behind the file */
            see_body(s, body, 0);
    }
}

static int missing(const struct corefile_facts *f, const struct server_zone *z, struct problem *p)
{
    problem_set(p, -BD_EINVALID, "corefile", "%s has no block for %s on port %u with 'file %s'",
                f->path, z->name, sockaddr_port(f->listen), z->path);
    if (p)
        problem_hint(p, "%s:%u { bind … %s; nsid %s; file %s { reload 100ms } }, each on a line",
                     z->name, sockaddr_port(f->listen), COREFILE_PROBE, COREFILE_NSID, z->path);
    return -BD_EINVALID;
}

int corefile_check(struct str text, const struct corefile_facts *facts,
                   struct corefile_found *ret_found, struct problem *ret_problem)
{
    struct corefile_found all = {.probe = true, .nsid = true, .polls = true};

    for (unsigned i = 0; i < facts->nzones; i++) {
        struct search s = {.text = text, .facts = facts, .zone = &facts->zones[i]};
        find_zone(&s);
        if (!s.file)
            return missing(facts, s.zone, ret_problem);
        if (all.lacks[0] == '\0' && (!s.probe || !s.nsid))
            snprintf(all.lacks, sizeof(all.lacks), "the Corefile's block for %.60s has no '%s'",
                     s.zone->name, !s.probe ? "bind … " COREFILE_PROBE : "nsid " COREFILE_NSID);
        all.probe = all.probe && s.probe;
        all.nsid = all.nsid && s.nsid;
        all.polls = all.polls && s.polls;
    }
    *ret_found = all;
    return 0;
}

void corefile_fill(struct str text, const char *probe, const char *nsid, struct buf *out)
{
    const struct {
        struct str word;
        const char *value;
    } words[] = {{STR(COREFILE_PROBE), probe}, {STR(COREFILE_NSID), nsid}};

    while (text.n > 0) {
        const char *brace = memchr(text.p, '{', text.n);
        size_t n = brace ? (size_t)(brace - text.p) : text.n;
        buf_add_str(out, (struct str){text.p, n});
        text = (struct str){text.p + n, text.n - n};
        size_t taken = text.n > 0;
        for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
            if (!str_starts(text, words[i].word))
                continue;
            buf_addf(out, "%s", words[i].value);
            taken = words[i].word.n;
        }
        if (taken == 1)
            buf_add_c(out, '{');
        text = (struct str){text.p + taken, text.n - taken};
    }
}

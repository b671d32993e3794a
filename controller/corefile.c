/* The Corefile's syntax, as far as it concerns us: tokens, server blocks, and four directives. */
#include "corefile.h"

#include <stdio.h>
#include <stdlib.h>

#include <betterdns/duration.h>
#include <betterdns/sockaddr.h>

#define PORT_DEFAULT 53U
#define POLL_MOST_MS 2000U
#define LABELS_MAX 64U
#define IMPORTS_MAX 8 /* deep */

/* ---- tokens ---- */

struct reader {
    struct str text, rest;
};

struct word {
    struct str text;
    bool first; /* of its line */
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Passes blanks and comments; did a line end? */
static bool skip(struct reader *r)
{
    bool line = r->rest.p == r->text.p;

    while (r->rest.n > 0) {
        const char c = *r->rest.p;
        if (c == '#') {
            const char *end = memchr(r->rest.p, '\n', r->rest.n);
            size_t n = end ? (size_t)(end - r->rest.p) : r->rest.n;
            r->rest = (struct str){r->rest.p + n, r->rest.n - n};
            continue;
        }
        if (!is_blank(c))
            break;
        line = line || c == '\n';
        r->rest = (struct str){r->rest.p + 1, r->rest.n - 1};
    }
    return line;
}

/* False at the end. A quoted word comes without its quotes; escapes are left in it. */
static bool next(struct reader *r, struct word *ret_word)
{
    bool first = skip(r);
    size_t n = 0, most = r->rest.n;
    const char *p = r->rest.p;

    if (most == 0)
        return false;
    if (*p == '"') {
        for (n = 1; n < most && p[n] != '"'; n++)
            if (p[n] == '\\' && n + 1 < most)
                n++;
        *ret_word = (struct word){.text = {p + 1, n - 1}, .first = first};
        n += n < most;
    } else {
        while (n < most && !is_blank(p[n]))
            n++;
        *ret_word = (struct word){.text = {p, n}, .first = first};
    }
    r->rest = (struct str){p + n, most - n};
    return true;
}

static bool is(const struct word *w, const char *text)
{
    return str_eq(w->text, str_c(text));
}

/* Behind the '{' that was read, to its '}'. */
static struct str take_body(struct reader *r)
{
    struct str body = r->rest;
    struct word w;
    unsigned depth = 1;

    while (depth > 0) {
        const char *before = r->rest.p;
        if (!next(r, &w))
            return body;
        depth += is(&w, "{");
        depth -= is(&w, "}");
        if (depth == 0)
            body.n = (size_t)(before - body.p);
    }
    return body;
}

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

    bool file, probe, nsid, polls; /* found */
};

/* The same file, whatever way leads to its directory? */
static bool is_live_copy(struct str token, const char *live)
{
    char path[4096], *found;
    const char *name = strrchr(live, '/');

    if (str_eq(token, str_c(live)))
        return true;
    if (token.n >= sizeof(path) || !name || !str_ends(token, str_c(name)))
        return false;
    memcpy(path, token.p, token.n - strlen(name));
    path[token.n - strlen(name)] = '\0';
    found = realpath(path, NULL);
    bool same = found && strlen(found) == (size_t)(name - live) &&
                memcmp(found, live, (size_t)(name - live)) == 0;
    free(found);
    return same;
}

/* "reload 100ms" in the braces of `file`; without it CoreDNS takes a minute. */
static bool polls(struct str body)
{
    struct reader r = {.text = body, .rest = body};
    struct word w;
    uint64_t ms;

    while (next(&r, &w))
        if (is(&w, "reload") && next(&r, &w))
            return duration_parse(w.text, &ms) == 0 && ms > 0 && ms <= POLL_MOST_MS;
    return false;
}

/* file PATH [ZONE…] [{ … }] */
static void see_file(struct search *s, struct reader *r)
{
    struct reader ahead = *r;
    struct word w;
    bool mine = s->label_is_zone, path, named = false;
    struct str body = {NULL, 0};

    if (!next(&ahead, &w) || w.first)
        return;
    path = is_live_copy(w.text, s->zone->path);
    for (*r = ahead; next(&ahead, &w) && !w.first; *r = ahead) {
        if (is(&w, "{")) {
            body = take_body(&ahead);
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

/* The words of a line. */
static bool has_word(struct reader *r, const char *wanted)
{
    struct reader ahead = *r;
    struct word w;
    bool found = false;

    while (next(&ahead, &w) && !w.first && !is(&w, "{")) {
        found = found || is(&w, wanted);
        *r = ahead;
    }
    return found;
}

static struct str find_snippet(struct str text, struct str name)
{
    struct reader r = {.text = text, .rest = text};
    struct word w, brace;

    while (next(&r, &w)) {
        if (is(&w, "{")) {
            take_body(&r);
            continue;
        }
        bool same = w.text.n == name.n + 2 && w.text.p[0] == '(' &&
                    memcmp(w.text.p + 1, name.p, name.n) == 0;
        struct reader ahead = r;
        if (same && next(&ahead, &brace) && is(&brace, "{"))
            return take_body(&ahead);
    }
    return (struct str){NULL, 0};
}

static void see_body(struct search *s, struct str body, int deep)
{
    struct reader r = {.text = body, .rest = body};
    struct word w;

    while (next(&r, &w)) {
        if (is(&w, "{"))
            take_body(&r);
        else if (is(&w, "file"))
            see_file(s, &r);
        else if (is(&w, "bind"))
            s->probe = has_word(&r, COREFILE_PROBE) || s->probe;
        else if (is(&w, "nsid"))
            s->nsid = has_word(&r, COREFILE_NSID) || s->nsid;
        else if (is(&w, "import") && deep < IMPORTS_MAX && next(&r, &w))
            see_body(s, find_snippet(s->text, w.text), deep + 1);
        else
            has_word(&r, "");
    }
}

/* ---- the file ---- */

/* The next server block: does one of its labels lead to the zone? False at the end. */
static bool next_block(struct search *s, struct reader *r, bool *ret_leads, struct str *ret_body)
{
    const unsigned port = sockaddr_port(s->facts->listen);
    struct str zone = str_c(s->zone->name);
    struct word w;

    *ret_leads = s->label_is_zone = false;
    while (next(r, &w)) {
        if (is(&w, "{")) {
            *ret_body = take_body(r);
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
    struct reader r = {.text = s->text, .rest = s->text};
    struct str body;
    bool leads;

    while (!s->file && next_block(s, &r, &leads, &body)) {
        s->probe = s->nsid = false;
        if (leads)
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

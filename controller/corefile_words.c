/* The words of a Corefile, as CoreDNS finds them. */
#include "corefile_words.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Passes blanks and comments; did a line end? */
static bool skip(struct corefile_words *r)
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

bool corefile_next(struct corefile_words *r, struct corefile_word *ret_word)
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
        *ret_word = (struct corefile_word){.text = {p + 1, n - 1}, .at = p, .first = first};
        n += n < most;
    } else {
        while (n < most && !is_blank(p[n]) && p[n] != '#')
            n++;
        *ret_word = (struct corefile_word){.text = {p, n}, .at = p, .first = first};
    }
    r->rest = (struct str){p + n, most - n};
    return true;
}

bool corefile_is(const struct corefile_word *w, const char *text)
{
    return str_eq(w->text, str_c(text));
}

struct str corefile_body(struct corefile_words *r)
{
    struct str body = r->rest;
    struct corefile_word w;
    unsigned depth = 1;

    while (depth > 0) {
        const char *before = r->rest.p;
        if (!corefile_next(r, &w))
            return body;
        depth += corefile_is(&w, "{");
        depth -= corefile_is(&w, "}");
        if (depth == 0)
            body.n = (size_t)(before - body.p);
    }
    return body;
}

struct str corefile_snippet(struct str text, struct str name)
{
    struct corefile_words r = {.text = text, .rest = text};
    struct corefile_word w, brace;

    while (corefile_next(&r, &w)) {
        if (corefile_is(&w, "{")) {
            corefile_body(&r);
            continue;
        }
        bool same = w.text.n == name.n + 2 && w.text.p[0] == '(' && w.text.p[name.n + 1] == ')' &&
                    memcmp(w.text.p + 1, name.p, name.n) == 0;
        struct corefile_words ahead = r;
        if (same && corefile_next(&ahead, &brace) && corefile_is(&brace, "{"))
            return corefile_body(&ahead);
    }
    return (struct str){NULL, 0};
}

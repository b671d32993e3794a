/* Globs, with one place to go back to: fnmatch(3) takes exponential time for patterns of many
 * stars. */
#include <betterdns/glob.h>

struct members {
    size_t first, end; /* of the members in the pattern; end is the ']' */
    bool negated;
};

static bool find_class(struct str pattern, size_t at, struct members *ret_members)
{
    struct members c = {.first = at + 1};

    if (c.first < pattern.n && (pattern.p[c.first] == '!' || pattern.p[c.first] == '^')) {
        c.negated = true;
        c.first++;
    }
    /* A ']' in the first place is a member. */
    for (c.end = c.first + 1; c.end < pattern.n; c.end++) {
        if (pattern.p[c.end] == ']') {
            *ret_members = c;
            return true;
        }
    }
    return false;
}

static bool in_class(struct str pattern, const struct members *m, unsigned char c)
{
    bool found = false;

    for (size_t i = m->first; i < m->end; i++) {
        unsigned char low = ascii_lower((unsigned char)pattern.p[i]), high = low;
        if (i + 2 < m->end && pattern.p[i + 1] == '-') {
            high = ascii_lower((unsigned char)pattern.p[i + 2]);
            i += 2;
        }
        found |= c >= low && c <= high;
    }
    return found != m->negated;
}

/* Does the one-octet element at *at match c? Then *at moves behind it. */
static bool match_one(struct str pattern, size_t *at, unsigned char c)
{
    struct members m;
    unsigned char p = (unsigned char)pattern.p[*at];

    if (p == '?') {
        *at += 1;
        return true;
    }
    if (p == '[' && find_class(pattern, *at, &m)) {
        if (!in_class(pattern, &m, c))
            return false;
        *at = m.end + 1;
        return true;
    }
    size_t n = p == '\\' && *at + 1 < pattern.n ? 2 : 1;
    if (ascii_lower((unsigned char)pattern.p[*at + n - 1]) != c)
        return false;
    *at += n;
    return true;
}

bool glob_match(struct str pattern, struct str text)
{
    size_t p = 0, t = 0;
    size_t star = SIZE_MAX, star_text = 0; /* behind the last '*', and what it has eaten up to */

    while (t < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = ++p;
            star_text = t;
        } else if (p < pattern.n && match_one(pattern, &p, ascii_lower((unsigned char)text.p[t]))) {
            t++;
        } else if (star != SIZE_MAX) {
            p = star;
            t = ++star_text;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

bool glob_match_name(struct str pattern, const struct dname *name, const struct dname *apex)
{
    char text[DNAME_TEXT_MAX];
    size_t n = dname_to_text(name, text);

    if (glob_match(pattern, (struct str){text, n}) ||
        glob_match(pattern, (struct str){text, n - 1}))
        return true;
    n = dname_to_text_below(name, apex, text);
    return glob_match(pattern, (struct str){text, n});
}

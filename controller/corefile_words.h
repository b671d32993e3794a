/* The words of a Corefile: what CoreDNS calls tokens. */
#ifndef CONTROLLER_COREFILE_WORDS_H
#define CONTROLLER_COREFILE_WORDS_H

#include <betterdns/str.h>

struct corefile_words {
    struct str text, rest;
};

struct corefile_word {
    struct str text; /* without its quotes; escapes are left in it */
    const char *at;  /* where it begins, quotes included */
    bool first;      /* of its line */
};

/* False at the end. */
bool corefile_next(struct corefile_words *r, struct corefile_word *ret_word);
bool corefile_is(const struct corefile_word *w, const char *text);
/* Behind the '{' that was read, to its '}'. */
struct str corefile_body(struct corefile_words *r);
/* The body of "(NAME) { … }"; p is NULL: there is none. */
struct str corefile_snippet(struct str text, struct str name);

#endif

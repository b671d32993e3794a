/* Whether the comments of a text stand in the zone's file, too: records are in the zone, and come
 * back with the next export; a comment stands in one text alone. */
#include <stdlib.h>
#include <string.h>

#include <betterdns/file.h>

#include "people/people.h"

/* The hashes of a text's comments, so that a long file costs little. */
struct comments {
    struct hash128 *at;
    size_t n, room;
};

/* false: the text has no more; it is what stands behind the last one. */
static bool next_comment(struct str *text, struct str *ret_comment)
{
    const char *p = text->p, *end = p + text->n;

    for (bool quoted = false; p < end; p++) {
        if (*p == '\\' && end - p > 1) {
            p++;
        } else if (*p == '"') {
            quoted = !quoted;
        } else if (*p == '\n') {
            quoted = false;
        } else if (*p == ';' && !quoted) {
            const char *eol = memchr(p, '\n', (size_t)(end - p));
            *ret_comment = (struct str){p, (size_t)((eol ? eol : end) - p)};
            p += ret_comment->n;
            *text = (struct str){p, (size_t)(end - p)};
            return true;
        }
    }
    return false;
}

/* Without what it begins and ends with: empty where nobody would miss it. */
static struct str words_of(struct str comment)
{
    while (comment.n > 0 && strchr("; \t\r", comment.p[comment.n - 1]))
        comment.n--;
    while (comment.n > 0 && strchr("; \t", comment.p[0]))
        comment = (struct str){comment.p + 1, comment.n - 1};
    if (str_starts(comment, STR("betterdns base=")))
        comment.n = 0;
    return comment;
}

/* The next one's hash; false: there is none any more. */
static bool next_words(struct str *text, struct hash128 *ret_hash)
{
    struct str words = {0};
    struct str comment;

    while (words.n == 0 && next_comment(text, &comment))
        words = words_of(comment);
    if (words.n > 0)
        *ret_hash = hash128(words.p, words.n);
    return words.n > 0;
}

static int compare(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct hash128));
}

static int list(struct comments *c, struct str text)
{
    struct hash128 hash;

    while (next_words(&text, &hash)) {
        if (c->n == c->room) {
            size_t room = c->room ? c->room * 2 : 64;
            struct hash128 *at = realloc(c->at, room * sizeof(*at));
            if (!at)
                return -ENOMEM;
            c->at = at;
            c->room = room;
        }
        c->at[c->n++] = hash;
    }
    if (c->n > 0)
        qsort(c->at, c->n, sizeof(*c->at), compare);
    return 0;
}

bool people_has_own_comments(const struct people *p, struct str text)
{
    struct comments there = {0};
    struct hash128 hash;
    struct buf file = {0};

    int r = file_read(people_zone(p)->file, SAVE_BYTES_MAX, &file);
    if (r == 0)
        r = list(&there, buf_str(&file));
    buf_free(&file);
    bool own = r < 0;
    while (!own && next_words(&text, &hash))
        own = there.n == 0 || !bsearch(&hash, there.at, there.n, sizeof(hash), compare);
    free(there.at);
    return own;
}

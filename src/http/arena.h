/* Memory of one request: taken in pieces, given back at once. */
#ifndef HTTP_ARENA_H
#define HTTP_ARENA_H

#include <betterdns/str.h>

struct arena_block;

struct arena {
    struct arena_block *blocks; /* the newest first; the oldest is kept over a reset */
};

/* Aligned for any type, zeroed; NULL without memory. */
void *arena_alloc(struct arena *a, size_t n);
/* Twice the room for an array of *cap items of that size (at least 8), its items copied; NULL
 * without memory. */
void *arena_grow(struct arena *a, const void *items, size_t *cap, size_t size);
void arena_reset(struct arena *a);
void arena_free(struct arena *a);

#endif

#include "config_pool.h"

#include <stdalign.h>
#include <stdlib.h>

struct pool_chunk {
    struct pool_chunk *next;
    alignas(max_align_t) unsigned char bytes[];
};

void *pool_alloc(struct pool *p, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n) ||
        __builtin_add_overflow(n, sizeof(struct pool_chunk), &n))
        return NULL;
    struct pool_chunk *c = calloc(1, n);
    if (!c)
        return NULL;
    c->next = p->chunks;
    p->chunks = c;
    return c->bytes;
}

char *pool_text(struct pool *p, struct str s)
{
    char *copy = pool_alloc(p, s.n + 1, 1);
    if (copy && s.n > 0)
        memcpy(copy, s.p, s.n);
    return copy;
}

void pool_free(struct pool *p)
{
    while (p->chunks) {
        struct pool_chunk *c = p->chunks;
        p->chunks = c->next;
        free(c);
    }
}

/* Memory of one request. */
#include "arena.h"

#include <stdalign.h>
#include <stdlib.h>

#define BLOCK_SIZE 4096

struct arena_block {
    struct arena_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

static struct arena_block *add_block(struct arena *a, size_t n)
{
    size_t size = n > BLOCK_SIZE ? n : BLOCK_SIZE, total;

    if (__builtin_add_overflow(size, sizeof(struct arena_block), &total))
        return NULL;
    struct arena_block *b = malloc(total);
    if (!b)
        return NULL;
    *b = (struct arena_block){.next = a->blocks, .size = size};
    a->blocks = b;
    return b;
}

void *arena_alloc(struct arena *a, size_t n)
{
    const size_t align = alignof(max_align_t);
    struct arena_block *b = a->blocks;

    if (n > SIZE_MAX / 2)
        return NULL;
    n = (n + align - 1) / align * align;
    if (!b || b->size - b->used < n)
        b = add_block(a, n);
    if (!b)
        return NULL;
    void *p = b->bytes + b->used;
    b->used += n;
    return memset(p, 0, n);
}

void *arena_grow(struct arena *a, const void *items, size_t *cap, size_t size)
{
    size_t more = *cap < 4 ? 8 : *cap * 2, bytes;

    if (__builtin_mul_overflow(more, size, &bytes))
        return NULL;
    void *p = arena_alloc(a, bytes);
    if (!p)
        return NULL;
    if (*cap > 0)
        memcpy(p, items, *cap * size);
    *cap = more;
    return p;
}

static void free_until(struct arena *a, const struct arena_block *last)
{
    while (a->blocks != last) {
        struct arena_block *next = a->blocks->next;
        free(a->blocks);
        a->blocks = next;
    }
}

void arena_reset(struct arena *a)
{
    struct arena_block *oldest = a->blocks;

    if (!oldest)
        return;
    while (oldest->next)
        oldest = oldest->next;
    free_until(a, oldest);
    oldest->used = 0;
    /* One large request must not cost its memory for ever, times a thousand threads. */
    if (oldest->size > BLOCK_SIZE)
        free_until(a, NULL);
}

void arena_free(struct arena *a)
{
    free_until(a, NULL);
}

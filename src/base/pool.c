/* Pools of memory. */
#include <betterdns/pool.h>

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>

#define BLOCK_LEAST 1024
#define BLOCK_MOST ((size_t)1 << 20)

struct pool_block {
    struct pool_block *next;
    size_t used, size;
    alignas(max_align_t) char bytes[];
};

/* Twice the last one, so that a large piece of work takes few of them. */
static struct pool_block *add_block(struct pool *p, size_t n)
{
    size_t size = p->blocks ? 2 * p->blocks->size : BLOCK_LEAST;

    if (size > BLOCK_MOST)
        size = BLOCK_MOST;
    if (size < n)
        size = n;
    struct pool_block *b = malloc(sizeof(*b) + size);
    if (!b)
        return NULL;
    *b = (struct pool_block){.next = p->blocks, .size = size};
    p->blocks = b;
    return b;
}

void *pool_alloc(struct pool *p, size_t n)
{
    const size_t align = alignof(max_align_t);
    struct pool_block *b = p->blocks;

    if (n > SIZE_MAX / 4)
        return NULL;
    n = (n + align - 1) / align * align;
    if (!b || b->size - b->used < n)
        b = add_block(p, n);
    if (!b)
        return NULL;
    void *at = b->bytes + b->used;
    b->used += n;
    return at;
}

void *pool_array(struct pool *p, size_t count, size_t size)
{
    size_t n;

    if (__builtin_mul_overflow(count, size, &n))
        return NULL;
    void *at = pool_alloc(p, n);
    return at ? memset(at, 0, n) : NULL;
}

void *pool_copy(struct pool *p, const void *bytes, size_t n)
{
    void *copy = pool_alloc(p, n);

    if (copy && n > 0)
        memcpy(copy, bytes, n);
    return copy;
}

char *pool_text(struct pool *p, struct str s)
{
    char *copy = pool_alloc(p, s.n + 1);

    if (!copy)
        return NULL;
    if (s.n > 0)
        memcpy(copy, s.p, s.n);
    copy[s.n] = '\0';
    return copy;
}

void pool_free(struct pool *p)
{
    while (p->blocks) {
        struct pool_block *next = p->blocks->next;
        free(p->blocks);
        p->blocks = next;
    }
}

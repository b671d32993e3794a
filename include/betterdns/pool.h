/* Memory that is freed at once: for what lives as long as one piece of work. */
#ifndef BETTERDNS_POOL_H
#define BETTERDNS_POOL_H

#include <betterdns/str.h>

struct pool_block;

/* All zero: empty. */
struct pool {
    struct pool_block *blocks; /* the newest first */
};

/* Aligned for any type; not NULL for nothing. NULL without memory, all of them. */
void *pool_alloc(struct pool *p, size_t n);                   /* not cleared */
void *pool_array(struct pool *p, size_t count, size_t size);  /* zeroed */
void *pool_copy(struct pool *p, const void *bytes, size_t n); /* bytes may be NULL for n 0 */
char *pool_text(struct pool *p, struct str s);                /* with a final 0 */
void pool_free(struct pool *p);                               /* empty again */

#endif

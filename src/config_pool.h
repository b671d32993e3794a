/* Memory of one configuration: everything that is loaded ends at once. */
#ifndef CONFIG_POOL_H
#define CONFIG_POOL_H

#include <betterdns/str.h>

struct pool_chunk;

struct pool {
    struct pool_chunk *chunks;
};

void *pool_alloc(struct pool *p, size_t count, size_t size); /* zeroed; NULL without memory */
char *pool_text(struct pool *p, struct str s);               /* a copy, NUL-terminated */
void pool_free(struct pool *p);

#endif

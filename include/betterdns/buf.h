/* A growing byte buffer with a sticky error: build a whole text, then look at .error once. */
#ifndef BETTERDNS_BUF_H
#define BETTERDNS_BUF_H

#include <stdarg.h>

#include <betterdns/str.h>

struct buf {
    char *p; /* owned; NULL while nothing was added */
    size_t n, cap;
    int error; /* 0 or -ENOMEM; after an error nothing is added any more */
};

void buf_add(struct buf *b, const void *bytes, size_t n);
void buf_add_str(struct buf *b, struct str s);
void buf_add_c(struct buf *b, char c);
void buf_addf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vaddf(struct buf *b, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Room for n more bytes, to be filled by the caller, who then adds to b->n; NULL without memory. */
char *buf_room(struct buf *b, size_t n);
void buf_reset(struct buf *b); /* empty again, memory kept */
void buf_free(struct buf *b);  /* and zeroed; NULL is fine */

static inline struct str buf_str(const struct buf *b)
{
    return (struct str){b->p, b->n};
}

#endif

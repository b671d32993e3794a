/* A growing byte buffer. */
#include <betterdns/buf.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

char *buf_room(struct buf *b, size_t n)
{
    size_t need;

    if (b->error)
        return NULL;
    if (__builtin_add_overflow(b->n, n, &need) || need > SIZE_MAX / 4) {
        b->error = -ENOMEM;
        return NULL;
    }
    if (need > b->cap || !b->p) {
        size_t cap = b->cap < 64 ? 64 : b->cap;
        while (cap < need)
            cap *= 2;
        char *p = realloc(b->p, cap);
        if (!p) {
            b->error = -ENOMEM;
            return NULL;
        }
        b->p = p;
        b->cap = cap;
    }
    return b->p + b->n;
}

void buf_add(struct buf *b, const void *bytes, size_t n)
{
    if (n == 0)
        return;
    char *at = buf_room(b, n);
    if (!at)
        return;
    memcpy(at, bytes, n);
    b->n += n;
}

void buf_add_str(struct buf *b, struct str s)
{
    buf_add(b, s.p, s.n);
}

void buf_add_c(struct buf *b, char c)
{
    buf_add(b, &c, 1);
}

void buf_vaddf(struct buf *b, const char *format, va_list args)
{
    va_list again;

    va_copy(again, args);
    size_t guess = 128;
    char *at = buf_room(b, guess);
    int n = at ? vsnprintf(at, guess, format, args) : -1;
    if (n >= 0 && (size_t)n >= guess) {
        /* One more for the NUL that vsnprintf wants and the text has not. */
        at = buf_room(b, (size_t)n + 1);
        n = at ? vsnprintf(at, (size_t)n + 1, format, again) : -1;
    }
    if (n >= 0)
        b->n += (size_t)n;
    else if (!b->error)
        b->error = -ENOMEM;
    va_end(again);
}

void buf_addf(struct buf *b, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    buf_vaddf(b, format, args);
    va_end(args);
}

void buf_reset(struct buf *b)
{
    b->n = 0;
    b->error = 0;
}

void buf_free(struct buf *b)
{
    if (!b)
        return;
    free(b->p);
    *b = (struct buf){0};
}

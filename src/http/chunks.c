/* A body in chunks. */
#include "chunks.h"

#include <errno.h>
#include <string.h>

#include <betterdns/error.h>

#define DIGITS_MAX 8

static int digit(unsigned char c)
{
    const unsigned char lower = ascii_lower(c);

    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

static int refuse(const char **ret_why, const char *why)
{
    *ret_why = why;
    return -BD_ESYNTAX;
}

static int take_size(struct chunks *c, unsigned char octet, const char **ret_why)
{
    const int value = digit(octet);

    if (octet == '\r' && c->digits > 0) {
        c->state = CHUNK_SIZE_END;
        return 0;
    }
    if (octet == ';' && c->digits > 0)
        return refuse(ret_why, "a chunk has an extension, which nobody here would read");
    if (value < 0)
        return refuse(ret_why, "the size of a chunk is no hexadecimal number");
    if (++c->digits > DIGITS_MAX)
        return refuse(ret_why, "the size of a chunk has more than 8 digits");
    c->left = c->left * 16 + (uint64_t)value;
    return 0;
}

/* One that is not data. */
static int take_octet(struct chunks *c, unsigned char octet, const char **ret_why)
{
    const bool lf =
        c->state == CHUNK_SIZE_END || c->state == CHUNK_DATA_LF || c->state == CHUNK_LAST_LF;

    if (c->state == CHUNK_SIZE)
        return take_size(c, octet, ret_why);
    if (c->state == CHUNK_LAST_CR && octet != '\r')
        return refuse(ret_why, "the body has a trailer, which nobody here would read");
    if (octet != (lf ? '\n' : '\r'))
        return refuse(ret_why, "a chunk does not end where its size says, by CR LF");
    switch (c->state) {
    case CHUNK_SIZE_END: c->state = c->left > 0 ? CHUNK_DATA : CHUNK_LAST_CR; break;
    case CHUNK_DATA_LF:
        c->state = CHUNK_SIZE;
        c->digits = 0;
        break;
    default: c->state++;
    }
    return 0;
}

ssize_t chunks_take(struct chunks *c, struct str octets, char *out, size_t size,
                    const char **ret_why)
{
    size_t at = 0;

    while (at < octets.n && c->state != CHUNK_DONE) {
        if (c->state != CHUNK_DATA) {
            int r = take_octet(c, (unsigned char)octets.p[at++], ret_why);
            if (r < 0)
                return r;
            continue;
        }
        const size_t n = c->left < octets.n - at ? (size_t)c->left : octets.n - at;
        if (c->left > size - c->n)
            return -EMSGSIZE;
        memcpy(out + c->n, octets.p + at, n);
        c->n += n;
        c->left -= n;
        at += n;
        if (c->left == 0)
            c->state = CHUNK_DATA_CR;
    }
    return (ssize_t)at;
}

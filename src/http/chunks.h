/* A body in chunks (RFC 9112 §7.1), octet by octet. Without extensions and trailer: nobody here
 * would read either, and others might read them otherwise. */
#ifndef HTTP_CHUNKS_H
#define HTTP_CHUNKS_H

#include <stdint.h>
#include <sys/types.h>

#include <betterdns/str.h>

struct chunks {
    enum {
        CHUNK_SIZE,     /* its digits, or the CR behind them */
        CHUNK_SIZE_END, /* LF */
        CHUNK_DATA,
        CHUNK_DATA_CR,
        CHUNK_DATA_LF,
        CHUNK_LAST_CR, /* of the empty line behind the last one */
        CHUNK_LAST_LF,
        CHUNK_DONE
    } state;
    unsigned digits;
    uint64_t left; /* of this chunk's octets */
    size_t n;      /* octets of the body so far */
};

/* Goes on with these octets; data is written to out + c->n, up to size in all. How many of them
 * belong to the body; -EMSGSIZE: it is larger than that; -BD_ESYNTAX, with *ret_why. */
ssize_t chunks_take(struct chunks *c, struct str octets, char *out, size_t size,
                    const char **ret_why);

#endif

/* Which addresses checks may reach. A URL of a stranger must not turn us against ourselves, our
 * neighbours on the link or a cloud's metadata (interface.md, "Checks and leases"). Asked with the
 * address itself, just before each connection, never with a name. */
#ifndef HEALTH_FENCE_H
#define HEALTH_FENCE_H

#include <betterdns/network.h>

/* Views; never changed while somebody asks. */
struct fence {
    const struct network *allow; /* what the operator opens, whatever it is */
    unsigned nallow;
    const struct sockaddr_storage *own; /* what we and our server listen on */
    unsigned nown;
};

struct fence_ask {
    struct address to;
    uint16_t port;         /* 0: not known, or none */
    bool trusted;          /* the configuration asks, not a request */
    struct address caller; /* who asked with a request; family 0: not known */
};

/* *ret_why: a literal that goes on after the address, as in "192.0.2.7 is loopback". */
bool fence_allows(const struct fence *f, const struct fence_ask *ask, const char **ret_why);

#endif

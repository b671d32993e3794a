/* A Corefile of the user's own: what of it concerns our zones. No file is
 * opened, nothing is asked. */
#ifndef CONTROLLER_COREFILE_H
#define CONTROLLER_COREFILE_H

#include <sys/socket.h>

#include <betterdns/error.h>

#include "kinds.h"

#define COREFILE_PROBE "{$BETTERDNS_PROBE}"
#define COREFILE_NSID "{$BETTERDNS_NSID}"
#define COREFILE_MAX ((size_t)1 << 20)

struct corefile_facts {
    const char *path; /* absolute: its folder is where relative paths start */
    const struct sockaddr_storage *listen;
    const struct server_zone *zones;
    unsigned nzones;
};

/* True where it holds for the block of every zone. */
struct corefile_found {
    bool probe;      /* `bind` has COREFILE_PROBE */
    bool nsid;       /* `nsid` is COREFILE_NSID */
    bool polls;      /* `file` has a `reload` of 2 s or less */
    char lacks[160]; /* the first one without probe or nsid, as a sentence; empty */
};

/* Has each zone a block on the port of listen, whose `file` is the zone's live copy? Blocks may
 * `import` snippets of the same text; what they import from files has to be in it (imports.h).
 * -BD_EINVALID: *ret_problem says which zone and what to write. */
int corefile_check(struct str text, const struct corefile_facts *facts,
                   struct corefile_found *ret_found, struct problem *ret_problem);
/* The text with both words replaced. */
void corefile_fill(struct str text, const char *probe, const char *nsid, struct buf *out);

#endif

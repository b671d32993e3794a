/* The server's configuration where it is the user's own (server.corefile): the last one that was
 * good, one that is being tried, and what is wrong with the newest. Everything on the loop's
 * thread. */
#ifndef CONTROLLER_OWN_H
#define CONTROLLER_OWN_H

#include "internal.h"

/* Reads and checks it. -ENOENT, -EACCES, -BD_EINVALID; *ret_problem is filled. */
int own_new(struct controller *c, const char *path, struct own **ret_own,
            struct problem *ret_problem);
void own_free(struct own *o); /* NULL is fine */

const char *own_path(const struct own *o);
/* What the server is to read: the one that is being tried, else the last good one. */
struct str own_text(const struct own *o);
bool own_has_probe(const struct own *o); /* each block binds the private address */
bool own_has_nsid(const struct own *o);
const char *own_trouble(const struct own *o); /* what is wrong with the newest; empty */

/* Has it changed? Reads it again; what cannot be tried is said. */
void own_look(struct own *o);
/* That is to be done again: when it was asked for, another one was being tried. */
bool own_looks_again(const struct own *o);
bool own_is_due(const struct own *o);                /* one is to be tried */
void own_sent(struct own *o, unsigned revision);     /* the server was told to read own_text */
void own_in_force(struct own *o, unsigned revision); /* it has done so */
void own_refused(struct own *o);                     /* it has not */
/* The child has ended: what is being tried is tried again later. loading: it had just been started;
 * then the text before the last one is the good one. */
void own_ended(struct own *o, bool loading);

#endif

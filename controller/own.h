/* The server's configuration where it is the user's own (server.corefile): the last one that was
 * good, one that is being tried, and what is wrong with the newest. Everything on the loop's
 * thread. */
#ifndef CONTROLLER_OWN_H
#define CONTROLLER_OWN_H

#include "internal.h"

/* Reads and checks it, and the last good one that an earlier betterdns has kept in the data
 * directory: where the newest cannot be used, that is. -ENOENT, -EACCES, -BD_EINVALID;
 * *ret_problem is filled. path: absolute. */
int own_new(struct controller *c, const char *path, struct own **ret_own,
            struct problem *ret_problem);
void own_free(struct own *o); /* NULL is fine */

const char *own_path(const struct own *o);
/* Its folder, in which the server is to run: relative paths of `root`, `file`, `tls` are meant from
 * there. NULL: it cannot be entered. */
const char *own_folder(const struct own *o);
/* Has the controller's watcher see to the file and what it imports, now and after each look. */
int own_watch(struct own *o);
/* What the server has said of the text read last, whose copy is at path: its own files and their
 * lines. False: it is about a line that is not in it. */
bool own_words(const struct own *o, const char *path, struct str words, struct buf *out);
/* What the server is to read: the one that is being tried, else the last good one. */
struct str own_text(const struct own *o);
bool own_has_probe(const struct own *o); /* each block binds the private address */
bool own_has_nsid(const struct own *o);
const char *own_trouble(const struct own *o); /* what is wrong with the newest; empty */

/* The server does not start with it, and says why: is there another that was good? Then that is
 * now own_text. */
bool own_fall_back(struct own *o, const char *why);
/* Keeps what is in force for a later start: a server that was started with it answers. */
void own_keep(struct own *o);

/* Has it changed? Reads it again; what cannot be tried is said. */
void own_look(struct own *o);
/* That is to be done again: when it was asked for, another one was being tried. */
bool own_looks_again(const struct own *o);
bool own_is_due(const struct own *o);                /* one is to be tried */
void own_sent(struct own *o, unsigned revision);     /* the server was told to read own_text */
void own_in_force(struct own *o, unsigned revision); /* it has done so */
bool own_renewed(struct own *o);                     /* once after that */
void own_refused(struct own *o);                     /* it has not: the next two are to follow */
/* Why did it not? What it refuses in any case, behind the text that it refused; false: nobody wants
 * to know. */
bool own_asks_why(struct own *o, const char *probe, struct buf *out);
/* words: of what was written to path; p NULL: nothing was found. */
void own_told_why(struct own *o, const char *path, struct str words);
/* The child has ended: what is being tried is tried again later. loading: it had just been started;
 * then the text before the last one is the good one. */
void own_ended(struct own *o, bool loading);

#endif

/* The server's configuration: writing it (conf.c), making the server read it and all its zones
 * again, and believing that it has done so (conf_reload.c). The last two happen when a zone has
 * grown or shrunk so much that the server should look at it less or more often, and by the strategy
 * "signal". Where the answers can show it (proof.h) each reading has a revision of its own, which
 * stands in the server's identifier (NSID.REVISION). On the loop's thread. */
#ifndef CONTROLLER_CONF_H
#define CONTROLLER_CONF_H

#include "child.h"

struct controller;
struct conf;

/* binary: a path, for the arguments; lives as long as the conf. */
int conf_new(struct controller *c, const char *binary, struct conf **ret_conf);
void conf_free(struct conf *f);

/* ---- conf.c ---- */

/* What must be equal for a living child to be the one that we would start: no address, identifier,
 * or interval is in it. */
int conf_fingerprint(struct conf *f, struct hash128 *ret_fingerprint);
/* Writes the file for a new child: revision 1. beside: another child lives, and may read its own
 * at any time: this one has a file of its own (Corefile.G) until conf_forget. */
int conf_write(struct conf *f, const struct child *child, bool beside);
/* The child of that generation is gone; the file that all others read stays. */
void conf_forget(const struct controller *c, unsigned generation);
/* The same for all but the living, at the start. */
void conf_sweep(const struct controller *c, const struct child *living, unsigned n);
/* Takes over what is on the disk, and the child's own revision with its first answers. */
void conf_adopt(struct conf *f, const struct child *child);
/* The command line, NULL-terminated; lives until the next call. */
const char *const *conf_arguments(struct conf *f, const struct child *child);
const char *conf_path(const struct conf *f);

/* ---- conf_reload.c ---- */

/* With every answer of the child: its revision. Can the answer be relied on? Not while a signal is
 * outstanding, nor before the child's earlier instance has let go of the sockets. */
bool conf_heard(struct conf *f, const struct child *child, unsigned revision);
/* Now and then: has the child the right configuration? Else the file is written and it is
 * signalled. */
void conf_sync(struct conf *f, const struct child *child);
/* The next conf_sync is to look, however little time has passed. */
void conf_recheck(struct conf *f);
/* Makes the child read its configuration and zones again. -EAGAIN: a signal is outstanding still,
 * which may have come too early for what is to be read. */
int conf_reload(struct conf *f, const struct child *child);
/* The same for the last time, before it is left alone, also where a signal is outstanding: it keeps
 * one while it works at another, and no third will come. */
void conf_reload_last(struct conf *f, const struct child *child);
/* Is the operator's command for that at work? It would end with us. */
bool conf_is_telling(const struct conf *f);
/* Runs the operator's command that ends the server. False: there is none, or it cannot be run. */
bool conf_end(struct conf *f);

#endif

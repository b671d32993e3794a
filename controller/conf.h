/* The server's configuration file: written at each start, and again when a zone has grown or shrunk
 * so much that the server should look at it less or more often. Its revision stands in the server's
 * identifier (NSID.REVISION): the next answer shows which one is in force. */
#ifndef CONTROLLER_CONF_H
#define CONTROLLER_CONF_H

#include "child.h"

struct controller;
struct conf;

/* binary: a path, for the arguments; lives as long as the conf. */
int conf_new(struct controller *c, const char *binary, struct conf **ret_conf);
void conf_free(struct conf *f);

/* What must be equal for a living child to be the one that we would start: no address, identifier,
 * or interval is in it. */
int conf_fingerprint(struct conf *f, struct hash128 *ret_fingerprint);
/* Writes the file for a new child: revision 1. */
int conf_write(struct conf *f, const struct child *child);
/* Takes over what is on the disk, and the child's own revision with its first answer. */
void conf_adopt(struct conf *f);
/* With every answer of the child: its revision. Writes the file anew where need be and signals the
 * child; one signal at most is outstanding. */
void conf_sync(struct conf *f, const struct child *child, unsigned revision);
/* The command line, NULL-terminated; lives until the next call. */
const char *const *conf_arguments(struct conf *f, const struct child *child);
const char *conf_path(const struct conf *f);

#endif

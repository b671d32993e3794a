/* The supervisor: one server process, from its start or adoption to its end. Everything on the
 * loop's thread. */
#ifndef CONTROLLER_SUPERVISOR_H
#define CONTROLLER_SUPERVISOR_H

#include "internal.h"

int supervisor_new(struct controller *c, struct supervisor **ret_supervisor);
/* Writes the live copies, adopts the living child or starts one; fn as of controller_start. The
 * files thread runs already. */
int supervisor_start(struct supervisor *s, controller_started_fn *fn, void *arg);
/* Ends the child, or with keep leaves it to itself; then done. */
void supervisor_stop(struct supervisor *s, bool keep, void (*done)(void *arg), void *arg);
void supervisor_free(struct supervisor *s);

#endif

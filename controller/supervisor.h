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
/* Starts a successor beside the child, which takes its place once it shows the newest copies; the
 * child stays until then, and where it never does. 0: it is loading; -EAGAIN: another one is, or an
 * older server still shares the port, or the last one came to nothing just now; -ENOTCONN: the
 * child is not ready itself; -EADDRNOTAVAIL: without private addresses the two could not be told
 * apart. */
int supervisor_replace(struct supervisor *s);
/* Files may have changed: is the user's own configuration of the server among them? */
void supervisor_look(struct supervisor *s);
/* Another strategy is in force: does the child's configuration suit it? */
void supervisor_exchanged(struct supervisor *s);
void supervisor_free(struct supervisor *s);

#endif

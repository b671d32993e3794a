/* A command of the operator's that makes the server do something. One runs at a time; what is asked
 * for meanwhile is gathered into the next. On the loop's thread. */
#ifndef CONTROLLER_CONTROL_H
#define CONTROLLER_CONTROL_H

#include <betterdns/loop.h>

struct control;

/* argv: NULL-terminated, of SERVER_ARGS_MAX with that at most; lives as long as it does. Its
 * program is looked for in PATH at each run. */
int control_new(struct loop *loop, const char *const *argv, struct control **ret_control);
/* 0: it runs, or will once more. -ENOENT, -EACCES: there is no such program. */
int control_run(struct control *c);
bool control_is_running(const struct control *c);
/* Runs it for the last time: anew where it runs already, and control_free lets it go on. */
int control_run_last(struct control *c);
void control_free(struct control *c); /* ends what runs; NULL is fine */

#endif

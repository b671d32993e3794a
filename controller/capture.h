/* Runs a program to its end or a deadline and keeps what it prints, on the loop: for its version,
 * and for the words of a start that failed. A pipe is right here and only here: the program is not
 * meant to stay. */
#ifndef CONTROLLER_CAPTURE_H
#define CONTROLLER_CAPTURE_H

#include <betterdns/loop.h>
#include <betterdns/str.h>

struct capture;

/* output is valid during the call. After it the capture is gone. */
typedef void capture_fn(void *arg, struct str output);

/* argv[0] is a path. On failure the errno of the exec; then fn is not called. */
int capture_start(struct loop *loop, const char *const *argv, uint64_t deadline_ns, capture_fn *fn,
                  void *arg, struct capture **ret_capture);
void capture_cancel(struct capture *c); /* without fn; NULL is fine */

#endif

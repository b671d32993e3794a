/* A log that goes into a pipe. Whoever writes into one that is full waits for its reader, and
 * whoever writes into one without a reader dies: a reader that stops, or ends, would stop or end
 * the DNS server. */
#ifndef BETTERDNS_LOGPIPE_H
#define BETTERDNS_LOGPIPE_H

#include <betterdns/loop.h>

struct logpipe;

/* Twice a second, on the loop: a pipe on stderr that was found full for two seconds has no reader
 * any more, and what is in it is thrown away, with a warning. Keeps a reading end of it open as
 * long as it lives. *ret_pipe is NULL where stderr is no pipe, or one that may not be opened. */
int logpipe_new(struct loop *loop, struct logpipe **ret_pipe);
void logpipe_free(struct logpipe *p); /* NULL is fine */

/* What a child that outlives us is to have as its stdout and stderr: ours, or where that is a pipe
 * a descriptor that has both of its ends, to be closed by the caller; so the child itself keeps the
 * pipe from being without a reader. */
int logpipe_child_fd(void);

#endif

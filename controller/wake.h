/* An eventfd on which a thread sleeps. */
#ifndef CONTROLLER_WAKE_H
#define CONTROLLER_WAKE_H

#include <stdint.h>

int wake_new(int *ret_fd); /* 0 or a negative errno */
void wake_up(int fd);      /* any thread */
/* Until somebody has called wake_up since the last call, or that moment; UINT64_MAX: never. */
void wake_wait(int fd, uint64_t deadline_ns);

#endif

/* A supervisor: the socket that $NOTIFY_SOCKET names, and what comes to it. */
#ifndef SUPERVISOR_KIT_H
#define SUPERVISOR_KIT_H

#include <stdbool.h>

/* Makes the socket, and names it in the environment: a file in a directory of its own, or an
 * abstract name. */
void supervisor_open(bool abstract);
void supervisor_close(void); /* nothing where it is not open */
/* The next message, in a static buffer; fails the test after a minute. */
const char *supervisor_next(void);
/* The next one that is this; those before it are dropped. */
void supervisor_expect(const char *message);
/* Reads all that has come; is one of them this message? */
bool supervisor_had(const char *message);

#endif

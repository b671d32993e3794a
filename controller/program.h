/* Words on a server's program. */
#ifndef CONTROLLER_PROGRAM_H
#define CONTROLLER_PROGRAM_H

/* Why it cannot be started, by the errno of its exec. */
void program_not_started(const char *path, int error, char ret_reason[256]);

#endif

/* What the engine does not tell. */
#ifndef HTTP_INTERPOSE_H
#define HTTP_INTERPOSE_H

/* The socket that this thread received from last; -1: none. */
int interpose_last_fd(void);

#endif

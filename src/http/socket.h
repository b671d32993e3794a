/* Sockets that a thread waits on, never beyond a deadline (monotonic). */
#ifndef HTTP_SOCKET_H
#define HTTP_SOCKET_H

#include <stdint.h>
#include <sys/types.h>

#include <betterdns/str.h>

/* What recv() gives with these flags, as soon as there is something. > 0; 0: it has ended;
 * -ETIMEDOUT. */
ssize_t socket_receive(int fd, void *to, size_t n, int flags, uint64_t deadline);
/* All of it, in one call where it finds room. 0; -EPIPE: the client is gone; -ETIMEDOUT. */
int socket_send(int fd, struct str bytes, uint64_t deadline);
bool socket_is_over(int fd); /* the client sends no more, or has gone */
/* Ends our side, and reads on for a moment, so that the client sees what it was sent and not a
 * reset connection. */
void socket_linger(int fd);
/* The client sees an error in place of an end. */
void socket_reset(int fd);

#endif

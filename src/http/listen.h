/* The sockets that clients come by. They can be exchanged while clients come: those that stay never
 * stop listening. */
#ifndef HTTP_LISTEN_H
#define HTTP_LISTEN_H

#include <sys/socket.h>

#include <betterdns/error.h>

struct listeners;

int listeners_new(struct listeners **ret_listeners);
void listeners_free(struct listeners *l); /* closes them; NULL is fine */

/* Opens what of the addresses is not open yet, and puts them aside for listeners_exchange; what
 * another call put aside before is closed. 0, or a negative error, and *ret_problem names address,
 * program and pid. */
int listeners_prepare(struct listeners *l, const struct sockaddr_storage *addresses, unsigned n,
                      struct problem *ret_problem);
/* Their local addresses, as many as were prepared. */
void listeners_prepared(const struct listeners *l, struct sockaddr_storage *ret_addresses);
/* What was put aside is closed. */
void listeners_forget(struct listeners *l);
/* From now on clients come by what was prepared; all others are closed. */
void listeners_exchange(struct listeners *l);
/* Closes all, and wakes whoever waits for one. */
void listeners_close(struct listeners *l);
/* Of the i-th address, where it asked for 0; 0: there is none. */
unsigned listeners_port(const struct listeners *l, unsigned i);

/* For the thread that accepts. A descriptor that is readable while a client waits; and the socket
 * that one waits at: a negative errno, -EAGAIN where there is none. */
int listeners_fd(const struct listeners *l);
int listeners_ready(const struct listeners *l);

unsigned listen_port(int fd); /* the local one of a socket; 0: it has none */

#endif

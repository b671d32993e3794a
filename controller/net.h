/* May our server have its port? */
#ifndef CONTROLLER_NET_H
#define CONTROLLER_NET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <betterdns/error.h>
#include <betterdns/sockaddr.h>

/* Is a socket of this type (SOCK_DGRAM, SOCK_STREAM) allowed to bind there alone? shared: beside
 * sockets with SO_REUSEPORT of our own user. 0, or a negative errno. */
int net_try_bind(const struct sockaddr_storage *a, int type, bool shared);

/* Does somebody else than the processes in ours[] have the address and port, UDP or TCP? CoreDNS
 * shares its port without a word, with any other that does the same, and each gets half of the
 * queries. 0; -BD_EINUSE: *ret_problem names program and pid; -BD_EINVALID: the address is not this
 * machine's. Where nobody can tell, 0: the server's own start will say. */
int net_port_free(const struct sockaddr_storage *a, const pid_t *ours, unsigned nours,
                  struct problem *ret_problem);

#endif

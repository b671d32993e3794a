/* Two servers that share a UDP address by SO_REUSEPORT: which of them gets the next question. What
 * waits in a server's sockets when it ends is lost; so the one that is to end gets nothing more,
 * and has the time to answer what it has. */
#ifndef BETTERDNS_REUSEPORT_H
#define BETTERDNS_REUSEPORT_H

#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct reuseport_server {
    pid_t pid;
    int pidfd;
};

/* From now on everything that comes to address goes to the sockets of newer, which it has bound
 * later than older its own. -EBUSY: others have sockets there too, or one of the two has none;
 * -EPERM: we may not (pidfd_getfd(2)); else a negative errno. All is then as before. */
int reuseport_steer(const struct sockaddr_storage *address, const struct reuseport_server *newer,
                    const struct reuseport_server *older);
/* The kernel chooses again, among all that are there. */
int reuseport_release(const struct sockaddr_storage *address,
                      const struct reuseport_server *server);
/* Octets that wait in its sockets there, or a negative errno. */
int64_t reuseport_waiting(const struct sockaddr_storage *address,
                          const struct reuseport_server *server);

#endif

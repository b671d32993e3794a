/* Who has a port, for the message that it is taken. */
#ifndef BETTERDNS_PORTOWNER_H
#define BETTERDNS_PORTOWNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

/* Does anybody else than the processes in ours[] have the port? 0: yes, in words: "coredns (pid
 * 123)", or "a process of user 1000" where its name is not ours to see. TCP: who listens there;
 * udp: who is bound there; wildcard addresses count. NUL-terminated, cut at n. -ENOENT: nobody that
 * /proc shows (another network namespace); -EACCES: the descriptors of one of ours cannot be seen.
 */
int port_owner(const struct sockaddr_storage *address, bool udp, const pid_t *ours, unsigned nours,
               char *out, size_t n);

/* Calls fn for each socket among a process' descriptors, while it returns 0; else that is the
 * result. -errno where they cannot be seen. The inode tells sockets apart. */
typedef int port_socket_fn(void *arg, int fd, uint64_t inode);
int port_each_socket(pid_t pid, port_socket_fn *fn, void *arg);

#endif

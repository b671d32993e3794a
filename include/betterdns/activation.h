/* Listening sockets that a supervisor has opened for us and keeps (sd_listen_fds(3), "socket
 * activation"): while we are not there, clients wait in them instead of being refused. */
#ifndef BETTERDNS_ACTIVATION_H
#define BETTERDNS_ACTIVATION_H

#include <sys/socket.h>

#include <betterdns/error.h>

/* Once, before other threads and programs: notes the sockets that LISTEN_PID and LISTEN_FDS speak
 * of, makes them non-blocking, and takes both out of the environment. All that is given becomes
 * close-on-exec, and stays open as long as we run. Returns the number of those noted; of what is no
 * listening socket of the internet the log says so. Where the variables are another process's or no
 * numbers, nothing is touched. */
unsigned activation_take(void);
/* A duplicate of the TCP socket that listens at exactly this address and port: the caller's.
 * -ENOENT: there is none. */
int activation_socket(const struct sockaddr_storage *address, int *ret_fd);
/* Says in the log which of them are none of the n addresses, and returns how many: a client of such
 * a one is let in by the kernel, and nobody takes it. */
unsigned activation_say_unused(const struct sockaddr_storage *used, unsigned n);

#endif

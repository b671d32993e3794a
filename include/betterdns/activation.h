/* Listening sockets that a supervisor has opened for us and keeps (sd_listen_fds(3), "socket
 * activation"): while we are not there, clients wait in them instead of being refused. */
#ifndef BETTERDNS_ACTIVATION_H
#define BETTERDNS_ACTIVATION_H

#include <sys/socket.h>

#include <betterdns/error.h>

/* Once, before other threads and programs: notes the sockets that LISTEN_PID and LISTEN_FDS speak
 * of, makes them non-blocking and close-on-exec, and takes both out of the environment. They stay
 * open as long as we run. Returns their number; what is no listening socket of the internet is left
 * alone, and so is all where the variables are another process's or no numbers. */
unsigned activation_take(void);
/* A duplicate of the TCP socket that listens at exactly this address and port: the caller's.
 * -ENOENT: there is none. */
int activation_socket(const struct sockaddr_storage *address, int *ret_fd);

#endif

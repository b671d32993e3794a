/* Where the engine has no call-back: what a thread of its asks the C library for can be given by
 * us. */
#ifndef HTTP_INTERPOSE_H
#define HTTP_INTERPOSE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

struct interpose {
    void *context;
    /* In place of recv(). */
    ssize_t (*receive)(void *context, int fd, void *buf, size_t n);
    /* Before accept(): the socket to take a client from in place of the one that is given, or a
     * negative errno. */
    int (*ready)(void *context);
    /* After accept(): whether the client is let in, and the number that accept() gives as its
     * address. One that is not let in is closed by who says so. */
    bool (*admit)(void *context, int fd, const struct sockaddr_storage *peer, uint32_t *ret_number);
};

/* For the calling thread; must live as long as it. NULL: nothing any more. */
void interpose_thread(const struct interpose *i);

#endif

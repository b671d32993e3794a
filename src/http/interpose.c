/* Functions of the C library, put before those of the C library itself for the shared libraries of
 * this program, because civetweb leaves no other way:
 * - it asks for stacks of 100 KiB, which a hostile body or a deep call can overrun: they get 512
 * KiB (of address space; only what is touched is memory);
 * - its parser of heads is lenient, and says nothing of what it left out: it gets only heads that
 * we have read before (head.h), and that we wrote ourselves;
 * - it takes every client, and lets them wait for a thread (places.h);
 * - the sockets that it listens on are fixed at its start (listen.h);
 * - in Debian 12 it is built without IPv6, and has no room for such an address;
 * - its sockets become close-on-exec only a moment after they exist: a child started in between
 * would inherit a client. */
#undef _FORTIFY_SOURCE /* its inline recv() would stand in the way */
#include "interpose.h"

#include <dlfcn.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define STACK_FLOOR (512u * 1024)

static _Thread_local const struct interpose *thread;

void interpose_thread(const struct interpose *i)
{
    thread = i;
}

int pthread_attr_setstacksize(pthread_attr_t *attr, size_t size)
{
    static void *_Atomic next;
    int (*setstacksize)(pthread_attr_t *, size_t);

    void *found = atomic_load_explicit(&next, memory_order_acquire);
    if (!found) {
        found = dlsym(RTLD_NEXT, "pthread_attr_setstacksize");
        atomic_store_explicit(&next, found, memory_order_release);
    }
    /* ISO C has no conversion from an object pointer to a function pointer. */
    memcpy(&setstacksize, &found, sizeof(setstacksize));
    return setstacksize(attr, size < STACK_FLOOR ? STACK_FLOOR : size);
}

ssize_t recv(int fd, void *buf, size_t n, int flags)
{
    if (thread && thread->receive)
        return thread->receive(thread->context, fd, buf, n);
    return recvfrom(fd, buf, n, flags, NULL, NULL);
}

/* civetweb would try again at once, and burn a core until a descriptor is free. */
static void pause_briefly(void)
{
    const struct timespec ten_ms = {.tv_nsec = 10 * 1000 * 1000};
    const int error = errno;

    nanosleep(&ten_ms, NULL);
    errno = error;
}

/* The number of its place as an IPv4 address, with the port that it has. */
static void write_number(const struct sockaddr_storage *peer, uint32_t number,
                         struct sockaddr *address, socklen_t *size)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(number)};

    in.sin_port = peer->ss_family == AF_INET6
                      ? ((const struct sockaddr_in6 *)(const void *)peer)->sin6_port
                      : ((const struct sockaddr_in *)(const void *)peer)->sin_port;
    memcpy(address, &in, sizeof(in) < *size ? sizeof(in) : *size);
    *size = sizeof(in);
}

int accept(int fd, __SOCKADDR_ARG address, socklen_t *restrict size)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = sizeof(ss);
    uint32_t number = 0;

    if (!thread || !thread->admit)
        return accept4(fd, address, size, 0);
    const int listener = thread->ready(thread->context);
    if (listener < 0) {
        errno = -listener;
        return -1;
    }
    int client = accept4(listener, (struct sockaddr *)&ss, &n, SOCK_CLOEXEC);
    if (client < 0 && (errno == EMFILE || errno == ENFILE))
        pause_briefly();
    if (client < 0)
        return client;
    if (!thread->admit(thread->context, client, &ss, &number)) {
        errno = EAGAIN;
        return -1;
    }
    write_number(&ss, number, address.__sockaddr__, size);
    return client;
}

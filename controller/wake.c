#include "wake.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <betterdns/clock.h>

int wake_new(int *ret_fd)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        return -errno;
    *ret_fd = fd;
    return 0;
}

void wake_up(int fd)
{
    const uint64_t one = 1;
    ssize_t ignored = write(fd, &one, sizeof(one));
    (void)ignored;
}

void wake_wait(int fd, uint64_t deadline_ns)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};
    uint64_t now = clock_mono_ns(), count;
    struct timespec ts = clock_timespec(deadline_ns > now ? deadline_ns - now : 0);

    if (ppoll(&p, 1, deadline_ns == UINT64_MAX ? NULL : &ts, NULL) > 0) {
        ssize_t ignored = read(fd, &count, sizeof(count));
        (void)ignored;
    }
}

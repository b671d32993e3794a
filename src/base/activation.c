/* sd_listen_fds(3) without its library. */
#include <betterdns/activation.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <betterdns/sockaddr.h>
#include <betterdns/str.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define GIVEN_MAX 64U

static struct given {
    struct sockaddr_storage address;
    int fd;
} given[GIVEN_MAX];
static unsigned ngiven;

static uint64_t number(const char *name)
{
    const char *text = getenv(name);
    uint64_t value;

    return text && str_u64(str_c(text), INT32_MAX, &value) == 0 ? value : 0;
}

static bool is_listening(int fd, int option, int wanted)
{
    int value = 0;
    socklen_t n = sizeof(value);

    return getsockopt(fd, SOL_SOCKET, option, &value, &n) == 0 && value == wanted;
}

static void note(int fd)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = sizeof(ss);
    int flags = fcntl(fd, F_GETFL);

    if (!is_listening(fd, SO_ACCEPTCONN, 1) || !is_listening(fd, SO_TYPE, SOCK_STREAM) ||
        getsockname(fd, (struct sockaddr *)&ss, &n) < 0 ||
        (ss.ss_family != AF_INET && ss.ss_family != AF_INET6) || flags < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return;
    given[ngiven++] = (struct given){.address = ss, .fd = fd};
}

unsigned activation_take(void)
{
    const bool ours = number("LISTEN_PID") == (uint64_t)getpid();
    const uint64_t n = ours ? number("LISTEN_FDS") : 0;

    ngiven = 0;
    for (uint64_t i = 0; i < n && ngiven < GIVEN_MAX; i++)
        note(FIRST + (int)i);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ngiven;
}

int activation_socket(const struct sockaddr_storage *address, int *ret_fd)
{
    char want[SOCKADDR_TEXT_SIZE], have[SOCKADDR_TEXT_SIZE];

    sockaddr_text(address, sockaddr_port(address), want);
    for (unsigned i = 0; i < ngiven; i++) {
        const struct sockaddr_storage *a = &given[i].address;
        if (a->ss_family != address->ss_family ||
            strcmp(sockaddr_text(a, sockaddr_port(a), have), want) != 0)
            continue;
        int fd = fcntl(given[i].fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return -errno;
        *ret_fd = fd;
        return 0;
    }
    return -ENOENT;
}

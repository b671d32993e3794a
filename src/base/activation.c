/* sd_listen_fds(3) without its library. */
#include <betterdns/activation.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <betterdns/log.h>
#include <betterdns/sockaddr.h>
#include <betterdns/str.h>

#define FIRST 3 /* SD_LISTEN_FDS_START */
#define GIVEN_MAX 64U
#define DESCRIPTORS_MAX 4096U /* looked at */

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

static bool note(int fd)
{
    struct sockaddr_storage ss = {0};
    socklen_t n = sizeof(ss);
    int flags = fcntl(fd, F_GETFL);

    if (ngiven == GIVEN_MAX || !is_listening(fd, SO_ACCEPTCONN, 1) ||
        !is_listening(fd, SO_TYPE, SOCK_STREAM) ||
        getsockname(fd, (struct sockaddr *)&ss, &n) < 0 ||
        (ss.ss_family != AF_INET && ss.ss_family != AF_INET6) || flags < 0 ||
        fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return false;
    given[ngiven++] = (struct given){.address = ss, .fd = fd};
    return true;
}

/* Whatever it is, no program that we start is to have it. */
static void take(int fd)
{
    if (fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return; /* there is none of this number */
    if (!note(fd))
        log_warning("what the supervisor gives is no listening TCP socket, or one too many: it is "
                    "left alone",
                    LOG_INT("descriptor", fd));
}

unsigned activation_take(void)
{
    const bool ours = number("LISTEN_PID") == (uint64_t)getpid();
    const uint64_t n = ours ? number("LISTEN_FDS") : 0;

    ngiven = 0;
    for (uint64_t i = 0; i < n && i < DESCRIPTORS_MAX; i++)
        take(FIRST + (int)i);
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
    return ngiven;
}

static bool is_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    char one[SOCKADDR_TEXT_SIZE], other[SOCKADDR_TEXT_SIZE];

    return a->ss_family == b->ss_family && strcmp(sockaddr_text(a, sockaddr_port(a), one),
                                                  sockaddr_text(b, sockaddr_port(b), other)) == 0;
}

int activation_socket(const struct sockaddr_storage *address, int *ret_fd)
{
    for (unsigned i = 0; i < ngiven; i++) {
        if (!is_same(&given[i].address, address))
            continue;
        int fd = fcntl(given[i].fd, F_DUPFD_CLOEXEC, 0);
        if (fd < 0)
            return -errno;
        *ret_fd = fd;
        return 0;
    }
    return -ENOENT;
}

static bool is_in(const struct sockaddr_storage *a, const struct sockaddr_storage *list, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (is_same(a, &list[i]))
            return true;
    return false;
}

unsigned activation_say_unused(const struct sockaddr_storage *used, unsigned n)
{
    char text[SOCKADDR_TEXT_SIZE];
    unsigned unused = 0;

    for (unsigned i = 0; i < ngiven; i++) {
        const struct sockaddr_storage *a = &given[i].address;
        if (is_in(a, used, n))
            continue;
        log_warning("a socket of the supervisor is not in http.listen: who connects there waits, "
                    "and is never answered",
                    LOG_C("address", sockaddr_text(a, sockaddr_port(a), text)));
        unused++;
    }
    return unused;
}

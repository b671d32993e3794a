/* sd_notify(3) without its library. */
#include <betterdns/notify.h>

#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/str.h>

#define NS_PER_US UINT64_C(1000)

struct notify {
    int fd;
    struct sockaddr_un to;
    socklen_t to_size;
    uint64_t watchdog_ns;
};

static int read_address(struct notify *n, const char *text)
{
    size_t size = strlen(text);

    /* systemd's other kind, vsock:CID:PORT, is for whole virtual machines. */
    if ((text[0] != '/' && text[0] != '@') || size < 2 || size >= sizeof(n->to.sun_path))
        return -BD_EINVALID;
    n->to.sun_family = AF_UNIX;
    memcpy(n->to.sun_path, text, size);
    if (text[0] == '@')
        n->to.sun_path[0] = '\0'; /* unix(7): the size ends an abstract name, not a NUL */
    else
        size++;
    n->to_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    return 0;
}

/* A decimal number without anything else; 0: it is none. */
static uint64_t number(const char *text)
{
    uint64_t value = 0;

    for (const char *p = text; p && *p; p++)
        if (*p < '0' || *p > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return 0;
    return value;
}

/* sd_watchdog_enabled(3): another process's watchdog is not ours. */
static uint64_t read_watchdog(void)
{
    const char *pid = getenv("WATCHDOG_PID");
    uint64_t ns;

    if (pid && number(pid) != (uint64_t)getpid())
        return 0;
    return __builtin_mul_overflow(number(getenv("WATCHDOG_USEC")), NS_PER_US, &ns) ? 0 : ns;
}

static int open_socket(const char *address, struct notify **ret_notify)
{
    struct notify *n = calloc(1, sizeof(*n));
    if (!n)
        return -ENOMEM;
    n->fd = -1;
    n->watchdog_ns = read_watchdog();
    int r = read_address(n, address);
    if (r == 0 && (n->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)) < 0)
        r = -errno;
    if (r < 0) {
        notify_free(n);
        return r;
    }
    *ret_notify = n;
    return 0;
}

int notify_new(struct notify **ret_notify)
{
    const char *address = getenv("NOTIFY_SOCKET");
    int r = 0;

    if (address && address[0])
        r = open_socket(address, ret_notify);
    else
        *ret_notify = NULL;
    unsetenv("NOTIFY_SOCKET");
    unsetenv("WATCHDOG_USEC");
    unsetenv("WATCHDOG_PID");
    return r;
}

void notify_free(struct notify *n)
{
    if (!n)
        return;
    if (n->fd >= 0)
        close(n->fd);
    free(n);
}

uint64_t notify_watchdog_ns(const struct notify *n)
{
    return n ? n->watchdog_ns : 0;
}

int notify_send(const struct notify *n, const char *message)
{
    if (!n)
        return 0;
    ssize_t sent = sendto(n->fd, message, strlen(message), MSG_NOSIGNAL | MSG_DONTWAIT,
                          (const struct sockaddr *)&n->to, n->to_size);
    return sent < 0 ? -errno : 0;
}

void notify_clean(char *value)
{
    for (char *p = value; *p; p++)
        if (*p < ' ' || *p > '~')
            *p = '?';
}

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "supervisor_kit.h"

static char dir[64], path[96], message[4096];
static int fd = -1;

void supervisor_open(bool abstract)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(dir, sizeof(dir), "/tmp/test_supervisor.XXXXXX");
    assert_non_null(mkdtemp(dir));
    /* The directory's name makes an abstract one ours alone. */
    snprintf(path, sizeof(path), "%s%s", abstract ? "@" : "", dir);
    if (!abstract)
        strcat(path, "/notify");
    memcpy(a.sun_path, path, strlen(path));
    if (abstract)
        a.sun_path[0] = '\0';
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    assert_int_equal(bind(fd, (struct sockaddr *)&a, size + !abstract), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", path, 1), 0);
}

void supervisor_close(void)
{
    if (fd < 0)
        return;
    close(fd);
    fd = -1;
    if (path[0] == '/')
        unlink(path);
    rmdir(dir);
}

static bool take(int patience_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLIN};

    if (poll(&p, 1, patience_ms) != 1)
        return false;
    ssize_t n = recv(fd, message, sizeof(message) - 1, 0);
    assert_true(n >= 0);
    message[n] = '\0';
    return true;
}

const char *supervisor_next(void)
{
    assert_true(take(60000));
    return message;
}

void supervisor_expect(const char *wanted)
{
    while (strcmp(supervisor_next(), wanted) != 0)
        ;
}

bool supervisor_had(const char *wanted)
{
    bool had = false;

    while (take(0))
        had |= strcmp(message, wanted) == 0;
    return had;
}

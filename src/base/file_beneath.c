/* Opening a file that must not be outside a directory. */
#include <betterdns/file.h>

#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <betterdns/error.h>

#define TRIES 8      /* of openat2, which asks to come again while somebody renames directories */
#define LINKS_MAX 40 /* as the kernel's */
#define DEPTH_MAX 64

/* ---- without openat2: step by step, each link read and followed by hand ---- */

struct walk {
    int dirfd;
    int below[DEPTH_MAX]; /* the directories that were entered, the last one is where we are */
    unsigned depth, links;
    char rest[PATH_MAX]; /* not walked yet */
};

static int here(const struct walk *w)
{
    return w->depth > 0 ? w->below[w->depth - 1] : w->dirfd;
}

/* The directory above is the one that was left open, whatever ".." is by now. */
static int step_up(struct walk *w)
{
    if (w->depth == 0)
        return -EXDEV;
    close(w->below[--w->depth]);
    return 0;
}

static int step_down(struct walk *w, const char *name)
{
    if (w->depth == DEPTH_MAX)
        return -ENAMETOOLONG;
    int fd = openat(here(w), name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    w->below[w->depth++] = fd;
    return 0;
}

/* What the link says comes before the rest. */
static int follow(struct walk *w, const char *target, size_t ntarget)
{
    size_t nrest = strlen(w->rest);

    if (++w->links > LINKS_MAX)
        return -ELOOP;
    if (ntarget > 0 && target[0] == '/')
        return -EXDEV;
    if (ntarget + 1 + nrest >= sizeof(w->rest))
        return -ENAMETOOLONG;
    memmove(w->rest + ntarget + 1, w->rest, nrest + 1);
    memcpy(w->rest, target, ntarget);
    w->rest[ntarget] = nrest > 0 ? '/' : '\0';
    return 0;
}

/* The first name of the rest; false: there is none. */
static bool next_name(struct walk *w, char name[NAME_MAX + 1], int *error)
{
    const char *start = w->rest + strspn(w->rest, "/");
    size_t n = strcspn(start, "/");

    if (n == 0)
        return false;
    if (n > NAME_MAX) {
        *error = -ENAMETOOLONG;
        return false;
    }
    memcpy(name, start, n);
    name[n] = '\0';
    memmove(w->rest, start + n, strlen(start + n) + 1);
    return true;
}

/* One name further; of the last one *ret_fd is a descriptor. */
static int step(struct walk *w, const char *name, int flags, int *ret_fd)
{
    char target[PATH_MAX];

    if (strcmp(name, ".") == 0)
        return 0;
    if (strcmp(name, "..") == 0)
        return step_up(w);
    ssize_t n = readlinkat(here(w), name, target, sizeof(target));
    if (n >= 0)
        return follow(w, target, (size_t)n);
    if (errno != EINVAL)
        return -errno;
    if (w->rest[0] == '/')
        return step_down(w, name);
    *ret_fd = openat(here(w), name, flags | O_NOFOLLOW);
    return *ret_fd < 0 ? -errno : 0;
}

static int open_by_steps(int dirfd, const char *path, int flags)
{
    char name[NAME_MAX + 1];
    size_t n = strlen(path);
    int r = 0, fd = -1;

    if (path[0] == '/')
        return -EXDEV;
    struct walk *w = malloc(sizeof(*w));
    if (!w)
        return -ENOMEM;
    w->dirfd = dirfd;
    w->depth = w->links = 0;
    if (n >= sizeof(w->rest)) {
        free(w);
        return -ENAMETOOLONG;
    }
    memcpy(w->rest, path, n + 1);
    while (r == 0 && fd < 0 && next_name(w, name, &r))
        r = step(w, name, flags, &fd);
    if (r == 0 && fd < 0) /* the last one was a directory */
        r = -EISDIR;
    while (w->depth > 0)
        close(w->below[--w->depth]);
    free(w);
    return r < 0 ? r : fd;
}

/* ---- with it ---- */

static int open_beneath(int dirfd, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)(unsigned)flags,
                           .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    long fd = -1;

    for (unsigned i = 0; i < TRIES && fd < 0; i++) {
        fd = syscall(SYS_openat2, dirfd, path, &how, sizeof(how));
        if (fd < 0 && errno != EAGAIN && errno != EINTR)
            break;
    }
    if (fd >= 0)
        return (int)fd;
    /* Kernels before 5.6, and sandboxes that have not heard of it. */
    bool refused = errno == ENOSYS || errno == EPERM || errno == EAGAIN;
    return refused ? open_by_steps(dirfd, path, flags) : -errno;
}

static const char *not_regular(mode_t mode)
{
    if (S_ISDIR(mode))
        return "it is a directory";
    if (S_ISFIFO(mode))
        return "it is a FIFO, not a file";
    if (S_ISSOCK(mode))
        return "it is a socket, not a file";
    if (S_ISLNK(mode))
        return "it is a symbolic link that changes just now";
    return "it is a device, not a file";
}

static int check_regular(int fd, const char **why)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (S_ISREG(st.st_mode))
        return 0;
    *why = not_regular(st.st_mode);
    return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
}

/* The file is looked at before it is opened: opening a device can set it going, and opening a FIFO
 * lets its writer go on. */
static int open_checked(int dirfd, const char *path, const char **why)
{
    int fd = open_beneath(dirfd, path, O_PATH | O_CLOEXEC);
    if (fd < 0)
        return fd;
    int r = check_regular(fd, why);
    close(fd);
    if (r < 0)
        return r;
    fd = open_beneath(dirfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return fd;
    r = check_regular(fd, why);
    if (r == 0)
        return fd;
    close(fd);
    return r;
}

int file_open_beneath(int dirfd, const char *path, int *ret_fd, const char **why)
{
    const char *reason = NULL;

    int r = open_checked(dirfd, path, &reason);
    if (r >= 0) {
        *ret_fd = r;
        return 0;
    }
    if (r == -EXDEV)
        reason = "it is outside the directory: links and paths that leave it are not followed";
    if (r == -EISDIR)
        reason = not_regular(S_IFDIR);
    if (why)
        *why = reason ? reason : bd_strerror(r);
    return r;
}

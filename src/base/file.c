/* Files. */
#include <betterdns/file.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/pause.h>

static int open_dir(struct str dir)
{
    char *path = str_dup(dir);
    if (!path)
        return -ENOMEM;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int r = fd < 0 ? -errno : fd;
    free(path);
    return r;
}

static int create_temp(struct file_new *f, mode_t mode)
{
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

    f->fd = openat(f->dirfd, f->temp, flags, 0600);
    if (f->fd < 0 && errno == EEXIST) {
        /* Left by an earlier process with our number. */
        unlinkat(f->dirfd, f->temp, 0);
        f->fd = openat(f->dirfd, f->temp, flags, 0600);
    }
    if (f->fd < 0)
        return -errno;
    return fchmod(f->fd, mode) < 0 ? -errno : 0;
}

int file_new_open(struct file_new *f, const char *path, mode_t mode)
{
    const char *slash = strrchr(path, '/');
    struct str name = str_c(slash ? slash + 1 : path);
    struct str dir = slash ? (struct str){path, (size_t)(slash - path)} : STR(".");
    struct file_new new = {.dirfd = -1, .fd = -1};

    if (name.n == 0)
        return -EISDIR;
    if (name.n >= sizeof(new.name))
        return -ENAMETOOLONG;
    memcpy(new.name, name.p, name.n);
    snprintf(new.temp, sizeof(new.temp), ".%s.tmp.%ld", new.name, (long)getpid());
    new.dirfd = open_dir(dir.n == 0 ? STR("/") : dir);
    if (new.dirfd < 0)
        return new.dirfd;
    int r = create_temp(&new, mode);
    if (r < 0) {
        file_new_abort(&new);
        return r;
    }
    *f = new;
    return 0;
}

void file_new_abort(struct file_new *f)
{
    if (f->fd >= 0) {
        unlinkat(f->dirfd, f->temp, 0);
        close(f->fd);
    }
    if (f->dirfd >= 0)
        close(f->dirfd);
    f->fd = f->dirfd = -1;
}

int file_new_commit(struct file_new *f, bool sync)
{
    int r = 0;

    if (sync && fsync(f->fd) < 0)
        r = -errno;
    /* close() is where network file systems report a full disk. */
    int closed = close(f->fd);
    f->fd = -1;
    if (r == 0 && closed < 0)
        r = -errno;
    if (r == 0 && renameat(f->dirfd, f->temp, f->dirfd, f->name) < 0)
        r = -errno;
    if (r < 0)
        unlinkat(f->dirfd, f->temp, 0);
    else if (sync && fsync(f->dirfd) < 0)
        r = -errno;
    close(f->dirfd);
    f->dirfd = -1;
    return r;
}

int file_write_atomic(const char *path, struct str content, mode_t mode, bool sync)
{
    struct file_new f;

    int r = file_new_open(&f, path, mode);
    if (r < 0)
        return r;
    r = file_write_all(f.fd, content.p, content.n);
    if (r < 0) {
        file_new_abort(&f);
        return r;
    }
    return file_new_commit(&f, sync);
}

/* The process that made this temporary file of name; 0: it is none. */
static pid_t temp_maker(const char *entry, struct str name)
{
    static const struct str middle = {".tmp.", 5};
    struct str left = str_c(entry), number;
    uint64_t pid;

    if (left.n < 1 + name.n + middle.n || left.p[0] != '.' ||
        !str_eq((struct str){left.p + 1, name.n}, name) ||
        !str_eq((struct str){left.p + 1 + name.n, middle.n}, middle))
        return 0;
    number = (struct str){left.p + 1 + name.n + middle.n, left.n - 1 - name.n - middle.n};
    return str_u64(number, INT32_MAX, &pid) == 0 ? (pid_t)pid : 0;
}

int file_each_left(const char *path, file_left_fn *fn, void *arg)
{
    const char *slash = strrchr(path, '/');
    struct str dir = slash ? (struct str){path, (size_t)(slash - path) + 1} : STR("./");
    struct str name = str_c(slash ? slash + 1 : path);
    struct buf left = {0};
    const struct dirent *entry;
    bool removed = false;

    char *folder = str_dup(dir);
    DIR *d = folder ? opendir(folder) : NULL;
    int r = !folder ? -ENOMEM : !d ? -errno : 0;
    while (d && r == 0 && (entry = readdir(d))) {
        pid_t pid = temp_maker(entry->d_name, name);
        if (pid == 0 || (pid != getpid() && kill(pid, 0) == 0))
            continue;
        buf_reset(&left);
        buf_addf(&left, "%s%s", folder, entry->d_name);
        buf_add_c(&left, '\0');
        r = left.error;
        if (r == 0 && fn(arg, left.p))
            removed = true;
    }
    if (r == 0 && removed && fsync(dirfd(d)) < 0)
        r = -errno;
    if (d)
        closedir(d);
    free(folder);
    buf_free(&left);
    return r;
}

#define PIECE 65536U

/* Opens a regular file. O_NONBLOCK: the open of a FIFO must not wait for its writer. */
static int open_regular(const char *path, int *ret_fd)
{
    struct stat st;

    int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fstat(fd, &st) < 0 ? -errno : 0;
    if (r == 0 && !S_ISREG(st.st_mode))
        r = S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
    if (r < 0)
        close(fd);
    else
        *ret_fd = fd;
    return r;
}

/* What read says, but for interruptions. */
static ssize_t read_some(int fd, char *to, size_t n)
{
    ssize_t got;

    do
        got = read(fd, to, n);
    while (got < 0 && errno == EINTR);
    return got < 0 ? -errno : got;
}

/* Up to max bytes, and one more to see that there are more: cut there, or refused. */
static int read_fd(int fd, size_t max, bool cut, struct buf *b)
{
    size_t got = 0;

    for (;;) {
        size_t want = max - got < PIECE ? max - got + 1 : PIECE;
        char *room = buf_room(b, want);
        if (!room)
            return -ENOMEM;
        ssize_t n = read_some(fd, room, want);
        if (n <= 0)
            return (int)n;
        got += (size_t)n;
        if (got > max && !cut)
            return -EFBIG;
        b->n += (size_t)n;
        if (got > max) {
            b->n -= got - max;
            return 0;
        }
    }
}

static int read_path(const char *path, size_t max, bool cut, struct buf *b)
{
    size_t before = b->n;
    int fd;

    int r = open_regular(path, &fd);
    if (r < 0)
        return r;
    r = read_fd(fd, max, cut, b);
    if (r < 0)
        b->n = before;
    close(fd);
    return r;
}

int file_read(const char *path, size_t max, struct buf *b)
{
    return read_path(path, max, false, b);
}

int file_read_fd(int fd, size_t max, struct buf *b)
{
    size_t before = b->n;

    int r = read_fd(fd, max, false, b);
    if (r < 0)
        b->n = before;
    return r;
}

int file_read_start(const char *path, size_t most, struct buf *b)
{
    return read_path(path, most, true, b);
}

int file_read_pieces(const char *path, size_t max, file_piece_fn *fn, void *arg)
{
    size_t got = 0;
    ssize_t n = 0;
    int fd;

    int r = open_regular(path, &fd);
    if (r < 0)
        return r;
    char *piece = malloc(PIECE);
    if (!piece)
        r = -ENOMEM;
    while (r == 0 && (n = read_some(fd, piece, PIECE)) > 0) {
        got += (size_t)n;
        if (got > max)
            r = -EFBIG;
        else
            fn(arg, (struct str){piece, (size_t)n});
    }
    free(piece);
    close(fd);
    return r < 0 ? r : (int)n;
}

static int make_dir(const char *path, mode_t mode)
{
    struct stat st;

    if (mkdir(path, mode) == 0)
        return 0;
    int r = -errno;
    /* EEXIST mostly; on a read-only file system or without rights also for a directory that is
     * there. */
    if (stat(path, &st) == 0)
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
    return r;
}

int file_make_dirs(const char *path, mode_t mode)
{
    char *copy = str_dup(str_c(path));
    int r = 0;

    if (!copy)
        return -ENOMEM;
    for (char *p = copy + 1; copy[0] && r == 0 && *p; p++) {
        if (*p != '/' || p[-1] == '/')
            continue;
        *p = '\0';
        r = make_dir(copy, mode);
        *p = '/';
    }
    if (r == 0)
        r = make_dir(copy, mode);
    free(copy);
    return r;
}

int file_write_all(int fd, const void *bytes, size_t n)
{
    const char *p = bytes;

    while (n > 0) {
        ssize_t written = write(fd, p, n);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return -errno;
        p += written;
        n -= (size_t)written;
    }
    return 0;
}

int file_overwrite(int fd, struct str content)
{
    if (lseek(fd, 0, SEEK_SET) < 0)
        return -errno;
    int r = file_write_all(fd, content.p, content.n);
    if (r == 0 && ftruncate(fd, (off_t)content.n) < 0)
        r = -errno;
    return r;
}

char *file_path(const char *folder, const char *name)
{
    struct buf b = {0};

    buf_addf(&b, "%s/%s", folder, name);
    buf_add_c(&b, '\0');
    if (b.error)
        buf_free(&b);
    return b.p;
}

bool file_is_full(int error)
{
    return error == -ENOSPC || error == -EDQUOT || error == -BD_EFULL;
}

int file_lock(const char *path, int *ret_fd)
{
    return file_lock_within(path, 0, ret_fd);
}

int file_lock_within(const char *path, uint64_t deadline_ns, int *ret_fd)
{
    const struct timespec pause = clock_timespec(NS_PER_MS);

    int fd = open(path, O_RDWR | O_CREAT | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        int r = errno == EWOULDBLOCK ? -BD_EINUSE : -errno;
        if (r != -BD_EINUSE || clock_mono_ns() >= deadline_ns) {
            close(fd);
            return r;
        }
        PAUSE_POINT("file_lock.taken");
        nanosleep(&pause, NULL);
    }
    *ret_fd = fd;
    return 0;
}

/* Replacing a file that people own. */
#include "people/file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/pause.h>

#define FILE_BYTES_MAX ((size_t)1 << 30)
#define ACL_NAME "system.posix_acl_access"
#define ACL_MAX 4096
#define LINKS_MAX 40 /* as the kernel */

struct people_stat people_stat_of(const struct stat *st)
{
    return (struct people_stat){.dev = st->st_dev,
                                .ino = st->st_ino,
                                .size = st->st_size,
                                .mtime = st->st_mtim,
                                .ctime = st->st_ctim};
}

int people_stat(const char *path, struct people_stat *ret_stat)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -errno;
    *ret_stat = people_stat_of(&st);
    return 0;
}

static bool time_eq(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool people_stat_eq(const struct people_stat *a, const struct people_stat *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
           time_eq(a->mtime, b->mtime) && time_eq(a->ctime, b->ctime);
}

static void add_piece(void *arg, struct str piece)
{
    hash128_add(arg, piece.p, piece.n);
}

int people_hash(const char *path, struct hash128 *ret_content)
{
    struct hash128_stream stream;

    hash128_start(&stream);
    int r = file_read_pieces(path, FILE_BYTES_MAX, add_piece, &stream);
    if (r == 0)
        *ret_content = hash128_end(&stream);
    return r;
}

/* Where a symbolic link points to; NULL: it is none. */
static char *link_target(const char *path)
{
    const char *slash = strrchr(path, '/');
    char target[PATH_MAX];
    struct buf at = {0};

    ssize_t n = readlink(path, target, sizeof(target));
    if (n <= 0 || (size_t)n == sizeof(target))
        return NULL;
    if (target[0] != '/' && slash)
        buf_add(&at, path, (size_t)(slash - path) + 1);
    buf_add(&at, target, (size_t)n);
    buf_add_c(&at, '\0');
    if (at.error)
        buf_free(&at);
    return at.p;
}

char *people_resolve(const char *path)
{
    char *at = str_dup(str_c(path));

    for (unsigned i = 0; at && i < LINKS_MAX; i++) {
        char *next = realpath(at, NULL);
        bool whole = next != NULL;
        if (!next)
            next = link_target(at);
        if (!next)
            break;
        free(at);
        at = next;
        if (whole)
            break;
    }
    return at;
}

/* ---- the new file ---- */

static int say(char error[256], int r, const char *path, const char *why)
{
    snprintf(error, 256, "%.150s: %s", path, why);
    return r;
}

static int say_failed(char error[256], int r, const char *path)
{
    const char *why = bd_strerror(r);

    if (r == -BD_ECONFLICT)
        why = "it was saved while it was exported";
    else if (r == -EBUSY)
        why = "it is mounted by itself and cannot be replaced, so it is only read: mount its "
              "directory, not the file";
    else if (r == -EROFS)
        why = "it is on a read-only file system, so it is only read";
    else if (r == -EACCES || r == -EPERM)
        why = "betterdns may not write in its directory, so it is only read";
    return say(error, r, path, why);
}

/* The access list of the old file; where it has none the new one may have its directory's. */
static int keep_list(const char *path, int fd, char error[256])
{
    char acl[ACL_MAX];

    ssize_t n = getxattr(path, ACL_NAME, acl, sizeof(acl));
    if (n < 0 && errno == ERANGE)
        return say(error, -EPERM, path, "its access list is too long to be kept");
    if (n < 0 && errno != ENODATA) /* nothing there has one */
        return 0;
    int r = n < 0 ? fremovexattr(fd, ACL_NAME) : fsetxattr(fd, ACL_NAME, acl, (size_t)n, 0);
    if (r < 0 && (n >= 0 || (errno != ENODATA && errno != EOPNOTSUPP)))
        return say(error, -EPERM, path, "its access list cannot be kept, so it is only read");
    return 0;
}

/* Who could edit the old file can edit the new one. */
static int keep_rights(const char *path, int fd, char error[256])
{
    struct stat st, mine;

    if (stat(path, &st) < 0)
        return errno == ENOENT ? -BD_ECONFLICT : -errno;
    if (fstat(fd, &mine) < 0)
        return -errno;
    if (st.st_gid != mine.st_gid && fchown(fd, (uid_t)-1, st.st_gid) < 0)
        return say(error, -EPERM, path, "its group cannot be kept, so it is only read");
    bool editable = (st.st_mode & S_IWGRP) || !(st.st_mode & S_IWUSR);
    if (st.st_uid != mine.st_uid && fchown(fd, st.st_uid, (gid_t)-1) < 0 && !editable)
        return say(error, -EPERM, path,
                   "its owner cannot be kept and could not edit it any more, so it is only read");
    if (fchmod(fd, st.st_mode & 07777) < 0)
        return say(error, -EPERM, path, "its mode cannot be kept, so it is only read");
    return keep_list(path, fd, error);
}

int people_prepare(struct people_new *n, const char *path, bool there, struct str text,
                   char error[256])
{
    /* A symbolic link stays one: what it names is replaced. */
    char *resolved = people_resolve(path);
    int r = resolved ? file_new_open(&n->file, resolved, 0644) : -ENOMEM;

    if (r < 0) {
        free(resolved);
        return say_failed(error, r, path);
    }
    n->resolved = resolved;
    n->there = there;
    n->content = hash128(text.p ? text.p : "", text.n);
    error[0] = '\0';
    r = there ? keep_rights(path, n->file.fd, error) : 0;
    if (r == 0)
        r = file_write_all(n->file.fd, text.p, text.n);
    if (r == 0 && fsync(n->file.fd) < 0)
        r = -errno;
    if (r == 0)
        return 0;
    people_abort(n);
    return error[0] ? r : say_failed(error, r, path);
}

void people_abort(struct people_new *n)
{
    file_new_abort(&n->file);
    free(n->resolved);
    n->resolved = NULL;
}

/* ---- the exchange ---- */

/* Some file systems do not know the flag. */
static int rename_free(int dirfd, const char *from, const char *to)
{
    if (renameat2(dirfd, from, dirfd, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS)
        return -errno;
    if (linkat(dirfd, from, dirfd, to, 0) == 0)
        return unlinkat(dirfd, from, 0) < 0 ? -errno : 0;
    if (errno == EEXIST || faccessat(dirfd, to, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
        return -EEXIST;
    return renameat(dirfd, from, dirfd, to) < 0 ? -errno : 0;
}

static void prev_name(const struct file_new *f, unsigned i, char *name, size_t n)
{
    snprintf(name, n, ".%s.prev.%u", f->name, i);
}

/* The temporary file's next name is the one that the displaced file will have: in the moment of the
 * exchange it must not look like a file that nobody wants any more. */
static int take_prev_name(struct file_new *f)
{
    char name[sizeof(f->temp)];
    int r = -EEXIST;

    for (unsigned i = 1; r == -EEXIST && i < PEOPLE_KEPT_MAX; i++) {
        prev_name(f, i, name, sizeof(name));
        r = rename_free(f->dirfd, f->temp, name);
    }
    if (r == 0)
        memcpy(f->temp, name, sizeof(name));
    return r;
}

/* Is what the exchange displaced, now under the other name, what was read before? */
static bool displaced_is(const struct file_new *f, const struct hash128 *old)
{
    char path[sizeof(f->temp) + 64];
    struct hash128 now;

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", f->dirfd, f->temp);
    return people_hash(path, &now) == 0 && hash128_eq(&now, old);
}

/* No exchange here: the old file gets a second name, and loses the first. */
static int replace_linked(struct file_new *f)
{
    char name[sizeof(f->temp)];
    int r = -EEXIST;

    for (unsigned i = 1; r == -EEXIST && i < PEOPLE_KEPT_MAX; i++) {
        prev_name(f, i, name, sizeof(name));
        r = linkat(f->dirfd, f->name, f->dirfd, name, 0) < 0 ? -errno : 0;
    }
    bool linked = r == 0;
    if (renameat(f->dirfd, f->temp, f->dirfd, f->name) < 0) {
        r = -errno;
        if (linked)
            unlinkat(f->dirfd, name, 0);
        return r;
    }
    memcpy(f->temp, name, sizeof(name));
    return linked ? 0 : 1; /* 1: no second names either */
}

static int exchange(struct people_new *n, const struct hash128 *old, struct people_swap *swap,
                    bool *ret_beside)
{
    struct file_new *f = &n->file;

    int r = take_prev_name(f);
    if (r < 0)
        return r;
    PAUSE_POINT("people: about to exchange");
    r = renameat2(f->dirfd, f->temp, f->dirfd, f->name, RENAME_EXCHANGE) < 0 ? -errno : 0;
    if (r == -ENOENT)
        return -BD_ECONFLICT;
    swap->window = r == -EINVAL || r == -ENOSYS;
    if (swap->window)
        r = replace_linked(f);
    if (r < 0)
        return r;
    PAUSE_POINT("people: exchanged");
    *ret_beside = r == 0;
    swap->foreign = r == 0 && !displaced_is(f, old);
    return 0;
}

static int put_new(struct file_new *f)
{
    int r = rename_free(f->dirfd, f->temp, f->name);

    /* A file, not a link that leads nowhere: such a one is no save, and will not go away. */
    return r == -EEXIST && faccessat(f->dirfd, f->name, F_OK, 0) == 0 ? -BD_ECONFLICT : r;
}

/* Once the temporary file has lost its name there is nothing to remove. */
static void close_files(struct file_new *f)
{
    close(f->fd);
    close(f->dirfd);
    f->fd = f->dirfd = -1;
}

/* In the directory of the exchange: a link of the path may lead into another one by now. */
static void name_beside(const struct people_new *n, struct people_swap *swap)
{
    const char *slash = strrchr(n->resolved, '/');
    int dir = slash ? (int)(slash - n->resolved) + 1 : 0;

    buf_addf(&swap->beside, "%.*s%s", dir, n->resolved, n->file.temp);
    buf_add_c(&swap->beside, '\0');
    if (swap->beside.error) /* the next start finds it */
        buf_free(&swap->beside);
}

int people_exchange(struct people_new *n, const char *path, const struct hash128 *old,
                    struct people_swap *ret_swap, char error[256])
{
    struct people_swap swap = {.window = false};
    struct file_new *f = &n->file;
    struct stat st;
    bool beside = false;

    int r = n->there ? exchange(n, old, &swap, &beside) : put_new(f);
    bool done = r == 0;
    if (done && fsync(f->dirfd) < 0)
        r = -errno;
    if (r == 0 && fstat(f->fd, &st) == 0)
        swap.written = people_stat_of(&st);
    if (beside)
        name_beside(n, &swap);
    if (done)
        close_files(f);
    else
        file_new_abort(f);
    free(n->resolved);
    n->resolved = NULL;
    *ret_swap = swap;
    return r < 0 ? say_failed(error, r, path) : 0;
}

/* Replacing a file that people own. */
#include "people_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

#define ACL_NAME "system.posix_acl_access"
#define ACL_MAX 4096

static struct people_stat stat_of(const struct stat *st)
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
    *ret_stat = stat_of(&st);
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

static int say(char error[256], int r, const char *path, const char *why)
{
    snprintf(error, 256, "%.150s: %s", path, why);
    return r;
}

/* Who could edit the old file can edit the new one. */
static int keep_rights(const char *path, int fd, char error[256])
{
    struct stat st, mine;
    char acl[ACL_MAX];

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
    ssize_t n = getxattr(path, ACL_NAME, acl, sizeof(acl));
    if (n < 0)
        return errno == ERANGE ? say(error, -EPERM, path, "its access list is too long to be kept")
                               : 0; /* it has none, or nothing there has */
    if (fsetxattr(fd, ACL_NAME, acl, (size_t)n, 0) < 0)
        return say(error, -EPERM, path, "its access list cannot be kept, so it is only read");
    return 0;
}

/* Is what the exchange displaced, now under our temporary name, what was read before? */
static bool displaced_is(const struct file_new *f, const struct buf *old)
{
    char path[sizeof(f->temp) + 64];
    struct buf now = {0};

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", f->dirfd, f->temp);
    bool same = file_read(path, old->n + 1, &now) == 0 && str_eq(buf_str(&now), buf_str(old));
    buf_free(&now);
    return same;
}

/* The temporary file is complete. Afterwards everything of f is closed and gone. *written is what
 * our own file looks like in its place, by its descriptor: the name may be another's by then. */
static int put_in_place(struct file_new *f, const struct buf *old, struct people_stat *written)
{
    unsigned how = old ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    struct stat st;
    int r = fsync(f->fd) < 0 ? -errno : 0;

    if (r == 0 && renameat2(f->dirfd, f->temp, f->dirfd, f->name, how) < 0)
        r = errno == EEXIST || errno == ENOENT ? -BD_ECONFLICT : -errno;
    if (r == -EINVAL || r == -ENOSYS) /* this file system cannot exchange */
        return file_new_commit(f, true);
    if (r == 0 && old && !displaced_is(f, old)) {
        r = -BD_ECONFLICT;
        if (renameat2(f->dirfd, f->temp, f->dirfd, f->name, RENAME_EXCHANGE) < 0)
            r = -errno;
    }
    if (r == 0 && fsync(f->dirfd) < 0)
        r = -errno;
    if (r == 0 && fstat(f->fd, &st) == 0)
        *written = stat_of(&st);
    if (r == 0 && !old) { /* nothing is left under the temporary name */
        close(f->fd);
        close(f->dirfd);
        return 0;
    }
    file_new_abort(f);
    return r;
}

int people_replace(const char *path, const struct buf *old, const struct buf *content,
                   struct people_stat *ret_written, char error[256])
{
    struct people_stat written = {0};
    struct file_new f;

    /* A symbolic link stays one: what it names is replaced. */
    char *resolved = old ? realpath(path, NULL) : NULL;
    int r = file_new_open(&f, resolved ? resolved : path, 0644);
    free(resolved);
    if (r < 0)
        return say(error, r, path, bd_strerror(r));
    r = old ? keep_rights(path, f.fd, error) : 0;
    if (r == 0)
        r = file_write_all(f.fd, content->p, content->n);
    if (r < 0)
        file_new_abort(&f);
    else
        r = put_in_place(&f, old, &written);
    if (r == 0)
        *ret_written = written;
    if (error[0])
        return r;
    if (r == -BD_ECONFLICT)
        return say(error, r, path, "changed by hand while it was exported: exports pause");
    return r < 0 ? say(error, r, path, bd_strerror(r)) : 0;
}

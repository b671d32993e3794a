/* Replacing a file that people own. */
#include "people_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/log.h>

#define KEPT_MAX 1000U
#define FILE_BYTES_MAX ((size_t)1 << 30)
#define ACL_NAME "system.posix_acl_access"
#define ACL_MAX 4096

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

static int say(char error[256], int r, const char *path, const char *why)
{
    snprintf(error, 256, "%.150s: %s", path, why);
    return r;
}

static int say_failed(char error[256], int r, const char *path)
{
    return say(error, r, path,
               r == -BD_ECONFLICT ? "changed by hand while it was exported: exports pause"
                                  : bd_strerror(r));
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

/* ---- contents ---- */

static void digest_start(struct people_digest *d)
{
    *d = (struct people_digest){.nfirst = 0};
    hash128_start(&d->whole);
    hash128_start(&d->body);
}

static void digest_first(struct people_digest *d, struct str line)
{
    size_t room = sizeof(d->first) - 1 - d->nfirst, n = line.n < room ? line.n : room;

    if (n > 0)
        memcpy(d->first + d->nfirst, line.p, n);
    d->nfirst += n;
}

static void digest_add(void *arg, struct str piece)
{
    struct people_digest *d = arg;

    hash128_add(&d->whole, piece.p, piece.n);
    if (!d->in_body) {
        const char *end = piece.n ? memchr(piece.p, '\n', piece.n) : NULL;
        size_t n = end ? (size_t)(end - piece.p) : piece.n;
        digest_first(d, (struct str){piece.p, n});
        d->in_body = end != NULL;
        piece.p += n;
        piece.n -= n;
    }
    hash128_add(&d->body, piece.p, piece.n);
}

static struct people_content digest_end(struct people_digest *d)
{
    struct people_content c = {.whole = hash128_end(&d->whole), .body = hash128_end(&d->body)};

    memcpy(c.first, d->first, sizeof(c.first)); /* ended by a 0 */
    return c;
}

struct people_content people_content_of(struct str text)
{
    struct people_digest digest;

    digest_start(&digest);
    digest_add(&digest, text);
    return digest_end(&digest);
}

int people_read(const char *path, struct people_content *ret_content)
{
    struct people_digest digest;

    digest_start(&digest);
    int r = file_read_pieces(path, FILE_BYTES_MAX, digest_add, &digest);
    if (r == 0)
        *ret_content = digest_end(&digest);
    return r;
}

/* ---- replacing ---- */

int people_open(struct people_new *n, const char *path, bool there, char error[256])
{
    /* A symbolic link stays one: what it names is replaced. */
    char *resolved = there ? realpath(path, NULL) : NULL;
    int r = file_new_open(&n->file, resolved ? resolved : path, 0644);
    free(resolved);
    if (r < 0)
        return say(error, r, path, bd_strerror(r));
    n->out = (struct buf){0};
    digest_start(&n->digest);
    r = there ? keep_rights(path, n->file.fd, error) : 0;
    if (r == 0)
        return 0;
    people_abort(n);
    return error[0] ? r : say_failed(error, r, path);
}

int people_flush(struct people_new *n)
{
    int r = n->out.error ? n->out.error : file_write_all(n->file.fd, n->out.p, n->out.n);

    if (r == 0)
        digest_add(&n->digest, buf_str(&n->out));
    buf_reset(&n->out);
    return r;
}

int people_finish(struct people_new *n, struct people_content *ret_content)
{
    int r = people_flush(n);

    if (r == 0)
        *ret_content = digest_end(&n->digest);
    return r;
}

void people_abort(struct people_new *n)
{
    file_new_abort(&n->file);
    buf_free(&n->out);
}

/* Is what the exchange displaced, now under our temporary name, what was read before? */
static bool displaced_is(const struct file_new *f, const struct hash128 *old)
{
    char path[sizeof(f->temp) + 64];
    struct people_content now;

    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", f->dirfd, f->temp);
    return people_read(path, &now) == 0 && hash128_eq(&now.whole, old);
}

int people_keep(int dirfd, const char *temp, struct buf *ret_name)
{
    for (unsigned i = 1; i < KEPT_MAX; i++) {
        buf_reset(ret_name);
        buf_addf(ret_name, "%s.saved.%u", temp, i);
        buf_add_c(ret_name, '\0');
        if (ret_name->error)
            return ret_name->error;
        if (faccessat(dirfd, ret_name->p, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        return renameat(dirfd, temp, dirfd, ret_name->p) < 0 ? -errno : 0;
    }
    return -EEXIST;
}

/* Somebody's save was displaced, and gets its name again, also where ours has lost it meanwhile.
 * Else it is kept beside it: the temporary name is the next export's. */
static int give_back(struct file_new *f)
{
    struct buf kept = {0};

    if (renameat2(f->dirfd, f->temp, f->dirfd, f->name, RENAME_EXCHANGE) == 0)
        return -BD_ECONFLICT;
    close(f->fd); /* what has the temporary name is not ours to remove */
    f->fd = -1;
    if (renameat2(f->dirfd, f->temp, f->dirfd, f->name, RENAME_NOREPLACE) == 0)
        return -BD_ECONFLICT;
    int r = -errno;
    int keep = people_keep(f->dirfd, f->temp, &kept);
    log_error("a save was displaced by an export, and could not be put back",
              LOG_C("kept", keep == 0 ? kept.p : f->temp), LOG_C("beside", f->name), LOG_ERR(r));
    buf_free(&kept);
    return r;
}

/* The temporary file is complete. Afterwards everything of f is closed and gone. *written is what
 * our own file looks like in its place, by its descriptor: the name may be another's by then. */
static int put_in_place(struct file_new *f, const struct hash128 *old, struct people_stat *written)
{
    unsigned how = old ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    struct stat st;
    int r = fsync(f->fd) < 0 ? -errno : 0;

    if (r == 0 && renameat2(f->dirfd, f->temp, f->dirfd, f->name, how) < 0)
        r = errno == EEXIST || errno == ENOENT ? -BD_ECONFLICT : -errno;
    if (r == -EINVAL || r == -ENOSYS) /* this file system cannot exchange */
        return file_new_commit(f, true);
    if (r == 0 && old && !displaced_is(f, old))
        r = give_back(f);
    if (r == 0 && fsync(f->dirfd) < 0)
        r = -errno;
    if (r == 0 && fstat(f->fd, &st) == 0)
        *written = people_stat_of(&st);
    if (r == 0 && !old) { /* nothing is left under the temporary name */
        close(f->fd);
        close(f->dirfd);
        return 0;
    }
    file_new_abort(f);
    return r;
}

int people_commit(struct people_new *n, const char *path, const struct hash128 *old,
                  struct people_stat *ret_written, char error[256])
{
    struct people_stat written = {0};

    int r = put_in_place(&n->file, old, &written);
    buf_free(&n->out);
    if (r == 0)
        *ret_written = written;
    return r < 0 ? say_failed(error, r, path) : 0;
}

/* ---- beside the file ---- */

static bool holds(const char *path, struct str text)
{
    struct people_content there;
    struct hash128 hash = hash128(text.p, text.n);

    return people_read(path, &there) == 0 && hash128_eq(&there.whole, &hash);
}

/* The first name that is free, or has this very text (-EALREADY). */
static int aside_name(const char *resolved, const char *suffix, struct str text, struct buf *name)
{
    const char *slash = strrchr(resolved, '/');
    int dir = slash ? (int)(slash - resolved) + 1 : 0;

    for (unsigned i = 1; i < KEPT_MAX; i++) {
        buf_reset(name);
        buf_addf(name, "%.*s.%s.%s", dir, resolved, resolved + dir, suffix);
        if (i > 1)
            buf_addf(name, ".%u", i);
        buf_add_c(name, '\0');
        if (name->error)
            return name->error;
        if (faccessat(AT_FDCWD, name->p, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            return errno == ENOENT ? 0 : -errno;
        if (holds(name->p, text))
            return -EALREADY;
    }
    return -EEXIST;
}

/* Nobody but us makes such names. */
static int write_aside(const char *resolved, const char *name, struct str text)
{
    char ignored[256] = "";
    struct file_new f;

    int r = file_new_open(&f, name, 0600);
    if (r < 0)
        return r;
    keep_rights(resolved, f.fd, ignored); /* where they cannot be it is ours alone */
    r = file_write_all(f.fd, text.p, text.n);
    if (r < 0) {
        file_new_abort(&f);
        return r;
    }
    return file_new_commit(&f, true);
}

int people_put_aside(const char *path, const char *suffix, struct str text, struct buf *ret_path)
{
    char *resolved = realpath(path, NULL);

    if (!resolved && errno != ENOENT)
        return -errno;
    int r = aside_name(resolved ? resolved : path, suffix, text, ret_path);
    if (r == 0)
        r = write_aside(resolved ? resolved : path, ret_path->p, text);
    free(resolved);
    return r == -EALREADY ? 0 : r;
}

/* LD_PRELOAD, or linked into a program: makes the n-th malloc, write, fsync, … fail. fail.h says
 * how it is told. */
#include "fail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static struct fail_control *control;

/* System calls without the functions that this file replaces. */
static __attribute__((constructor)) void map_control(void)
{
    const char *path = getenv("BETTERDNS_FAIL");
    int flags = MAP_SHARED | (path ? 0 : MAP_ANONYMOUS);
    int fd = -1;

    if (control)
        return;
    if (path)
        fd = (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC);
    if (path && fd < 0)
        return;
    long at = syscall(SYS_mmap, NULL, sizeof(*control), PROT_READ | PROT_WRITE, flags, fd, 0L);
    if (at != -1)
        control = (struct fail_control *)at;
    if (fd >= 0)
        syscall(SYS_close, fd);
}

EXPORT struct fail_control *fail_control(void)
{
    map_control();
    return control;
}

static bool is_thread(void)
{
    char name[16] = "";

    return !control->thread[0] ||
           (prctl(PR_GET_NAME, name) == 0 && strncmp(name, control->thread, sizeof(name)) == 0);
}

/* Pipes, sockets and eventfds are not files. */
static bool is_file(int fd)
{
    struct stat st;

    return syscall(SYS_fstat, fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode));
}

static bool is_below(const char *path)
{
    return strncmp(path, control->below, strlen(control->below)) == 0;
}

static bool is_fd_below(int fd)
{
    char link[48], path[512];

    if (!control->below[0])
        return true;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof(path) - 1);
    path[n > 0 ? n : 0] = '\0';
    return is_below(path);
}

/* The errno that this call is to fail with; 0: it goes on. */
static int due(enum fail_kind kind)
{
    struct fail_plan *p = &control->plans[kind];

    if ((control->process && control->process != (uint64_t)getpid()) || !is_thread())
        return 0;
    uint64_t n = atomic_fetch_add(&p->calls, 1) + 1, first = p->first;
    if (first == 0 || n < first || n > p->last)
        return 0;
    atomic_fetch_add(&p->failed, 1);
    return (int)p->error;
}

static bool fails(enum fail_kind kind)
{
    int e = control ? due(kind) : 0;

    if (e != 0)
        errno = e;
    return e != 0;
}

static bool fails_fd(enum fail_kind kind, int fd)
{
    int before = errno;

    if (!control || !is_file(fd) || !is_fd_below(fd)) {
        errno = before;
        return false;
    }
    return fails(kind);
}

static bool fails_path(enum fail_kind kind, const char *path)
{
    return control && is_below(path) && fails(kind);
}

/* ---- memory: by glibc's own names, since dlsym may allocate ---- */

extern void *__libc_malloc(size_t n);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t n);
extern void *__libc_memalign(size_t alignment, size_t n);

EXPORT void *malloc(size_t n)
{
    return fails(FAIL_MALLOC) ? NULL : __libc_malloc(n);
}

EXPORT void *calloc(size_t n, size_t size)
{
    return fails(FAIL_MALLOC) ? NULL : __libc_calloc(n, size);
}

EXPORT void *realloc(void *p, size_t n)
{
    return fails(FAIL_MALLOC) ? NULL : __libc_realloc(p, n);
}

EXPORT void *reallocarray(void *p, size_t n, size_t size)
{
    size_t all;

    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(p, all);
}

EXPORT void *memalign(size_t alignment, size_t n)
{
    return fails(FAIL_MALLOC) ? NULL : __libc_memalign(alignment, n);
}

EXPORT void *aligned_alloc(size_t alignment, size_t n)
{
    return memalign(alignment, n);
}

EXPORT int posix_memalign(void **ret_p, size_t alignment, size_t n)
{
    void *p = memalign(alignment, n);

    if (!p)
        return ENOMEM;
    *ret_p = p;
    return 0;
}

/* ---- writing ---- */

/* How much of n octets a failing write takes all the same: half of them where it is to be a short
 * one; -1: it fails. */
static ssize_t part(int fd, size_t n)
{
    if (!fails_fd(FAIL_WRITE, fd))
        return (ssize_t)n;
    return errno == FAIL_SHORT && n > 1 ? (ssize_t)(n / 2) : -1;
}

EXPORT ssize_t write(int fd, const void *p, size_t n)
{
    ssize_t some = part(fd, n);

    return some < 0 ? -1 : (ssize_t)syscall(SYS_write, fd, p, (size_t)some);
}

EXPORT ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    ssize_t some = part(fd, n);

    return some < 0 ? -1 : (ssize_t)syscall(SYS_pwrite64, fd, p, (size_t)some, at);
}

EXPORT ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return pwrite(fd, p, n, at);
}

EXPORT ssize_t writev(int fd, const struct iovec *v, int n)
{
    return fails_fd(FAIL_WRITE, fd) ? -1 : (ssize_t)syscall(SYS_writev, fd, v, n);
}

EXPORT int ftruncate(int fd, off_t n)
{
    return fails_fd(FAIL_WRITE, fd) ? -1 : (int)syscall(SYS_ftruncate, fd, n);
}

EXPORT int ftruncate64(int fd, off64_t n)
{
    return ftruncate(fd, n);
}

EXPORT int fallocate(int fd, int mode, off_t at, off_t n)
{
    return fails_fd(FAIL_WRITE, fd) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, n);
}

EXPORT int posix_fallocate(int fd, off_t at, off_t n)
{
    int before = errno;
    int r = fallocate(fd, 0, at, n) < 0 ? errno : 0;

    errno = before;
    return r;
}

EXPORT int fsync(int fd)
{
    return fails_fd(FAIL_SYNC, fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

EXPORT int fdatasync(int fd)
{
    return fails_fd(FAIL_SYNC, fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}

/* ---- reading ---- */

EXPORT ssize_t read(int fd, void *p, size_t n)
{
    return fails_fd(FAIL_READ, fd) ? -1 : (ssize_t)syscall(SYS_read, fd, p, n);
}

EXPORT ssize_t pread(int fd, void *p, size_t n, off_t at)
{
    return fails_fd(FAIL_READ, fd) ? -1 : (ssize_t)syscall(SYS_pread64, fd, p, n, at);
}

EXPORT ssize_t pread64(int fd, void *p, size_t n, off64_t at)
{
    return pread(fd, p, n, at);
}

EXPORT void *mmap(void *at, size_t n, int prot, int flags, int fd, off_t offset)
{
    if (fd >= 0 && fails_fd(FAIL_MAP, fd))
        return MAP_FAILED;
    return (void *)syscall(SYS_mmap, at, n, prot, flags, fd, offset);
}

EXPORT void *mmap64(void *at, size_t n, int prot, int flags, int fd, off64_t offset)
{
    return mmap(at, n, prot, flags, fd, offset);
}

/* ---- names ---- */

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
    if ((flags & O_ACCMODE) != O_RDONLY && fails_path(FAIL_OPEN, path))
        return -1;
    return (int)syscall(SYS_openat, dir, path, flags, mode);
}

#define OPEN_MODE(flags, mode)                                                                     \
    mode_t mode = 0;                                                                               \
    if ((flags) & (O_CREAT | __O_TMPFILE)) {                                                       \
        va_list args;                                                                              \
        va_start(args, flags);                                                                     \
        (mode) = va_arg(args, mode_t);                                                             \
        va_end(args);                                                                              \
    }

EXPORT int open(const char *path, int flags, ...)
{
    OPEN_MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags, mode);
}

EXPORT int open64(const char *path, int flags, ...)
{
    OPEN_MODE(flags, mode)
    return open_at(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}

EXPORT int openat(int dir, const char *path, int flags, ...)
{
    OPEN_MODE(flags, mode)
    return open_at(dir, path, flags, mode);
}

EXPORT int openat64(int dir, const char *path, int flags, ...)
{
    OPEN_MODE(flags, mode)
    return open_at(dir, path, flags | O_LARGEFILE, mode);
}

EXPORT int rename(const char *from, const char *to)
{
    if (fails_path(FAIL_NAME, from))
        return -1;
    return (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

EXPORT int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    if (fails_path(FAIL_NAME, from))
        return -1;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

EXPORT int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    if (fails_path(FAIL_NAME, from))
        return -1;
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

EXPORT int unlink(const char *path)
{
    return fails_path(FAIL_NAME, path) ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

EXPORT int unlinkat(int dir, const char *path, int flags)
{
    return fails_path(FAIL_NAME, path) ? -1 : (int)syscall(SYS_unlinkat, dir, path, flags);
}

EXPORT int link(const char *from, const char *to)
{
    if (fails_path(FAIL_NAME, from))
        return -1;
    return (int)syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0);
}

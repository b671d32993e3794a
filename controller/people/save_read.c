/* Reading what somebody has saved, whole. */
#include "people/save_read.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/error.h>
#include <betterdns/pause.h>

#define PIECE ((size_t)64 << 10)
#define WAIT_LEAST_NS                                                                              \
    (20 * NS_PER_MS) /* a writer has it open: the first wait, then twice as long */
#define WAIT_MOST_NS (250 * NS_PER_MS)
#define QUIET_NS (2 * NS_PER_S)
/* Two writes within a tick of the kernel's clock leave the same times: a file is read when its
 * times are past, so that whatever comes later has others. */
#define TICK_NS (20 * (int64_t)NS_PER_MS)

#define VBOXSF_MAGIC 0x786F4256 /* not in <linux/magic.h> */

struct one_read {
    struct save_reader *reader;
    const char *name; /* below the directory */
    int dirfd, fd;
    struct stat before;
    bool leased;
    struct buf text;
    uint64_t *again_ns;
    struct save_fault *fault;
};

/* ---- opening ---- */

static int refuse(struct one_read *o, int r, const char *why)
{
    *o->fault = (struct save_fault){0};
    snprintf(o->fault->message, sizeof(o->fault->message), "%s", why ? why : bd_strerror(r));
    return r;
}

/* The directory as it was configured: where that path leads is the operator's choice. */
static int open_directory(struct one_read *o, const char *dir)
{
    o->dirfd = open(dir[0] ? dir : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return o->dirfd < 0 ? refuse(o, -errno, NULL) : 0;
}

static int open_file(struct one_read *o)
{
    const char *why;

    int r = file_open_beneath(o->dirfd, o->name, &o->fd, &why);
    if (r < 0)
        return refuse(o, r, why);
    if (fstat(o->fd, &o->before) < 0)
        return refuse(o, -errno, NULL);
    if ((uint64_t)o->before.st_size > SAVE_BYTES_MAX)
        return refuse(o, -EFBIG, "it is larger than 256 MiB");
    return 0;
}

/* ---- is somebody writing? ---- */

static int later(struct one_read *o, uint64_t at_ns)
{
    *o->again_ns = at_ns;
    return -EAGAIN;
}

static int later_by_writer(struct one_read *o)
{
    uint64_t wait_ns = o->reader->wait_ns * 2;

    if (wait_ns < WAIT_LEAST_NS)
        wait_ns = WAIT_LEAST_NS;
    o->reader->wait_ns = wait_ns > WAIT_MOST_NS ? WAIT_MOST_NS : wait_ns;
    return later(o, clock_deadline(o->reader->wait_ns));
}

/* Who writes there through another machine, or another kernel, breaks no lease of ours. */
static bool is_shared(int fd)
{
    struct statfs fs;

    if (fstatfs(fd, &fs) < 0)
        return true;
    switch ((uint32_t)fs.f_type) {
    case NFS_SUPER_MAGIC:
    case SMB_SUPER_MAGIC:
    case SMB2_SUPER_MAGIC:
    case CIFS_SUPER_MAGIC:
    case CEPH_SUPER_MAGIC:
    case FUSE_SUPER_MAGIC:
    case V9FS_MAGIC:
    case VBOXSF_MAGIC: return true;
    default: return false;
    }
}

/* 0: no writer had it open in that moment, and who wants to write from now on breaks the lease. */
static int take_lease(struct one_read *o)
{
    if (is_shared(o->fd))
        return -EOPNOTSUPP;
    /* A writer's open is told by a signal. SIGIO would end a process that has not thought of it. */
    if (fcntl(o->fd, F_SETSIG, SIGURG) < 0 || fcntl(o->fd, F_SETLEASE, F_RDLCK) < 0)
        return -errno;
    o->leased = true;
    return 0;
}

static bool lease_holds(const struct one_read *o)
{
    return !o->leased || fcntl(o->fd, F_GETLEASE) == F_RDLCK;
}

/* Nobody tells us of writers: then a file that was the same 2 s ago is at rest. */
static int wait_for_quiet(struct one_read *o)
{
    struct save_reader *reader = o->reader;
    struct people_stat now = people_stat_of(&o->before);
    uint64_t now_ns = clock_mono_ns();

    if (reader->quiet_ns == 0 || !people_stat_eq(&now, &reader->quiet)) {
        reader->quiet = now;
        reader->quiet_ns = now_ns;
    }
    uint64_t due_ns = reader->quiet_ns + QUIET_NS;
    return due_ns > now_ns ? later(o, due_ns) : 0;
}

static int wait_for_tick(struct one_read *o)
{
    const struct timespec *t = &o->before.st_ctim;
    struct timespec now;

    if (clock_gettime(CLOCK_REALTIME, &now) < 0)
        return 0;
    int64_t age_ns =
        (int64_t)(now.tv_sec - t->tv_sec) * (int64_t)NS_PER_S + now.tv_nsec - t->tv_nsec;
    if (age_ns < 0 || age_ns >= TICK_NS) /* below 0: the clock was moved, or is another machine's */
        return 0;
    return later(o, clock_deadline((uint64_t)(TICK_NS - age_ns)));
}

static int wait_for_writers(struct one_read *o)
{
    int r = take_lease(o);

    if (r == -EAGAIN)
        return later_by_writer(o);
    if (r == 0) /* the look before was without it */
        r = fstat(o->fd, &o->before) < 0 ? refuse(o, -errno, NULL) : 0;
    else
        r = wait_for_quiet(o);
    return r < 0 ? r : wait_for_tick(o);
}

/* ---- reading ---- */

static int refuse_nul(struct one_read *o, const char *nul)
{
    const char *line = o->text.p;
    unsigned number = 1;

    for (const char *end; (end = memchr(line, '\n', (size_t)(nul - line))); line = end + 1)
        number++;
    refuse(o, -BD_ESYNTAX, "a NUL byte: this is no text");
    o->fault->line = number;
    o->fault->column = (unsigned)(nul - line) + 1;
    return -BD_ESYNTAX;
}

static int read_all(struct one_read *o)
{
    ssize_t n;

    do {
        char *room = buf_room(&o->text, PIECE);
        if (!room)
            return refuse(o, -ENOMEM, NULL);
        do
            n = read(o->fd, room, PIECE);
        while (n < 0 && errno == EINTR);
        if (n < 0)
            return refuse(o, -errno, NULL);
        o->text.n += (size_t)n;
        const char *nul = memchr(room, '\0', (size_t)n);
        if (nul)
            return refuse_nul(o, nul);
        if (o->text.n > SAVE_BYTES_MAX)
            return refuse(o, -EFBIG, "it is larger than 256 MiB");
    } while (n > 0);
    return 0;
}

/* Is what was read what the name stands for, whole? *ret_stat is of it. */
static int check_unchanged(struct one_read *o, struct people_stat *ret_stat)
{
    struct people_stat before = people_stat_of(&o->before), after, named;
    struct stat st;
    int fd;

    PAUSE_POINT("save: read, not checked");
    if (!lease_holds(o) || fstat(o->fd, &st) < 0)
        return later_by_writer(o);
    after = people_stat_of(&st);
    if (!people_stat_eq(&before, &after))
        return later_by_writer(o);
    int r = file_open_beneath(o->dirfd, o->name, &fd, NULL);
    if (r == 0) {
        r = fstat(fd, &st) < 0 ? -errno : 0;
        close(fd);
    }
    named = people_stat_of(&st);
    if (r < 0 || !people_stat_eq(&after, &named))
        return later_by_writer(o);
    *ret_stat = after;
    return 0;
}

static int read_opened(struct one_read *o, struct people_stat *ret_stat)
{
    int r = wait_for_writers(o);

    if (r == 0)
        r = read_all(o);
    if (r == 0)
        r = check_unchanged(o, ret_stat);
    if (o->leased) /* a writer may be waiting */
        (void)fcntl(o->fd, F_SETLEASE, F_UNLCK);
    return r;
}

int save_read_below(struct save_reader *reader, const char *dir, const char *name,
                    struct save_text *ret_text, uint64_t *again_ns, struct save_fault *fault)
{
    struct one_read o = {.reader = reader,
                         .name = name,
                         .dirfd = -1,
                         .fd = -1,
                         .again_ns = again_ns,
                         .fault = fault};
    struct people_stat stat;

    int r = open_directory(&o, dir);
    if (r == 0)
        r = open_file(&o);
    if (r == 0)
        r = read_opened(&o, &stat);
    if (r == 0) {
        reader->wait_ns = 0;
        *ret_text = (struct save_text){.text = o.text,
                                       .stat = stat,
                                       .content = hash128(o.text.p ? o.text.p : "", o.text.n),
                                       .leased = o.leased};
    } else {
        buf_free(&o.text);
    }
    if (o.fd >= 0)
        close(o.fd);
    if (o.dirfd >= 0)
        close(o.dirfd);
    return r;
}

int save_read(struct save_reader *reader, const char *path, struct save_text *ret_text,
              uint64_t *again_ns, struct save_fault *fault)
{
    const char *slash = strrchr(path, '/');
    size_t n = slash ? (size_t)(slash - path) + 1 : 0;

    char *dir = str_dup(n > 0 ? (struct str){path, n} : STR("."));
    if (!dir) {
        struct one_read o = {.fault = fault};
        return refuse(&o, -ENOMEM, NULL);
    }
    int r = save_read_below(reader, dir, path + n, ret_text, again_ns, fault);
    free(dir);
    return r;
}

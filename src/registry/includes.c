/* Files inside a zone file. */
#include <betterdns/includes.h>

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/error.h>
#include <betterdns/file.h>

/* A file, once for each name it was asked for by. */
struct included {
    char *path;  /* absolute */
    char *shown; /* as a message has it: with the directory as the zone file's name had it */
    dev_t dev;   /* of what was read */
    ino_t ino;
    struct str text; /* in the buf, or in that of another name */
    struct buf own;
    char *refused; /* or the sentence why not, with the error */
    int error;
};

struct includes {
    int dirfd;
    char *dir;   /* absolute, with a slash at the end */
    char *shown; /* the directory as it was named, with its slash; or empty */
    dev_t zone_dev;
    ino_t zone_ino;
    bool has_zone;
    size_t bytes; /* of all texts */
    struct included **files;
    size_t nfiles, cap;
    struct included *outside; /* the last one that was refused for that: its sentence lives here */
};

static char *format(const char *a, const char *b)
{
    struct buf text = {.p = NULL};

    buf_addf(&text, "%s%s", a, b);
    buf_add_c(&text, '\0');
    if (text.error)
        buf_free(&text);
    return text.p;
}

static void free_file(struct included *f)
{
    if (!f)
        return;
    free(f->path);
    free(f->shown);
    free(f->refused);
    buf_free(&f->own);
    free(f);
}

void includes_free(struct includes *in)
{
    if (!in)
        return;
    for (size_t i = 0; i < in->nfiles; i++)
        free_file(in->files[i]);
    free(in->files);
    free_file(in->outside);
    free(in->dir);
    free(in->shown);
    if (in->dirfd >= 0)
        close(in->dirfd);
    free(in);
}

/* ---- the directory ---- */

static int open_directory(struct includes *in)
{
    const char *dir = in->shown[0] ? in->shown : "./";

    in->dirfd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (in->dirfd < 0)
        return -errno;
    char *absolute = realpath(dir, NULL);
    if (!absolute)
        return -errno;
    in->dir = format(absolute, strcmp(absolute, "/") == 0 ? "" : "/");
    free(absolute);
    return in->dir ? 0 : -ENOMEM;
}

static void find_zone(struct includes *in, const char *zone_file)
{
    struct stat st;

    if (stat(zone_file, &st) < 0 || !S_ISREG(st.st_mode))
        return;
    in->has_zone = true;
    in->zone_dev = st.st_dev;
    in->zone_ino = st.st_ino;
}

int includes_new(const char *zone_file, struct includes **ret)
{
    const char *slash = strrchr(zone_file, '/');

    struct includes *in = calloc(1, sizeof(*in));
    if (!in)
        return -ENOMEM;
    in->dirfd = -1;
    in->shown = str_dup((struct str){zone_file, slash ? (size_t)(slash - zone_file) + 1 : 0});
    int r = in->shown ? open_directory(in) : -ENOMEM;
    if (r < 0) {
        includes_free(in);
        return r;
    }
    find_zone(in, zone_file);
    *ret = in;
    return 0;
}

/* ---- a file ---- */

static int refuse(struct included *f, int error, const char *why)
{
    struct buf text = {.p = NULL};

    buf_addf(&text, "'%s' cannot be included: %s", f->shown, why);
    buf_add_c(&text, '\0');
    if (text.error) {
        buf_free(&text);
        return -ENOMEM;
    }
    f->refused = text.p;
    f->error = error;
    return 0;
}

static const struct included *same_file(const struct includes *in, const struct stat *st)
{
    for (size_t i = 0; i < in->nfiles; i++) {
        const struct included *f = in->files[i];
        if (!f->refused && f->dev == st->st_dev && f->ino == st->st_ino)
            return f;
    }
    return NULL;
}

/* 0 as well where it is refused. */
static int read_open(struct includes *in, struct included *f, int fd)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return refuse(f, -errno, bd_strerror(-errno));
    if (in->has_zone && st.st_dev == in->zone_dev && st.st_ino == in->zone_ino)
        return refuse(f, -BD_EINVALID, "it is the zone file itself");
    const struct included *same = same_file(in, &st);
    if (same) {
        f->text = same->text;
    } else {
        bool large = st.st_size > (off_t)(INCLUDES_BYTES_MAX - in->bytes);
        int r = large ? -EFBIG : file_read_fd(fd, INCLUDES_BYTES_MAX - in->bytes, &f->own);
        if (r == -ENOMEM)
            return r;
        if (r == -EFBIG)
            return refuse(f, r, "it is larger than all included files may be together");
        if (r < 0)
            return refuse(f, r, bd_strerror(r));
        f->text = buf_str(&f->own);
        in->bytes += f->text.n;
    }
    f->dev = st.st_dev;
    f->ino = st.st_ino;
    return 0;
}

static int read_file(struct includes *in, struct included *f, const char *name)
{
    const char *why;
    int fd;

    int r = file_open_beneath(in->dirfd, name, &fd, &why);
    if (r == -ENOMEM)
        return r;
    if (r < 0)
        return refuse(f, r, why);
    r = read_open(in, f, fd);
    close(fd);
    return r;
}

static int add_file(struct includes *in, struct included *f)
{
    if (in->nfiles == in->cap) {
        size_t cap = in->cap ? 2 * in->cap : 8;
        struct included **bigger = realloc(in->files, cap * sizeof(struct included *));
        if (!bigger)
            return -ENOMEM;
        in->files = bigger;
        in->cap = cap;
    }
    in->files[in->nfiles++] = f;
    return 0;
}

/* name: relative to the directory. */
static int new_file(struct includes *in, const char *name, struct included **ret_file)
{
    struct included *f = calloc(1, sizeof(*f));
    if (!f)
        return -ENOMEM;
    f->path = format(in->dir, name);
    f->shown = format(name[0] == '/' ? "" : in->shown, name);
    int r = f->path && f->shown ? read_file(in, f, name) : -ENOMEM;
    if (r == 0 && f->error == -EXDEV) {
        free_file(in->outside);
        in->outside = f;
    } else if (r == 0) {
        r = add_file(in, f);
    }
    if (r < 0) {
        free_file(f);
        return r;
    }
    *ret_file = f;
    return 0;
}

static struct included *known_file(const struct includes *in, const char *name)
{
    size_t n = strlen(in->dir);

    for (size_t i = 0; i < in->nfiles; i++) {
        if (strcmp(in->files[i]->path + n, name) == 0)
            return in->files[i];
    }
    return NULL;
}

static int take(const struct included *f, struct zp_source *ret_source)
{
    if (f->refused) {
        ret_source->name = f->refused;
        return f->error;
    }
    *ret_source = (struct zp_source){f->shown, f->text};
    return 0;
}

int includes_read(void *arg, struct str name, unsigned depth, struct zp_source *ret_source)
{
    struct includes *in = arg;
    size_t ndir = strlen(in->dir);

    (void)depth;
    if (str_starts(name, str_c(in->dir)))
        name = (struct str){name.p + ndir, name.n - ndir};
    char *relative = str_dup(name);
    if (!relative)
        return -ENOMEM;
    struct included *f = known_file(in, relative);
    int r = 0;
    if (!f && in->nfiles == INCLUDES_FILES_MAX) {
        ret_source->name = "more than 1000 files are included";
        r = -EMFILE;
    } else if (!f) {
        r = new_file(in, relative, &f);
    }
    free(relative);
    return r < 0 ? r : take(f, ret_source);
}

size_t includes_count(const struct includes *in)
{
    return in->nfiles;
}

const char *includes_path(const struct includes *in, size_t i)
{
    return in->files[i]->path;
}

/* What is kept beside a file that people own. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/error.h>

#include "people/file.h"

static bool holds(const char *path, const struct hash128 *content)
{
    struct hash128 there;

    return people_hash(path, &there) == 0 && hash128_eq(&there, content);
}

static int aside_name(const char *resolved, const char *suffix, unsigned i, struct buf *name)
{
    const char *slash = strrchr(resolved, '/');
    int dir = slash ? (int)(slash - resolved) + 1 : 0;

    buf_reset(name);
    buf_addf(name, "%.*s%s%s.%s", dir, resolved, strcmp(suffix, "orig") == 0 ? "" : ".",
             resolved + dir, suffix);
    if (i > 1)
        buf_addf(name, ".%u", i);
    buf_add_c(name, '\0');
    return name->error;
}

/* The first name that is free, or has this content (-EALREADY). */
static int free_name(const char *resolved, const char *suffix, const struct hash128 *content,
                     struct buf *name)
{
    for (unsigned i = 1; i < PEOPLE_KEPT_MAX; i++) {
        int r = aside_name(resolved, suffix, i, name);
        if (r < 0)
            return r;
        if (faccessat(AT_FDCWD, name->p, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
            return errno == ENOENT ? 0 : -errno;
        if (content && holds(name->p, content))
            return -EALREADY;
    }
    return -EEXIST;
}

/* The rights of the file, so that its editors can read what was kept; ours alone where they cannot
 * be given. */
static void take_rights(const char *resolved, int fd)
{
    struct stat st;

    if (stat(resolved, &st) < 0)
        return;
    if (fchown(fd, (uid_t)-1, st.st_gid) == 0)
        fchmod(fd, st.st_mode & 0777);
    if (fchown(fd, st.st_uid, (gid_t)-1) < 0) /* it stays ours, for the group to read */
        return;
}

/* The temporary file has the name that one of an export has: what a crash leaves of it is found at
 * the next start, and its name is not too long where that one is not. */
static int open_aside(const char *resolved, const char *path, struct file_new *ret_file)
{
    const char *slash = strrchr(path, '/'), *name = strrchr(resolved, '/');
    int dir = slash ? (int)(slash - path) + 1 : 0;
    struct buf at = {0};
    struct file_new f;

    buf_addf(&at, "%.*s%s", dir, path, name ? name + 1 : resolved);
    buf_add_c(&at, '\0');
    int r = at.error ? at.error : file_new_open(&f, at.p, 0600);
    buf_free(&at);
    if (r < 0)
        return r;
    int n = snprintf(f.name, sizeof(f.name), "%s", path + dir);
    if (n < 0 || (size_t)n >= sizeof(f.name)) {
        file_new_abort(&f);
        return -ENAMETOOLONG;
    }
    *ret_file = f;
    return 0;
}

static int write_aside(const char *resolved, const char *path, struct str text)
{
    struct file_new f;

    int r = open_aside(resolved, path, &f);
    if (r < 0)
        return r;
    take_rights(resolved, f.fd);
    r = file_write_all(f.fd, text.p, text.n);
    if (r < 0) {
        file_new_abort(&f);
        return r;
    }
    return file_new_commit(&f, true);
}

int people_put_aside(const char *path, const char *suffix, struct str text, struct buf *ret_path)
{
    const struct hash128 content = hash128(text.p ? text.p : "", text.n);
    char *resolved = people_resolve(path);

    if (!resolved)
        return -ENOMEM;
    int r = free_name(resolved, suffix, &content, ret_path);
    if (r == 0)
        r = write_aside(resolved, ret_path->p, text);
    free(resolved);
    return r == -EALREADY ? 0 : r;
}

int people_put_over(const char *path, const char *kept, struct str text)
{
    char *resolved = people_resolve(path);

    int r = resolved ? write_aside(resolved, kept, text) : -ENOMEM;
    free(resolved);
    return r;
}

int people_move_aside(const char *path, const char *suffix, const char *from, struct buf *ret_path)
{
    char *resolved = people_resolve(path);

    if (!resolved)
        return -ENOMEM;
    int r = free_name(resolved, suffix, NULL, ret_path);
    if (r == 0 && renameat2(AT_FDCWD, from, AT_FDCWD, ret_path->p, RENAME_NOREPLACE) < 0)
        r = -errno;
    free(resolved);
    return r;
}

/* The N of .NAME.SUFFIX or .NAME.SUFFIX.N; 0: it is none. */
static unsigned aside_number(const char *entry, struct str name, struct str suffix)
{
    struct str left = str_c(entry);
    uint64_t n;

    if (left.n < name.n + suffix.n + 2 || left.p[0] != '.' || left.p[1 + name.n] != '.' ||
        !str_eq((struct str){left.p + 1, name.n}, name) ||
        !str_eq((struct str){left.p + 2 + name.n, suffix.n}, suffix))
        return 0;
    left.p += 2 + name.n + suffix.n;
    left.n -= 2 + name.n + suffix.n;
    if (left.n == 0)
        return 1;
    if (left.p[0] != '.' || str_u64((struct str){left.p + 1, left.n - 1}, PEOPLE_KEPT_MAX, &n) < 0)
        return 0;
    return (unsigned)n;
}

int people_each_aside(const char *path, const char *suffix, people_aside_fn *fn, void *arg)
{
    char *resolved = people_resolve(path);
    const char *slash = resolved ? strrchr(resolved, '/') : NULL;
    char *dir = slash ? str_dup((struct str){resolved, (size_t)(slash - resolved) + 1})
                      : str_dup(STR("./"));
    DIR *d = resolved && dir ? opendir(dir) : NULL;
    int r = !resolved || !dir ? -ENOMEM : !d ? -errno : 0;
    const struct dirent *entry;
    struct buf left = {0};

    while (r == 0 && (entry = readdir(d))) {
        unsigned n =
            aside_number(entry->d_name, str_c(slash ? slash + 1 : resolved), str_c(suffix));
        if (n == 0)
            continue;
        buf_reset(&left);
        buf_addf(&left, "%s%s", dir, entry->d_name);
        buf_add_c(&left, '\0');
        r = left.error;
        if (r == 0)
            fn(arg, left.p, n);
    }
    if (d)
        closedir(d);
    free(dir);
    free(resolved);
    buf_free(&left);
    return r;
}

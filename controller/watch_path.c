/* What a path leads through. */
#include "watch_path.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <betterdns/file.h>
#include <betterdns/str.h>

#define LINKS_MAX 40 /* as the kernel's */

struct walk {
    watch_path_fn *fn;
    void *arg;
    char *at;   /* the directory where we are: no link in it, no final slash but of the root */
    char *rest; /* of the path; memory of its own */
    unsigned links;
};

static bool at_root(const struct walk *w)
{
    return w->at[1] == '\0';
}

/* Takes new, which may be NULL for want of memory, in the place of *text. */
static bool become(char **text, char *new)
{
    if (!new)
        return false;
    free(*text);
    *text = new;
    return true;
}

static void step_up(struct walk *w)
{
    char *slash = strrchr(w->at, '/');

    slash[slash == w->at] = '\0';
}

static bool follow(struct walk *w, const char *path)
{
    char target[PATH_MAX];

    ssize_t n = readlink(path, target, sizeof(target) - 1);
    if (n <= 0 || ++w->links > LINKS_MAX)
        return false;
    target[n] = '\0';
    if (target[0] == '/')
        w->at[1] = '\0';
    return become(&w->rest, file_path(target, w->rest));
}

/* One name further; false: that was the last one. */
static bool step(struct walk *w, const char *name)
{
    struct stat st;
    bool more = false;

    char *path = file_path(at_root(w) ? "" : w->at, name);
    if (!path)
        return false;
    bool there = lstat(path, &st) == 0;
    bool last = w->rest[strspn(w->rest, "/")] == '\0';
    if (there && S_ISDIR(st.st_mode) && !last) {
        w->fn(w->arg, path, WATCH_DIRECTORY, NULL);
        more = become(&w->at, path);
        path = more ? NULL : path;
    } else {
        w->fn(w->arg, w->at, WATCH_NAME, name);
        if (there && S_ISLNK(st.st_mode))
            more = follow(w, path);
        else if (there && S_ISREG(st.st_mode))
            w->fn(w->arg, path, WATCH_FILE, NULL);
    }
    free(path);
    return more;
}

void watch_path(const char *path, watch_path_fn *fn, void *arg)
{
    struct walk w = {.fn = fn, .arg = arg, .at = str_dup(STR("/")), .rest = str_dup(str_c(path))};
    char name[NAME_MAX + 1];
    bool more = w.at && w.rest;

    while (more) {
        const char *start = w.rest + strspn(w.rest, "/");
        size_t n = strcspn(start, "/");
        if (n == 0 || n > NAME_MAX)
            break;
        memcpy(name, start, n);
        name[n] = '\0';
        memmove(w.rest, start + n, strlen(start + n) + 1);
        if (strcmp(name, "..") == 0)
            step_up(&w);
        else if (strcmp(name, ".") != 0)
            more = step(&w, name);
    }
    free(w.at);
    free(w.rest);
}

int watch_path_absolute(const char *path, char **ret_path)
{
    char here[PATH_MAX];
    char *absolute;

    if (path[0] == '/')
        absolute = str_dup(str_c(path));
    else if (!getcwd(here, sizeof(here)))
        return -errno;
    else
        absolute = file_path(here, path);
    if (!absolute)
        return -ENOMEM;
    *ret_path = absolute;
    return 0;
}

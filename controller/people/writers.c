/* Which files processes have open to write, as far as /proc shows. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "people/people.h"

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* By its name first, which costs nothing: asking for more may wait for a file server that is gone.
 */
static void compare(int fds, const char *fd, struct people_writable *file, const char *target)
{
    struct stat link, st;

    if (file->open || strcmp(last_name(target), last_name(file->path)) != 0 ||
        fstatat(fds, fd, &link, AT_SYMLINK_NOFOLLOW) < 0 || fstatat(fds, fd, &st, 0) < 0)
        return;
    file->open = (link.st_mode & S_IWUSR) && st.st_dev == file->dev && st.st_ino == file->ino;
}

static void search_process(int proc, const char *pid, struct people_writable *files, size_t n)
{
    char name[NAME_MAX + 4], target[PATH_MAX];
    const struct dirent *entry;

    snprintf(name, sizeof(name), "%s/fd", pid);
    int fd = openat(proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *fds = fd < 0 ? NULL : fdopendir(fd);
    while (fds && (entry = readdir(fds))) {
        ssize_t length = readlinkat(fd, entry->d_name, target, sizeof(target) - 1);
        if (length <= 0)
            continue;
        target[length] = '\0';
        for (size_t i = 0; i < n; i++)
            compare(fd, entry->d_name, &files[i], target);
    }
    if (fds)
        closedir(fds);
    else if (fd >= 0)
        close(fd);
}

void people_find_writers(struct people_writable *files, size_t n)
{
    const struct dirent *entry;
    DIR *proc = n > 0 ? opendir("/proc") : NULL;

    while (proc && (entry = readdir(proc)))
        if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
            search_process(dirfd(proc), entry->d_name, files, n);
    if (proc)
        closedir(proc);
}

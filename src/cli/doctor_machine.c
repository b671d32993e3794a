/* Who runs already, the clock, the limits of a process. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <betterdns/clock.h>
#include <betterdns/file.h>
#include <betterdns/version.h>

#include "doctor.h"

#define FILES_LEAST 2048 /* a connection is one, and 1,200 are served at once */
#define CLOCK_SLACK_S 60 /* a file server's clock is another one */
#define PID_TEXT_MAX 64

/* ---- who runs ---- */

static bool has_open(pid_t pid, const struct stat *file)
{
    char path[64];
    struct dirent *e;
    struct stat st;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%ld/fd", (long)pid);
    DIR *dir = opendir(path);
    while (dir && !found && (e = readdir(dir)))
        found = fstatat(dirfd(dir), e->d_name, &st, 0) == 0 && st.st_dev == file->st_dev &&
                st.st_ino == file->st_ino;
    if (dir)
        closedir(dir);
    return found;
}

/* The lock itself is not tried: a betterdns that starts in this moment would find it taken. */
static pid_t lock_holder(const char *lock)
{
    struct buf text = {0};
    struct str rest, line = {0};
    struct stat st;
    uint64_t pid = 0;

    if (stat(lock, &st) == 0 && file_read(lock, PID_TEXT_MAX, &text) == 0) {
        rest = buf_str(&text);
        str_cut(&rest, '\n', &line);
        if (str_u64(line, INT32_MAX, &pid) < 0 || !has_open((pid_t)pid, &st))
            pid = 0;
    }
    buf_free(&text);
    return (pid_t)pid;
}

void doctor_running(struct doctor *d)
{
    char *lock = file_path(d->config->data, "state.lock");

    d->running = lock ? lock_holder(lock) : 0;
    free(lock);
    if (d->running > 0) {
        d->ours[d->nours++] = d->running;
        doctor_found(d, FINDING_NOTE,
                     "a betterdns runs with %s (pid %ld): its ports are taken as "
                     "they should be",
                     d->config->data, (long)d->running);
    }
    d->nours += controller_children(d->config->data, d->ours + d->nours, DOCTOR_CHILDREN_MAX);
}

/* ---- the clock ---- */

/* state.db is written at each change: its time is that of the newest one. */
static int64_t last_change(const char *data)
{
    static const char *const names[] = {"state.db", "state.db-wal"};
    int64_t last = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct stat st;
        char *path = file_path(data, names[i]);
        if (path && stat(path, &st) == 0 && st.st_mtim.tv_sec > last)
            last = st.st_mtim.tv_sec;
        free(path);
    }
    return last;
}

void doctor_clock(struct doctor *d)
{
    const int64_t now = clock_real_s(), change = last_change(d->config->data);
    char is[CLOCK_RFC3339_SIZE], was[CLOCK_RFC3339_SIZE];

    if (now < bd_version_time())
        doctor_found(d, FINDING_ERROR, "the clock says %s; this program was made at %s",
                     clock_rfc3339(now, is), clock_rfc3339(bd_version_time(), was));
    else if (now + CLOCK_SLACK_S < change)
        doctor_found(d, FINDING_ERROR, "the clock says %s; the newest change is of %s",
                     clock_rfc3339(now, is), clock_rfc3339(change, was));
    else
        return;
    doctor_mend(d, "timedatectl set-ntp true");
}

/* ---- limits ---- */

void doctor_limits(struct doctor *d)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_max >= FILES_LEAST)
        return;
    doctor_found(d, FINDING_WARNING,
                 "%llu open files at most: too few for 1,200 connections at once",
                 (unsigned long long)limit.rlim_max);
    doctor_mend(d, "ulimit -Hn 65536  # as root");
    doctor_other(d, "LimitNOFILE=65536 in the unit");
}

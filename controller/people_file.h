/* A file that people own, replaced under their hands. */
#ifndef CONTROLLER_PEOPLE_FILE_H
#define CONTROLLER_PEOPLE_FILE_H

#include <sys/types.h>
#include <time.h>

#include <betterdns/buf.h>

/* What moves when a file's content may have. */
struct people_stat {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

int people_stat(const char *path, struct people_stat *ret_stat);
bool people_stat_eq(const struct people_stat *a, const struct people_stat *b);

/* Puts content in the place of path: temporary file, fsync, exchange, directory fsync. Mode, group,
 * access list, and where we may the owner stay those of the file that is there; else it is made
 * with 0644. old: what was read there; what is displaced must be that (-BD_ECONFLICT: somebody
 * wrote in between; his file is in its place again); NULL: there was none. *ret_written is
 * what our file looks like in its place (zeroed where that is not known): what is there now differs
 * from it once somebody else has written. On failure error says why, for people. */
int people_replace(const char *path, const struct buf *old, const struct buf *content,
                   struct people_stat *ret_written, char error[256]);

#endif

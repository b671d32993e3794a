/* A file that people own, replaced under their hands. */
#ifndef CONTROLLER_PEOPLE_FILE_H
#define CONTROLLER_PEOPLE_FILE_H

#include <sys/types.h>
#include <time.h>

#include <betterdns/buf.h>
#include <betterdns/file.h>
#include <betterdns/hash.h>

#define PEOPLE_KEPT_MAX 1000U /* the number N of .NAME.SUFFIX.N stays below it */

/* What moves when a file's content may have. */
struct people_stat {
    dev_t dev;
    ino_t ino;
    off_t size;
    struct timespec mtime, ctime;
};

struct stat;
struct people_stat people_stat_of(const struct stat *st);
int people_stat(const char *path, struct people_stat *ret_stat);
bool people_stat_eq(const struct people_stat *a, const struct people_stat *b);

/* The hash of what a file holds, which is never in memory as a whole. As file_read_pieces. */
int people_hash(const char *path, struct hash128 *ret_content);

/* A text on its way to a file's place, complete and on the disk. */
struct people_new {
    struct file_new file;
    struct hash128 content; /* of it */
    char *resolved;         /* where the path led to when it was written; owned */
    bool there;             /* it takes the place of another */
};

/* Writes text to a temporary file beside path. there: a file stands there, whose mode, group,
 * access list, and where we may owner are taken over (-BD_ECONFLICT: it does not); else it is made
 * with 0644. On failure error says why, for people, here and below, and there is nothing to abort.
 */
int people_prepare(struct people_new *n, const char *path, bool there, struct str text,
                   char error[256]);
void people_abort(struct people_new *n);

/* What is left of an exchange. */
struct people_swap {
    struct people_stat written; /* ours in its place; zeroed where that is not known */
    bool window;                /* this file system cannot exchange: a save in that very moment, by
                                   a rename, is lost */
    struct buf beside;          /* the path, with a final 0, of what stands beside it now as
                                   .NAME.prev.N; n 0: nothing. The caller's to free. */
    bool foreign; /* it is not what was to be displaced, but what somebody has saved */
};

/* Exchanges it with what stands there, whose content was old: so nothing that somebody saves in
 * between is lost, and who has the old file open writes to it still. A save that was displaced does
 * not get its place again: whoever has read ours meanwhile would write over it. 0: it is in place,
 * and what stood there beside it. -BD_ECONFLICT: somebody has made or removed the file meanwhile.
 * Else nothing was done. Ends n in any case, and fills *ret_swap. */
int people_exchange(struct people_new *n, const char *path, const struct hash128 *old,
                    struct people_swap *ret_swap, char error[256]);

/* ---- beside it (people/aside.c) ---- */

/* Keeps a text beside the file that path names, with that file's rights, and for good: as
 * .NAME.SUFFIX, or .NAME.SUFFIX.2, … where another text has that name; for people to find without
 * the first dot where SUFFIX is "orig". Its path with a final 0 in *ret_path. */
int people_put_aside(const char *path, const char *suffix, struct str text, struct buf *ret_path);
/* Another text in the place of the one that is kept under that name. */
int people_put_over(const char *path, const char *kept, struct str text);
/* Gives the file from itself such a name; the same names. */
int people_move_aside(const char *path, const char *suffix, const char *from, struct buf *ret_path);
/* Each .NAME.SUFFIX and .NAME.SUFFIX.N beside path: fn gets its path and N, from 1. */
typedef void people_aside_fn(void *arg, const char *path, unsigned n);
int people_each_aside(const char *path, const char *suffix, people_aside_fn *fn, void *arg);
/* Where path leads: symbolic links are followed, also to a file that is not there (yet). To be
 * freed; NULL without memory. */
char *people_resolve(const char *path);

#endif

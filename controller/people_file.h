/* A file that people own, replaced under their hands. */
#ifndef CONTROLLER_PEOPLE_FILE_H
#define CONTROLLER_PEOPLE_FILE_H

#include <sys/types.h>
#include <time.h>

#include <betterdns/buf.h>
#include <betterdns/file.h>
#include <betterdns/hash.h>

#define PEOPLE_LINE_MAX 256

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

/* What a content is known by: large ones are never in memory. */
struct people_content {
    struct hash128 whole, body;  /* body: what follows the first line, where our marker is */
    char first[PEOPLE_LINE_MAX]; /* the start of that line, and a 0 */
};

struct people_content people_content_of(struct str text);
int people_read(const char *path, struct people_content *ret_content);

/* A file under way to the place of another: open, append to out and flush now and then, finish,
 * then commit; or abort, after any of them. */
struct people_new {
    struct buf out;
    struct file_new file;
    struct people_digest {
        struct hash128_stream whole, body;
        size_t nfirst;
        char first[PEOPLE_LINE_MAX];
        bool in_body;
    } digest;
};

/* The temporary file beside path. there: a file stands there, whose mode, group, access list, and
 * where we may owner are taken over (-BD_ECONFLICT: it does not); else it is made with 0644. On
 * failure error says why, for people, here and below, and there is nothing to abort. */
int people_open(struct people_new *n, const char *path, bool there, char error[256]);
int people_flush(struct people_new *n);
/* Writes the rest. What is in the file is the result. */
int people_finish(struct people_new *n, struct people_content *ret_content);
/* Puts it in place: fsync, exchange, directory fsync. old: what was read there; what is displaced
 * must be that (-BD_ECONFLICT: somebody wrote in between; his file is in its place again); NULL:
 * there was none. *ret_written is what our file looks like in its place (zeroed where that is not
 * known): what is there now differs from it once somebody else has written. Ends n in any case. */
int people_commit(struct people_new *n, const char *path, const struct hash128 *old,
                  struct people_stat *ret_written, char error[256]);
void people_abort(struct people_new *n);
/* Keeps a text beside the file that path names, with that file's rights, and for good: as
 * .NAME.SUFFIX, or .NAME.SUFFIX.2, … where another text has that name. Its path with a final 0 in
 * *ret_path. */
int people_put_aside(const char *path, const char *suffix, struct str text, struct buf *ret_path);
/* Gives a file that may be somebody's only copy a name that no export takes: TEMP.saved.N, with a
 * final 0 in *ret_name. temp is relative to dirfd, as in openat(2). */
int people_keep(int dirfd, const char *temp, struct buf *ret_name);

#endif

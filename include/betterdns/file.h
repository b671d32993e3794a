/* Files: the one atomic write, whole-file reads, locks. All descriptors are close-on-exec. */
#ifndef BETTERDNS_FILE_H
#define BETTERDNS_FILE_H

#include <sys/types.h>

#include <betterdns/buf.h>

/* A file being written beside its target: dir/.NAME.tmp.PID. */
struct file_new {
    int dirfd, fd;
    char name[256], temp[300];
};

/* Opens the temporary file beside path with exactly this mode, whatever the umask. The directory
 * must exist. */
int file_new_open(struct file_new *f, const char *path, mode_t mode);
/* rename over the target; with sync: fsync before, directory fsync after (style: temp, fsync,
 * rename, directory fsync). Closes everything also when it fails, and then removes the temporary
 * file. */
int file_new_commit(struct file_new *f, bool sync);
void file_new_abort(struct file_new *f); /* after open, instead of commit */

/* Temporary files of this path that a process has left which is no more: fn gets the path of each,
 * and says whether it has removed it. 0, when what was removed is gone for good; or why not. */
typedef bool file_left_fn(void *arg, const char *temp);
int file_each_left(const char *path, file_left_fn *fn, void *arg);

/* All of it in one call. */
int file_write_atomic(const char *path, struct str content, mode_t mode, bool sync);

/* Appends the whole file to *b; -EFBIG above max; -EISDIR, -EINVAL for what is not a regular file
 * (never blocks on a FIFO). */
int file_read(const char *path, size_t max, struct buf *b);
/* The same, but only the first bytes of it: most at most. */
int file_read_start(const char *path, size_t most, struct buf *b);

/* The whole file as file_read, but handed over in pieces: a large one needs no memory. On failure
 * some may have been handed over. */
typedef void file_piece_fn(void *arg, struct str piece);
int file_read_pieces(const char *path, size_t max, file_piece_fn *fn, void *arg);

/* What is left of an open file, as file_read. */
int file_read_fd(int fd, size_t max, struct buf *b);

/* Opens a regular file for reading that is not outside a directory: path is relative to dirfd; a
 * symbolic link that stays below it is followed; what leaves it is refused, an absolute path or
 * link too: -EXDEV. -EISDIR, -EINVAL (FIFO, socket, device; none of them is opened), or what
 * open(2) says. On failure *why (may be NULL) is a sentence for people, valid for ever: "it is a
 * FIFO, not a file". */
int file_open_beneath(int dirfd, const char *path, int *ret_fd, const char **why);

/* mkdir -p; existing directories keep their mode. */
int file_make_dirs(const char *path, mode_t mode);

/* Writes all of it or fails; goes on after short writes and EINTR. */
int file_write_all(int fd, const void *bytes, size_t n);
/* What the file holds afterwards, written over what it held: on a full disk there is room for that
 * where there is none for a new file. Not atomic. */
int file_overwrite(int fd, struct str content);
/* FOLDER/NAME, to be freed; NULL without memory. */
char *file_path(const char *folder, const char *name);
/* No room, or none for this user. */
bool file_is_full(int error);

/* flock(LOCK_EX|LOCK_NB) on path (made with mode 0640 if it is not there). The lock belongs to the
 * open file description: it lives in whoever inherits the descriptor. -BD_EINUSE: somebody has it.
 */
int file_lock(const char *path, int *ret_fd);
/* The same, tried until then (CLOCK_MONOTONIC). For a lock that ends with the process that has it:
 * one that is killed just when it starts a program leaves the lock to that one until its exec. */
int file_lock_within(const char *path, uint64_t deadline_ns, int *ret_fd);
#define FILE_LOCK_WITHIN_NS UINT64_C(1000000000)

#endif

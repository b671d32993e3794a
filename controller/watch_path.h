/* What a path leads through: all that must be watched, lest it comes to mean another file unseen.
 */
#ifndef CONTROLLER_WATCH_PATH_H
#define CONTROLLER_WATCH_PATH_H

enum watch_kind {
    WATCH_DIRECTORY, /* on the way: it may be moved or removed */
    WATCH_NAME,      /* a name in that directory: a symbolic link, the file, or what is missing */
    WATCH_FILE,      /* the file that it all leads to */
};

/* name: only of WATCH_NAME. Both live during the call. */
typedef void watch_path_fn(void *arg, const char *path, enum watch_kind kind, const char *name);

/* Follows an absolute path as the kernel does, and says what it meets, as far as it comes: where
 * something is missing the last one is its name in the directory that is there. */
void watch_path(const char *path, watch_path_fn *fn, void *arg);

/* To be freed. */
int watch_path_absolute(const char *path, char **ret_path);

#endif

/* Reading what somebody has saved, whole: half a save is a valid zone too. */
#ifndef CONTROLLER_PEOPLE_SAVE_READ_H
#define CONTROLLER_PEOPLE_SAVE_READ_H

#include "people/file.h"

/* A larger file is no zone file: it is refused, and not read. */
#define SAVE_BYTES_MAX ((size_t)256 << 20)

/* What is remembered of a file from one try to the next; zeroed at first. */
struct save_reader {
    struct people_stat quiet; /* where leases do not work: how it looks since */
    uint64_t quiet_ns;        /* monotonic; 0: not yet */
    uint64_t wait_ns;         /* the last one, while a writer has it open */
};

struct save_text {
    struct buf text; /* the caller's to free */
    struct people_stat stat;
    struct hash128 content;
    bool leased; /* no writer had it open */
};

struct save_fault {
    unsigned line, column; /* of a byte that no zone file has; 0: none */
    char message[256];     /* "it is a FIFO, not a file", without the file's name */
};

/* Reads the file that path names, by a lease that no writer shares, or, where leases do not work,
 * once it has not changed for 2 s. Its directory may be named through symbolic links, the file only
 * through such as stay below that directory. Never blocks on what the file is, and holds up a
 * writer for as long as the reading takes. The kernel sends SIGURG then, which ends nobody.
 *
 * -EAGAIN: it is being written; *again_ns (monotonic) is when to try once more, if no event comes
 * first. Else it cannot be read, and *fault says why: -ENOENT; -EXDEV: it is outside its directory;
 * -EISDIR, -EINVAL: no regular file; -EFBIG: above SAVE_BYTES_MAX; -BD_ESYNTAX: a NUL byte (the
 * rest is not read then); -EACCES and so on. */
int save_read(struct save_reader *reader, const char *path, struct save_text *ret_text,
              uint64_t *again_ns, struct save_fault *fault);

/* The same, where name is a path below dir, and may lead through whatever stays below it. dir "" is
 * the root. */
int save_read_below(struct save_reader *reader, const char *dir, const char *name,
                    struct save_text *ret_text, uint64_t *again_ns, struct save_fault *fault);

#endif

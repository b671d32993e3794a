/* One generation of the server's process: its lock, its private address, its identifier, and the
 * process itself by pidfd. */
#ifndef CONTROLLER_CHILD_H
#define CONTROLLER_CHILD_H

#include <sys/socket.h>
#include <sys/types.h>

#include <betterdns/buf.h>
#include <betterdns/hash.h>

#define CHILD_NSID_SIZE 17
#define CHILD_ANY "*"      /* the identifier of one that may say whatever it likes */
#define CHILD_PATH_MAX 512 /* of a lock; -ENAMETOOLONG beyond */

struct child {
    unsigned generation; /* 0: no child */
    pid_t pid;           /* 0: no process yet, or it cannot be seen */
    int pidfd;           /* -1 without a process */
    uint64_t start_time; /* field 22 of /proc/PID/stat */
    bool adopted;        /* started by an earlier betterdns, or by this one before a reload */
    struct sockaddr_storage asked; /* where it answers us */
    bool has_private;              /* an address of its own; else the public one */
    char nsid[CHILD_NSID_SIZE];
    struct hash128 fingerprint;
    char lock_path[CHILD_PATH_MAX];
    int lock_fd;  /* until it is handed to the child; then -1 */
    int name_fd;  /* likewise: holds the private address's name */
    bool unnoted; /* the lock does not say all of this, for want of room: see child_note */
};

/* Is this what the child with that nsid calls itself: "NSID" or "NSID.REVISION"? Anything is for
 * CHILD_ANY. */
bool child_is_named(const char *nsid, struct str shown);

/* What makes a child the one that we would start now: the binary (device, inode, mtime) and what
 * its configuration means. */
struct hash128 child_fingerprint(const char *binary, struct str config);

/* No child; child_release of it does nothing. */
struct child child_none(void);

struct child_place {
    const char *data;
    unsigned generation;
    const struct sockaddr_storage *listen; /* the public address */
    bool shared;                           /* an older child of ours has the port */
    const struct sockaddr_storage *probe;  /* where it is asked then; NULL: the public address */
    bool public_only;                      /* it can have no address of its own */
    bool anonymous;                        /* it does not answer with our identifier */
};

/* Takes a generation: the lock, the private address (with the public one's port), an identifier. */
int child_reserve(const struct child_place *place, const struct hash128 *fingerprint,
                  struct child *ret_child);
/* Starts argv[0] in a session of its own, in that folder (NULL: ours); hands the lock over and
 * writes pid and start time into it. On failure the errno of the exec, as the child saw it. */
int child_spawn(struct child *c, const char *const *argv, const char *folder);
/* Tries once more to write into the lock what there was no room for: only by it can a later
 * betterdns adopt the child. */
void child_note(struct child *c);
int child_signal(const struct child *c, int sig); /* never another process that got its number */
/* Ends what is left of a server of several processes whose first one is gone: whoever has its lock.
 * Waits for that, a tenth of a second at most. */
void child_end_rest(const struct child *c);
/* Called when the pidfd is readable. Has it ended? Reaps it. *ret_status: of waitid, -1 where it
 * is no child of this process. */
bool child_ended(struct child *c, int *ret_status, bool *ret_by_signal);
/* CPU time that it and the processes below it have used, in clock ticks; 0 when it cannot be read.
 */
uint64_t child_cpu(const struct child *c);
/* Has it used so much between the two that it is loading? */
static inline bool child_worked(uint64_t cpu_before, uint64_t cpu_now)
{
    return cpu_now > cpu_before + 10; /* 0.1 s */
}
/* Forgets it: closes what is open; removes its lock when no process has it any more. */
void child_release(struct child *c);

/* Looks at data/child.*.lock: those that nobody holds are removed, each of the others gives a
 * living child. Returns how many, at most max; *ret_generation is the greatest number seen. */
unsigned child_scan(const char *data, struct child *ret_children, unsigned max,
                    unsigned *ret_generation);

#define CHILD_LOCK_BYTES_MAX 4096
/* Is this a lock's file name? */
bool child_lock_generation(const char *name, unsigned *ret_generation);
/* The lock's text, "key value" a line. */
void child_lock_print(const struct child *c, struct buf *out);
int child_lock_parse(struct str text, struct child *ret_child); /* -BD_ESYNTAX */
/* What the lock at data/name says. It is read, not tried: another betterdns may be about to take
 * it. Also an errno of the reading. */
int child_lock_read(const char *data, const char *name, struct child *ret_child);

/* Field 22 of /proc/PID/stat: when it started; 0: no such process. */
uint64_t process_start_time(pid_t pid);

#endif

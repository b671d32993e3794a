/* Starting a program: a session of its own, no signal blocked or ignored, nothing of ours open but
 * what is named. And what can be seen of one that runs. */
#ifndef BETTERDNS_PROCESS_H
#define BETTERDNS_PROCESS_H

#include <sys/types.h>

#define PROCESS_KEEP_MAX 2

struct process_plan {
    const char *const *argv;    /* argv[0] is a path */
    const char *folder;         /* where it runs; NULL: where we do */
    int out, err;               /* its stdout and stderr; its stdin is /dev/null */
    int keep[PROCESS_KEEP_MAX]; /* handed over under the same number; 0 or less: none */
};

/* -errno of the exec too, as the child saw it. */
int process_spawn(const struct process_plan *plan, pid_t *ret_pid);

/* The path of a program: as it stands where it has a slash, else the first executable file of that
 * name in PATH. To be freed. -ENOENT: there is none; -EACCES: it is there, but not executable;
 * *ret_path then names it. */
int process_find(const char *name, char **ret_path);

/* For which machine a program was built, as uname(1) calls it, by the head of its file (ELF); NULL:
 * it is no such file, or cannot be read. "/proc/self/exe": what this machine is. */
const char *process_machine(const char *path);

/* Are two of its descriptors, beyond the standard three, the same socket? 1, 0, or a negative errno
 * where they cannot be seen. */
int process_shares_sockets(pid_t pid);
/* The processes that it has started and that are there still, at most max of them: how many.
 * -errno where they cannot be seen. */
int process_children(pid_t pid, pid_t *ret_children, unsigned max);
/* How many children all its children have together, of those of one thread each; or a negative
 * errno. */
int process_grandchildren(pid_t pid);

#endif

/* Runs a program to its end and keeps what it prints, on a loop: for a server's version and the
 * words of a start that failed, for exec checks, for terminators. A pipe is right here and only
 * here: the program is not meant to stay. All functions are called on the loop's thread. */
#ifndef BETTERDNS_CAPTURE_H
#define BETTERDNS_CAPTURE_H

#include <betterdns/loop.h>
#include <betterdns/str.h>

struct capture;

struct capture_plan {
    const char *const *argv; /* argv[0] is a path */
    const char *folder;      /* where it runs; NULL: where we do */
    /* Then its process group gets TERM, and KILL when grace_ns have passed since; 0: KILL at once.
     * Before that, what it leaves behind in the background when it ends is left alone. */
    uint64_t deadline_ns, grace_ns;
    size_t output_max; /* octets of stdout and stderr that are kept */
    bool keep_end;     /* the last ones, else the first ones */
    bool whole_group;  /* nothing is left behind: its process group ends with it */
};

struct capture_end {
    struct str output; /* valid during the call */
    bool late;         /* it did not end before its deadline */
    int code;          /* its exit code; below 0: the signal that ended it, negative */
};
/* After it the capture is gone. */
typedef void capture_fn(void *arg, const struct capture_end *end);

/* fn is called once, never within this call. On failure, the errno of the exec too, it is not. */
int capture_start(struct loop *loop, const struct capture_plan *plan, capture_fn *fn, void *arg,
                  struct capture **ret_capture);
/* Kills its process group, without fn; NULL is fine. */
void capture_cancel(struct capture *c);
/* Runs a program that is to go on when we have ended: nobody waits for it, and nobody keeps what it
 * prints. As capture_start, without a loop. */
int capture_unattended(const char *const *argv);

#endif

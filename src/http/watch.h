/* Deadlines of sockets that a thread is blocked on: when one comes, the socket is shut down, and
 * whoever reads or writes it sees its end. */
#ifndef HTTP_WATCH_H
#define HTTP_WATCH_H

#include <stdbool.h>
#include <stdint.h>

struct watch;

/* Lies in the memory of who arms it. */
struct watch_entry {
    struct watch_entry *next, **back; /* back NULL: not armed */
    int fd, how;
    uint64_t deadline;
    bool fired;
};

int watch_start(struct watch **ret_watch); /* a thread of its own */
void watch_stop(struct watch *w);          /* nothing may be armed any more; NULL is fine */
/* how: SHUT_RD or SHUT_RDWR. Up to a quarter of a second late. fd < 0: nothing is watched. */
void watch_arm(struct watch *w, struct watch_entry *e, int fd, int how, uint64_t deadline);
/* Before the descriptor can be closed. True: the deadline came. */
bool watch_disarm(struct watch *w, struct watch_entry *e);

#endif

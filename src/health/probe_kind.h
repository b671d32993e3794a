/* A kind of probe. */
#ifndef HEALTH_PROBE_KIND_H
#define HEALTH_PROBE_KIND_H

#include <betterdns/capture.h>
#include <betterdns/httpcall.h>

#include "prober.h"

struct probe_kind {
    /* Begins; its end may come within this call. Below 0: as if it had called probe_failed. */
    int (*begin)(struct probe *p);
};
extern const struct probe_kind probe_http, probe_tcp, probe_dns, probe_exec;

struct probe_list {
    struct probe *first, *last;
    unsigned n;
};

/* Those that share a limit. */
struct probe_lane {
    struct loop_timer *turn;
    struct probe_list waiting, running;
    struct probe_list again; /* had begun, for want of something of ours: before those that wait */
    unsigned limit, most;    /* in flight; most is less while something of ours is short */
    uint64_t pause_ns;       /* until when nothing begins */
};

struct prober {
    struct prober_options options;
    struct httpcalls *calls;
    struct probe_lane sockets, programs;
    uint64_t said_ns; /* when the log last heard that something of ours is short */
};

struct probe {
    struct prober *prober;
    struct probe_lane *lane;
    struct probe_list *list; /* of the lane, that it stands in */
    struct probe *prev, *next;
    struct probe_target target;
    const struct probe_kind *kind;
    probe_fn *fn;
    void *arg;
    bool unasked;
    uint64_t began_ns;
    /* The kind's. */
    struct httpcall *call;
    struct capture *capture;
    struct loop_watch *watch;
    struct loop_timer *timer, *again;
    int fd; /* -1: none */
    uint16_t dns_id;
    char texts[]; /* of the target */
};

/* It has ended: tells with these words, and frees it. */
void probe_end(struct probe *p, bool ok, bool refused, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void probe_tell(struct probe *p, bool ok, bool refused, struct str words);
void probe_unasked(struct probe *p, const char *why); /* ends: "not asked: …" */
/* Of a connection, or of what is needed for one. Where we are short of something ourselves, it is
 * no end: the probe begins again a little later. */
void probe_failed(struct probe *p, int error);
unsigned probe_ms(const struct probe *p); /* since it began */

/* May it go there? *ret_why as fence_allows has it. */
bool probe_may_reach(const struct probe *p, const struct address *to, uint16_t port,
                     const char **ret_why);
void probe_fenced(struct probe *p, const char *why); /* ends it */

/* Connects a socket of this type to the target, watches it, and ends the probe when its time-out is
 * over. 1; 0: probe_failed or probe_end has been called; below 0 as begin. */
int probe_connect(struct probe *p, int type, uint16_t port, uint32_t events, loop_fd_fn *fn);
void probe_disconnect(struct probe *p);

#endif

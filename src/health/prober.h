/* The prober: carries checks out, one file and one vtable a kind (probe_http.c, probe_tcp.c, …). At
 * most so many are in flight, the rest wait in order; a probe's time-out begins when it does. Where
 * this process is short of something (descriptors, memory), probes wait; that fails no check. All
 * functions are called on the loop's thread. */
#ifndef HEALTH_PROBER_H
#define HEALTH_PROBER_H

#include <betterdns/check.h>
#include <betterdns/health.h>
#include <betterdns/loop.h>

#include "fence.h"

struct prober;
struct probe;

struct prober_options {
    struct loop *loop;
    struct fence fence;                    /* its views outlive the prober */
    void *owner;                           /* given to fn */
    const struct health_command *commands; /* of exec checks; outlive it too */
    unsigned ncommands;
    unsigned in_flight; /* at once; 0: 1,000; of programs a fortieth of it */
};
int probes_new(const struct prober_options *options, struct prober **ret_prober);
void probes_free(struct prober *p); /* cancels what is left; NULL is fine */

struct probe_target {
    const struct check_spec *spec; /* lives until the probe has ended; all else is copied */
    struct address to;             /* family 0: the record has no address */
    bool trusted;                  /* the configuration asks */
    struct address caller;         /* who asked with a request */
    struct str name, id;           /* for exec: the absolute name; n 0: none */
};

struct probe_result {
    bool ok;
    bool refused; /* nobody listens there */
    bool unasked; /* the fence is in the way, we cannot ask, or could not look at the answer in
                     time: that says nothing about the host */
    uint64_t latency_ns;
    struct str output; /* for people: status, latency and match; never what the host sent, but for
                          exec, whose program is the operator's */
};
typedef void probe_fn(void *owner, void *arg, const struct probe_result *result);

/* fn is called once, never within this call; then the probe is gone. -ENOMEM. */
int probe_start(struct prober *p, const struct probe_target *target, probe_fn *fn, void *arg,
                struct probe **ret_probe);
void probe_cancel(struct probe *probe); /* without fn; NULL is fine */
unsigned probes_waiting(const struct prober *p);

#endif

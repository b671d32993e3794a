/* The probe: asks one server, over UDP and on the loop, for the SOA of its zones, and for its
 * identifier (RFC 5001) each time: a wildcard socket of another process answers for an address that
 * nobody holds. */
#ifndef CONTROLLER_PROBE_H
#define CONTROLLER_PROBE_H

#include <sys/socket.h>

#include <betterdns/dname.h>
#include <betterdns/loop.h>

struct prober;

/* An answer of the right server. serial 0: it has no SOA for that zone (yet). revision: the number
 * behind the dot in its identifier, 0 without one. */
typedef void probe_answer_fn(void *arg, unsigned zone, uint32_t serial, unsigned revision);

/* nsid: what the identifier must be, up to its end or a dot, or CHILD_ANY. origins lives as long as
 * the prober. */
int prober_new(struct loop *loop, const struct sockaddr_storage *address, const char *nsid,
               const struct dname *const *origins, probe_answer_fn *fn, void *arg,
               struct prober **ret_prober);
/* One question, never blocks; what cannot be sent counts as not answered. */
/* The next question comes from another port: of two servers on one address, the other may get it.
 */
void prober_move(struct prober *p);
void prober_ask(struct prober *p, unsigned zone);
void prober_free(struct prober *p);

#endif

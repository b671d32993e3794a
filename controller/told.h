/* Events of the controller (<betterdns/events.h>). */
#ifndef CONTROLLER_TOLD_H
#define CONTROLLER_TOLD_H

#include "internal.h"

/* The server shows this serial, for the first time since our start; took_ns: since its live copy
 * was written; 0: that says nothing. On the loop's thread. */
void told_published(struct controller *c, struct ctl_zone *z, uint32_t serial, uint64_t took_ns);
void told_escalated(struct controller *c, const struct ctl_zone *z, uint32_t serial,
                    const char *then);
/* A server that was to be replaced stays. */
void told_not_replaced(struct controller *c, const char *why);
/* The user's own configuration of the server is not used. */
void told_config_rejected(struct controller *c, const char *why);
/* What somebody has saved does not come into the zone, or not all of it. */
void told_rejected(struct controller *c, const struct ctl_zone *z,
                   const struct controller_fault *fault);
void told_rejected_why(struct controller *c, const struct ctl_zone *z, const char *file,
                       const char *why);
void told_rejected_all(struct controller *c, const struct ctl_zone *z, const struct faults *faults);

#endif

/* What a commit changed, told to those who watch. */
#ifndef BETTERDNS_REGISTRY_TELL_H
#define BETTERDNS_REGISTRY_TELL_H

#include "change.h"

struct events;

/* Of a change that is durable: one `registered` for each new registration, `unregistered` for each
 * that has gone, `withdrawn` and `restored` for each record that DNS does not show any more or
 * shows again, and `changed` for each record set, or where they are many once for each zone. */
void tell_change(struct events *events, const struct dname *origins, const struct change *c);

#endif

/* The engine's way to the prober (prober.h). */
#ifndef HEALTH_PROBING_H
#define HEALTH_PROBING_H

#include "engine.h"

int probing_new(struct engine *e, struct problem *ret_problem);
void probing_free(struct engine *e); /* nothing is in flight any more */

#endif

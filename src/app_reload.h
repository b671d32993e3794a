/* The configuration's file, read again. */
#ifndef APP_RELOAD_H
#define APP_RELOAD_H

#include "parts.h"

#define RELOAD_TROUBLE_SIZE 512

/* What the file of now has by now, if it can be put in force as far as can be known. NULL: not; it
 * was logged, an event says so, and trouble holds the sentence. */
struct config *reload_read(struct parts *p, const struct config *now,
                           char trouble[RELOAD_TROUBLE_SIZE]);
/* The same of one that was found to be unfit later. */
void reload_unfit(struct parts *p, const struct config *c, const struct problem *why,
                  char trouble[RELOAD_TROUBLE_SIZE]);

#endif

/* What the process may have, and what it gives back. Before other threads. */
#ifndef APP_LIMITS_H
#define APP_LIMITS_H

void limits_raise(void);       /* of descriptors */
void limits_tame_malloc(void); /* what is freed goes back to the system */

#endif

/* What the process may have, and what it gives back. Before other threads. */
#ifndef RESOURCES_H
#define RESOURCES_H

void resources_raise(void);       /* of descriptors */
void resources_tame_malloc(void); /* what is freed goes back to the system */

#endif

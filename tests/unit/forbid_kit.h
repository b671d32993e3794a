/* System calls that fail from now on, as on old kernels, in sandboxes and for users without
 * rights. */
#ifndef FORBID_KIT_H
#define FORBID_KIT_H

#include <stdbool.h>

/* In this process and its children, for good: so in a child. Only calls whose second argument is
 * this one; -1: all. False: it could not be arranged. */
bool forbid_call(int number, int second, int error);

#endif

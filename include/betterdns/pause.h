/* Named pause points: places between two steps where a test can hold a thread, so that an
 * interleaving that is a matter of microseconds happens each time. They exist in the library that
 * the tests are linked with (BETTERDNS_PAUSE_POINTS) and nowhere else. */
#ifndef BETTERDNS_PAUSE_H
#define BETTERDNS_PAUSE_H

#include <stdint.h>

#ifdef BETTERDNS_PAUSE_POINTS
/* Waits while a test holds the point; the test's kit defines it. */
void pause_point(const char *name);
#define PAUSE_POINT(name) pause_point(name)
#else
#define PAUSE_POINT(name) ((void)0)
#endif

#endif

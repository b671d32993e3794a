/* Holds threads at the named pause points of <betterdns/pause.h>. */
#ifndef PAUSE_KIT_H
#define PAUSE_KIT_H

/* From now on whoever comes to the point waits there. */
void pause_hold(const char *name);
/* Waits until n threads stand at the point; fails the test after a minute. */
void pause_wait(const char *name, unsigned n);
/* Lets them go on, and those who come later pass. Nothing where the point is not held. */
void pause_release(const char *name);
/* Of all points: for the end of a test that failed in between. */
void pause_release_all(void);

#endif

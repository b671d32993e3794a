/* A clock of the tests' own for the thread of the people's files: what takes minutes and hours. The
 * program is linked with --wrap=clock_gettime,--wrap=ppoll. */
#ifndef CLOCK_KIT_H
#define CLOCK_KIT_H

#include <betterdns/clock.h>

void clock_kit_reset(void);
void clock_kit_stop(void); /* it stands, but for what is added */
void clock_kit_go(void);
void clock_kit_add(uint64_t ns); /* whole seconds */
/* Until the thread has looked around so often. */
void clock_kit_wait_turns(unsigned n);
/* Until it wants to sleep for so long, or some seconds less. */
void clock_kit_wait_sleep(uint64_t ns);
void clock_kit_forget_sleep(void); /* what it wanted before does not count */

#endif

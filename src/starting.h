/* The time before the event loop runs, as the supervisor hears of it: a large zone takes long to
 * read, and meanwhile nothing else could ask for more time. */
#ifndef STARTING_H
#define STARTING_H

#include <stdbool.h>
#include <stdint.h>

#include <betterdns/notify.h>

/* "30 s more from now", said while there is progress; a start that hangs is ended. */
#define STARTING_MORE_TIME "EXTEND_TIMEOUT_USEC=30000000"
#define STARTING_INTERVAL_NS (2 * NS_PER_S)

/* Has the process used one hundredth of a core since *cpu_ns, which is then what it has used? */
bool starting_progress(uint64_t *cpu_ns, uint64_t interval_ns);

struct starting;

/* A thread asks for more time, at once and after each interval in which there was progress. NULL:
 * starting_progress. Nothing, and *ret_starting is NULL, where notify is. */
int starting_new(const struct notify *notify, uint64_t interval_ns, bool (*progress)(void *arg),
                 void *arg, struct starting **ret_starting);
/* Ends the thread. NULL is fine. */
void starting_free(struct starting *s);

#endif

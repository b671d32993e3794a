/* A guard that is looked at once a second. */
#ifndef GUARD_KIT_H
#define GUARD_KIT_H

#include <betterdns/clock.h>

#include "guard.h"

#define SECOND NS_PER_S
#define MINUTE (60 * NS_PER_S)
#define HOUR (3600 * NS_PER_S)

/* A guard, and facts that go on from where they were. */
struct scene {
    struct guard g;
    struct guard_facts f;
    bool silent; /* nobody is heard */
};

bool scene_look(struct scene *s);
void scene_pass(struct scene *s, uint64_t ns); /* a look a second for so long */
/* At ten hours of running time, with a first look. */
void scene_start(struct scene *s, unsigned hosts, unsigned down);
enum guard_word scene_terminate(const struct scene *s);
enum guard_word scene_expire(const struct scene *s);

#endif

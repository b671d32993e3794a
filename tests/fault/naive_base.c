/* betterdns_naive: the base of a save is the zone as it is when the save comes, as if nobody had
 * written since its author read it. What programs do that have no rule for it: the control of
 * tests/e2e/test_race.py. */
#include "base.h"
#include "merge.h"

int __wrap_base_choose(struct saving *s, struct base *ret_base);

int __wrap_base_choose(struct saving *s, struct base *ret_base)
{
    s->change->merge->limit =
        false; /* the rule about many deletions would hold some of its saves */
    *ret_base = (struct base){.kind = BASE_MARKER};
    return version_of_snap(&s->pool, s->now, s->save->zone, &ret_base->version);
}

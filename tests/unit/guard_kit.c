/* A guard that is looked at once a second. */
#include "guard_kit.h"

bool scene_look(struct scene *s)
{
    if (!s->silent)
        s->f.heard_ns = s->f.now_ns;
    return guard_look(&s->g, &s->f);
}

void scene_pass(struct scene *s, uint64_t ns)
{
    for (uint64_t end = s->f.now_ns + ns; s->f.now_ns < end;) {
        s->f.now_ns += SECOND;
        scene_look(s);
    }
}

void scene_start(struct scene *s, unsigned hosts, unsigned down)
{
    *s = (struct scene){.f = {.now_ns = 10 * HOUR, .hosts = hosts, .down = down}};
    guard_start(&s->g);
    scene_look(s);
}

enum guard_word scene_terminate(const struct scene *s)
{
    return guard_may_terminate(&s->g, s->f.now_ns, s->f.hosts);
}

enum guard_word scene_expire(const struct scene *s)
{
    return guard_may_expire(&s->g, s->f.now_ns, s->f.hosts);
}

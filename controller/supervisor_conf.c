/* When the child's configuration is looked at: with its answers, and when something has changed. */
#include "own.h"
#include "proof.h"
#include "supervisor_impl.h"

/* What an adopted one reads, and how often, may have been decided by another configuration. */
static void sync_conf(struct supervisor *s)
{
    if (s->state == CHILD_READY || s->state == CHILD_REPLACING ||
        (s->state == CHILD_STARTING && s->child.adopted))
        conf_sync(s->conf, &s->child);
}

/* The child has read another configuration than at its start: a later betterdns is to adopt it by
 * that one. */
static void note_fingerprint(struct supervisor *s)
{
    struct conf *fresh;

    if (conf_new(s->c, s->binary, &fresh) < 0)
        return;
    if (conf_fingerprint(fresh, &s->child.fingerprint) == 0)
        s->child.unnoted = true;
    conf_free(fresh);
    child_note(&s->child);
}

bool supervisor_heard(void *arg, unsigned revision)
{
    struct supervisor *s = arg;
    bool sure = conf_heard(s->conf, &s->child, revision);

    if (s->c->own && own_renewed(s->c->own))
        note_fingerprint(s);
    /* Of one that does not say who it is, where others answer too, no answer is sure beside a
     * stranger. */
    sure = sure && !(s->stranger[0] && !s->child.has_private && !proof_is_named(s->c));

    sync_conf(s);
    return sure;
}

void supervisor_look(struct supervisor *s)
{
    struct own *own = s->c->own;

    if (!own || s->state != CHILD_READY)
        return;
    own_look(own);
    if (own_is_due(own))
        supervisor_exchanged(s);
    supervisor_note(s);
}

void supervisor_exchanged(struct supervisor *s)
{
    if (!s->conf || s->child.pidfd < 0)
        return;
    conf_recheck(s->conf);
    sync_conf(s);
}

/* What an answer of the server proves. */
#include "proof.h"

#include "internal.h"
#include "own.h"

enum proof proof_of_reload(const struct server_kind *kind, bool named)
{
    if (kind->rereads)
        return named ? PROOF_REVISION : PROOF_NONE;
    return kind->overlaps ? PROOF_PROCESSES : PROOF_NONE;
}

bool proof_is_named(const struct controller *c)
{
    return !c->kind->anonymous && (!c->own || own_has_nsid(c->own));
}

bool proof_is_public(const struct controller *c)
{
    return c->kind->public_only || (c->own && !own_has_probe(c->own));
}

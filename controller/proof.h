/* What an answer of the server proves: whose it is, and what was read before it was given. Both are
 * facts of the server's kind and, where its configuration is the user's own, of that; they stay
 * what they are from our start to our end. */
#ifndef CONTROLLER_PROOF_H
#define CONTROLLER_PROOF_H

#include <stdbool.h>

struct controller;
struct server_kind;

/* What shows that the server has read again what it was told to read. */
enum proof {
    PROOF_REVISION,  /* it reads our identifier too, which has a new revision each time */
    PROOF_PROCESSES, /* no answer does, but while it reads old and new processes are there */
    PROOF_NONE,      /* nothing does: it is believed */
};

/* named: each answer has our identifier. */
enum proof proof_of_reload(const struct server_kind *kind, bool named);

/* Does each of the server's answers say by our identifier whose it is? */
bool proof_is_named(const struct controller *c);
/* Has the server none but the public address to be asked at? */
bool proof_is_public(const struct controller *c);

#endif

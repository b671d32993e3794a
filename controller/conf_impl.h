/* The inside of conf, shared by conf.c (what is written) and conf_reload.c (how the server is told
 * to read it, and when it is believed to have done so). */
#ifndef CONTROLLER_CONF_IMPL_H
#define CONTROLLER_CONF_IMPL_H

#include "conf.h"
#include "control.h"
#include "internal.h"
#include "proof.h"
#include "reload.h"
#include "resend.h"

struct conf {
    struct controller *c;
    const char *binary;
    char *path;
    char *dir;    /* ends in the number of a generation's own, */
    size_t dir_n; /* which stands here */
    char version[SERVER_VERSION_SIZE];
    struct server_zone *zones;
    struct buf text;   /* as written */
    unsigned revision; /* as written; 0: adopted, not known yet */
    char nsid[CHILD_NSID_SIZE + 12];
    const char *argv[SERVER_ARGS_MAX];

    /* conf_reload.c's: */
    enum proof proof;
    struct reload reload;
    struct control *reload_command, *stop_command; /* NULL: a signal */
    struct resend resend;                          /* of the signal that is outstanding */
    uint64_t next_check_ns;
};

/* conf.c: */

/* Decides anew how often each zone is looked at; did anything change? */
bool conf_decide_polls(struct conf *f);
/* Writes the file anew for the same child, under that revision. */
int conf_write_again(struct conf *f, const struct child *child, unsigned revision);
/* The first answer of an adopted child has come: is what it read what we would have written? */
bool conf_adopted_differs(struct conf *f, const struct child *child);

/* conf_reload.c: */

int conf_reload_new(struct conf *f);
void conf_reload_free(struct conf *f);
/* A child begins, with that revision; 0: one that was adopted, and not heard of yet. */
void conf_reload_begin(struct conf *f, unsigned revision);

#endif

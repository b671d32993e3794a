/* What state.c and load.c share. */
#ifndef BETTERDNS_REGISTRY_STATE_IMPL_H
#define BETTERDNS_REGISTRY_STATE_IMPL_H

#include "db.h"
#include "state.h"

enum statement {
    STATE_BEGIN,
    STATE_COMMIT,
    STATE_ZONE_ADD,
    STATE_ZONE_SERIAL,
    STATE_SET_PUT,
    STATE_SET_DELETE,
    STATE_REG_PUT,
    STATE_REG_DELETE,
    STATE_CHANGE_ADD,
    STATE_CHANGE_ZONE_ADD,
    STATE_EXPORT_ADD,
    STATE_EXPORT_TRIM,
    STATE_EXPORT_CLEAR,
    STATE_BASE_ADD,
    STATE_BASE_CLEAR,
    STATE_BASE_TRIM,
    STATE_BASE_BOUND,
    STATE_RUN_PUT,
    STATE_RUN_KEEP,
    STATE_RENEWAL_PUT,
    STATE_RENEWAL_DELETE,
    STATE_TERMINATION_PUT,
    STATE_TERMINATION_END,
    STATE_NOTE_PUT,
    STATE_NOTE_DELETE,
    STATE_NSTATEMENTS
};

/* An empty database gets the schema and version; then all statements are prepared. */
int state_make(struct state *s);
int state_prepare(struct state *s);
int state_sync_dir(const char *path);

struct state {
    struct db *db;
    struct db_stmt *statements[STATE_NSTATEMENTS];
    int64_t run; /* state_set_run */
};

/* The rows that come and go with a registration. before: NULL: it is new. */
int state_registration_made(struct state *s, const struct registration *before,
                            const struct registration *after);
int state_registration_ended(struct state *s, const struct registration *reg);

#endif

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
    STATE_NSTATEMENTS
};

/* An empty database gets the schema and version; then all statements are prepared. */
int state_make(struct state *s);
int state_prepare(struct state *s);
int state_sync_dir(const char *path);

struct state {
    struct db *db;
    struct db_stmt *statements[STATE_NSTATEMENTS];
};

#endif

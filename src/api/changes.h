/* The history as JSON. */
#ifndef API_CHANGES_H
#define API_CHANGES_H

#include <betterdns/api.h>
#include <betterdns/history.h>

/* Who made a change and when, as members: seq, time, source, actor. */
void change_json_origin(struct json *j, const struct history_change *c);

/* A change as one object for each zone that it touched, all with its seq; before each set, piece is
 * called, which may send what is there. Not 0: it ends with that. */
typedef int change_piece_fn(void *arg);
int change_json(struct json *j, const struct dname *origins, const struct history_change *c,
                struct buf *scratch, change_piece_fn *piece, void *arg);

#endif

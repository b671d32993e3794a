/* Who holds a connection. There are fewer places than the engine has threads: whoever gets one
 * gets a thread at once. When all are taken, a newcomer gets the place of the client
 * that the server has waited for longest, among those of the address that holds most; so no number
 * of silent, trickling or never reading clients keeps others out, and many clients behind one
 * address can have all places while nobody else wants them. IPv6 addresses count by their /64. */
#ifndef HTTP_PLACES_H
#define HTTP_PLACES_H

#include <stdbool.h>

#include <betterdns/network.h>

struct places;
struct place;

/* limit of the n places are for clients; the others, for those that come while an ended client's
 * thread still leaves. trusted: their places are nobody's but theirs; must live as long. -ENOMEM.
 */
int places_new(unsigned n, unsigned limit, const struct network *trusted, unsigned ntrusted,
               struct places **ret_places);
/* Others are trusted from now on, as places_new; also of those that have places. */
void places_trust(struct places *ps, const struct network *trusted, unsigned ntrusted);
void places_free(struct places *ps); /* closes what nobody has closed; NULL is fine */

/* NULL: all are taken, by clients that are being worked for. */
struct place *places_take(struct places *ps, int fd, const struct address *peer);
unsigned place_number(const struct places *ps, const struct place *p);
struct place *place_at(struct places *ps, unsigned number); /* NULL: there is no such place */
struct place *place_with(struct places *ps, int fd);        /* NULL: there is no such place */
int place_fd(const struct place *p);
const struct address *place_peer(const struct place *p);
bool place_was_ended(const struct place *p); /* for another's sake */

/* What its thread is doing: it waits for the client to send, or to take what is sent; or works. */
void place_reads(struct place *p);
void place_writes(struct place *p);
void place_works(struct place *p);
/* Meanwhile a request of its client is being answered, or no longer. */
void place_serves(struct place *p, bool serves);

/* Before the descriptor is closed; then, when its thread is free for another. */
void place_closing(struct places *ps, struct place *p);
void place_leave(struct places *ps, struct place *p);

enum places_which {
    PLACES_ALL,
    PLACES_WAITING, /* for their client */
    PLACES_SERVED   /* those of PLACES_WAITING that wait in the middle of an answer's work */
};
/* Ends these connections. Their threads see it. */
void places_end(struct places *ps, enum places_which which);

#endif

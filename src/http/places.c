/* Who holds a connection. */
#include "places.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <betterdns/clock.h>

/* An address that holds most itself takes from its own only what has waited for this long. */
#define OWN_PATIENCE (NS_PER_S / 2)
#define WRITES 1u /* in place.since */

struct owner {
    struct address address; /* of IPv6 only the /64 */
    bool trusted;
    unsigned places, ended; /* of places: those that were ended and are not left yet */
    struct owner *next;     /* free, or of the same bucket */
};

struct place {
    int fd;
    struct address peer;
    struct owner *owner; /* NULL: free, or about to be */
    struct place *next;  /* free */
    atomic_bool ended, served;
    /* When its thread began to wait, with WRITES; 0: it does not wait. */
    _Atomic uint64_t since;
};

struct places {
    unsigned n, limit;
    pthread_mutex_t lock; /* of all that follows but place.since */
    const struct network *trusted;
    unsigned ntrusted;
    unsigned used, ended;
    struct place *items, *free;
    struct owner *owners, *free_owners;
    struct owner **buckets; /* n of them */
};

int places_new(unsigned n, unsigned limit, const struct network *trusted, unsigned ntrusted,
               struct places **ret_places)
{
    struct places *ps = calloc(1, sizeof(*ps));
    if (!ps)
        return -ENOMEM;
    *ps = (struct places){.n = n, .limit = limit, .trusted = trusted, .ntrusted = ntrusted};
    pthread_mutex_init(&ps->lock, NULL);
    ps->items = calloc(n, sizeof(*ps->items));
    ps->owners = calloc(n, sizeof(*ps->owners));
    ps->buckets = calloc(n, sizeof(struct owner *));
    if (!ps->items || !ps->owners || !ps->buckets) {
        places_free(ps);
        return -ENOMEM;
    }
    for (unsigned i = 0; i < n; i++) {
        ps->items[i].fd = -1;
        ps->items[i].next = i + 1 < n ? &ps->items[i + 1] : NULL;
        ps->owners[i].next = i + 1 < n ? &ps->owners[i + 1] : NULL;
    }
    ps->free = ps->items;
    ps->free_owners = ps->owners;
    *ret_places = ps;
    return 0;
}

void places_trust(struct places *ps, const struct network *trusted, unsigned ntrusted)
{
    pthread_mutex_lock(&ps->lock);
    ps->trusted = trusted;
    ps->ntrusted = ntrusted;
    for (struct place *p = ps->items; p < ps->items + ps->n; p++)
        if (p->owner)
            p->owner->trusted = network_has(trusted, ntrusted, &p->peer);
    pthread_mutex_unlock(&ps->lock);
}

void places_free(struct places *ps)
{
    if (!ps)
        return;
    for (unsigned i = 0; ps->items && i < ps->n; i++) {
        if (ps->items[i].owner && ps->items[i].fd >= 0)
            close(ps->items[i].fd);
    }
    free(ps->buckets);
    free(ps->owners);
    free(ps->items);
    pthread_mutex_destroy(&ps->lock);
    free(ps);
}

/* ---- owners ----
 */

/* Chosen addresses can only make a list of the server's places long. */
static struct owner **bucket_of(struct places *ps, const struct address *a)
{
    uint64_t h = 0xcbf29ce484222325u;

    for (size_t i = 0; i < sizeof(a->b); i++)
        h = (h ^ a->b[i]) * 0x100000001b3u;
    return &ps->buckets[(h >> 16) % ps->n];
}

static struct address owner_address(const struct address *peer)
{
    struct address a = *peer;

    if (a.family == AF_INET6)
        memset(a.b + 8, 0, 8);
    return a;
}

static struct owner *find_owner(struct places *ps, const struct address *a)
{
    struct owner *o = *bucket_of(ps, a);

    while (o && (o->address.family != a->family || memcmp(o->address.b, a->b, sizeof(a->b)) != 0))
        o = o->next;
    return o;
}

/* There are as many as places: one is free when a place is. */
static struct owner *add_owner(struct places *ps, const struct address *a,
                               const struct address *peer)
{
    struct owner *o = ps->free_owners, **bucket = bucket_of(ps, a);

    ps->free_owners = o->next;
    *o = (struct owner){
        .address = *a, .trusted = network_has(ps->trusted, ps->ntrusted, peer), .next = *bucket};
    *bucket = o;
    return o;
}

static void leave_owner(struct places *ps, struct owner *o)
{
    struct owner **at = bucket_of(ps, &o->address);

    if (--o->places > 0)
        return;
    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
    o->next = ps->free_owners;
    ps->free_owners = o;
}

/* ---- places ----
 */

/* Its thread sees the end, and leaves. One that only reads can still be told why. */
static void end(struct places *ps, struct place *p)
{
    const bool writes = atomic_load(&p->since) & WRITES;

    p->ended = true;
    p->owner->ended++;
    ps->ended++;
    shutdown(p->fd, writes ? SHUT_RDWR : SHUT_RD);
}

static unsigned weight(const struct owner *o)
{
    return o->trusted ? 0 : o->places - o->ended;
}

static bool gives_way(const struct place *p)
{
    return p->owner && !p->ended && weight(p->owner) > 0 && atomic_load(&p->since) != 0;
}

/* NULL: nobody gives way to this newcomer. */
static struct place *choose(const struct places *ps, const struct owner *newcomer)
{
    struct place *chosen = NULL;
    unsigned most = 0;
    uint64_t longest = 0;

    for (struct place *p = ps->items; p < ps->items + ps->n; p++) {
        if (!gives_way(p) || weight(p->owner) < most)
            continue;
        const uint64_t since = atomic_load(&p->since);
        if (weight(p->owner) == most && since >= longest)
            continue;
        most = weight(p->owner);
        longest = since;
        chosen = p;
    }
    if (chosen && chosen->owner == newcomer && clock_mono_ns() - longest < OWN_PATIENCE)
        return NULL;
    return chosen;
}

/* Room for one more: a free place, or one whose client gives way. The few places above the limit
 * are for those that come while the threads of the ended ones are still leaving. */
static bool make_room(struct places *ps, const struct owner *newcomer)
{
    if (!ps->free)
        return false;
    if (ps->used - ps->ended < ps->limit)
        return true;
    struct place *p = choose(ps, newcomer);
    if (p)
        end(ps, p);
    return p != NULL;
}

struct place *places_take(struct places *ps, int fd, const struct address *peer)
{
    const struct address address = owner_address(peer);
    struct place *p = NULL;

    pthread_mutex_lock(&ps->lock);
    struct owner *o = find_owner(ps, &address);
    if (make_room(ps, o)) {
        p = ps->free;
        ps->free = p->next;
        ps->used++;
        /* The one that gave way was its owner's last only when that owner is another. */
        o = o ? o : add_owner(ps, &address, peer);
        o->places++;
        *p = (struct place){.fd = fd, .peer = *peer, .owner = o};
        place_reads(p);
    }
    pthread_mutex_unlock(&ps->lock);
    return p;
}

unsigned place_number(const struct places *ps, const struct place *p)
{
    return (unsigned)(p - ps->items);
}

struct place *place_at(struct places *ps, unsigned number)
{
    return number < ps->n ? &ps->items[number] : NULL;
}

struct place *place_with(struct places *ps, int fd)
{
    struct place *found = NULL;

    pthread_mutex_lock(&ps->lock);
    for (unsigned i = 0; i < ps->n && !found; i++) {
        if (ps->items[i].owner && ps->items[i].fd == fd)
            found = &ps->items[i];
    }
    pthread_mutex_unlock(&ps->lock);
    return found;
}

int place_fd(const struct place *p)
{
    return p->fd;
}

const struct address *place_peer(const struct place *p)
{
    return &p->peer;
}

bool place_was_ended(const struct place *p)
{
    return p->ended;
}

void place_reads(struct place *p)
{
    atomic_store(&p->since, clock_mono_ns() & ~(uint64_t)WRITES);
}

void place_writes(struct place *p)
{
    atomic_store(&p->since, clock_mono_ns() | WRITES);
}

void place_works(struct place *p)
{
    atomic_store(&p->since, 0);
}

void place_serves(struct place *p, bool serves)
{
    atomic_store(&p->served, serves);
}

void place_closing(struct places *ps, struct place *p)
{
    pthread_mutex_lock(&ps->lock);
    /* From here on the number of the descriptor may be another's. */
    if (!p->ended) {
        p->ended = true;
        p->owner->ended++;
        ps->ended++;
    }
    p->fd = -1;
    pthread_mutex_unlock(&ps->lock);
}

void place_leave(struct places *ps, struct place *p)
{
    pthread_mutex_lock(&ps->lock);
    p->owner->ended--;
    leave_owner(ps, p->owner);
    p->owner = NULL;
    ps->ended--;
    ps->used--;
    p->next = ps->free;
    ps->free = p;
    pthread_mutex_unlock(&ps->lock);
}

void places_end(struct places *ps, enum places_which which)
{
    pthread_mutex_lock(&ps->lock);
    for (struct place *p = ps->items; p < ps->items + ps->n; p++) {
        if (!p->owner || p->fd < 0)
            continue;
        if (which == PLACES_ALL)
            shutdown(p->fd, SHUT_RDWR);
        else if (!p->ended && atomic_load(&p->since) != 0 &&
                 (which == PLACES_WAITING || atomic_load(&p->served)))
            end(ps, p);
    }
    pthread_mutex_unlock(&ps->lock);
}

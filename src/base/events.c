/* The event ring: chunks of octets that are written once. A reader counts the chunk that it stands
 * in, and reads it without the lock; only from one chunk to the next it takes it. Adding wakes one
 * thread, the waker, at most; that one wakes the readers in portions, so that hundreds of them do
 * not take the processor from whoever adds. */
#include "events_impl.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <betterdns/clock.h>
#include <betterdns/json.h>

#define OCTETS ((size_t)16 << 20)
#define CHUNK ((size_t)64 << 10)
#define READERS_MAX 600U /* each has a thread of the HTTP server */

static const char *const kinds[] = {
    [EVENT_REGISTERED] = "registered", [EVENT_UNREGISTERED] = "unregistered",
    [EVENT_CHANGED] = "changed",       [EVENT_TRANSITION] = "transition",
    [EVENT_WITHDRAWN] = "withdrawn",   [EVENT_RESTORED] = "restored",
    [EVENT_TERMINATED] = "terminated", [EVENT_PUBLISHED] = "published",
    [EVENT_ESCALATED] = "escalated",   [EVENT_REJECTED] = "rejected",
    [EVENT_PANIC] = "panic",
};
_Static_assert(ARRAY_SIZE(kinds) == EVENT_NKINDS, "one name per kind");

/* Followed by zone, name and JSON; what is added up is aligned. */
struct record {
    uint64_t number;
    uint32_t size; /* of all */
    uint32_t kind, nzone, nname, njson;
    char octets[];
};

struct chunk {
    atomic_uint refs;
    struct chunk *next; /* guarded by lock, and only of a chunk that is kept */
    uint64_t first;     /* the number of its first event */
    size_t size;
    _Atomic size_t used; /* what is before it does not change any more */
    max_align_t octets[];
};

const char *event_kind_name(enum event_kind kind)
{
    return kinds[kind];
}

int event_kind_of(struct str name, enum event_kind *ret_kind)
{
    for (unsigned i = 0; i < EVENT_NKINDS; i++) {
        if (str_eq(name, str_c(kinds[i]))) {
            *ret_kind = (enum event_kind)i;
            return 0;
        }
    }
    return -BD_ENOTFOUND;
}

/* ---- chunks ---- */

static struct chunk *chunk_new(size_t size, uint64_t first)
{
    struct chunk *c = malloc(sizeof(*c) + size);

    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    atomic_init(&c->used, 0);
    c->next = NULL;
    c->first = first;
    c->size = size;
    return c;
}

static void chunk_put(struct chunk *c)
{
    if (c && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

static const struct record *record_at(const struct chunk *c, size_t at)
{
    return (const struct record *)(const void *)((const char *)c->octets + at);
}

/* The oldest go while there is too much, but never the one that is written. Under the lock. */
static void trim(struct events *e)
{
    while (e->kept > e->octets && e->oldest != e->newest) {
        struct chunk *c = e->oldest;
        e->oldest = c->next;
        e->kept -= c->size;
        chunk_put(c);
    }
}

/* Room for so much in the newest chunk. Under the lock. */
static struct record *room(struct events *e, size_t size)
{
    struct chunk *c = e->newest;
    size_t used = atomic_load_explicit(&c->used, memory_order_relaxed);

    if (c->size - used >= size)
        return (struct record *)(void *)((char *)c->octets + used);
    c = chunk_new(size > CHUNK ? size : CHUNK, e->last + 1);
    if (!c)
        return NULL;
    e->newest->next = c;
    e->newest = c;
    e->kept += c->size;
    trim(e);
    return (struct record *)(void *)c->octets;
}

/* ---- life ---- */

int events_new(size_t octets, struct events **ret_events)
{
    struct events *e = calloc(1, sizeof(*e));
    uint64_t run;

    if (!e)
        return -ENOMEM;
    if (getrandom(&run, sizeof(run), 0) != sizeof(run))
        run = (uint64_t)clock_real_s() << 32 ^ clock_mono_ns();
    snprintf(e->run, sizeof(e->run), "%016llx", (unsigned long long)run);
    e->octets = octets ? octets : OCTETS;
    e->oldest = e->newest = chunk_new(CHUNK, 1);
    e->kept = CHUNK;
    pthread_mutex_init(&e->lock, NULL);
    int r = e->newest ? events_wake_start(e) : -ENOMEM;
    if (r < 0) {
        chunk_put(e->newest);
        free(e);
        return r;
    }
    *ret_events = e;
    return 0;
}

void events_free(struct events *e)
{
    if (!e)
        return;
    events_stop(e);
    events_wake_end(e);
    while (e->oldest) {
        struct chunk *next = e->oldest->next;
        chunk_put(e->oldest);
        e->oldest = next;
    }
    pthread_mutex_destroy(&e->lock);
    free(e);
}

/* ---- adding ---- */

static void text_or_null(struct json *j, const char *key, struct str text)
{
    json_key(j, key);
    if (text.n > 0)
        json_str(j, text);
    else
        json_null(j);
}

static void number_or_null(struct json *j, const char *key, uint64_t number)
{
    json_key(j, key);
    if (number > 0)
        json_uint(j, number);
    else
        json_null(j);
}

static void flag(struct json *j, const char *key, enum event_flag value)
{
    if (value == EVENT_ABSENT)
        return;
    json_key(j, key);
    json_bool(j, value == EVENT_YES);
}

/* All but its beginning, the id, which is known under the lock only. */
static void render(const struct event *ev, struct buf *out)
{
    struct json j = {.out = out};
    char time[CLOCK_RFC3339_SIZE];

    json_open(&j, '{');
    json_key(&j, "kind");
    json_c(&j, kinds[ev->kind]);
    json_key(&j, "time");
    json_c(&j, clock_rfc3339(clock_real_s(), time));
    number_or_null(&j, "seq", ev->seq);
    text_or_null(&j, "zone", ev->zone);
    text_or_null(&j, "name", ev->name);
    text_or_null(&j, "type", ev->type);
    text_or_null(&j, "registration", ev->registration);
    number_or_null(&j, "number", ev->number);
    text_or_null(&j, "detail", ev->detail);
    if (ev->from.n > 0)
        text_or_null(&j, "from", ev->from);
    if (ev->to.n > 0)
        text_or_null(&j, "to", ev->to);
    flag(&j, "dry_run", ev->dry_run);
    flag(&j, "ok", ev->ok);
    flag(&j, "on", ev->on);
    json_close(&j, '}');
}

static char *append(char *to, struct str s)
{
    if (s.n > 0)
        memcpy(to, s.p, s.n);
    return to + s.n;
}

/* Under the lock. rest: the object without its opening bracket. */
static bool put(struct events *e, const struct event *ev, struct str rest)
{
    char head[EVENT_ID_SIZE + 16], id[EVENT_ID_SIZE];
    size_t nhead =
        (size_t)snprintf(head, sizeof(head), "{\"id\":\"%s\",", events_id(e, e->last + 1, id));
    size_t size = sizeof(struct record) + ev->zone.n + ev->name.n + nhead + rest.n;

    size = (size + _Alignof(max_align_t) - 1) / _Alignof(max_align_t) * _Alignof(max_align_t);
    struct record *r = room(e, size);
    if (!r)
        return false;
    *r = (struct record){
        .number = e->last + 1,
        .size = (uint32_t)size,
        .kind = ev->kind,
        .nzone = (uint32_t)ev->zone.n,
        .nname = (uint32_t)ev->name.n,
        .njson = (uint32_t)(nhead + rest.n),
    };
    char *at = append(append(r->octets, ev->zone), ev->name);
    append(append(at, (struct str){head, nhead}), rest);
    struct chunk *c = e->newest;
    atomic_fetch_add_explicit(&c->used, size, memory_order_release);
    return true;
}

void events_add(struct events *e, const struct event *event)
{
    struct buf json = {0};

    if (!e)
        return;
    render(event, &json);
    pthread_mutex_lock(&e->lock);
    if (json.error || !put(e, event, (struct str){json.p + 1, json.n - 1}))
        e->stats.lost++;
    e->stats.added[event->kind]++;
    atomic_store(&e->last, e->last + 1);
    pthread_mutex_unlock(&e->lock);
    events_ask_for_round(e);
    buf_free(&json);
}

char *events_id(const struct events *e, uint64_t number, char out[EVENT_ID_SIZE])
{
    snprintf(out, EVENT_ID_SIZE, "%s-%llu", e->run, (unsigned long long)number);
    return out;
}

uint64_t events_last(struct events *e)
{
    return atomic_load(&e->last);
}

/* ---- reading ---- */

/* After which number: 0, or what the id says. Under the lock. */
static int after_number(const struct events *e, struct str after, uint64_t *ret_number)
{
    struct str run, number = after;

    if (!after.p) {
        *ret_number = e->last;
        return 0;
    }
    if (str_eq(after, STR("0"))) {
        *ret_number = e->oldest->first - 1;
        return 0;
    }
    if (!str_cut(&number, '-', &run) || run.n != strlen(e->run) ||
        str_u64(number, UINT64_MAX, ret_number) < 0)
        return -BD_ESYNTAX;
    return str_eq(run, str_c(e->run)) && *ret_number <= e->last ? 0 : -BD_ENOTFOUND;
}

/* Puts the reader before the event after its place. Under the lock. */
static int seek(struct events_reader *r)
{
    struct chunk *c = r->events->oldest;

    if (r->place + 1 < c->first)
        return -BD_ENOTFOUND;
    while (c->next && c->next->first <= r->place + 1)
        c = c->next;
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    chunk_put(r->chunk);
    r->chunk = c;
    r->at = 0;
    size_t used = atomic_load_explicit(&c->used, memory_order_relaxed);
    while (r->at < used && record_at(c, r->at)->number <= r->place)
        r->at += record_at(c, r->at)->size;
    return 0;
}

int events_open(struct events *e, struct str after, struct events_reader **ret_reader)
{
    struct events_reader *r = calloc(1, sizeof(*r));
    int result;

    if (!r)
        return -ENOMEM;
    r->events = e;
    pthread_mutex_lock(&e->lock);
    result = e->readers < READERS_MAX ? after_number(e, after, &r->place) : -BD_EFULL;
    if (result == 0)
        result = seek(r);
    if (result == 0) {
        e->readers++;
        r->group = e->next_group++ % EVENTS_GROUPS;
    }
    pthread_mutex_unlock(&e->lock);
    if (result < 0) {
        free(r);
        return result;
    }
    events_join(r);
    *ret_reader = r;
    return 0;
}

void events_close(struct events_reader *r)
{
    if (!r)
        return;
    r->events->readers--;
    chunk_put(r->chunk);
    free(r);
}

/* The next record; NULL: none yet. */
static int next(struct events_reader *r, const struct record **ret_record)
{
    int result = 0;

    *ret_record = NULL;
    if (r->at >= atomic_load_explicit(&r->chunk->used, memory_order_acquire)) {
        if (atomic_load(&r->events->last) <= r->place)
            return 0;
        pthread_mutex_lock(&r->events->lock);
        result = seek(r);
        pthread_mutex_unlock(&r->events->lock);
        if (result < 0)
            return result;
    }
    /* Behind what was lost for want of memory there may be nothing yet. */
    if (r->at >= atomic_load_explicit(&r->chunk->used, memory_order_acquire))
        return -BD_ENOTFOUND;
    const struct record *record = record_at(r->chunk, r->at);
    if (record->number != r->place + 1)
        return -BD_ENOTFOUND;
    *ret_record = record;
    return 0;
}

int events_read(struct events_reader *r, events_fn *fn, void *arg)
{
    const struct record *record;
    int result;

    while ((result = next(r, &record)) == 0 && record) {
        const char *at = record->octets;
        const struct event_view view = {
            .number = record->number,
            .kind = (enum event_kind)record->kind,
            .zone = {at, record->nzone},
            .name = {at + record->nzone, record->nname},
            .json = {at + record->nzone + record->nname, record->njson},
        };
        r->place = record->number;
        r->at += record->size;
        result = fn(arg, &view);
        if (result != 0)
            break;
    }
    return result;
}

uint64_t events_place(const struct events_reader *r)
{
    return r->place;
}

void events_stats(struct events *e, struct events_stats *ret_stats)
{
    pthread_mutex_lock(&e->lock);
    *ret_stats = e->stats;
    ret_stats->readers = e->readers;
    pthread_mutex_unlock(&e->lock);
}

/* States over a restart: a note a registration, and one a record that a hand has written. Only what
 * changed is written, at most once a second, all in one commit. */
#include <stdlib.h>

#include <betterdns/lease.h>
#include <betterdns/log.h>

#include "inner.h"
#include "numbers.h"

#define APART_NS NS_PER_S
#define BACKOFF_MOST_NS (60 * NS_PER_S)
#define GUARD_EVERY_NS (10 * NS_PER_S)
#define WRITE_NS (10 * NS_PER_S)
#define WRITE_LAST_NS (2 * NS_PER_S)
#define NOTES_MOST 10000 /* a commit */

/* Number 0 is the guard's. */
#define GUARD_NUMBER 0
/* A registry's numbers stay below it. */
#define HAND_NUMBER (UINT64_C(1) << 63)

#define NOTE_VERSION 1
/* An address with its length, two times, a verdict with its length. */
#define NOTE_TARGET_MOST (1 + 16 + 16 + 1 + VERDICT_NOTE_SIZE)

struct note {
    struct table_link link; /* by number */
    uint64_t number;
    struct reg *reg;     /* whose it is … */
    struct target *hand; /* … or this; both NULL: nobody's any more, its row is to go */
    struct buf loaded;   /* as it was read, until the first walk is over */
    bool dirty;
    struct note *next_dirty;
};

struct note_writer {
    struct job job;
    int result;
    struct notes_wait *wait; /* NULL: nobody waits for it */
    size_t n;
    struct registry_note *notes;
    struct pool pool; /* of what they view */
};

/* ---- the notes there are ---- */

static struct note *find(struct engine *e, uint64_t number)
{
    struct table_link *at = NULL;

    while ((at = table_next(&e->in->notes, table_hash_number(number), at))) {
        struct note *note = TABLE_OF(at, struct note, link);
        if (note->number == number)
            return note;
    }
    return NULL;
}

static struct note *get(struct engine *e, uint64_t number)
{
    struct note *note = find(e, number);

    if (note)
        return note;
    note = calloc(1, sizeof(*note));
    if (!note)
        return NULL;
    note->number = number;
    if (table_add(&e->in->notes, &note->link, table_hash_number(number)) == 0)
        return note;
    free(note);
    return NULL;
}

/* The same in each run: by the record itself. */
static uint64_t hand_number(const struct engine *e, const struct target *t)
{
    const struct dname *origin = &e->in->origins[t->set->zone];
    struct str owner = rrset_owner_key(t->set->rrset);
    uint16_t type = rrset_type(t->set->rrset);
    struct hash128_stream s;
    uint64_t number;

    hash128_start(&s);
    hash128_add(&s, origin->b, origin->n);
    hash128_add(&s, owner.p, owner.n);
    hash128_add(&s, &type, sizeof(type));
    hash128_add(&s, t->address, t->naddress);
    struct hash128 hash = hash128_end(&s);
    memcpy(&number, hash.b, sizeof(number));
    return number | HAND_NUMBER;
}

static uint64_t number_of(const struct engine *e, const struct target *t)
{
    return t->reg ? t->reg->number : hand_number(e, t);
}

static struct note **place_of(struct target *t)
{
    return t->reg ? &t->reg->note : &t->note;
}

static void mark(struct engine *e, struct note *note)
{
    struct engine_inner *in = e->in;

    if (note->dirty)
        return;
    note->dirty = true;
    note->next_dirty = in->dirty_notes;
    in->dirty_notes = note;
}

static void claim(struct note *note, struct target *t)
{
    *place_of(t) = note;
    note->reg = t->reg;
    note->hand = t->reg ? NULL : t;
}

void notes_touch(struct engine *e, struct target *t)
{
    struct note **at = place_of(t), *note = *at;

    if (!note) {
        note = get(e, number_of(e, t));
        /* The next change of its state tries again. */
        if (!note)
            return;
        claim(note, t);
    }
    mark(e, note);
}

void notes_reg_gone(struct engine *e, struct reg *reg)
{
    if (!reg->note)
        return;
    reg->note->reg = NULL;
    mark(e, reg->note);
    reg->note = NULL;
}

void notes_target_gone(struct engine *e, struct target *t)
{
    if (!t->note)
        return;
    t->note->hand = NULL;
    mark(e, t->note);
    t->note = NULL;
}

/* ---- their form ---- */

static void write_target(struct buf *out, const struct target *t)
{
    const uint64_t times[] = {(uint64_t)t->since, t->alive_ns};
    uint8_t verdict[VERDICT_NOTE_SIZE], two[16];
    size_t n = verdict_write(&t->verdict, verdict);

    numbers_put(two, times, ARRAY_SIZE(times));
    buf_add_c(out, (char)t->naddress);
    buf_add(out, t->address, t->naddress);
    buf_add(out, two, sizeof(two));
    buf_add_c(out, (char)n);
    buf_add(out, verdict, n);
}

static struct buf write_note(const struct note *note)
{
    struct buf out = {0};

    buf_add_c(&out, NOTE_VERSION);
    if (note->hand)
        write_target(&out, note->hand);
    for (const struct target *t = note->reg ? note->reg->targets : NULL; t; t = t->next)
        write_target(&out, t);
    return out;
}

/* Takes n octets off the rest. */
static bool cut(struct str *rest, size_t n, struct str *ret)
{
    if (rest->n < n)
        return false;
    *ret = (struct str){rest->p, n};
    rest->p += n;
    rest->n -= n;
    return true;
}

static bool cut_counted(struct str *rest, struct str *ret)
{
    struct str count;

    return cut(rest, 1, &count) && cut(rest, (unsigned char)count.p[0], ret);
}

/* False: there is nothing (more), or it is damaged. */
static bool read_target(struct str *rest, struct str *ret_address, uint64_t ret_times[2],
                        struct str *ret_verdict)
{
    struct str times;

    if (!cut_counted(rest, ret_address) || !cut(rest, 16, &times) ||
        !cut_counted(rest, ret_verdict))
        return false;
    numbers_get((const uint8_t *)times.p, ret_times, 2);
    return true;
}

bool notes_read(struct engine *e, struct target *t)
{
    struct note *note = e->in->starting ? find(e, number_of(e, t)) : NULL;
    uint64_t times[2];
    struct str rest, address, verdict;

    if (!note || note->loaded.n == 0 || note->loaded.p[0] != NOTE_VERSION)
        return false;
    claim(note, t);
    rest = (struct str){note->loaded.p + 1, note->loaded.n - 1};
    while (read_target(&rest, &address, times, &verdict)) {
        if (!str_eq(address, target_rdata(t)))
            continue;
        if (verdict_read(verdict, engine_running_ns(e), &t->verdict) < 0)
            return false;
        t->since = (int64_t)times[0];
        t->alive_ns = times[1];
        return true;
    }
    return false;
}

/* ---- at start ---- */

static int load(void *engine, const struct registry_note *from)
{
    struct engine *e = engine;

    if (from->number == GUARD_NUMBER) {
        if (guard_read(&e->guard, from->value) < 0)
            log_warning("the note about panic cannot be read: it begins anew");
        return 0;
    }
    struct note *note = get(e, from->number);
    if (!note)
        return -ENOMEM;
    buf_reset(&note->loaded);
    buf_add_str(&note->loaded, from->value);
    return note->loaded.error;
}

int notes_load(struct engine *e)
{
    return registry_notes(e->registry, load, e);
}

void notes_sweep(struct engine *e)
{
    for (struct table_link *at = NULL; (at = table_walk(&e->in->notes, at));) {
        struct note *note = TABLE_OF(at, struct note, link);
        buf_free(&note->loaded);
        if (!note->reg && !note->hand)
            mark(e, note);
    }
}

/* ---- writing ---- */

static void writer_free(struct note_writer *w)
{
    if (!w)
        return;
    free(w->notes);
    pool_free(&w->pool);
    free(w);
}

static int add_note(struct note_writer *w, uint64_t number, struct str value)
{
    struct registry_note *to = &w->notes[w->n];

    *to = (struct registry_note){.number = number, .value.n = value.n};
    to->value.p = pool_copy(&w->pool, value.p, value.n);
    if (!to->value.p)
        return -ENOMEM;
    w->n++;
    return 0;
}

static int add_one(struct note_writer *w, const struct note *note)
{
    struct buf value = {0};
    int r;

    if (note->reg || note->hand)
        value = write_note(note);
    r = value.error ? value.error : add_note(w, note->number, buf_str(&value));
    buf_free(&value);
    return r;
}

/* The guard's own: when panic began or ended, and while it uses up its hour. */
static bool guard_is_due(const struct engine *e, uint64_t now_ns)
{
    return e->guard_note_dirty || (guard_panic(&e->guard) && now_ns >= e->in->guard_note_ns);
}

static int add_guard(struct engine *e, struct note_writer *w, uint64_t now_ns)
{
    struct engine_inner *in = e->in;
    uint8_t octets[GUARD_NOTE_SIZE];

    if (!guard_is_due(e, now_ns))
        return 0;
    size_t n = guard_write(&e->guard, octets);
    int r = add_note(w, GUARD_NUMBER, (struct str){(const char *)octets, n});
    if (r < 0)
        return r;
    e->guard_note_dirty = false;
    in->guard_note_ns = now_ns + GUARD_EVERY_NS;
    return 0;
}

static void take_dirty(struct engine *e, struct note_writer *w)
{
    struct engine_inner *in = e->in;

    while (in->dirty_notes && w->n < NOTES_MOST && add_one(w, in->dirty_notes) == 0) {
        in->dirty_notes->dirty = false;
        in->dirty_notes = in->dirty_notes->next_dirty;
    }
}

static struct note_writer *gather(struct engine *e, uint64_t now_ns)
{
    struct note_writer *w = NULL;

    if (e->in->dirty_notes || guard_is_due(e, now_ns))
        w = calloc(1, sizeof(*w));
    if (!w)
        return NULL;
    w->notes = reallocarray(NULL, NOTES_MOST + 1, sizeof(*w->notes));
    if (!w->notes) {
        free(w);
        return NULL;
    }
    /* Without memory the guard's note comes with the next ones. */
    (void)add_guard(e, w, now_ns);
    take_dirty(e, w);
    if (w->n > 0)
        return w;
    writer_free(w);
    return NULL;
}

static void write_run(struct job *job, struct registry *r)
{
    struct note_writer *w = (struct note_writer *)job;

    if (w->n > 0)
        w->result = registry_notes_put(r, w->notes, w->n, clock_deadline(WRITE_NS));
}

static void note_free(struct engine *e, struct note *note)
{
    table_remove(&e->in->notes, &note->link);
    buf_free(&note->loaded);
    free(note);
}

/* Whose row has gone goes too; what could not be written is to be written. */
static void settle(struct engine *e, const struct note_writer *w)
{
    for (size_t i = 0; i < w->n; i++) {
        struct note *note = find(e, w->notes[i].number);
        if (w->result < 0 && w->notes[i].number == GUARD_NUMBER)
            e->guard_note_dirty = true;
        if (!note)
            continue;
        if (w->result < 0)
            mark(e, note);
        else if (w->notes[i].value.n == 0 && !note->reg && !note->hand && !note->dirty)
            note_free(e, note);
    }
}

static void write_done(struct job *job, struct engine *e)
{
    struct note_writer *w = (struct note_writer *)job;
    struct engine_inner *in = e->in;

    in->noting--;
    if (job->stopped)
        w->result = -BD_ESTOPPING;
    else if (w->n == 0)
        w->result = in->noted_result;
    in->noted_result = w->result;
    settle(e, w);
    if (w->wait) {
        *w->wait = (struct notes_wait){.result = w->result};
        pthread_cond_broadcast(&in->called);
    }
    if (w->result == 0) {
        in->note_backoff_ns = 0;
    } else {
        uint64_t longer = in->note_backoff_ns ? 2 * in->note_backoff_ns : APART_NS;
        in->note_backoff_ns = longer < BACKOFF_MOST_NS ? longer : BACKOFF_MOST_NS;
        log_warning("states of checks could not be written down now; they are written later",
                    LOG_ERR(w->result));
    }
    writer_free(w);
}

static void begin(struct engine *e, struct note_writer *w, uint64_t now_ns)
{
    e->in->noted_ns = now_ns;
    w->job = (struct job){.run = write_run, .done = write_done};
    e->in->noting++;
    engine_job(e, &w->job);
}

/* Called once a second. */
void notes_turn(struct engine *e, uint64_t now_ns)
{
    struct engine_inner *in = e->in;

    if (in->noting || now_ns < in->noted_ns + in->note_backoff_ns)
        return;
    struct note_writer *w = gather(e, now_ns);
    if (!w)
        return;
    begin(e, w, now_ns);
}

bool notes_unwritten(const struct engine *e, struct target *t)
{
    const struct note *note = *place_of(t);

    return (note && note->dirty) || e->in->noting > 0;
}

void notes_now(struct engine *e, struct notes_wait *wait)
{
    struct note_writer *w = gather(e, engine_mono_ns(e));

    if (!w) /* of no notes: it comes after those that are being written */
        w = calloc(1, sizeof(*w));
    *wait = (struct notes_wait){.waiting = w != NULL, .result = w ? 0 : -ENOMEM};
    if (!w)
        return;
    w->wait = wait;
    begin(e, w, engine_mono_ns(e));
}

void notes_last(struct engine *e)
{
    uint64_t deadline = clock_deadline(WRITE_LAST_NS);
    int r = 0;

    e->guard_note_dirty |= guard_panic(&e->guard);
    while (r == 0 && (e->in->dirty_notes || e->guard_note_dirty)) {
        struct note_writer *w = gather(e, engine_mono_ns(e));
        if (!w)
            return;
        r = registry_notes_put(e->registry, w->notes, w->n, deadline);
        writer_free(w);
    }
    if (r < 0)
        log_warning("the last states of checks could not be written down", LOG_ERR(r));
}

void notes_free(struct engine *e)
{
    struct table_link *at = table_walk(&e->in->notes, NULL);

    while (at) {
        struct note *note = TABLE_OF(at, struct note, link);
        at = table_walk(&e->in->notes, at);
        note_free(e, note);
    }
    table_free(&e->in->notes);
}

/* The book of renewals. */
#include "book.h"

#include <pthread.h>
#include <stdlib.h>

#include <betterdns/table.h>

struct entry {
    struct table_link link;
    uint64_t number;
    uint64_t renewed_ns; /* guarded by lock */
    int64_t run;         /* that its row names, or is to name */
    bool unwritten;      /* it has no row yet */
    bool renewing;       /* by the group */
};

/* What the group does, in order. */
struct turn {
    enum { TURN_RENEW, TURN_ADD, TURN_LEAVE, TURN_END } kind;
    uint64_t number;
    struct entry *entry; /* ADD: to be in the book */
};

/* Few at a time: health has a budget. */
struct ending {
    uint64_t number;
    bool is;   /* being terminated */
    bool will; /* when the group is durable */
};

struct book {
    pthread_mutex_t lock; /* held while entries change, and while another thread reads them */
    struct table entries; /* by number */
    int64_t run, run_before;
    uint64_t start_ns;  /* the running time at the end of the run before */
    bool begun;         /* the run has a row */
    size_t nunwritten;  /* entries */
    struct turn *turns; /* of the group */
    size_t nturns, cap;
    size_t nrows;    /* renewals of the group that are rows */
    uint64_t now_ns; /* running time of the group */
    struct ending *endings;
    size_t nendings, endings_cap;
};

static struct entry *find(const struct book *b, uint64_t number)
{
    struct table_link *at = NULL;

    while ((at = table_next(&b->entries, table_hash_number(number), at))) {
        struct entry *e = TABLE_OF(at, struct entry, link);
        if (e->number == number)
            return e;
    }
    return NULL;
}

int book_new(struct book **ret_book)
{
    struct book *b = calloc(1, sizeof(*b));

    if (!b || table_room(&b->entries) < 0) {
        free(b);
        return -ENOMEM;
    }
    pthread_mutex_init(&b->lock, NULL);
    *ret_book = b;
    return 0;
}

void book_free(struct book *b)
{
    struct table_link *at;

    if (!b)
        return;
    book_abandon(b);
    while ((at = table_walk(&b->entries, NULL))) {
        table_remove(&b->entries, at);
        free(TABLE_OF(at, struct entry, link));
    }
    table_free(&b->entries);
    pthread_mutex_destroy(&b->lock);
    free(b->endings);
    free(b->turns);
    free(b);
}

uint64_t book_renewed_ns(struct book *b, uint64_t number)
{
    pthread_mutex_lock(&b->lock);
    const struct entry *e = find(b, number);
    uint64_t ns = e ? e->renewed_ns : 0;
    pthread_mutex_unlock(&b->lock);
    return ns;
}

/* ---- at start ---- */

static struct entry *new_entry(uint64_t number, uint64_t renewed_ns, int64_t run)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (e)
        *e = (struct entry){.number = number, .renewed_ns = renewed_ns, .run = run};
    return e;
}

/* As if it had been renewed in the run before: what an earlier version, or a hand, has written has
 * no row. */
static int fill_set(struct book *b, const struct rrset *set)
{
    struct registration reg;

    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        if (!state_renews(&reg))
            continue;
        struct entry *e = new_entry(reg.number, b->start_ns, b->run_before);
        if (!e)
            return -ENOMEM;
        if (table_add(&b->entries, &e->link, table_hash_number(reg.number)) < 0) {
            free(e);
            return -ENOMEM;
        }
        e->unwritten = true;
        b->nunwritten++;
    }
    return 0;
}

static int take_row(void *arg, uint64_t number, const struct state_run *run)
{
    struct book *b = arg;
    struct entry *e = find(b, number);

    if (!e || !e->unwritten || run->ran_ns == 0 || run->ran_ns > b->start_ns)
        return 0;
    e->renewed_ns = run->ran_ns;
    e->run = run->id;
    e->unwritten = false;
    b->nunwritten--;
    return 0;
}

int book_fill(struct book *b, struct state *s, const struct snap *snap, uint64_t *ret_ran_ns)
{
    struct state_run last = {0};
    const struct rrset *set;
    struct snap_iter it;
    unsigned zone;

    int r = state_last_run(s, &last);
    if (r < 0)
        return r;
    b->run_before = last.id;
    b->run = last.id + 1;
    b->start_ns = last.ran_ns > 0 ? last.ran_ns : 1;
    r = snap_seek(snap, (struct snap_key){.zone = 0, .owner = STR("")}, &it);
    while (r == 0 && (set = snap_next(&it, &zone)))
        r = fill_set(b, set);
    if (r == 0)
        r = state_renewals(s, take_row, b);
    state_set_run(s, b->run);
    if (r == 0)
        *ret_ran_ns = b->start_ns;
    return r;
}

/* ---- what a group decides ---- */

void book_begin(struct book *b, uint64_t running_ns)
{
    b->now_ns = running_ns;
}

static struct turn *add_turn(struct book *b, unsigned kind, uint64_t number)
{
    if (b->nturns == b->cap) {
        size_t cap = b->cap ? 2 * b->cap : 16;
        struct turn *turns = reallocarray(b->turns, cap, sizeof(*turns));
        if (!turns)
            return NULL;
        b->turns = turns;
        b->cap = cap;
    }
    struct turn *t = &b->turns[b->nturns++];
    *t = (struct turn){.kind = kind, .number = number};
    return t;
}

int book_renew(struct book *b, uint64_t number)
{
    struct entry *e = find(b, number);

    if (!e || e->renewing)
        return 0;
    if (!add_turn(b, TURN_RENEW, number))
        return -ENOMEM;
    e->renewing = true;
    b->nrows += e->run != b->run;
    return 0;
}

bool book_renewed_since(const struct book *b, uint64_t number, uint64_t since_ns)
{
    const struct entry *e = since_ns > 0 ? find(b, number) : NULL;

    return e && (e->renewing || e->renewed_ns >= since_ns);
}

static struct ending *find_ending(const struct book *b, uint64_t number)
{
    for (size_t i = 0; i < b->nendings; i++)
        if (b->endings[i].number == number)
            return &b->endings[i];
    return NULL;
}

bool book_terminating(const struct book *b, uint64_t number)
{
    const struct ending *e = find_ending(b, number);

    return e && e->will;
}

int book_terminate(struct book *b, uint64_t number)
{
    struct ending *e = find_ending(b, number);

    if (!e && b->nendings == b->endings_cap) {
        size_t cap = b->endings_cap ? 2 * b->endings_cap : 8;
        struct ending *endings = reallocarray(b->endings, cap, sizeof(*endings));
        if (!endings)
            return -ENOMEM;
        b->endings = endings;
        b->endings_cap = cap;
    }
    if (!e) {
        e = &b->endings[b->nendings++];
        *e = (struct ending){.number = number};
    }
    e->will = true;
    return 0;
}

void book_terminated(struct book *b, uint64_t number)
{
    struct ending *e = find_ending(b, number);

    if (e)
        e->will = false;
}

size_t book_mark(const struct book *b)
{
    return b->nturns;
}

void book_undo(struct book *b, size_t mark)
{
    while (b->nturns > mark) {
        const struct turn *t = &b->turns[--b->nturns];
        struct entry *e = t->kind == TURN_RENEW ? find(b, t->number) : NULL;
        if (e) {
            e->renewing = false;
            b->nrows -= e->run != b->run;
        }
        free(t->entry);
    }
}

/* ---- what becomes of registrations ---- */

static int note_kind(struct book *b, unsigned kind, uint64_t number)
{
    struct turn *t = add_turn(b, kind, number);

    if (t && kind == TURN_ADD)
        t->entry = new_entry(number, b->now_ns, b->run);
    return t && (t->entry || kind != TURN_ADD) ? 0 : -ENOMEM;
}

static int note_registration(void *book, const struct registration *before,
                             const struct registration *after)
{
    struct book *b = book;
    bool held = before && state_renews(before), holds = after && state_renews(after);

    if (before && !after)
        return note_kind(b, TURN_END, before->number);
    return held == holds ? 0 : note_kind(b, holds ? TURN_ADD : TURN_LEAVE, after->number);
}

int book_note(struct book *b, const struct diffs *d)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < d->n; i++)
        r = registrations_compare(d->p[i].before, d->p[i].after, note_registration, b);
    return r;
}

/* ---- rows ---- */

bool book_writes(const struct book *b)
{
    return b->nrows > 0;
}

static int write_unwritten(const struct book *b, struct state *s)
{
    int r = 0;

    for (struct table_link *at = NULL; r == 0 && (at = table_walk(&b->entries, at));) {
        const struct entry *e = TABLE_OF(at, struct entry, link);
        if (e->unwritten)
            r = state_renewal_put(s, e->number, e->run);
    }
    return r;
}

/* With the first transaction of a run: what nothing refers to any more goes. */
static int write_begin(const struct book *b, struct state *s)
{
    int r = 0;

    if (b->nunwritten > 0) {
        r = state_run_keep(s, &(struct state_run){b->run_before, b->start_ns});
        if (r == 0)
            r = write_unwritten(b, s);
    }
    if (r == 0)
        r = state_run_put(s, &(struct state_run){b->run, b->now_ns});
    return r < 0 ? r : state_runs_prune(s, b->run_before);
}

int book_write(struct book *b, struct state *s)
{
    int r = b->begun ? 0 : write_begin(b, s);

    for (size_t i = 0; r == 0 && i < b->nturns; i++) {
        const struct turn *t = &b->turns[i];
        const struct entry *e = t->kind == TURN_RENEW ? find(b, t->number) : NULL;
        if (e && e->run != b->run)
            r = state_renewal_put(s, e->number, b->run);
    }
    return r;
}

int book_write_run(struct book *b, struct state *s, uint64_t running_ns)
{
    return state_run_put(s, &(struct state_run){b->run, running_ns});
}

/* Of an earlier run an entry knows how it ended. */
int book_write_fresh(const struct book *b, struct state *s, uint64_t running_ns)
{
    int r = state_run_put(s, &(struct state_run){b->run, running_ns});

    for (struct table_link *at = NULL; r == 0 && (at = table_walk(&b->entries, at));) {
        const struct entry *e = TABLE_OF(at, struct entry, link);
        r = state_renewal_put(s, e->number, e->run);
        if (r == 0 && e->run != b->run)
            r = state_run_keep(s, &(struct state_run){e->run, e->renewed_ns});
    }
    return r;
}

static void all_written(struct book *b)
{
    b->begun = true;
    for (struct table_link *at = NULL; b->nunwritten > 0 && (at = table_walk(&b->entries, at));) {
        struct entry *e = TABLE_OF(at, struct entry, link);
        b->nunwritten -= e->unwritten;
        e->unwritten = false;
    }
}

void book_rewritten(struct book *b, struct state *s)
{
    all_written(b);
    state_set_run(s, b->run);
}

/* ---- the end of a group ---- */

static void settle_endings(struct book *b, bool durable)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->nendings; i++) {
        struct ending *e = &b->endings[i];
        e->is = durable ? e->will : e->is;
        e->will = e->is;
        if (e->is)
            b->endings[kept++] = *e;
    }
    b->nendings = kept;
}

static void drop_entry(struct book *b, struct entry *e)
{
    if (!e)
        return;
    table_remove(&b->entries, &e->link);
    b->nunwritten -= e->unwritten;
    free(e);
}

static void renew(struct book *b, uint64_t number)
{
    struct entry *e = find(b, number);

    if (!e)
        return;
    e->renewing = false;
    e->renewed_ns = b->now_ns;
    e->run = b->run;
}

/* table_add does not fail: the book has had room from the beginning. */
static void take_turn(struct book *b, const struct turn *t)
{
    switch (t->kind) {
    case TURN_RENEW: renew(b, t->number); break;
    case TURN_ADD:
        drop_entry(b, find(b, t->number));
        (void)table_add(&b->entries, &t->entry->link, table_hash_number(t->number));
        break;
    case TURN_END:
        book_terminated(b, t->number);
        drop_entry(b, find(b, t->number));
        break;
    case TURN_LEAVE: drop_entry(b, find(b, t->number)); break;
    }
}

void book_commit(struct book *b, bool wrote)
{
    pthread_mutex_lock(&b->lock);
    if (wrote && !b->begun)
        all_written(b);
    for (size_t i = 0; i < b->nturns; i++)
        take_turn(b, &b->turns[i]);
    b->nturns = b->nrows = 0;
    pthread_mutex_unlock(&b->lock);
    settle_endings(b, true);
}

void book_abandon(struct book *b)
{
    book_undo(b, 0);
    settle_endings(b, false);
}

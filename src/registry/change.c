/* Changes: built by their source, counted. */
#include "change.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <betterdns/clock.h>

#include "job.h"
#include "merge.h"

static const char *const source_names[] = {
    [CHANGE_HTTP] = "http",     [CHANGE_FILE] = "file",         [CHANGE_LEASE] = "lease",
    [CHANGE_HEALTH] = "health", [CHANGE_ROLLBACK] = "rollback", [CHANGE_IMPORT] = "import",
};
_Static_assert(ARRAY_SIZE(source_names) == CHANGE_NSOURCES, "one name per source");

const char *change_source_name(enum change_source source)
{
    return source_names[source];
}

void *change_alloc(struct change *c, size_t n)
{
    return pool_alloc(&c->pool, n);
}

struct str change_copy(struct change *c, struct str s)
{
    if (!s.p)
        return (struct str){NULL, 0};
    return (struct str){pool_copy(&c->pool, s.p, s.n), s.n};
}

struct change *change_new(enum change_source source, struct str actor)
{
    struct change *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    atomic_init(&c->refs, 1);
    c->source = source;
    sem_init(&c->wake, 0, 0);
    c->actor = change_copy(c, actor.p ? actor : STR(""));
    if (c->actor.p)
        return c;
    change_put(c);
    return NULL;
}

/* Most operations have none of it, and a batch has many operations. */
static int copy_decision(struct change *c, const struct op *from, struct change_op *op)
{
    struct change_decision decision = {
        .nnumbers = from->nnumbers,
        .not_renewed_since_ns = from->not_renewed_since_ns,
        .keep_last = from->keep_last,
        .drain = from->drain,
    };

    if (from->nnumbers == 0 && !from->not_renewed_since_ns && !from->keep_last && !from->drain)
        return 0;
    decision.numbers = pool_copy(&c->pool, from->numbers, from->nnumbers * sizeof(*from->numbers));
    op->decision = pool_copy(&c->pool, &decision, sizeof(decision));
    return decision.numbers && op->decision ? 0 : -ENOMEM;
}

static int copy_op(struct change *c, const struct op *from, struct change_op *op)
{
    uint8_t key[DNAME_KEY_MAX];

    op->key.n = dname_key(&from->owner, key);
    op->key.p = pool_copy(&c->pool, key, op->key.n);
    op->values.p = pool_copy(&c->pool, from->values.p, from->values.n);
    op->id = change_copy(c, from->id.n ? from->id : STR(""));
    op->subject = change_copy(c, from->subject);
    op->source = change_copy(c, from->source.p ? from->source : STR(""));
    op->check = change_copy(c, from->check.n ? from->check : (struct str){NULL, 0});
    if (from->if_match)
        op->if_match =
            pool_copy(&c->pool, from->if_match, from->nif_match * sizeof(struct hash128));
    bool all = op->key.p && op->values.p && op->id.p && op->source.p &&
               !op->subject.p == !from->subject.p && !op->check.p == !from->check.n &&
               !op->if_match == !from->if_match;
    return all ? copy_decision(c, from, op) : -ENOMEM;
}

static int room_for_op(struct change *c)
{
    if (c->nops < c->cap)
        return 0;
    size_t cap = c->cap ? 2 * c->cap : 1;
    struct change_op *ops = reallocarray(c->ops, cap, sizeof(*ops));
    if (!ops)
        return -ENOMEM;
    c->ops = ops;
    c->cap = cap;
    return 0;
}

int change_restore(struct change *c, unsigned zone, const struct rrset *set,
                   const struct rrset *then)
{
    struct str key = rrset_owner_key(set);
    struct change_op op = {.kind = OP_RESTORE, .type = rrset_type(set), .zone = zone};

    op.key.p = pool_copy(&c->pool, key.p, key.n);
    op.key.n = key.n;
    if (!op.key.p || room_for_op(c) < 0)
        return -ENOMEM;
    op.then = then ? rrset_ref(then) : NULL;
    c->ops[c->nops++] = op;
    return 0;
}

int change_add(struct change *c, const struct op *from)
{
    if (room_for_op(c) < 0)
        return -ENOMEM;
    struct change_op *op = &c->ops[c->nops];
    *op = (struct change_op){
        .kind = (unsigned)from->kind < OP_NKINDS ? from->kind : OP_NINNER,
        .type = from->type,
        .has_ttl = from->has_ttl,
        .if_exists = from->if_exists,
        .if_absent = from->if_absent,
        .ttl = from->ttl,
        .values = from->values,
        .lease_s = from->lease_s,
        .number = from->number,
        .nif_match = from->nif_match,
    };
    int r = copy_op(c, from, op);
    if (r == 0)
        c->nops++;
    return r;
}

void change_dry_run(struct change *c)
{
    c->dry_run = true;
}

struct change *change_ref(struct change *c)
{
    atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void change_put(struct change *c)
{
    if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    diffs_free(&c->diffs);
    merge_end(c->merge);
    if (c->job && c->job->end)
        c->job->end(c);
    rrset_put(c->receipt.set);
    pool_free(&c->pool);
    for (size_t i = 0; i < c->nops; i++)
        rrset_put(c->ops[i].then);
    free(c->ops);
    sem_destroy(&c->wake);
    free(c);
}

void change_decide(struct change *c)
{
    atomic_store_explicit(&c->decided, true, memory_order_release);
    sem_post(&c->wake);
}

int change_wait(struct change *c, uint64_t deadline_ns)
{
    struct timespec until = clock_timespec(deadline_ns);
    int r = 0;

    while (!atomic_load_explicit(&c->decided, memory_order_acquire) && r != -ETIMEDOUT) {
        r = sem_clockwait(&c->wake, CLOCK_MONOTONIC, &until);
        if (r < 0)
            r = -errno; /* EINTR: again */
    }
    return atomic_load_explicit(&c->decided, memory_order_acquire) ? 0 : -BD_ETIMEDOUT;
}

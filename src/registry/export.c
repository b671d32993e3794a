/* Exports of the people's file: which contents are ours. */
#include "impl.h"
#include "job.h"

struct export_work {
    bool end;
    unsigned zone;
    struct state_export content;
};

static int write_export(struct commit *k, struct change *c)
{
    const struct export_work *w = c->work;
    int64_t zone = k->r->ids[w->zone];

    return w->end ? state_export_end(k->r->state, zone, &w->content)
                  : state_export_begin(k->r->state, zone, &w->content);
}

/* What is in memory follows what is on disk. */
static void note_export(struct registry *r, struct change *c)
{
    const struct export_work *w = c->work;
    struct registry_exports *e = &r->exports[w->zone];
    unsigned n = w->end || e->n == 0 ? 0 : 1;

    e->at[n] = w->content;
    e->n = n + 1;
}

static const struct job_kind export_job = {
    .while_stopping = true, .write = write_export, .done = note_export};

static struct change *new_export(bool end, unsigned zone, uint64_t seq,
                                 const struct hash128 *content)
{
    const struct export_work work = {end, zone, {seq, *content}};

    return job_new(&export_job, &work, sizeof(work));
}

struct change *export_ended(unsigned zone, uint64_t seq, const struct hash128 *content)
{
    return new_export(true, zone, seq, content);
}

int registry_export_begin(struct registry *r, unsigned zone, uint64_t seq,
                          const struct hash128 *content)
{
    struct change *c = new_export(false, zone, seq, content);

    return c ? job_run(r, c, UINT64_MAX, NULL) : -ENOMEM;
}

int registry_export_end(struct registry *r, unsigned zone, uint64_t seq,
                        const struct hash128 *content)
{
    struct change *c = new_export(true, zone, seq, content);

    return c ? job_run(r, c, UINT64_MAX, NULL) : -ENOMEM;
}

bool registry_export_known(struct registry *r, unsigned zone, const struct hash128 *content,
                           uint64_t *ret_seq)
{
    bool known = false;

    pthread_mutex_lock(&r->lock);
    for (unsigned i = 0; i < r->exports[zone].n; i++) {
        const struct state_export *e = &r->exports[zone].at[i];
        if (!hash128_eq(&e->hash, content))
            continue;
        known = true;
        if (ret_seq)
            *ret_seq = e->seq;
    }
    pthread_mutex_unlock(&r->lock);
    return known;
}

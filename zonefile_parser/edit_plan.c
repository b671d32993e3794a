/* What becomes of each record: kept, changed, dropped; and which records are new, and beside which
 * one they come. */
#include "edit.h"

#include <stdlib.h>

/* One set at work. */
struct job {
    struct edit *e;
    const struct zp_edit_set *set;
    uint32_t index;
    struct str *wanted; /* canonical order, as in the set */
    bool *there;        /* … and in the text */
    uint32_t *gone;     /* hits that are not wanted any more */
    size_t ngone;
};

static int compare_rdata(uint16_t type, struct str a, struct str b)
{
    return rdata_cmp(type, (const uint8_t *)a.p, a.n, (const uint8_t *)b.p, b.n);
}

/* The wanted record that is this one; set->rdatas.count: none. */
static uint32_t find_wanted(const struct job *job, struct str rdata)
{
    uint32_t low = 0, high = job->set->rdatas.count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int c = compare_rdata(job->set->type, rdata, job->wanted[middle]);
        if (c == 0)
            return middle;
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return job->set->rdatas.count;
}

static int match(struct job *job)
{
    struct edit *e = job->e;

    for (uint32_t i = e->sets[job->index].first; i != EDIT_NONE; i = e->hits[i].next) {
        struct edit_hit *h = &e->hits[i];
        uint32_t found = find_wanted(job, h->rdata);
        if (found < job->set->rdatas.count) {
            job->there[found] = true;
            continue;
        }
        if (h->file)
            return -BD_ECONFLICT;
        h->action = EDIT_DROP;
        job->gone[job->ngone++] = i;
    }
    return 0;
}

/* The words that two texts of rdata have in common, place by place: 0 where there are other
 * numbers of them. */
static size_t likeness(struct edit *e, uint16_t type, struct str a, struct str b)
{
    size_t same = 0;

    zp_edit_reset(e, &e->old_text);
    zp_edit_reset(e, &e->new_text);
    rdata_to_text(type, (const uint8_t *)a.p, a.n, &e->old_text);
    rdata_to_text(type, (const uint8_t *)b.p, b.n, &e->new_text);
    if (zp_edit_words(buf_str(&e->old_text), &e->old) < 0 ||
        zp_edit_words(buf_str(&e->new_text), &e->new) < 0 || e->old.n != e->new.n)
        return 0;
    for (size_t i = 0; i < e->old.n; i++)
        same += str_eq_fold(e->old.word[i], e->new.word[i]);
    return same;
}

static bool is_again(const struct job *job, size_t i)
{
    const struct edit_hit *hits = job->e->hits;

    for (size_t k = 0; k < i; k++) {
        if (compare_rdata(job->set->type, hits[job->gone[i]].rdata, hits[job->gone[k]].rdata) == 0)
            return true;
    }
    return false;
}

static void change(struct job *job, size_t gone, uint32_t wanted)
{
    struct edit_hit *h = &job->e->hits[job->gone[gone]];

    h->action = EDIT_CHANGE;
    h->wanted = job->wanted[wanted];
    job->there[wanted] = true;
}

/* Above this many records nobody looks for the likest pairs. */
#define LIKENESS_MAX 16

/* A record that goes and one that comes are one record that changes: those that are alike first, so
 * that a comment stays with its record, then in order. */
static void pair(struct job *job)
{
    const uint32_t nwanted = job->set->rdatas.count;
    const bool look = nwanted <= LIKENESS_MAX && job->ngone <= LIKENESS_MAX;
    uint32_t next = 0;

    for (size_t i = 0; i < job->ngone && look; i++) {
        const struct edit_hit *h = &job->e->hits[job->gone[i]];
        uint32_t best = nwanted;
        size_t most = 0;
        for (uint32_t k = 0; k < nwanted; k++) {
            size_t same = job->there[k] || is_again(job, i)
                              ? 0
                              : likeness(job->e, h->type, h->rdata, job->wanted[k]);
            if (same > most) {
                most = same;
                best = k;
            }
        }
        if (best < nwanted)
            change(job, i, best);
    }
    for (size_t i = 0; i < job->ngone; i++) {
        while (next < nwanted && job->there[next])
            next++;
        if (next == nwanted)
            return;
        if (job->e->hits[job->gone[i]].action == EDIT_DROP && !(look && is_again(job, i)))
            change(job, i, next);
    }
}

/* The first record of a set says its TTL: it is given to that one, and to all where it changes. */
static int plan_ttl(struct job *job)
{
    struct edit *e = job->e;
    const uint32_t first = e->sets[job->index].first;
    bool every = first != EDIT_NONE && e->hits[first].ttl != job->set->ttl, spoken = false;

    for (uint32_t i = first; i != EDIT_NONE; i = e->hits[i].next) {
        struct edit_hit *h = &e->hits[i];
        if (h->action == EDIT_DROP)
            continue;
        if (every || !spoken)
            h->wanted_ttl = job->set->ttl;
        spoken = true;
        if (h->file && h->wanted_ttl != h->ttl)
            return -BD_ECONFLICT;
    }
    return 0;
}

static bool are_addresses(uint16_t a, uint16_t b)
{
    return (a == RRTYPE_A || a == RRTYPE_AAAA) && (b == RRTYPE_A || b == RRTYPE_AAAA);
}

/* The last record of the set in the text itself; else of the owner, addresses beside addresses. */
static uint32_t find_sibling(const struct job *job)
{
    const struct edit *e = job->e;
    uint32_t found = EDIT_NONE, address = EDIT_NONE;

    for (uint32_t i = e->sets[job->index].first; i != EDIT_NONE; i = e->hits[i].next) {
        if (e->hits[i].file == 0)
            found = i;
    }
    if (found != EDIT_NONE)
        return found;
    for (uint32_t i = e->sets[e->sets[job->index].owner].owner_first; i != EDIT_NONE;
         i = e->hits[i].next_owner) {
        if (e->hits[i].file)
            continue;
        found = i;
        if (are_addresses(e->hits[i].type, job->set->type))
            address = i;
    }
    return address != EDIT_NONE ? address : found;
}

static int add_rest(struct job *job)
{
    struct edit *e = job->e;
    const uint32_t sibling = find_sibling(job);
    void *additions = e->additions;
    int r = 0;

    for (uint32_t i = 0; i < job->set->rdatas.count && r == 0; i++) {
        if (job->there[i])
            continue;
        r = zp_edit_grow(&additions, e->nadditions, &e->cap_additions, sizeof(*e->additions));
        e->additions = additions;
        if (r == 0)
            e->additions[e->nadditions++] =
                (struct edit_addition){.set = job->index, .hit = sibling, .rdata = job->wanted[i]};
    }
    return r;
}

static size_t count_hits(const struct edit *e, uint32_t set)
{
    size_t n = 0;

    for (uint32_t i = e->sets[set].first; i != EDIT_NONE; i = e->hits[i].next)
        n++;
    return n;
}

static int plan_set(struct edit *e, uint32_t index)
{
    struct job job = {.e = e, .set = &e->edits->sets[index], .index = index};
    const struct rdset *rdatas = &job.set->rdatas;
    const uint8_t *at = rdatas->p;
    size_t n = rdatas->count, nhits = count_hits(e, index);
    int r = -ENOMEM;

    job.wanted = malloc((n + 1) * sizeof(*job.wanted));
    job.there = calloc(n + 1, sizeof(*job.there));
    job.gone = malloc((nhits + 1) * sizeof(*job.gone));
    if (!job.wanted || !job.there || !job.gone)
        goto out;
    for (size_t i = 0; i < n && rdset_next(rdatas, &at, &job.wanted[i]);)
        i++;
    r = match(&job);
    if (r < 0)
        goto out;
    pair(&job);
    r = plan_ttl(&job);
    if (r == 0)
        r = add_rest(&job);
out:
    free(job.gone);
    free(job.there);
    free(job.wanted);
    return r;
}

int zp_edit_plan(struct edit *e, size_t *ret_where)
{
    e->nadditions = 0;
    for (uint32_t i = 0; i < e->edits->nsets; i++) {
        int r = plan_set(e, i);
        if (r < 0) {
            if (r == -BD_ECONFLICT)
                *ret_where = i;
            return r;
        }
    }
    return 0;
}

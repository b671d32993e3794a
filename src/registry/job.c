/* Jobs on their way through the queue. */
#include "job.h"

#include "impl.h"

struct change *job_new(const struct job_kind *kind, const void *work, size_t n)
{
    struct change *c = change_new(CHANGE_IMPORT, STR(""));

    if (!c)
        return NULL;
    c->work = pool_copy(&c->pool, work, n);
    if (!c->work) {
        change_put(c);
        return NULL;
    }
    c->job = kind;
    return c;
}

int job_run(struct registry *r, struct change *c, uint64_t deadline_ns, struct problem *problem)
{
    struct problem unsaid = {0};
    struct receipt receipt;

    int result = registry_run(r, c, deadline_ns, &receipt, problem ? problem : &unsaid);
    change_put(c);
    return result;
}

void job_decide(struct commit *k, struct change *c)
{
    c->result = c->job->decide ? c->job->decide(k, c) : 0;
    k->writes = k->writes || (c->result == 0 && c->job->write);
}

int job_write(struct commit *k, struct change *c)
{
    return c->result == 0 && c->job->write ? c->job->write(k, c) : 0;
}

void job_done(struct registry *r, struct change *c)
{
    if (c->result == 0 && c->job->done)
        c->job->done(r, c);
}

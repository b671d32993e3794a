/* What waits for the registry, on a thread of its own: while a disk is slow, probes go on to be
 * read in time, so that nobody is judged by our own waiting. */
#include <unistd.h>

#include <betterdns/clock.h>
#include <betterdns/log.h>

#include "inner.h"

static struct job *take(struct engine_inner *in)
{
    pthread_mutex_lock(&in->jobs_lock);
    while (!in->jobs && !in->jobs_ending)
        pthread_cond_wait(&in->jobs_cond, &in->jobs_lock);
    struct job *job = in->jobs_ending ? NULL : in->jobs;
    if (job) {
        in->jobs = job->next;
        if (!in->jobs)
            in->jobs_end = &in->jobs;
    }
    pthread_mutex_unlock(&in->jobs_lock);
    return job;
}

static void has_run(struct engine_inner *in, struct job *job)
{
    const uint64_t one = 1;

    job->next = NULL;
    pthread_mutex_lock(&in->jobs_lock);
    *in->done_end = job;
    in->done_end = &job->next;
    pthread_mutex_unlock(&in->jobs_lock);
    /* Fails only where the counter is full: then it is readable anyway. */
    ssize_t ignored = write(in->jobs_fd, &one, sizeof(one));
    (void)ignored;
}

static void *writer_main(void *engine)
{
    struct engine *e = engine;

    for (struct job *job; (job = take(e->in));) {
        job->run(job, e->registry);
        has_run(e->in, job);
    }
    return NULL;
}

void engine_job(struct engine *e, struct job *job)
{
    struct engine_inner *in = e->in;

    job->stopped = false;
    job->next = NULL;
    if (!in->writer_runs) {
        job->run(job, e->registry);
        has_run(in, job);
        return;
    }
    pthread_mutex_lock(&in->jobs_lock);
    *in->jobs_end = job;
    in->jobs_end = &job->next;
    pthread_cond_signal(&in->jobs_cond);
    pthread_mutex_unlock(&in->jobs_lock);
}

static struct job *take_all(struct engine_inner *in, struct job **first, struct job ***end)
{
    pthread_mutex_lock(&in->jobs_lock);
    struct job *all = *first;
    *first = NULL;
    *end = first;
    pthread_mutex_unlock(&in->jobs_lock);
    return all;
}

static void finish(struct engine *e, struct job *job, bool stopped)
{
    while (job) {
        struct job *next = job->next;
        job->stopped = stopped;
        job->done(job, e);
        job = next;
    }
}

void jobs_finish(struct engine *e)
{
    finish(e, take_all(e->in, &e->in->done, &e->in->done_end), false);
}

int jobs_start(struct engine *e)
{
    int r = -pthread_create(&e->in->writer, NULL, writer_main, e);

    e->in->writer_runs = r == 0;
    return r;
}

void jobs_stop(struct engine *e)
{
    struct engine_inner *in = e->in;

    if (in->writer_runs) {
        pthread_mutex_lock(&in->jobs_lock);
        in->jobs_ending = true;
        pthread_cond_signal(&in->jobs_cond);
        pthread_mutex_unlock(&in->jobs_lock);
        pthread_join(in->writer, NULL);
        in->writer_runs = false;
    }
    pthread_mutex_lock(&e->lock);
    jobs_finish(e);
    finish(e, take_all(in, &in->jobs, &in->jobs_end), true);
    pthread_mutex_unlock(&e->lock);
}

bool jobs_submit(struct registry *r, struct change **changes, unsigned n, const char *if_not)
{
    bool all = true;

    for (unsigned i = 0; i < n; i++) {
        struct problem problem = {0};
        if (!changes[i])
            continue;
        int error = registry_submit(r, changes[i], clock_deadline(JOB_SUBMIT_NS), NULL, &problem);
        if (error < 0) {
            log_warning(if_not, LOG_ERR(error), LOG_C("detail", problem.detail));
            all = false;
            continue;
        }
        change_put(changes[i]);
        changes[i] = NULL;
    }
    return all;
}

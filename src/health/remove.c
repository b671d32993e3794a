/* The end of one host, step by step: the registry looks once more whether it is the one and writes
 * down that its end begins; the terminator; what came of it; then it is unregistered. */
#include <stdlib.h>

#include <betterdns/log.h>
#include <betterdns/network.h>
#include <betterdns/pause.h>

#include "removal.h"
#include "times.h"

#define RETRY_FIRST_NS (30 * NS_PER_S)
#define RETRY_MOST_NS (3600 * NS_PER_S)

/* ---- whom ---- */

static void remember(struct engine *e, struct removal *r)
{
    struct removals *rs = e->removals;

    r->next = rs->removals;
    if (r->next)
        r->next->prev = r;
    rs->removals = r;
}

void remove_free(struct engine *e, struct removal *r)
{
    struct removals *rs = e->removals;

    if (r->host)
        r->host->removal = NULL;
    if (rs->beginning == r)
        rs->beginning = NULL;
    *(r->prev ? &r->prev->next : &rs->removals) = r->next;
    if (r->next)
        r->next->prev = r->prev;
    terminator_cancel(r->termination);
    pool_free(&r->pool);
    free(r);
}

static bool goes(const struct reg *reg)
{
    return reg_has_failed(reg) || reg->overdue;
}

static const struct reg *lowest(const struct host *host)
{
    const struct reg *low = NULL;

    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        if (goes(reg) && (!low || reg->number < low->number))
            low = reg;
    return low;
}

/* The first one of its registrations, the lowest number first. */
static struct str first_address(const struct host *host, struct pool *pool)
{
    const struct reg *low = NULL;
    char text[ADDRESS_TEXT_MAX];

    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        if (goes(reg) && reg->targets && reg->targets->naddress > 0 &&
            (!low || reg->number < low->number))
            low = reg;
    if (!low)
        return (struct str){NULL, 0};
    const struct target *t = low->targets;
    const struct address address = address_from(t->address, t->naddress);
    size_t n = address_text(&address, text);
    return (struct str){pool_text(pool, (struct str){text, n}), n};
}

static int take_targets(struct removal *r, const struct host *host)
{
    size_t n = 0;

    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host)
        n += goes(reg);
    r->targets = pool_array(&r->pool, n, sizeof(*r->targets));
    if (!r->targets)
        return -ENOMEM;
    for (const struct reg *reg = host->regs; reg; reg = reg->next_of_host) {
        struct registry_target *t = &r->targets[r->n];
        if (!goes(reg))
            continue;
        r->n++;
        *t = (struct registry_target){
            .zone = reg->set->zone, .type = rrset_type(reg->set->rrset), .number = reg->number};
        rrset_owner(reg->set->rrset, &t->owner);
    }
    return 0;
}

static int take_host(struct removal *r, const struct host *host)
{
    const struct reg *reg = lowest(host);
    const struct str id = {host->text + host->nkey, host->nid};
    char name[DNAME_TEXT_MAX];

    if (!reg)
        return -BD_ENOTFOUND;
    r->zone = reg->set->zone;
    r->type = rrset_type(reg->set->rrset);
    rrset_owner(reg->set->rrset, &r->owner);
    dname_to_text(&r->owner, name);
    r->as = (struct terminate_host){
        .name = {pool_text(&r->pool, str_c(name)), strlen(name)},
        .id = {pool_text(&r->pool, id), id.n},
        .address = first_address(host, &r->pool),
        .number = reg->number,
    };
    if (!r->as.name.p || !r->as.id.p || (r->as.address.n > 0 && !r->as.address.p))
        return -ENOMEM;
    return take_targets(r, host);
}

/* ---- at the registry ---- */

static int write_results(struct removal *r, struct registry *registry)
{
    int result = 0;

    for (size_t i = 0; result == 0 && i < r->n; i++)
        result = registry_terminated(registry, r->targets[i].number, str_c(r->result),
                                     clock_deadline(JOB_SUBMIT_NS));
    return result;
}

static int unregister(const struct removal *r, struct registry *registry)
{
    struct change *c = change_new(CHANGE_HEALTH, STR("health"));
    int result = c ? 0 : -ENOMEM;

    PAUSE_POINT("health: a host is unregistered");
    for (size_t i = 0; result == 0 && i < r->n; i++)
        result = change_add(c, &(struct op){.kind = OP_DELETE,
                                            .owner = r->targets[i].owner,
                                            .type = r->targets[i].type,
                                            .number = r->targets[i].number,
                                            .not_renewed_since_ns = r->since_ns});
    if (result == 0)
        result = registry_submit(registry, c, clock_deadline(JOB_SUBMIT_NS), NULL, NULL);
    change_put(c);
    return result;
}

static int started(void *removal, const struct registry_termination *t)
{
    struct removal *r = removal;

    if (t->number == r->targets[0].number)
        r->started_ns = t->started_ns;
    return 0;
}

static void end_run(struct job *job, struct registry *registry)
{
    struct removal *r = (struct removal *)job;

    r->error = r->write_result ? write_results(r, registry) : 0;
    if (r->error == 0) {
        r->write_result = false;
        r->error = r->unregister ? unregister(r, registry) : 0;
    }
}

/* What has nothing to run ends in one go. */
static void begin_run(struct job *job, struct registry *registry)
{
    struct removal *r = (struct removal *)job;

    PAUSE_POINT("health: a host is about to go");
    r->error =
        registry_terminate(registry, r->targets, r->n, r->since_ns, clock_deadline(JOB_SUBMIT_NS));
    r->begun = r->error == 0;
    if (!r->begun)
        return;
    registry_terminations(registry, r->since_ns, started, r);
    if (r->way == REMOVAL_NOTHING_TO_RUN)
        end_run(job, registry);
}

static void work(struct engine *e, struct removal *r, enum removal_state state,
                 void (*run)(struct job *job, struct registry *registry),
                 void (*done)(struct job *job, struct engine *e))
{
    r->state = state;
    r->working = true;
    r->job = (struct job){.run = run, .done = done};
    engine_job(e, &r->job);
}

/* ---- its end ---- */

#define CAME_BACK "failed: the host came back"

/* It came back before its end was written. */
static void take_back(struct removal *r)
{
    str_format(r->result, sizeof(r->result), CAME_BACK);
    r->write_result = true;
    r->unregister = false;
}

/* All is written: the next try, or nothing more. */
static void finish(struct engine *e, struct removal *r);

static void end_done(struct job *job, struct engine *e)
{
    struct removal *r = (struct removal *)job;

    r->working = false;
    if (job->stopped || e->removals->stopped) {
        remove_free(e, r);
        return;
    }
    if (r->error == 0) {
        finish(e, r);
        return;
    }
    log_warning("what became of a host cannot be written now; it is tried again",
                LOG_STR("name", r->as.name), LOG_STR("id", r->as.id), LOG_ERR(r->error));
    r->state = REMOVAL_ENDS;
    r->next_ns = times_after(engine_running_ns(e), REMOVAL_AGAIN_NS);
    if (r->called_off)
        take_back(r);
}

static uint64_t retry_ns(const struct removal *r)
{
    uint64_t wait = RETRY_FIRST_NS;

    for (unsigned i = 1; i < r->failures && wait < RETRY_MOST_NS; i++)
        wait *= 2;
    return wait < RETRY_MOST_NS ? wait : RETRY_MOST_NS;
}

static void finish(struct engine *e, struct removal *r)
{
    if (!r->host || r->called_off || r->unregister) {
        remove_free(e, r);
        return;
    }
    r->state = REMOVAL_WAITS;
    r->next_ns = times_after(engine_running_ns(e), retry_ns(r));
}

static void write_end(struct engine *e, struct removal *r, bool unregisters, const char *result)
{
    str_format(r->result, sizeof(r->result), "%s", result);
    r->write_result = true;
    r->unregister = unregisters;
    work(e, r, REMOVAL_ENDS, end_run, end_done);
}

static void has_failed(struct engine *e, struct removal *r, const struct terminate_end *end)
{
    char result[REMOVAL_WORDS_MAX + 16];

    r->failures++;
    str_format(r->words, sizeof(r->words), "%.*s", STR_ARG(end->words));
    str_format(result, sizeof(result), "failed: %s", r->words);
    told_terminated(e, r, end);
    write_end(e, r, e->options.terminate.anyway && r->failures >= REMOVAL_TRIES, result);
}

/* ---- its beginning ---- */

static void on_terminated(void *removal, const struct terminate_end *end)
{
    struct removal *r = removal;
    struct engine *e = r->engine;

    pthread_mutex_lock(&e->lock);
    r->termination = NULL;
    if (end->ok) {
        told_terminated(e, r, end);
        write_end(e, r, true, "ok");
    } else {
        has_failed(e, r, end);
    }
    engine_rearm(e);
    pthread_mutex_unlock(&e->lock);
}

static void run_terminator(struct engine *e, struct removal *r)
{
    int error = terminator_run(e->removals->terminator, &r->as, on_terminated, r, &r->termination);
    const char *words = error == -BD_EINVALID ? "what the host gave is no argument for a program"
                                              : bd_strerror(error);

    r->state = REMOVAL_RUNS;
    if (error < 0)
        has_failed(e, r, &(struct terminate_end){.words = str_c(words)});
    else
        log_info("a host that stayed down is terminated", LOG_STR("name", r->as.name),
                 LOG_STR("id", r->as.id), LOG_STR("address", r->as.address),
                 LOG_UINT("registration", r->as.number));
}

/* It counts from now on; where nobody knows, it counts too. */
static void count(struct engine *e, const struct removal *r)
{
    bool maybe = r->error == -BD_EUNKNOWN || r->error == -BD_ETIMEDOUT;

    if (r->failures > 0 || (!r->begun && !maybe))
        return;
    guard_terminated(&e->guard, r->started_ns > 0 ? r->started_ns : engine_running_ns(e));
    e->guard_note_dirty = true;
}

/* The registry could not, or it came back just now. */
static void not_begun(struct engine *e, struct removal *r)
{
    uint64_t again = times_after(engine_running_ns(e), REMOVAL_AGAIN_NS);

    if (r->error != -BD_ENOTFOUND) {
        log_warning("a host cannot be terminated now; it is tried again",
                    LOG_STR("name", r->as.name), LOG_STR("id", r->as.id), LOG_ERR(r->error));
        e->removals->begin_ns = again;
    }
    if (r->error == -BD_ENOTFOUND || r->failures == 0 || r->called_off || !r->host) {
        remove_free(e, r);
        return;
    }
    r->state = REMOVAL_WAITS;
    r->next_ns = again;
}

static void tell_without(struct engine *e, const struct removal *r)
{
    told_terminated(e, r, &(struct terminate_end){.ok = true, .words = str_c(r->result)});
}

static void begin_done(struct job *job, struct engine *e)
{
    struct removal *r = (struct removal *)job;

    e->removals->beginning = NULL;
    r->working = false;
    if (job->stopped || e->removals->stopped) {
        /* What is written is told, however late. */
        if (!job->stopped && r->begun && r->way == REMOVAL_NOTHING_TO_RUN)
            tell_without(e, r);
        remove_free(e, r);
        return;
    }
    count(e, r);
    if (!r->begun) {
        not_begun(e, r);
    } else if (r->way == REMOVAL_NOTHING_TO_RUN) {
        tell_without(e, r);
        end_done(job, e);
    } else if (r->called_off) {
        write_end(e, r, false, CAME_BACK);
    } else {
        run_terminator(e, r);
    }
}

static void begin(struct engine *e, struct removal *r, uint64_t now_ns)
{
    bool dry = !e->options.terminate.enabled;

    r->since_ns = now_ns;
    r->started_ns = 0;
    r->begun = false;
    r->write_result = r->way == REMOVAL_NOTHING_TO_RUN;
    r->unregister = r->way != REMOVAL_TERMINATE;
    str_format(r->result, sizeof(r->result), dry ? "dry run" : "ok");
    if (r->way == REMOVAL_UNREGISTER) {
        work(e, r, REMOVAL_ENDS, end_run, end_done);
        return;
    }
    e->removals->beginning = r;
    work(e, r, REMOVAL_BEGINS, begin_run, begin_done);
}

int remove_begin(struct engine *e, struct host *host, enum removal_way way, uint64_t now_ns)
{
    struct removal *r = calloc(1, sizeof(*r));

    if (!r)
        return -ENOMEM;
    *r = (struct removal){.engine = e, .way = way};
    int error = take_host(r, host);
    if (error < 0) {
        pool_free(&r->pool);
        free(r);
        return error;
    }
    r->host = host;
    host->removal = r;
    remember(e, r);
    begin(e, r, now_ns);
    return 0;
}

/* A next try takes nothing of the budget. */
static bool may_try_again(struct engine *e, const struct removal *r, uint64_t now_ns)
{
    return now_ns >= r->next_ns && !e->removals->beginning && !e->removals->paused &&
           !removal_is_held(e, now_ns) && removal_ends_ns(e, r->host) <= now_ns &&
           !addresses_alive(e, r->host);
}

void remove_go_on(struct engine *e, struct removal *r, uint64_t now_ns)
{
    if (r->working)
        return;
    if (r->state == REMOVAL_WAITS && may_try_again(e, r, now_ns))
        begin(e, r, now_ns);
    else if (r->state == REMOVAL_ENDS && now_ns >= r->next_ns)
        work(e, r, REMOVAL_ENDS, end_run, end_done);
}

/* ---- it came back ---- */

void remove_call_off(struct engine *e, struct removal *r)
{
    if (r->called_off)
        return;
    r->called_off = true;
    if (r->working)
        return;
    if (r->state == REMOVAL_RUNS) {
        terminator_cancel(r->termination);
        r->termination = NULL;
        told_terminated(
            e, r, &(struct terminate_end){.words = STR("killed: the host came back, or has gone")});
        write_end(e, r, false, CAME_BACK);
    } else if (r->state == REMOVAL_ENDS) {
        take_back(r);
    } else {
        remove_free(e, r);
    }
}

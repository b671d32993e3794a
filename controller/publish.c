/* One zone's publish, as the table has it. */
#include <stdio.h>

#include <betterdns/log.h>

#include "choice.h"
#include "publisher_impl.h"
#include "told.h"

void pub_rest(struct pub *pub)
{
    if (pub->following)
        pub->p->nfollowing--;
    pub->following = false;
    loop_timer_at(pub->timer, UINT64_MAX);
}

void pub_follow(struct pub *pub)
{
    if (!pub->following)
        pub->p->nfollowing++;
    pub->following = true;
    pub->told_ns = clock_mono_ns();
    loop_timer_at(pub->timer, pub->told_ns + publish_pace_ns(0, pub->p->nfollowing));
}

struct ctl_zone *pub_zone(const struct pub *pub)
{
    return &pub->p->c->zones[pub->zone];
}

int pub_send(struct pub *pub)
{
    struct publisher *p = pub->p;
    struct ctl_zone *z = pub_zone(pub);

    pthread_mutex_lock(&p->c->lock);
    struct publication what = {
        .zone = pub->zone, .path = z->live, .serial = z->written, .nrecords = z->nrecords};
    pthread_mutex_unlock(&p->c->lock);
    const struct target target = {
        .child = p->child, .conf = p->conf, .supervisor = p->c->supervisor};
    int r = pub->strategy->publish(&target, &what);
    pub->again = r == -EAGAIN;
    if (r < 0 && r != -EAGAIN)
        log_warning("the server could not be told of a new copy", LOG_C("zone", z->name),
                    LOG_C("strategy", pub->strategy->name), LOG_ERR(r));
    return r;
}

static uint64_t patience(const struct pub *pub)
{
    struct controller *c = pub->p->c;

    pthread_mutex_lock(&c->lock);
    uint64_t load_ns = pub_zone(pub)->load_ns;
    pthread_mutex_unlock(&c->lock);
    return publish_patience_ns(load_ns);
}

void pub_tell(struct pub *pub)
{
    pub_send(pub);
    pub_follow(pub);
    resend_start(&pub->resend, pub->p->child, pub->told_ns, patience(pub));
    /* What is read again as a whole shows which revision it is: conf sees to that one. */
    if (pub->strategy != &strategy_signal || pub->p->c->kind->rereads)
        resend_stop(&pub->resend);
}

/* Where it only asks for patience the questions become rarer, as with every wait. */
void pub_tell_again(struct pub *pub)
{
    if (pub_send(pub) == 0)
        pub_follow(pub);
}

void pub_resume(struct pub *pub, uint64_t load_ns)
{
    uint64_t deadline = clock_deadline(publish_patience_ns(load_ns));

    if (pub->deadline_ns < deadline)
        pub->deadline_ns = deadline;
    pub_follow(pub);
}

/* The one to try after all that were tried. */
static const struct strategy *stronger(const struct pub *pub)
{
    const struct strategy *tried = pub->insisted ? pub->insisted : pub->strategy;

    return tried->stronger ? tried->stronger : tried;
}

static void do_nothing(struct pub *pub)
{
    (void)pub;
}

static void tell_new(struct pub *pub, const struct strategy *strategy)
{
    struct controller *c = pub->p->c;
    struct ctl_zone *z = pub_zone(pub);

    pub->strategy = strategy;
    pthread_mutex_lock(&c->lock);
    pub->deadline_ns = z->written_ns + publish_patience_ns(z->load_ns);
    pthread_mutex_unlock(&c->lock);
    pub_tell(pub);
}

static void do_tell(struct pub *pub)
{
    tell_new(pub, choice_now(pub->p->c));
}

static void do_insist(struct pub *pub)
{
    tell_new(pub, pub->insisted);
}

/* How long the newest copy has been waiting. */
static uint64_t waited(struct pub *pub, uint64_t now)
{
    struct controller *c = pub->p->c;

    pthread_mutex_lock(&c->lock);
    uint64_t written_ns = pub_zone(pub)->written_ns;
    pthread_mutex_unlock(&c->lock);
    return now > written_ns ? now - written_ns : 0;
}

static void do_extend(struct pub *pub)
{
    uint64_t now = clock_mono_ns(), so_far = waited(pub, now);

    pub->deadline_ns = now - so_far + publish_patience_ns(so_far);
    log_info("a zone is still loading", LOG_C("zone", pub_zone(pub)->name),
             LOG_UINT("ms", so_far / NS_PER_MS));
}

/* The publish has had its time: newer copies need not wait for it, and the status says why. */
static void give_way(struct pub *pub, const char *then)
{
    struct controller *c = pub->p->c;
    struct ctl_zone *z = pub_zone(pub);
    uint64_t now = clock_mono_ns(), so_far = waited(pub, now);

    pthread_mutex_lock(&c->lock);
    z->superseded = true;
    snprintf(z->trouble, sizeof(z->trouble), "serial %u was not served within %llu ms: %s",
             z->written, (unsigned long long)(so_far / NS_PER_MS), then);
    memcpy(z->last_error, z->trouble, sizeof(z->last_error));
    z->last_error_at = clock_real_s();
    z->late++;
    pub->deadline_ns = now + publish_patience_ns(z->load_ns);
    pthread_mutex_unlock(&c->lock);
    files_poke(c->files);
}

static void do_escalate(struct pub *pub)
{
    struct controller *c = pub->p->c;
    const struct strategy *tried = pub->insisted ? pub->insisted : pub->strategy;
    char then[96];

    pub->strategy = pub->insisted = stronger(pub);
    pub->escalated_ns = clock_mono_ns();
    pthread_mutex_lock(&c->lock);
    c->status.escalations++;
    pthread_mutex_unlock(&c->lock);
    if (pub->strategy == tried)
        snprintf(then, sizeof(then), "there is nothing stronger than '%s', which is tried again",
                 tried->name);
    else
        snprintf(then, sizeof(then), "'%s' is tried after '%s'", pub->strategy->name, tried->name);
    give_way(pub, then);
    log_warning("a zone is not served in time", LOG_C("zone", pub_zone(pub)->name),
                LOG_UINT("serial", pub->told), LOG_C("then", then));
    told_escalated(c, pub_zone(pub), pub->told, then);
    pub_tell(pub);
}

static void do_complain(struct pub *pub)
{
    give_way(pub, "nothing has helped so far; the server's own log may say why");
    if (!pub->complained)
        log_error("a zone is not served", LOG_C("zone", pub_zone(pub)->name),
                  LOG_UINT("serial", pub->told), LOG_C("hint", "the server's own log may say why"));
    pub->complained = true;
}

static void do_end(struct pub *pub)
{
    struct controller *c = pub->p->c;
    struct ctl_zone *z = pub_zone(pub);

    pub_rest(pub);
    pthread_mutex_lock(&c->lock);
    bool troubled = z->trouble[0] != '\0';
    z->trouble[0] = '\0';
    z->superseded = false;
    pthread_mutex_unlock(&c->lock);
    if (troubled)
        log_info("a zone is served again", LOG_C("zone", z->name), LOG_UINT("serial", pub->told));
    pub->again = pub->complained = false;
    pub->insisted = NULL;
}

static void (*const actions[])(struct pub *) = {
    [PUBLISH_DO_NOTHING] = do_nothing,   [PUBLISH_DO_TELL] = do_tell,
    [PUBLISH_DO_INSIST] = do_insist,     [PUBLISH_DO_EXTEND] = do_extend,
    [PUBLISH_DO_ESCALATE] = do_escalate, [PUBLISH_DO_COMPLAIN] = do_complain,
    [PUBLISH_DO_END] = do_end,
};
_Static_assert(ARRAY_SIZE(actions) == PUBLISH_NACTIONS, "one function per action");

void pub_step(struct pub *pub, enum publish_event event)
{
    struct publish_step s = publish_step(pub->state, event);

    pub->state = s.next;
    actions[s.action](pub);
}

void pub_late(struct pub *pub, uint64_t now)
{
    bool busy = resend_busy(&pub->resend, pub->p->child);

    pub_step(pub, publish_late(pub->state, busy, now, pub->escalated_ns));
}

/* The publisher. */
#include "publisher_impl.h"

#include <stdio.h>
#include <stdlib.h>

#include "choice.h"
#include "conf.h"
#include "probe.h"
#include "told.h"

#define TICK_NS (500 * NS_PER_MS)
#define SILENT_TICKS 3U

/* ---- asking ---- */

static void ask(struct publisher *p, unsigned zone)
{
    p->asked = true;
    prober_ask(p->prober, zone);
    pthread_mutex_lock(&p->c->lock);
    p->c->status.probes++;
    pthread_mutex_unlock(&p->c->lock);
}

static void on_pace(void *arg)
{
    struct pub *pub = arg;
    struct publisher *p = pub->p;
    uint64_t now = clock_mono_ns();

    if (!p->prober || !pub->following)
        return;
    if (now >= pub->deadline_ns && p->open)
        pub_late(pub, now);
    else if (resend_due(&pub->resend, p->child, now))
        pub_send(pub);
    ask(p, pub->zone);
    uint64_t asked_for = now > pub->told_ns ? now - pub->told_ns : 0; /* it may be told just now */
    loop_timer_at(pub->timer, now + publish_pace_ns(asked_for, p->nfollowing));
}

/* ---- served ---- */

/* Measures a publish that has come to its end. */
static void note_end(struct controller *c, struct ctl_zone *z, uint64_t now)
{
    uint64_t took = now - z->written_ns;

    z->outstanding = false;
    z->published = clock_real_s();
    c->status.published++;
    if (z->starting) {
        z->load_ns = z->load_known ? z->load_ns : took;
        return;
    }
    rate_note(&z->changes, now);
    if (z->trouble[0]) /* it was late: what it has waited for was no load */
        return;
    z->load_ns = publish_load_ns(z->load_known ? z->load_ns : 0, took);
    z->load_known = true;
    z->quiet_ns = now + publish_peace_ns(z->write_ns + took);
    if (c->strategy->reads_all)
        c->quiet_ns = z->quiet_ns;
}

/* The zone's record of what the server shows, under the lock. Has it come to the newest copy? */
static bool note_shown(struct controller *c, struct ctl_zone *z, uint32_t serial)
{
    uint64_t now = clock_mono_ns(), took = 0;

    pthread_mutex_lock(&c->lock);
    bool moved = !c->unproven[0] && (z->served == 0 || serial_gt(serial, z->served));
    if (moved) {
        z->served = serial;
        z->served_ns = now;
        if (serial != z->newest) /* behind again since that one was written, about now */
            z->behind_ns = now;
        pthread_cond_broadcast(&z->served_cond);
    }
    bool done = z->outstanding && !serial_gt(z->written, serial);
    if (done && serial == z->written && !z->starting)
        took = now - z->written_ns;
    if (done)
        note_end(c, z, now);
    pthread_mutex_unlock(&c->lock);
    if (moved)
        told_published(c, z, serial, took);
    return done;
}

static void say_serving(struct publisher *p)
{
    for (unsigned i = 0; i < p->c->nzones; i++)
        if (!p->pubs[i].shown)
            return;
    if (p->said_serving)
        return;
    p->said_serving = true;
    p->handlers.serving(p->arg);
}

static void on_shown(struct pub *pub, uint32_t serial)
{
    struct publisher *p = pub->p;

    pub->shown = true;
    if (!p->open) {
        pub_rest(pub);
    } else if (note_shown(p->c, pub_zone(pub), serial)) {
        pub_step(pub, PUBLISH_EV_SHOWN);
        files_poke(p->c->files); /* which may have a newer one */
    }
}

static void on_answer(void *arg, unsigned zone, uint32_t serial, unsigned revision)
{
    struct publisher *p = arg;
    struct pub *pub = &p->pubs[zone];
    struct ctl_zone *z = pub_zone(pub);

    p->answered = true;
    p->missed = 0;
    bool sure = p->handlers.heard(p->arg, revision);
    if (serial == 0 || !p->prober)
        return;
    pthread_mutex_lock(&p->c->lock);
    bool reached = z->written != 0 && !serial_gt(z->written, serial);
    pthread_mutex_unlock(&p->c->lock);
    if (reached && !sure && pub->following) /* a matter of tenths of a millisecond */
        loop_timer_at(pub->timer, clock_deadline(publish_pace_ns(0, p->nfollowing)));
    if (!sure)
        return;
    if (reached)
        on_shown(pub, serial);
    else if (p->open)
        note_shown(p->c, z, serial);
    if (!reached && pub->again)
        pub_tell_again(pub);
    say_serving(p);
}

/* ---- what happens ---- */

static void on_tick(void *arg)
{
    struct publisher *p = arg;

    if (!p->prober)
        return;
    if (p->asked && !p->answered)
        p->missed++;
    p->asked = p->answered = false;
    ask(p, p->next_zone);
    p->next_zone = (p->next_zone + 1) % p->c->nzones;
    loop_timer_at(p->tick, clock_deadline(TICK_NS));
    p->handlers.tick(p->arg);
    if (p->missed >= SILENT_TICKS)
        p->handlers.silent(p->arg);
}

void publisher_move(struct publisher *p)
{
    if (p->prober)
        prober_move(p->prober);
    p->missed = 0;
}

void publisher_kick(struct publisher *p)
{
    struct controller *c = p->c;

    for (unsigned i = 0; i < c->nzones && p->prober; i++) {
        struct pub *pub = &p->pubs[i];
        pthread_mutex_lock(&c->lock);
        bool outstanding = c->zones[i].outstanding;
        uint32_t serial = c->zones[i].written;
        pthread_mutex_unlock(&c->lock);
        if (!outstanding || pub->told == serial)
            continue;
        pub->told = serial;
        pub_step(pub, PUBLISH_EV_COPY);
    }
}

/* ---- one child after another ---- */

/* The child reads the newest copies at its start; one that was adopted is told of them where it
 * shows older ones. How long that may take is the supervisor's affair. */
static void begin(struct pub *pub)
{
    struct controller *c = pub->p->c;
    struct ctl_zone *z = pub_zone(pub);

    pub->state = PUBLISH_TOLD;
    pub->strategy = choice_now(c);
    pub->again = pub->p->child->adopted;
    pub->shown = false;
    pub->deadline_ns = UINT64_MAX;
    pub->resend.cpu = child_cpu(pub->p->child);
    resend_stop(&pub->resend);
    pthread_mutex_lock(&c->lock);
    z->outstanding = z->starting = true;
    z->written_ns = clock_mono_ns(); /* a start's load is counted from its start */
    pub->told = z->written;
    pthread_mutex_unlock(&c->lock);
    pub_follow(pub);
}

static void note_asked(struct controller *c, const struct sockaddr_storage *address,
                       const char *nsid)
{
    pthread_mutex_lock(&c->lock);
    c->asked = *address;
    snprintf(c->asked_nsid, sizeof(c->asked_nsid), "%s", nsid);
    pthread_mutex_unlock(&c->lock);
}

int publisher_attach(struct publisher *p, struct child *child, struct conf *conf,
                     const struct sockaddr_storage *address)
{
    struct controller *c = p->c;

    publisher_detach(p);
    int r = prober_new(c->loop, address, child->nsid, p->origins, on_answer, p, &p->prober);
    if (r < 0)
        return r;
    p->child = child;
    p->conf = conf;
    p->missed = 0;
    p->asked = p->answered = p->said_serving = false;
    note_asked(c, address, child->nsid);
    for (unsigned i = 0; i < c->nzones; i++)
        begin(&p->pubs[i]);
    loop_timer_at(p->tick, clock_deadline(TICK_NS));
    return 0;
}

int publisher_replace(struct publisher *p, const struct child *next, struct conf *conf)
{
    struct controller *c = p->c;
    struct prober *prober;

    int r = prober_new(c->loop, &next->asked, next->nsid, p->origins, on_answer, p, &prober);
    if (r < 0)
        return r;
    prober_free(p->prober);
    p->prober = prober;
    p->conf = conf;
    p->missed = 0;
    p->asked = p->answered = false;
    note_asked(c, &next->asked, next->nsid);
    for (unsigned i = 0; i < c->nzones; i++)
        p->pubs[i].resend.cpu = child_cpu(next);
    return 0;
}

static void forget(struct pub *pub)
{
    struct controller *c = pub->p->c;
    struct ctl_zone *z = pub_zone(pub);

    pub_step(pub, PUBLISH_EV_VOID);
    pub_rest(pub);
    pub->again = pub->complained = false;
    pub->insisted = NULL;
    pthread_mutex_lock(&c->lock);
    if (z->served == z->newest) /* both 0 at the start */
        z->behind_ns = clock_mono_ns();
    z->served = 0;
    z->superseded = false;
    z->trouble[0] = '\0';
    pthread_mutex_unlock(&c->lock);
}

void publisher_detach(struct publisher *p)
{
    prober_free(p->prober);
    p->prober = NULL;
    p->child = NULL;
    pthread_mutex_lock(&p->c->lock);
    p->c->asked.ss_family = AF_UNSPEC;
    pthread_mutex_unlock(&p->c->lock);
    loop_timer_at(p->tick, UINT64_MAX);
    for (unsigned i = 0; i < p->c->nzones; i++)
        forget(&p->pubs[i]);
}

void publisher_leave(struct publisher *p)
{
    bool untold = p->prober && conf_is_telling(p->conf);

    for (unsigned i = 0; i < p->c->nzones && p->prober; i++)
        untold = untold || (p->pubs[i].again && p->pubs[i].strategy->reads_all);
    if (untold)
        conf_reload_last(p->conf, p->child);
    publisher_detach(p);
}

void publisher_open(struct publisher *p, bool open)
{
    bool opened = open && !p->open;

    p->open = open;
    /* What was shown while it was closed counts from now on; a fresh answer says it. */
    for (unsigned i = 0; i < p->c->nzones && opened && p->prober; i++) {
        pthread_mutex_lock(&p->c->lock);
        bool outstanding = p->c->zones[i].outstanding;
        uint64_t load_ns = p->c->zones[i].load_ns;
        pthread_mutex_unlock(&p->c->lock);
        if (outstanding)
            pub_resume(&p->pubs[i], load_ns);
    }
}

int publisher_new(struct controller *c, const struct publisher_handlers *handlers, void *arg,
                  struct publisher **ret_publisher)
{
    struct publisher *p = calloc(1, sizeof(*p));
    if (!p)
        return -ENOMEM;
    p->c = c;
    p->handlers = *handlers;
    p->arg = arg;
    p->open = true;
    p->pubs = calloc(c->nzones, sizeof(*p->pubs));
    p->origins = calloc(c->nzones, sizeof(struct dname *));
    int r = p->pubs && p->origins ? loop_timer_new(c->loop, on_tick, p, &p->tick) : -ENOMEM;
    for (unsigned i = 0; r == 0 && i < c->nzones; i++) {
        p->pubs[i] = (struct pub){.p = p, .zone = i};
        p->origins[i] = &c->zones[i].origin;
        r = loop_timer_new(c->loop, on_pace, &p->pubs[i], &p->pubs[i].timer);
    }
    if (r < 0) {
        publisher_free(p);
        return r;
    }
    *ret_publisher = p;
    return 0;
}

void publisher_free(struct publisher *p)
{
    if (!p)
        return;
    prober_free(p->prober);
    for (unsigned i = 0; p->pubs && i < p->c->nzones; i++)
        loop_timer_free(p->pubs[i].timer);
    loop_timer_free(p->tick);
    free(p->origins);
    free(p->pubs);
    free(p);
}

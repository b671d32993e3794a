/* The publisher. */
#include "publisher.h"

#include <stdlib.h>

#include <betterdns/log.h>

#include "internal.h"
#include "probe.h"

#define PACE_FIRST_NS NS_PER_MS
#define PACE_MOST_NS (20 * NS_PER_MS)
#define TICK_NS (500 * NS_PER_MS)
#define SILENT_TICKS 3U
#define SLOW_NS (2 * NS_PER_S)
#define SLOW_FACTOR 4U
/* A zone that takes longer than this to load is left in peace for as long as it took. */
#define PACED_FROM_NS (100 * NS_PER_MS)

/* One zone's publish. */
struct pub {
    struct publisher *p;
    unsigned zone;
    struct loop_timer *timer; /* the next question */
    uint64_t pace_ns;
    bool following; /* a copy that is not shown yet */
    bool shown;     /* since the attach a copy was shown */
    bool warned;    /* that it takes long */
    uint32_t told;  /* the serial that the strategy was told of */
};

struct publisher {
    struct controller *c;
    struct publisher_handlers handlers;
    void *arg;
    struct pub *pubs;
    const struct dname **origins;
    struct prober *prober; /* NULL: detached */
    struct child *child;
    struct loop_timer *tick;
    unsigned next_zone;   /* of the liveness questions */
    unsigned missed;      /* ticks since an answer */
    bool asked, answered; /* since the last tick */
    bool open, said_serving;
};

/* ---- served ---- */

struct outcome {
    bool done, slow;
    uint64_t took_ns;
    uint32_t serial;
};

/* The zone's record of what the server shows, under the lock. */
static struct outcome note_shown(struct controller *c, struct ctl_zone *z, uint32_t serial)
{
    struct outcome o = {0};
    uint64_t now = clock_mono_ns();

    pthread_mutex_lock(&c->lock);
    if (z->served == 0 || serial_gt(serial, z->served)) {
        z->served = serial;
        z->served_ns = now;
        if (serial != z->newest) /* behind again since that one was written, about now */
            z->behind_ns = now;
        pthread_cond_broadcast(&z->served_cond);
    }
    if (z->outstanding && !serial_gt(z->written, serial)) {
        o = (struct outcome){.done = true, .took_ns = now - z->written_ns, .serial = z->written};
        uint64_t usual = z->load_ns * SLOW_FACTOR;
        o.slow = o.took_ns > (usual > SLOW_NS ? usual : SLOW_NS);
        z->outstanding = false;
        z->load_ns = o.took_ns;
        z->quiet_ns = o.took_ns > PACED_FROM_NS ? now + o.took_ns : 0;
        c->status.published++;
    }
    pthread_mutex_unlock(&c->lock);
    return o;
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

static void on_answer(void *arg, unsigned zone, uint32_t serial, unsigned revision)
{
    struct publisher *p = arg;
    struct pub *pub = &p->pubs[zone];
    struct ctl_zone *z = &p->c->zones[zone];

    p->answered = true;
    p->missed = 0;
    p->handlers.revision(p->arg, revision);
    if (serial == 0 || !p->prober)
        return;
    pthread_mutex_lock(&p->c->lock);
    bool reached = z->written != 0 && !serial_gt(z->written, serial);
    pthread_mutex_unlock(&p->c->lock);
    if (reached)
        pub->shown = true;
    if (p->open) {
        struct outcome o = note_shown(p->c, z, serial);
        if (o.done) {
            pub->following = false;
            loop_timer_at(pub->timer, UINT64_MAX);
            if (o.slow)
                log_warning("a zone took long to be served", LOG_C("zone", z->name),
                            LOG_UINT("serial", o.serial), LOG_UINT("ms", o.took_ns / NS_PER_MS));
            files_poke(p->c->files); /* which may have a newer one */
        }
    } else if (reached) {
        pub->following = false;
        loop_timer_at(pub->timer, UINT64_MAX);
    }
    say_serving(p);
}

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

    if (!pub->p->prober || !pub->following)
        return;
    ask(pub->p, pub->zone);
    loop_timer_at(pub->timer, clock_deadline(pub->pace_ns));
    pub->pace_ns += pub->pace_ns / 2;
    if (pub->pace_ns > PACE_MOST_NS)
        pub->pace_ns = PACE_MOST_NS;
}

static void follow(struct pub *pub)
{
    pub->following = true;
    pub->warned = false;
    pub->pace_ns = PACE_FIRST_NS;
    on_pace(pub);
}

/* A copy that takes too long to be served is named while it does, not only afterwards. */
static void warn_slow(struct publisher *p, struct pub *pub)
{
    struct ctl_zone *z = &p->c->zones[pub->zone];

    pthread_mutex_lock(&p->c->lock);
    uint64_t took = z->outstanding ? clock_mono_ns() - z->written_ns : 0;
    uint64_t usual = z->load_ns * SLOW_FACTOR;
    uint32_t serial = z->written;
    pthread_mutex_unlock(&p->c->lock);
    if (pub->warned || took <= (usual > SLOW_NS ? usual : SLOW_NS))
        return;
    pub->warned = true;
    log_warning("a zone is not served yet", LOG_C("zone", z->name), LOG_UINT("serial", serial),
                LOG_UINT("ms", took / NS_PER_MS));
}

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
    for (unsigned i = 0; i < p->c->nzones; i++)
        if (p->pubs[i].following)
            warn_slow(p, &p->pubs[i]);
    if (p->missed >= SILENT_TICKS)
        p->handlers.silent(p->arg);
}

void publisher_kick(struct publisher *p)
{
    struct controller *c = p->c;

    for (unsigned i = 0; i < c->nzones && p->prober; i++) {
        struct pub *pub = &p->pubs[i];
        struct ctl_zone *z = &c->zones[i];
        pthread_mutex_lock(&c->lock);
        struct publication what = {
            .zone = i, .path = z->live, .serial = z->written, .nrecords = z->nrecords};
        bool outstanding = z->outstanding;
        pthread_mutex_unlock(&c->lock);
        if (!outstanding || pub->told == what.serial)
            continue;
        pub->told = what.serial;
        int r = c->strategy->publish(p->child, &what);
        if (r < 0)
            log_warning("the server could not be told of a new copy", LOG_C("zone", z->name),
                        LOG_C("strategy", c->strategy->name), LOG_ERR(r));
        follow(pub);
    }
}

/* ---- one child after another ---- */

int publisher_attach(struct publisher *p, struct child *child,
                     const struct sockaddr_storage *address, const char *nsid)
{
    struct controller *c = p->c;

    publisher_detach(p);
    int r = prober_new(c->loop, address, nsid, p->origins, on_answer, p, &p->prober);
    if (r < 0)
        return r;
    p->child = child;
    p->missed = 0;
    p->asked = p->answered = p->said_serving = false;
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->nzones; i++) {
        c->zones[i].outstanding = true;
        c->zones[i].written_ns = clock_mono_ns(); /* a start's load is counted from its start */
        p->pubs[i].told = c->zones[i].written;
    }
    pthread_mutex_unlock(&c->lock);
    for (unsigned i = 0; i < c->nzones; i++) {
        p->pubs[i].shown = false;
        follow(&p->pubs[i]);
    }
    loop_timer_at(p->tick, clock_deadline(TICK_NS));
    return 0;
}

void publisher_detach(struct publisher *p)
{
    struct controller *c = p->c;

    prober_free(p->prober);
    p->prober = NULL;
    p->child = NULL;
    loop_timer_at(p->tick, UINT64_MAX);
    for (unsigned i = 0; i < c->nzones; i++) {
        p->pubs[i].following = false;
        loop_timer_at(p->pubs[i].timer, UINT64_MAX);
    }
    pthread_mutex_lock(&c->lock);
    for (unsigned i = 0; i < c->nzones; i++) {
        if (c->zones[i].served == c->zones[i].newest) /* both 0 at the start */
            c->zones[i].behind_ns = clock_mono_ns();
        c->zones[i].served = 0;
    }
    pthread_mutex_unlock(&c->lock);
}

void publisher_open(struct publisher *p, bool open)
{
    bool opened = open && !p->open;

    p->open = open;
    /* What was shown while it was closed counts from now on; a fresh answer says it. */
    for (unsigned i = 0; i < p->c->nzones && opened && p->prober; i++) {
        pthread_mutex_lock(&p->c->lock);
        bool outstanding = p->c->zones[i].outstanding;
        pthread_mutex_unlock(&p->c->lock);
        if (outstanding)
            follow(&p->pubs[i]);
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

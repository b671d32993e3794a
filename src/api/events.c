/* GET /events: what happens, as a stream (server-sent events, HTML §9.2) where the client accepts
 * one, else as one answer that may wait for it (long poll). */
#include "resources.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include <betterdns/clock.h>
#include <betterdns/duration.h>
#include <betterdns/glob.h>

#include "names.h"

#define WAIT_MOST_MS 60000
#define ANSWER_EVENTS 1000 /* of one answer; a client takes the rest with its next request */
#define ANSWER_OCTETS ((size_t)1 << 20)
#define PIECE ((size_t)64 << 10) /* of a stream, one write */
#define TAKE_TIME (10 * NS_PER_S)
#define SILENCE (15 * NS_PER_S)
#define LOOK_TIME NS_PER_S /* is a client that waits still there? */

struct watching {
    struct events *events;
    struct events_reader *reader;
    const struct http_request *rq;
    struct http_response *rs;
    unsigned kinds;  /* bits; 0: all */
    struct str name; /* a glob; n 0: all */
    char zone[DNAME_TEXT_MAX];
    size_t nzone; /* 0: all */
    bool stream;
    uint64_t silence_ns, take_time_ns; /* see struct api */
    struct buf *out;
    struct json json;
    size_t written;
};

/* ---- the question ---- */

static int read_kinds(struct str list, unsigned *ret_kinds, struct problem *problem)
{
    struct str word;
    unsigned kinds = 0;

    while (str_cut(&list, ',', &word)) {
        struct str_nearest near = {.word = word};
        enum event_kind kind;
        if (event_kind_of(word, &kind) == 0) {
            kinds |= 1U << kind;
            continue;
        }
        problem_set(problem, -BD_ESYNTAX, "kind", "'%.*s' is no kind of event", STR_ARG(word));
        for (unsigned i = 0; i < EVENT_NKINDS; i++)
            str_nearest_try(&near, str_c(event_kind_name((enum event_kind)i)));
        return near.best.n > 0
                   ? problem_hint(problem, "did you mean '%.*s'?", STR_ARG(near.best))
                   : problem_hint(problem, "registered, unregistered, changed, transition, "
                                           "withdrawn, restored, terminated, published, "
                                           "escalated, rejected, panic");
    }
    *ret_kinds = kinds;
    return 0;
}

static int read_filter(const struct api *api, struct watching *w, struct problem *problem)
{
    struct str zone = http_query(w->rq, "zone");
    unsigned z;

    w->name = http_query(w->rq, "name");
    int r = read_kinds(http_query(w->rq, "kind"), &w->kinds, problem);
    if (r < 0 || !zone.p)
        return r;
    r = names_zone(api, zone, &z, problem);
    if (r == 0)
        w->nzone = dname_to_text(&api->origins[z], w->zone);
    return r;
}

static int read_wait(const struct http_request *rq, uint64_t *ret_ns, struct problem *problem)
{
    struct str text = http_query(rq, "wait");
    uint64_t ms = 0;

    if (text.p && duration_parse(text, &ms) < 0) {
        problem_set(problem, -BD_ESYNTAX, "wait", "'%.*s' is not a time", STR_ARG(text));
        return problem_hint(problem, "a number with a unit: wait=60s");
    }
    if (ms > WAIT_MOST_MS) {
        problem_set(problem, -BD_EINVALID, "wait", "wait=%.*s: 60s at most", STR_ARG(text));
        return problem_hint(problem, "ask again with the 'last' of the answer as 'after'");
    }
    *ret_ns = ms * NS_PER_MS;
    return 0;
}

static void say_gone(struct http_response *rs)
{
    http_problem_as(rs, 410, "gone", "No longer kept",
                    "the events after this one are not kept any more: read the state anew (GET "
                    "/a), and go on with after=0, the oldest that is kept, or without after");
}

/* After what: a stream that is taken up again knows best. */
static struct str read_after(const struct watching *w)
{
    struct str last = http_header(w->rq, "Last-Event-ID");

    return w->stream && last.n > 0 ? last : http_query(w->rq, "after");
}

/* Half of all connections are for others, also where few descriptors may be open. */
static bool is_crowded(const struct api *api)
{
    struct http_stats http = {.threads = 0};
    struct events_stats stats;

    if (!api->http)
        return false;
    http_stats(api->http, &http);
    events_stats(api->events, &stats);
    return stats.readers >= http.threads / 2;
}

/* False: the answer says why not. */
static bool begin(const struct api *api, struct watching *w)
{
    struct str after = read_after(w);
    struct problem p = {0};

    int r = is_crowded(api) ? -BD_EFULL : events_open(w->events, after, &w->reader);
    if (r == 0)
        return true;
    if (r == -BD_ENOTFOUND) {
        say_gone(w->rs);
    } else if (r == -BD_EFULL) {
        http_problem_as(w->rs, 503, "busy", "Busy", "too many clients wait for events");
    } else if (r == -BD_ESYNTAX) {
        problem_set(&p, r, "after", "'%.*s' is no id of an event", STR_ARG(after));
        problem_hint(&p, "take 'last' or 'id' of an answer, or 0 for the oldest that is kept");
        http_problem(w->rs, &p);
    } else {
        problem_set(&p, r, NULL, "%s", bd_strerror(r));
        http_problem(w->rs, &p);
    }
    return false;
}

/* ---- what is wanted ---- */

static bool name_matches(struct str glob, const struct event_view *event)
{
    struct dname name, zone;

    return event->name.n > 0 && dname_from_text(event->name, NULL, &name, NULL) == 0 &&
           dname_from_text(event->zone, NULL, &zone, NULL) == 0 &&
           glob_match_name(glob, &name, &zone);
}

static bool wants(const struct watching *w, const struct event_view *event)
{
    if (w->kinds && !(w->kinds & 1U << event->kind))
        return false;
    if (w->nzone > 0 && !str_eq(event->zone, (struct str){w->zone, w->nzone}))
        return false;
    return w->name.n == 0 || name_matches(w->name, event);
}

/* ---- long poll ---- */

static int write_item(void *arg, const struct event_view *event)
{
    struct watching *w = arg;

    if (!wants(w, event))
        return 0;
    if (w->written++ > 0)
        buf_add_c(w->out, ',');
    buf_add_str(w->out, event->json);
    return w->written == ANSWER_EVENTS || w->out->n > ANSWER_OCTETS;
}

/* Until an event is wanted, or the time is over. 0, or that some are not kept any more. */
static int gather(struct watching *w, uint64_t deadline_ns)
{
    int r = 0;

    while (r >= 0 && w->written == 0) {
        uint64_t look = clock_deadline(LOOK_TIME);
        int woken =
            deadline_ns == 0 ? 1 : events_wait(w->reader, look < deadline_ns ? look : deadline_ns);
        if (woken != 0)
            r = events_read(w->reader, write_item, w);
        if (woken < 0 || clock_mono_ns() >= deadline_ns || http_client_is_gone(w->rq))
            break;
    }
    return r < 0 && w->written == 0 ? r : 0;
}

static void answer(struct watching *w, uint64_t wait_ns)
{
    char id[EVENT_ID_SIZE];

    buf_add_str(w->out, STR("{\"events\":["));
    int r = gather(w, wait_ns && !http_is_head(w->rq) ? clock_deadline(wait_ns) : 0);
    if (r < 0) {
        say_gone(w->rs);
        return;
    }
    events_id(w->events, events_place(w->reader), id);
    buf_addf(w->out, "],\"last\":\"%s\"}\n", id);
    http_type(w->rs, "application/json");
}

/* ---- stream ---- */

static void add_id(struct watching *w, uint64_t number)
{
    char id[EVENT_ID_SIZE];

    buf_addf(w->out, "id: %s\n", events_id(w->events, number, id));
}

static int write_event(void *arg, const struct event_view *event)
{
    struct watching *w = arg;

    if (!wants(w, event))
        return 0;
    add_id(w, event->number);
    buf_addf(w->out, "event: %s\ndata: ", event_kind_name(event->kind));
    buf_add_str(w->out, event->json);
    buf_add_str(w->out, STR("\n\n"));
    return w->out->n > PIECE;
}

/* In one write. An id without data is no event, and yet where the client goes on after a break. */
static int send_piece(struct watching *w)
{
    http_stream_deadline(w->rs, clock_deadline(w->take_time_ns));
    int r = w->out->error ? w->out->error : http_stream(w->rs, buf_str(w->out));

    buf_reset(w->out);
    return r;
}

static int send_sign_of_life(struct watching *w)
{
    buf_add_str(w->out, STR(": nothing new\n"));
    add_id(w, events_place(w->reader));
    buf_add_c(w->out, '\n');
    return send_piece(w);
}

/* All that there is. 0; or the stream is over: the client is gone, or lags behind what is kept,
 * which it is told when it comes back. */
static int send_events(struct watching *w, bool *ret_sent)
{
    int r = 1;

    *ret_sent = false;
    while (r > 0) {
        r = events_read(w->reader, write_event, w);
        if (w->out->n == 0)
            break;
        int sent = send_piece(w);
        *ret_sent = true;
        r = sent < 0 ? sent : r;
    }
    return r;
}

static void stream(struct watching *w)
{
    uint64_t due = clock_deadline(w->silence_ns);
    bool sent;
    int r;

    http_type(w->rs, "text/event-stream");
    http_set(w->rs, "X-Accel-Buffering", "no"); /* nginx would gather them */
    buf_add_str(w->out, STR("retry: 1000\n"));
    add_id(w, events_place(w->reader));
    buf_add_c(w->out, '\n');
    r = send_piece(w);
    while (r >= 0 && !http_is_head(w->rq)) {
        r = send_events(w, &sent);
        if (r >= 0 && !sent && clock_mono_ns() >= due) {
            r = send_sign_of_life(w);
            sent = true;
        }
        if (sent)
            due = clock_deadline(w->silence_ns);
        uint64_t look = clock_deadline(LOOK_TIME);
        if (r >= 0)
            r = events_wait(w->reader, look < due ? look : due);
        if (http_client_is_gone(w->rq))
            r = -EPIPE;
    }
}

/* A thread that was woken with an event takes the processor from none that works on a request. */
static int stand_back(int policy)
{
    struct sched_param parameters = {.sched_priority = 0};
    int before = 0;

    pthread_getschedparam(pthread_self(), &before, &parameters);
    if (before == SCHED_OTHER || before == SCHED_BATCH)
        pthread_setschedparam(pthread_self(), policy, &parameters);
    return before;
}

void events_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    const struct api *api = context;
    struct watching w = {.events = api->events,
                         .rq = rq,
                         .rs = rs,
                         .stream = http_accepts(rq, "text/event-stream"),
                         .silence_ns = api->silence_ns ? api->silence_ns : SILENCE,
                         .take_time_ns = api->take_time_ns ? api->take_time_ns : TAKE_TIME,
                         .out = http_body(rs)};
    struct problem problem;
    uint64_t wait_ns = 0;

    if (read_filter(api, &w, &problem) < 0 || read_wait(rq, &wait_ns, &problem) < 0) {
        http_problem(rs, &problem);
        return;
    }
    http_set(rs, "Vary", "Accept");
    if (!begin(api, &w))
        return;
    const int before = stand_back(SCHED_BATCH);
    if (w.stream)
        stream(&w);
    else
        answer(&w, wait_ns);
    stand_back(before);
    events_close(w.reader);
}

/* Real listeners on 127.0.0.1, and one probe at a time. */
#ifndef TESTS_PROBER_KIT_H
#define TESTS_PROBER_KIT_H

#include <pthread.h>

#include "prober.h"

/* ---- a listener ---- */

struct prober_server {
    int fd;
    uint16_t port;
    /* On the server's thread, a connection at a time; NULL: it is closed at once. */
    void (*serve)(int fd);
    pthread_t thread;
    int stop[2];
    unsigned accepted; /* atomic */
};
void prober_bind(struct prober_server *s, int type); /* nobody accepts yet */
/* false: the port is in use there. */
bool prober_bind_at(struct prober_server *s, int type, const struct address *at, uint16_t port);
void prober_serve(struct prober_server *s, void (*serve)(int fd));
void prober_accept(struct prober_server *s, void (*serve)(int fd)); /* of one that is bound */
void prober_stop(struct prober_server *s);
unsigned prober_accepted(const struct prober_server *s);
void prober_say(int fd, const char *text);
void prober_hang(int fd); /* until the other side gives up */

/* ---- a prober ---- */

extern struct loop *prober_loop;          /* made by set_up, freed by tear_down */
extern struct prober_options prober_with; /* what prober_make adds to; its loop is set */
int prober_set_up(void **state);
int prober_tear_down(void **state);

/* open: checks.allow has 127.0.0.0/8. */
struct prober *prober_make(bool open, unsigned in_flight);
struct check_spec prober_spec(const char *text); /* a view of text */
/* The check's text has PORT where the port goes. */
void prober_fill(const char *template, unsigned port, char out[512]);

#define PROBER_TARGET(s)                                                                           \
    {                                                                                              \
        .spec = (s), .to = {AF_INET, {127, 0, 0, 1}}, .caller = {AF_INET, {127, 0, 0, 1}},         \
        .name = STR("web.lab.example"), .id = STR("i-1")                                           \
    }

/* What the last one that ended said. */
extern struct prober_last {
    bool ok, refused, unasked;
    uint64_t latency_ns;
    char output[8192];
    unsigned ended;
} prober_last;
/* arg: NULL, or counts down an unsigned; stops the loop when that is 0. */
void prober_ended(void *owner, void *arg, const struct probe_result *result);
void prober_run(void); /* until the loop is stopped, or for too long */

/* One probe of 127.0.0.1, to its end. */
void prober_probe(bool open, const char *template, unsigned port);
void prober_says(bool ok, const char *words);

#endif

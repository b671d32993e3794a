/* What stands on the configuration, and is made anew when that is read again: registry, controller,
 * health, and what HTTP requests work on. On the loop's thread. */
#ifndef PARTS_H
#define PARTS_H

#include <betterdns/api.h>
#include <betterdns/config.h>
#include <betterdns/loop.h>

struct parts {
    struct events *events;    /* outlives them */
    struct http_server *http; /* likewise; NULL before the first parts_open */
    struct loop *loop;
    struct registry *registry; /* may outlive the others */
    struct controller *controller;
    struct health *health;
    struct api api;
};

/* Makes them; nothing runs but the registry and, at the first time, HTTP. Else HTTP is held, and
 * its options are prepared. goes_back: c is what was in force before a round that did not start;
 * HTTP is still as c wants it, and neither token nor addresses are needed again. A registry that is
 * there is taken as it is. After a failure parts_close follows as ever. */
int parts_open(struct parts *p, const struct config *c, bool goes_back,
               struct problem *ret_problem);
/* After HTTP was stopped or held and, where it was started, the controller was stopped or left. */
void parts_close(struct parts *p, bool keep_registry);

/* May the registry stay, from one configuration to the other? */
bool parts_same_registry(const struct config *a, const struct config *b);
/* Can next be put in force in the place of now? All that can be known while the parts are there,
 * before anything is torn down; new addresses for HTTP are listened on then. */
int parts_check(struct parts *p, const struct config *now, const struct config *next,
                struct problem *ret_problem);

#endif

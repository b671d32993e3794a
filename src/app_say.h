/* What a person at a terminal hears of a start. */
#ifndef APP_SAY_H
#define APP_SAY_H

#include <betterdns/config.h>
#include <betterdns/notify.h>

/* A refused start: what, and what to do. notify NULL: no supervisor listens. The exit code. */
int say_refused(const struct notify *notify, const struct problem *p);
/* The two lines that a newcomer types first. http_port: of the first address, where 0 was asked
 * for the port that it got. */
void say_hello(const struct config *config, unsigned http_port);

/* A reload has come to its end: with another configuration than its own, or not. */
void say_reloaded(const struct config *c, bool another, uint64_t since_ns);

#endif

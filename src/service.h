/* betterdns as a service: what its supervisor hears, by sd_notify(3), and how it stands in one
 * sentence. On the loop's thread. */
#ifndef SERVICE_H
#define SERVICE_H

#include <stddef.h>
#include <sys/socket.h>

#include <betterdns/buf.h>
#include <betterdns/controller.h>
#include <betterdns/loop.h>
#include <betterdns/notify.h>
#include <betterdns/registry.h>

#define SERVICE_SENTENCE_SIZE 1024

struct service_parts {
    const struct notify *notify; /* NULL: nothing is said to anybody */
    struct buf *unsent; /* messages that found no room, each ended by NUL: those of the service
                           before too, which are sent first. NULL only where notify is */
    struct loop *loop;
    struct registry *registry;
    struct controller *controller;
    const struct dname *origins; /* the zones', in their order */
    unsigned nzones;
    struct sockaddr_storage listen; /* where DNS is asked */
    const char *trouble; /* what else is not well; empty: nothing. Looked at whenever it is said */
};

struct service;

/* The parts are copied, and outlive it. From now on more time is asked for, as long as there is
 * progress, and how it stands is said whenever that has changed. WATCHDOG=1 is said while the loop
 * turns and the committer is at no piece of work for longer than the watchdog's time. */
int service_new(const struct service_parts *parts, struct service **ret_service);
void service_free(struct service *s); /* NULL is fine */

/* NULL is fine for all of these. */
void service_ready(struct service *s);
/* Around a reload; nothing before service_ready. */
void service_reloading(struct service *s);
void service_reloaded(struct service *s);
void service_stopping(struct service *s);

/* "coredns 1.15.0 answers for 2 zones on 192.0.2.53:53", and what is not well. */
void service_sentence(struct service *s, char out[SERVICE_SENTENCE_SIZE]);

#endif

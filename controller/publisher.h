/* The publisher: has the server told of each new live copy, and follows it until the server shows
 * it. Everything on the loop's thread. */
#ifndef CONTROLLER_PUBLISHER_H
#define CONTROLLER_PUBLISHER_H

#include <stdbool.h>
#include <sys/socket.h>

struct controller;
struct child;
struct conf;
struct publisher;

/* What the supervisor hears. A handler may call publisher_detach. */
struct publisher_handlers {
    void (*serving)(void *arg); /* every zone shows its newest copy; said once after each attach */
    void (*silent)(void *arg); /* three questions, 500 ms apart, without any answer; said again with
                                  each further one */
    void (*tick)(void *arg);   /* every 500 ms */
    /* With each answer: the revision of the configuration. Can the answer be relied on
     * (conf_heard)? */
    bool (*heard)(void *arg, unsigned revision);
};

int publisher_new(struct controller *c, const struct publisher_handlers *handlers, void *arg,
                  struct publisher **ret_publisher);
/* From now on this child is asked; what was outstanding before begins again. */
int publisher_attach(struct publisher *p, struct child *child, struct conf *conf,
                     const struct sockaddr_storage *address);
/* next, whose conf this is, is about to take the place of the child that is asked: what is
 * outstanding goes on, what was served still is. */
int publisher_replace(struct publisher *p, const struct child *next, struct conf *conf);
void publisher_detach(struct publisher *p); /* nothing is served any more */
/* The same for a child that stays alone: it is told of the last copies, where it was not yet. */
void publisher_leave(struct publisher *p);
/* A live copy was written. */
void publisher_kick(struct publisher *p);
/* While closed, what the server shows does not count as served, and nothing is late: another server
 * shares the public port. */
void publisher_open(struct publisher *p, bool open);
/* Its questions have gone to another server on the port: they count as answered. */
void publisher_move(struct publisher *p);
void publisher_free(struct publisher *p);

#endif

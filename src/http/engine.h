/* What the layer needs of an HTTP engine: threads, accepting, keeping connections. civet.c is the
 * one that there is. What goes over the sockets is read and written by us. */
#ifndef HTTP_ENGINE_H
#define HTTP_ENGINE_H

#include <sys/socket.h>

#include <betterdns/error.h>

struct engine;
struct listeners;
struct http_server;

struct engine_options {
    const struct listeners *listeners; /* where clients come; outlives the engine */
    unsigned threads;
    struct http_server *server; /* handed to server.h's functions */
};

/* 0, or a negative error; *ret_problem is filled then. */
int engine_start(const struct engine_options *options, struct engine **ret_engine,
                 struct problem *ret_problem);
/* After listeners_close: closes what is idle, waits for its threads, frees. NULL is fine. */
void engine_stop(struct engine *e);
#endif

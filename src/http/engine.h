/* What the layer needs of an HTTP engine: threads, accepting, bodies, writing. civet.c is the one
 * that there is. */
#ifndef HTTP_ENGINE_H
#define HTTP_ENGINE_H

#include <stdbool.h>
#include <sys/socket.h>

#include <betterdns/error.h>
#include <betterdns/str.h>

struct engine;
struct engine_conn;
struct http_server;

struct engine_options {
    const int *listeners; /* listening sockets; the engine's once it has started */
    unsigned nlisteners, threads;
    struct http_server *server; /* handed to server.h's functions */
};

/* 0, or a negative error; *ret_problem is filled then. */
int engine_start(const struct engine_options *options, struct engine **ret_engine,
                 struct problem *ret_problem);
/* Closes what is idle, waits for its threads, frees. NULL is fine. */
void engine_stop(struct engine *e);

/* The bytes of the body, at most n: > 0; 0: all of it was read; -EPIPE: the client is gone, or its
 * chunks are bad. May wait for ever: see watch.h. */
int engine_read(struct engine_conn *c, char *buf, size_t n);
/* All bytes, or -EPIPE: the client is gone, or took nothing until the deadline. */
int engine_write(struct engine_conn *c, struct str bytes, uint64_t deadline);
/* Of a chunked body that was read to its end (RFC 9112 §7.1.2). */
bool engine_has_trailer(struct engine_conn *c);
/* No further request is read from this connection, nor what is left of this one's body. */
void engine_close_after(struct engine_conn *c);
#endif

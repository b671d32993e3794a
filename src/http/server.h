/* What an engine calls. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http_private.h"

/* At the start and end of each of its threads. NULL without memory: the thread then refuses what it
 * gets. */
struct http_worker *server_worker_new(struct http_server *s);
void server_worker_free(struct http_worker *w);

/* Reads a head from the connection of w->place, and judges it and how its body is framed: w->rq is
 * filled, or w->refused and the refusal in w->rs. False: the client is gone, or said nothing. */
bool server_head(struct http_worker *w);
/* Then its answer. False: the connection is over. */
bool server_serve(struct http_worker *w);
/* 503, where there is no worker. */
void server_unavailable(struct http_server *s, int fd);

/* Whether a new client gets a place; if not, it has been answered and closed. */
struct place *server_admit(struct http_server *s, int fd, const struct sockaddr_storage *peer);
void server_count_connection(struct http_server *s, bool opened);

#endif

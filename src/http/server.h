/* What an engine calls. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http_private.h"

/* At the start and end of each of its threads. NULL without memory: the thread then refuses what it
 * gets. */
struct http_worker *server_worker_new(void);
void server_worker_free(struct http_worker *w);

/* The engine has filled server, conn, fd, method, target, path, query, http10, headers, nheaders
 * and peer of w->rq. */
void server_serve(struct http_worker *w);
/* What the engine itself could not read: answered with that status, and the connection ends. */
void server_refuse(struct http_server *s, struct engine_conn *c, int status);
void server_count_connection(struct http_server *s, bool opened);

#endif

/* Requests are counted while they are answered, and held back while what answers them changes. */
#ifndef HTTP_HOLD_H
#define HTTP_HOLD_H

#include <stdint.h>

struct http_server;

/* Around the answer of a request. It begins after the end of a hold. */
void hold_enter(struct http_server *s);
void hold_leave(struct http_server *s);

void hold_end(struct http_server *s);
/* Until no request is being answered any more, or the time is over. */
void hold_wait_idle(struct http_server *s, uint64_t time);

#endif

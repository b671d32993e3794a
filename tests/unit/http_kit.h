/* An HTTP client that sends what it is told, byte by byte, and reads one answer. For tests only. */
#ifndef HTTP_KIT_H
#define HTTP_KIT_H

#include <betterdns/http.h>

struct raw_answer {
    int status;      /* 0: the connection ended, or nothing came within 10 s */
    struct buf all;  /* as received */
    struct str head; /* with the status line, without the empty line */
    struct str body; /* without its chunks */
    struct buf unchunked;
    bool complete; /* the body ended as it said it would */
};

int raw_connect(unsigned port);                           /* to 127.0.0.1 */
int raw_connect_from(unsigned port, const char *address); /* one of 127.0.0.0/8 */
int raw_connect_small(unsigned port); /* to 127.0.0.1, with small buffers on this side */
int raw_connect6(unsigned port);      /* to ::1 */
void raw_send(int fd, struct str bytes);
/* head: whether it answers a HEAD. */
void raw_read(int fd, bool head, struct raw_answer *ret);
struct str raw_header(const struct raw_answer *a, const char *name); /* p NULL: none */
bool raw_closed(int fd); /* waits for it, 10 s at most */
void raw_free(struct raw_answer *a);

/* On a connection of its own. */
void raw_ask(unsigned port, struct str bytes, struct raw_answer *ret);
/* The same, but only the status. */
int raw_status(unsigned port, struct str bytes);

/* Fails the test unless the answer is complete and is this one; body NULL: any. */
void assert_raw(const struct raw_answer *a, int status, const char *body);
void assert_raw_next(int fd, int status, const char *body);
void assert_raw_ask(unsigned port, struct str request, int status, const char *body);

/* A handler that answers the request's fields: "name=text;list=[a][b];". */
void kit_echo(void *context, const struct http_request *rq, struct http_response *rs);

/* A server on 127.0.0.1 and ::1, at free ports, with a few threads unless the options say
 * otherwise. */
struct http_server *kit_server(struct http_options options, const struct http_route *routes,
                               size_t nroutes, void *context);

#endif

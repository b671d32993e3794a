/* What the files of this folder share: one request, its response, the server. */
#ifndef HTTP_PRIVATE_H
#define HTTP_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include <betterdns/clock.h>
#include <betterdns/http.h>

#include "arena.h"
#include "engine.h"
#include "listen.h"
#include <betterdns/network.h>
#include "places.h"
#include "rules.h"

#define HTTP_HEAD_MAX (16u * 1024)
#define HTTP_HEADERS_MAX 64
#define HTTP_SEGMENTS_MAX 16   /* of a path */
#define HTTP_FIELDS_MAX 64     /* distinct names in a body or query */
#define HTTP_JSON_DEPTH_MAX 16 /* of nested brackets */
#define HTTP_BODY_MAX (64u * 1024)
#define HTTP_HEAD_TIME (5 * NS_PER_S)   /* from its first octet, unless the options say otherwise */
#define HTTP_BODY_TIME (10 * NS_PER_S)  /* for the whole body, unless the options say otherwise */
#define HTTP_WRITE_TIME (30 * NS_PER_S) /* for one answer, or one piece of a stream */

struct http_header {
    struct str name, value;
};

struct http_fields {
    struct http_field *items;
    size_t n, cap;
};

/* What is worked out when it is first asked for. */
struct http_lazy {
    bool done;
    int error;
    struct problem problem;
    struct http_fields fields;
};

struct http_request {
    struct http_server *server;
    const struct http_rules *rules; /* by which it is judged; NULL before it is */
    int fd;                         /* its socket */
    struct place *place;            /* NULL in none of the requests that are served */
    struct arena *arena;
    struct http_lazy *lazy;
    uint64_t started;
    struct str method, target, path, query; /* as sent */
    struct str authority;                   /* of the target, as in "http://web/a"; p NULL: none */
    bool http10, chunked;
    bool taken; /* the whole body was read */
    struct http_header headers[HTTP_HEADERS_MAX];
    size_t nheaders;
    uint64_t content_length;
    struct str body;
    struct address peer, client;
    char client_text[ADDRESS_TEXT_MAX];
    struct str segments[HTTP_SEGMENTS_MAX]; /* decoded */
    size_t nsegments;
    const struct http_route *route;
    struct http_fields parameters; /* of the query */
};

struct http_response {
    struct http_request *rq;
    int status; /* 0: none was set */
    const char *type;
    struct buf head; /* further header lines */
    struct buf body;
    struct buf out; /* what goes out in one write */
    bool close;     /* the connection ends with this answer */
    bool streaming, chunked, broken;
    uint64_t deadline; /* of a stream; 0: none */
};

struct head_refusal {
    int status;
    const char *detail, *hint; /* hint NULL: none */
};

/* One a thread of the engine, used again for each of its requests. */
struct http_worker {
    struct http_server *server;
    struct http_request rq;
    struct http_response rs;
    struct http_lazy lazy;
    struct arena arena;
    struct place *place; /* of its connection; NULL: it has none */
    bool refused;        /* the response holds why */
    char head[HTTP_HEAD_MAX];
};

struct http_server {
    struct engine *engine;
    struct listeners *listeners;
    struct places *places;
    const struct http_route *routes;
    size_t nroutes;
    void *context;
    uint64_t head_time_ns, body_time_ns;
    unsigned threads;
    struct http_rules *_Atomic rules; /* for requests from now on */
    struct http_rules *next;          /* prepared; NULL: nothing is */
    struct http_rules *before;        /* some request may still be judged by them */
    atomic_bool draining, held;
    atomic_uint connections, busy;
    _Atomic uint64_t requests, by_class[6];
    pthread_mutex_t lock;
    pthread_cond_t idle; /* busy fell to 0 while draining or held */
    pthread_cond_t resumed;
};

/* Steps of a request. Each returns false when it has filled the response with a refusal. */
bool framing_check(struct http_request *rq, struct http_response *rs);
bool body_take(struct http_request *rq, struct http_response *rs);
bool client_find(struct http_request *rq, struct http_response *rs);
bool guard_address(struct http_request *rq, struct http_response *rs);
bool guard_network(struct http_request *rq, struct http_response *rs);
bool router_match(struct http_request *rq, struct http_response *rs);
bool guard_caller(struct http_request *rq, struct http_response *rs);
bool router_found(struct http_request *rq, struct http_response *rs);
bool query_parse(struct http_request *rq, struct http_response *rs);
bool query_known(struct http_request *rq, struct http_response *rs);

/* Headers. */
struct str header_value(const struct http_request *rq,
                        struct str name); /* the first; p NULL: none */
size_t header_count(const struct http_request *rq, struct str name);
/* Whether a comma-separated header (all of its lines) has the token, in any case. */
bool header_has_token(const struct http_request *rq, struct str name, struct str token);
bool request_is_write(const struct http_request *rq);

/* host.c: the authority that a request names ("web.lab.example:8000"). */
bool host_check(const struct http_request *rq, struct http_response *rs); /* one, well-formed */
struct str host_authority(const struct http_request *rq);                 /* p NULL: none */
bool host_is_ours(const struct http_options *o, struct str authority);
bool origin_is_own(struct str origin, struct str authority);

/* Fields. Names and texts must live as long as the request. */
int fields_add(struct arena *a, struct http_fields *f, const struct http_field *field,
               struct problem *p); /* -BD_ESYNTAX: the name is there already, or one too many */
int form_parse(struct arena *a, struct str text, const char *what, struct http_fields *f,
               struct problem *p);
int json_in_parse(struct arena *a, struct str text, struct http_fields *f, struct problem *p);

/* Strict JSON (RFC 8259), within the limits above; the numbers' texts in their order.
 * -BD_ESYNTAX, -ENOMEM. */
struct json_numbers {
    struct str *items;
    size_t n, cap;
};
int json_scan(struct arena *a, struct str text, struct json_numbers *ret_numbers,
              struct problem *p);

/* Responses. */
void response_start(struct http_response *rs, struct http_request *rq);
void response_finish(struct http_response *rs); /* sends what was not sent yet */
void problem_write(struct http_response *rs, int status, const char *name, const char *title,
                   const struct problem *p);      /* its error does not count */
void problem_no_memory(struct http_response *rs); /* 503 */
/* A whole answer of 503, for where there is no memory; head: without its body. Its length. */
#define PROBLEM_BARE_MAX 512
size_t problem_bare(char ret_answer[PROBLEM_BARE_MAX], bool head, const char *name,
                    const char *title, const char *detail);
bool problem_refuse(struct http_response *rs, const struct problem *p); /* false, for the steps */

#endif

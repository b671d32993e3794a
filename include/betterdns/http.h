/* HTTP: civetweb behind request, response and router. Handlers see decoded segments, merged
 * parameters and a response that goes out in one write. */
#ifndef BETTERDNS_HTTP_H
#define BETTERDNS_HTTP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include <betterdns/buf.h>
#include <betterdns/dname.h>
#include <betterdns/error.h>
#include <betterdns/json.h>
#include <betterdns/network.h>

struct http_server;
struct http_request;
struct http_response;

struct http_options {
    const struct sockaddr_storage *listen;
    unsigned nlisten;
    struct str token;            /* Authorization: Bearer; p NULL: none is asked for */
    const struct network *allow; /* n 0: everybody */
    unsigned nallow;
    const struct str *hosts; /* further names that Host may have */
    unsigned nhosts;
    const struct dname *zones; /* names below them are fine as Host */
    unsigned nzones;
    const struct network *trusted_proxies;
    unsigned ntrusted_proxies;
    unsigned threads; /* as many connections at once, but for a few; 0: the default, 1200 */
    /* Within which a head or a body must be complete, from its first octet; 0: 5 s and 10 s. */
    uint64_t head_time_ns, body_time_ns;
};

typedef void http_handler(void *context, const struct http_request *rq, struct http_response *rs);

/* A pattern is literal segments and {parameters}: "/a/{name}". The first match wins; a trailing
 * slash is as without; 405 and Allow come from the other rows of a path. HEAD is served by GET. */
struct http_route {
    const char *method, *pattern;
    http_handler *handler;
    const void *data; /* http_route_data */
    bool open;        /* answered without a token (healthz, readyz, version) */
    /* The query parameters that it has, ended by NULL: another, or one twice, is a 400. NULL: the
     * handler judges them. */
    const char *const *query;
    const char *help; /* what it does, in a line; NULL: nothing is said of it */
};

/* Starts listening and answering. Options are copied; routes and context must live as long as the
 * server. -BD_EINUSE: an address is taken; *ret_problem names address, program and pid. */
int http_start(const struct http_options *options, const struct http_route *routes, size_t nroutes,
               void *context, struct http_server **ret_server, struct problem *ret_problem);
/* Refuses new requests with 503 + Retry-After while those under way are answered. */
void http_drain(struct http_server *s);
/* After the last answer, or 5 s; clients that neither send nor take anything have half a second. */
void http_stop(struct http_server *s);

/* Other options for a server that runs, and another context; on one thread, but for http_hold.
 * Prepared: what can fail; addresses that are not listened on yet are, clients wait there. Called
 * again, it forgets what was prepared before. Threads and times stay as they are. Errors as
 * http_start, and then nothing has changed. */
int http_prepare(struct http_server *s, const struct http_options *options,
                 struct problem *ret_problem);
/* What was prepared is not to come into force. */
void http_forget(struct http_server *s);
/* Held: requests that come are not looked at; clients wait, nobody is refused. Blocks until those
 * under way are answered; clients that are slow to send or take something have two seconds, then
 * they are cut off. Then no handler runs. */
void http_hold(struct http_server *s);
/* They are looked at again, by the options that are in force. */
void http_resume(struct http_server *s);
/* What was prepared comes into force, addresses and rules together; also while requests are being
 * answered: each is judged by the rules that were in force when its answer began. A connection
 * that was made at an address that is given up gets 421. Without http_prepare nothing happens. */
void http_exchange(struct http_server *s);
unsigned http_port(const struct http_server *s,
                   unsigned i); /* of listen[i], where it asked for 0 */

struct http_stats {
    uint64_t requests, by_class[6]; /* [2]: 2xx … */
    unsigned connections, threads;  /* threads: so many connections at once, but for a few */
};
void http_stats(const struct http_server *s, struct http_stats *ret_stats);

/* Requests. Every view lives until the handler returns. */
const void *http_route_data(const struct http_request *rq);
struct str http_method(const struct http_request *rq); /* "GET" also for HEAD */
struct str http_path(const struct http_request *rq);   /* raw */
/* A parameter of the pattern, percent-decoded once (its "/" too); p NULL where the pattern has
 * none. */
struct str http_segment(const struct http_request *rq, const char *name);
/* A query parameter, decoded; p NULL: not given. The first of several counts. */
struct str http_query(const struct http_request *rq, const char *name);
struct str http_header(const struct http_request *rq,
                       const char *name); /* the first; p NULL: none */
/* Of a header that is a list: all its lines as one, joined by commas (RFC 9110 §5.3); p NULL: none.
 * -ENOMEM. */
int http_header_list(const struct http_request *rq, const char *name, struct str *ret_value);
/* The client's address as text, by X-Forwarded-For where a trusted proxy says so. */
struct str http_client(const struct http_request *rq);
bool http_client_is_loopback(const struct http_request *rq);
/* Whether that address is a trusted proxy's, which did not say whom it speaks for. */
bool http_client_is_proxy(const struct http_request *rq);
bool http_is_head(const struct http_request *rq); /* an answer's body would go nowhere */
/* Whether the client has closed its side, for a handler that makes it wait. One that only ends what
 * it sends counts as gone too. */
bool http_client_is_gone(const struct http_request *rq);
bool http_has_body(const struct http_request *rq);
uint64_t http_started_ns(const struct http_request *rq); /* monotonic */
bool http_accepts(const struct http_request *rq,
                  const char *media_type); /* named in Accept with q > 0, wildcards do not count */

/* The fields of a body (JSON object or form; by Content-Type), with the query's parameters where
 * there is no body. Names of nested objects are joined by dots ("check.interval"). */
struct http_fields;
struct http_field {
    struct str name;
    enum { FIELD_STRING, FIELD_NUMBER, FIELD_BOOL, FIELD_NULL, FIELD_EMPTY, FIELD_LIST } kind;
    struct str text;        /* numbers as written; "true", "false"; "null"; FIELD_EMPTY: "{}" */
    const struct str *list; /* FIELD_LIST: texts (a form's repeated name is one, too) */
    size_t nlist;
};
/* -BD_ESYNTAX (400), -BD_EMISMATCH (400: not what Content-Type says), -EMEDIUMTYPE (415), -EMSGSIZE
 * (413); *ret_problem is filled. Freed with the request. */
int http_fields(const struct http_request *rq, const struct http_fields **ret_fields,
                struct problem *ret_problem);
const struct http_field *http_field(const struct http_fields *f,
                                    const char *name); /* NULL: not given */
size_t http_nfields(const struct http_fields *f);
const struct http_field *http_field_at(const struct http_fields *f, size_t i);
/* The query's parameters, whether there is a body or not: for whoever refuses those it does not
 * know. FIELD_LIST where one is given more than once. */
const struct http_fields *http_parameters(const struct http_request *rq);

/* Responses: set what is needed, fill the body; it goes out when the handler returns. Without a
 * status it is 200. */
void http_status(struct http_response *rs, int status);
void http_type(struct http_response *rs, const char *content_type);
void http_set(struct http_response *rs, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
struct buf *http_body(struct http_response *rs);
/* application/problem+json (RFC 9457), the status by http_status_of; throws away what the body
 * held. */
void http_problem(struct http_response *rs, const struct problem *p);
/* The same for what has no struct problem: urn:betterdns:problem:NAME. */
void http_problem_as(struct http_response *rs, int status, const char *name, const char *title,
                     const char *format, ...) __attribute__((format(printf, 5, 6)));
int http_status_of(int error); /* 400, 404, 409, 412, 413, 415, 422, 503 */

/* Streaming: the head goes out with the first piece, chunked. 0, or -EPIPE: the client is gone or
 * too slow (30 s a piece, and the deadline of the stream): stop. */
int http_stream(struct http_response *rs, struct str piece);
/* The whole stream must be out by then, or is cut (monotonic; 0: as long as pieces are taken). May
 * be moved between pieces. */
void http_stream_deadline(struct http_response *rs, uint64_t deadline);
/* What was begun cannot be finished: the connection ends without the last chunk, or for HTTP/1.0 by
 * a reset, which tells the client. */
void http_stream_abort(struct http_response *rs);

/* JSON in, for a client of an API: values are views of one text, blanks around them cut off. Only
 * of a text that json_check has taken is what they say true; none reads beyond its view. */
int json_check(struct str text); /* RFC 8259, 16 brackets deep: 0, -BD_ESYNTAX, -ENOMEM */
/* A member of an object, by a name that needs no escapes. False: it has none, or is no object. */
bool json_member(struct str object, const char *name, struct str *ret_value);
/* The next item of a list: *rest starts as the list itself. False at the end, or for no list. */
bool json_item(struct str *rest, struct str *ret_item);
/* Appends a string's text, its escapes undone; anything else as it is written. */
void json_text(struct str value, struct buf *out);

#endif

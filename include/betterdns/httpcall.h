/* HTTP requests of our own, on a loop: libcurl's multi interface with its socket interface. Never a
 * proxy, never a redirect, http and https only, a connection of its own for each. All functions are
 * called on the loop's thread. */
#ifndef BETTERDNS_HTTPCALL_H
#define BETTERDNS_HTTPCALL_H

#include <betterdns/loop.h>
#include <betterdns/network.h>

struct httpcalls; /* what is under way on one loop */
struct httpcall;  /* one of them */

int httpcalls_new(struct loop *loop, struct httpcalls **ret_calls);
void httpcalls_free(struct httpcalls *c); /* cancels what is left, without its fn; NULL is fine */

struct httpcall_request {
    const char *method; /* "GET", "POST" */
    const char *url;    /* absolute; copied by the call, as all of this */
    /* Where the connection goes, whatever the URL names: its host is then the Host header and SNI
     * only, and is never resolved. family 0: to the URL's host. */
    struct address to;
    uint16_t port;
    /* Asked with the address itself before the connection is made; false: it is not made. NULL:
     * all are fine. */
    bool (*allow)(void *arg, const struct address *to, uint16_t port);
    void *allow_arg;
    bool any_name;              /* https: the certificate's name does not matter, nor its issuer */
    const char *const *headers; /* "Name: value"; ended by NULL; NULL: none */
    struct str body;            /* p NULL: none */
    uint64_t timeout_ns;        /* for all of it */
    size_t answer_max;          /* octets of the answer's body that are wanted; more is not read */
};

struct httpcall_answer {
    /* 0: there is an answer. -EACCES: not allowed; -BD_ETIMEDOUT; -ECONNREFUSED, -EHOSTUNREACH, …:
     * of the connection; -EMFILE, -ENFILE, -ENOMEM, -ENOSPC: it is we who lack something; -ENOKEY:
     * so it is with the certificates of authorities; -ECONNRESET: it ended without an answer;
     * -EPROTO: no HTTP; -EBADMSG: TLS, words say more. */
    int error;
    const char *words; /* nothing of it was sent by the other side; lives during the call */
    unsigned status;
    struct str body; /* its beginning */
    uint64_t latency_ns;
};
typedef void httpcall_fn(void *arg, const struct httpcall_answer *answer);

/* fn is called once, later, never within this call. After httpcall_cancel it is not. -ENOMEM,
 * -BD_EINVALID: the URL. */
int httpcall_start(struct httpcalls *c, const struct httpcall_request *request, httpcall_fn *fn,
                   void *arg, struct httpcall **ret_call);
void httpcall_cancel(struct httpcall *call); /* NULL is fine */

#endif

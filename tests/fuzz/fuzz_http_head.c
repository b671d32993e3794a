/* Any bytes as the head of a request, and as a body in chunks: cut in two they are what they are in
 * one; what is accepted has no octet that two readers could take for different things. The first
 * byte says where to cut. */
#include <stdlib.h>

#include "chunks.h"
#include "head.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_octets(struct str s, const char *never)
{
    for (size_t i = 0; i < s.n; i++)
        require(s.p[i] != '\0' && !strchr(never, s.p[i]));
}

static void check_request(const struct http_request *rq)
{
    check_octets(rq->method, "\r\n\t :");
    check_octets(rq->target, "\r\n\t #");
    require(rq->path.n > 0 && rq->path.p[0] == '/' && rq->nheaders <= HTTP_HEADERS_MAX);
    for (size_t i = 0; i < rq->nheaders; i++) {
        require(rq->headers[i].name.n > 0);
        check_octets(rq->headers[i].name, "\r\n\t :");
        check_octets(rq->headers[i].value, "\r\n");
    }
}

static void try_head(struct str text, size_t cut)
{
    struct head_scan whole = {0}, parts = {0};
    struct head_refusal why = {0}, same = {0};
    struct http_request *rq = calloc(1, sizeof(*rq));

    require(rq != NULL);
    const bool fine = head_scan(&whole, text, &why);
    const bool again =
        head_scan(&parts, (struct str){text.p, cut}, &same) && head_scan(&parts, text, &same);
    require(fine == again && whole.n == parts.n && whole.complete == parts.complete);
    require(fine || (why.status >= 400 && why.status == same.status && why.detail == same.detail));
    if (fine && whole.complete && head_parse(&whole, text, rq, &why))
        check_request(rq);
    free(rq);
}

static void try_chunks(struct str text, size_t cut)
{
    static char one[1000], two[1000];
    struct chunks whole = {.state = CHUNK_SIZE}, parts = {.state = CHUNK_SIZE};
    const char *why = NULL;

    const ssize_t taken = chunks_take(&whole, text, one, sizeof(one), &why);
    ssize_t again = chunks_take(&parts, (struct str){text.p, cut}, two, sizeof(two), &why);
    if (again >= 0) {
        const size_t from = (size_t)again;
        again =
            chunks_take(&parts, (struct str){text.p + from, text.n - from}, two, sizeof(two), &why);
        again += again >= 0 ? (ssize_t)from : 0;
    }
    require(taken == again && (taken != -BD_ESYNTAX || why));
    require(taken < 0 || (whole.n == parts.n && memcmp(one, two, whole.n) == 0));
    require(taken < 0 || ((size_t)taken == text.n) || whole.state == CHUNK_DONE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2 || size > HTTP_HEAD_MAX)
        return 0;
    const struct str text = {(const char *)data + 1, size - 1};
    const size_t cut = data[0] % text.n;
    try_head(text, cut);
    try_chunks(text, cut);
    return 0;
}

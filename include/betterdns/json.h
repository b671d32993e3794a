/* Writing JSON (RFC 8259). */
#ifndef BETTERDNS_JSON_H
#define BETTERDNS_JSON_H

#include <betterdns/buf.h>

/* JSON out, into a buf: commas are its own business. */
struct json {
    struct buf *out;
    unsigned depth;
    uint32_t comma; /* a bit a depth */
    bool after_key;
};
void json_open(struct json *j, char bracket);  /* '{' or '[' */
void json_close(struct json *j, char bracket); /* '}' or ']' */
void json_key(struct json *j, const char *key);
void json_str(struct json *j, struct str s); /* bytes that are not UTF-8 become U+FFFD */
void json_c(struct json *j, const char *s);  /* NULL: null */
void json_uint(struct json *j, uint64_t v);
void json_int(struct json *j, int64_t v);
void json_ms(struct json *j, uint64_t ns); /* milliseconds, three decimals at most */
void json_bool(struct json *j, bool v);
void json_null(struct json *j);
void json_raw(struct json *j, const struct buf *json); /* a value that is JSON already */

#endif

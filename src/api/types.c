/* GET /types: the record types that are understood. */
#include "resources.h"

#include <betterdns/rrtype.h>

static void write_type(struct json *j, const struct rrtype *type)
{
    char route[RRTYPE_TEXT_MAX + 2] = "/";

    for (size_t i = 0; type->name[i] && i + 2 < sizeof(route); i++)
        route[i + 1] = (char)ascii_lower((unsigned char)type->name[i]);
    json_open(j, '{');
    json_key(j, "name");
    json_c(j, type->name);
    json_key(j, "code");
    json_uint(j, type->code);
    json_key(j, "route");
    json_c(j, type->flags & RRTYPE_ROUTE ? route : NULL);
    json_key(j, "example");
    json_c(j, type->example);
    json_close(j, '}');
}

void types_get(void *context, const struct http_request *rq, struct http_response *rs)
{
    struct json j = {.out = http_body(rs)};
    size_t n;
    const struct rrtype *table = rrtype_table(&n);

    (void)context;
    (void)rq;
    http_type(rs, "application/json");
    json_open(&j, '{');
    json_key(&j, "types");
    json_open(&j, '[');
    for (size_t i = 0; i < n; i++)
        if (!(table[i].flags & RRTYPE_META))
            write_type(&j, &table[i]);
    json_close(&j, ']');
    json_close(&j, '}');
    buf_add_c(j.out, '\n');
}

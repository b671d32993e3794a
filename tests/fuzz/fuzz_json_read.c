/* Any octets as JSON that a client reads: never read beyond their end. Of what is taken as JSON,
 * every value inside is JSON too, and its text is UTF-8. */
#include <stdlib.h>

#include <betterdns/http.h>

#define DEPTH_MAX 16

static void check_text(struct str value)
{
    struct buf out = {0};
    uint32_t code;

    json_text(value, &out);
    for (struct str s = buf_str(&out); s.n > 0;) {
        unsigned n = str_utf8(s, &code);
        if (n == 0)
            abort();
        s = (struct str){s.p + n, s.n - n};
    }
    buf_free(&out);
}

static void walk(struct str value, bool checked, unsigned depth)
{
    struct str rest = value, inside;

    if (checked && json_check(value) < 0)
        abort();
    if (checked && value.n > 0 && value.p[0] == '"')
        check_text(value);
    if (depth > DEPTH_MAX)
        return;
    while (json_item(&rest, &inside))
        walk(inside, checked, depth + 1);
    if (json_member(value, "a", &inside))
        walk(inside, checked, depth + 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = {(const char *)data, size};
    bool checked = json_check(text) == 0;

    while (checked && text.n > 0 &&
           memchr(" \t\r\n", text.p[0], 4)) /* a value has none around it */
        text = (struct str){text.p + 1, text.n - 1};
    if (size < 4096)
        walk(text, checked, 0);
    return 0;
}

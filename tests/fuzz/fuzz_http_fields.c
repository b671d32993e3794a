/* Any bytes as a JSON body, a form and a percent-encoded text: no crash, and what is accepted is
 * UTF-8 without NUL, with names that occur once. The first byte chooses. */
#include <stdlib.h>

#include "http_private.h"
#include "urldecode.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok)
{
    if (!ok)
        abort();
}

static void check_text(struct str s)
{
    uint32_t code;

    while (s.n > 0) {
        unsigned n = str_utf8(s, &code);
        require(n > 0 && code != 0);
        s = (struct str){s.p + n, s.n - n};
    }
}

static void check_fields(const struct http_fields *f)
{
    require(f->n <= HTTP_FIELDS_MAX);
    for (size_t i = 0; i < f->n; i++) {
        const struct http_field *field = &f->items[i];
        check_text(field->name);
        check_text(field->text);
        for (size_t k = 0; k < field->nlist; k++)
            check_text(field->list[k]);
        for (size_t k = 0; k < i; k++)
            require(!str_eq(f->items[k].name, field->name));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena = {0};
    struct http_fields fields = {0};
    struct problem p = {0};
    struct str out = STR("");
    int r;

    if (size == 0 || size > HTTP_BODY_MAX)
        return 0;
    const struct str text = {(const char *)data + 1, size - 1};
    if (data[0] % 3 == 0)
        r = json_in_parse(&arena, text, &fields, &p);
    else if (data[0] % 3 == 1)
        r = form_parse(&arena, text, "form", &fields, &p);
    else
        r = urldecode(&arena, text, true, "text", &out, &p);
    require(r == 0 ? p.error == 0 : p.error == r && p.detail[0]);
    if (r == 0) {
        check_fields(&fields);
        check_text(out);
    }
    arena_free(&arena);
    return 0;
}

/* Types that have a name elsewhere, but no row in our table yet: whoever writes one gets to know
 * how it can be written here. */
#include "parser.h"

#include <stdio.h>

static const struct {
    char name[8];
    uint16_t code;
} registered[] = {
    {"X25", 19}, {"ISDN", 20}, {"RT", 21},  {"SIG", 24},
    {"KEY", 25}, {"PX", 26},   {"HIP", 55}, {"AVC", 258},
};

bool zp_hint_type(struct str text, char *out, size_t size)
{
    const struct rrtype *near;

    for (size_t i = 0; i < ARRAY_SIZE(registered); i++) {
        if (str_eq_fold(text, str_c(registered[i].name))) {
            snprintf(out, size, "this version knows it by number: TYPE%u \\# LENGTH HEX (RFC 3597)",
                     registered[i].code);
            return true;
        }
    }
    near = rrtype_nearest(text);
    if (near)
        snprintf(out, size, "did you mean '%s'?", near->name);
    return near != NULL;
}

/* Lengths of time as text. */
#include <betterdns/duration.h>

#include <errno.h>

#include <betterdns/clock.h>

struct unit {
    struct str name;
    uint64_t ms;
};

/* The larger ones first. */
static const struct unit units[] = {
    {{"d", 1}, 86400000}, {{"h", 1}, 3600000}, {{"m", 1}, 60000}, {{"s", 1}, 1000}, {{"ms", 2}, 1},
};

/* A number of one unit, off the front of *rest. */
static int take_part(struct str *rest, const struct unit **ret_unit, uint64_t *ret_ms)
{
    size_t digits = 0, end;

    while (digits < rest->n && ascii_digit(rest->p[digits]))
        digits++;
    end = digits;
    while (end < rest->n && !ascii_digit(rest->p[end]))
        end++;
    const struct str name = {rest->p + digits, end - digits};
    const struct unit *u = units, *last = units + ARRAY_SIZE(units);
    while (u < last && !str_eq(u->name, name))
        u++;
    int r = u == last ? -EINVAL : str_u64((struct str){rest->p, digits}, UINT64_MAX, ret_ms);
    if (r < 0)
        return r;
    if (__builtin_mul_overflow(*ret_ms, u->ms, ret_ms))
        return -ERANGE;
    *rest = (struct str){rest->p + end, rest->n - end};
    *ret_unit = u;
    return 0;
}

int duration_parse(struct str text, uint64_t *ret_ms)
{
    const struct unit *before = NULL, *unit = NULL;
    uint64_t sum = 0, part = 0;

    if (text.n == 0)
        return -EINVAL;
    while (text.n > 0) {
        int r = take_part(&text, &unit, &part);
        if (r < 0)
            return r;
        if (before && unit <= before)
            return -EINVAL;
        if (__builtin_add_overflow(sum, part, &sum) || sum > UINT64_MAX / NS_PER_MS)
            return -ERANGE;
        before = unit;
    }
    *ret_ms = sum;
    return 0;
}

char *duration_text(uint64_t ms, char out[DURATION_TEXT_SIZE])
{
    char *to = out;

    for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
        uint64_t count = ms / units[i].ms;
        if (count == 0)
            continue;
        to = str_put_u64(to, count);
        memcpy(to, units[i].name.p, units[i].name.n);
        to += units[i].name.n;
        ms -= count * units[i].ms;
    }
    memcpy(to, to == out ? "0s" : "", to == out ? 3 : 1);
    return out;
}

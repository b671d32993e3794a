/* A registration's lease, its check, and how it is. */
#include "life_json.h"

#include <betterdns/clock.h>
#include <betterdns/duration.h>

void life_json_duration(struct json *j, uint64_t ms)
{
    char text[DURATION_TEXT_SIZE];

    json_c(j, duration_text(ms, text));
}

/* Whatever else looks like a number is a text: body=007. */
static bool is_count(struct str member)
{
    return str_eq(member, STR("fall")) || str_eq(member, STR("rise"));
}

void life_json_check(struct json *j, struct str text)
{
    struct check_member member;
    char name[32];
    uint64_t number;

    if (text.n == 0) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    while (check_next(&text, &member)) {
        str_format(name, sizeof(name), "%.*s", STR_ARG(member.name));
        json_key(j, name);
        if (is_count(member.name) && str_u64(member.value, UINT32_MAX, &number) == 0)
            json_uint(j, number);
        else
            json_str(j, member.value);
    }
    json_close(j, '}');
}

/* By the clock on the wall, for people. */
static void write_expires(struct json *j, const struct registration *reg,
                          const struct health_registration *known)
{
    char text[CLOCK_RFC3339_SIZE];

    json_key(j, "expires");
    if (reg->lease_s == 0 || !known)
        json_null(j);
    else if (known->expires)
        json_c(j, clock_rfc3339(known->expires, text));
    else /* it was made a moment ago */
        json_c(j, clock_rfc3339(clock_real_s() + reg->lease_s, text));
}

/* What is seldom so is left out where it is not. */
static void write_true(struct json *j, const char *key)
{
    json_key(j, key);
    json_bool(j, true);
}

void life_json(struct json *j, const struct rrset *set, const struct registration *reg,
               struct health *health)
{
    struct health_registration known = {.state = CHECK_UNKNOWN};

    if (health)
        health_registration(health, reg->number, &known);
    json_key(j, "lease");
    if (reg->lease_s)
        life_json_duration(j, UINT64_C(1000) * reg->lease_s);
    else
        json_null(j);
    write_expires(j, reg, health ? &known : NULL);
    json_key(j, "check");
    life_json_check(j, reg->check);
    json_key(j, "state");
    json_c(j, check_state_name(known.state));
    json_key(j, "withdrawn");
    json_bool(j, rrset_reg_withdrawn(set, reg));
    if (known.kept)
        write_true(j, "kept");
    if (reg->flags & REG_DRAINING)
        write_true(j, "draining");
}

/* What is known of a check, as JSON. */
#include "check_json.h"

#include <betterdns/clock.h>
#include <betterdns/network.h>

#include "life_json.h"
#include "record_json.h"

static void write_time(struct json *j, const char *key, int64_t time)
{
    char text[CLOCK_RFC3339_SIZE];

    json_key(j, key);
    json_c(j, time ? clock_rfc3339(time, text) : NULL);
}

static void write_bool(struct json *j, const char *key, bool value)
{
    json_key(j, key);
    json_bool(j, value);
}

static void write_last(struct json *j, const struct health_check *c)
{
    json_key(j, "last");
    if (!c->last.time) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    write_time(j, "time", c->last.time);
    write_bool(j, "ok", c->last.ok);
    json_key(j, "output");
    json_str(j, c->last.output);
    json_key(j, "latency_ms");
    json_ms(j, c->last.latency_ns);
    json_close(j, '}');
}

void check_json_members(struct json *j, const struct health_check *c)
{
    const struct address to = address_from(c->address, c->naddress);
    char type[RRTYPE_TEXT_MAX], address[ADDRESS_TEXT_MAX];

    json_key(j, "id");
    if (c->number)
        json_str(j, c->id);
    else
        json_null(j); /* nobody registered it */
    record_json_known(j, "number", c->number);
    json_key(j, "type");
    json_c(j, rrtype_to_text(c->type, type));
    json_key(j, "address");
    json_c(j, address_text(&to, address) > 0 ? address : NULL);
    json_key(j, "url");
    json_str(j, c->spec.url);
    json_key(j, "state");
    json_c(j, check_state_name(c->state));
    write_bool(j, "withdrawn", c->withdrawn);
    write_bool(j, "kept", c->kept);
    write_bool(j, "draining", c->draining);
    write_time(j, "since", c->since);
    write_last(j, c);
}

void check_json_transitions(struct json *j, const struct health_check *c)
{
    json_key(j, "transitions");
    json_open(j, '[');
    for (unsigned i = 0; i < c->ntransitions; i++) {
        const struct health_transition *t = &c->transitions[i];
        json_open(j, '{');
        write_time(j, "time", t->time);
        json_key(j, "from");
        json_c(j, check_state_name(t->from));
        json_key(j, "to");
        json_c(j, check_state_name(t->to));
        json_key(j, "output");
        json_str(j, t->output);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void check_json_spec(struct json *j, const struct check_spec *spec)
{
    json_key(j, "interval");
    life_json_duration(j, spec->interval_ms);
    json_key(j, "timeout");
    life_json_duration(j, spec->timeout_ms);
    json_key(j, "fall");
    json_uint(j, spec->fall);
    json_key(j, "rise");
    json_uint(j, spec->rise);
    json_key(j, "deregister_after");
    if (spec->deregister_after_s == CHECK_NEVER)
        json_c(j, "never");
    else
        life_json_duration(j, UINT64_C(1000) * spec->deregister_after_s);
}

void check_json_reason(struct json *j, const struct health_check *c)
{
    struct buf text = {0};
    char since[CLOCK_RFC3339_SIZE];

    json_key(j, "reason");
    if (c->state == CHECK_UNAVAILABLE && (c->withdrawn || c->kept))
        buf_addf(&text, "UNAVAILABLE since %s%s%.*s%s", clock_rfc3339(c->since, since),
                 c->last.output.n > 0 ? ": " : "", STR_ARG(c->last.output),
                 c->kept ? "; kept in DNS, since it is the last of its name" : "");
    else if (c->draining)
        buf_addf(&text, "in maintenance, until DELETE /maintenance/NAME");
    else if (c->withdrawn)
        buf_addf(&text, "back, and about to be shown again");
    if (text.n)
        json_str(j, buf_str(&text));
    else
        json_null(j);
    if (text.error)
        j->out->error = text.error;
    buf_free(&text);
}

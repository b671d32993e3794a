/* Who is told what health sees: events, and the log. */
#include <betterdns/events.h>
#include <betterdns/log.h>
#include <betterdns/network.h>

#include "inner.h"

#define DETAIL_MAX 400

void told_transition(struct engine *e, const struct target *t, enum check_state from,
                     struct str output)
{
    char name[DNAME_TEXT_MAX], zone[DNAME_TEXT_MAX], type[RRTYPE_TEXT_MAX], detail[DETAIL_MAX];
    const struct address to = address_from(t->address, t->naddress);
    char address[ADDRESS_TEXT_MAX];
    struct registration as = {.number = 0};
    struct dname owner;

    rrset_owner(t->set->rrset, &owner);
    dname_to_text(&owner, name);
    dname_to_text(&e->in->origins[t->set->zone], zone);
    rrtype_to_text(rrset_type(t->set->rrset), type);
    address_text(&to, address);
    if (t->reg)
        engine_registration(t->reg, &as);
    str_format(detail, sizeof(detail), "%s%s%.*s", address, address[0] ? ": " : "",
               STR_ARG(output));
    log_info("a check's state has changed", LOG_C("name", name), LOG_STR("id", as.id),
             LOG_C("address", address), LOG_C("from", check_state_name(from)),
             LOG_C("to", check_state_name(t->verdict.state)), LOG_STR("output", output));
    const struct event event = {
        .kind = EVENT_TRANSITION,
        .number = as.number,
        .zone = str_c(zone),
        .name = str_c(name),
        .type = str_c(type),
        .registration = as.id,
        .detail = str_c(detail),
        .from = str_c(check_state_name(from)),
        .to = str_c(check_state_name(t->verdict.state)),
    };
    events_add(e->options.events, &event);
}

void told_panic(struct engine *e, bool on)
{
    char detail[DETAIL_MAX];

    if (on)
        log_warning("panic: so many hosts are down that it may be our own mistake. Nobody is "
                    "unregistered or terminated while it lasts (one hour at most while others "
                    "answer); DNS goes on leaving out what does not answer. Look at the network "
                    "between here and them, and at the checks",
                    LOG_UINT("down", e->ndown), LOG_UINT("hosts", e->nhosts));
    else
        log_warning("the panic is over: the clocks of leases and deregister_after begin anew",
                    LOG_UINT("down", e->ndown), LOG_UINT("hosts", e->nhosts));
    str_format(detail, sizeof(detail), "%u of %u hosts are down", e->ndown, e->nhosts);
    const struct event event = {
        .kind = EVENT_PANIC,
        .detail = str_c(detail),
        .on = on ? EVENT_YES : EVENT_NO,
    };
    events_add(e->options.events, &event);
}

void told_isolated(const struct engine *e, bool on)
{
    if (on)
        log_warning("we may be cut off: no more than half of the witnesses answer, so nobody is "
                    "unregistered or terminated. Look at the network here, and at checks.witnesses",
                    LOG_UINT("answering", witness_answering(e)),
                    LOG_UINT("witnesses", e->in->nwitnesses));
    else
        log_info("witnesses answer again: hosts that stay down may be removed");
}

/* The formats of the manifest. */
#include "manifest.h"

#include <betterdns/zonefile.h>

#include "record_json.h"

/* ---- zone: RFC 1035 text; its media type is RFC 4027's ---- */

static void write_text(struct manifest *m, const struct rrset *set)
{
    struct rdset rdatas = rrset_rdatas(set);
    struct dname owner;

    rrset_owner(set, &owner);
    zp_write_rrset(&owner, rrset_type(set), rrset_ttl(set), &rdatas, m->out);
}

/* First, as some readers of zone files want it. */
static void write_soa(struct manifest *m, unsigned zone)
{
    const struct dname *origin = &m->api->origins[zone];
    const struct rrset *soa = snap_find_name(m->overview.snap, zone, origin, RRTYPE_SOA);

    if (soa && filter_takes(&m->filter, origin, soa))
        write_text(m, soa);
}

static void zone_text_begin(struct manifest *m, unsigned zone)
{
    char name[DNAME_TEXT_MAX];
    const struct snap_zone *z = snap_zone(m->overview.snap, zone);

    dname_to_text(&z->origin, name);
    if (m->past) {
        buf_addf(m->out, "; zone %s serial %u, as it was after change %llu\n", name, z->serial,
                 (unsigned long long)snap_seq(m->overview.snap));
        write_soa(m, zone);
        return;
    }
    buf_addf(m->out, "; zone %s serial %u, served serial ", name, z->serial);
    if (m->overview.zones[zone].served_serial)
        buf_addf(m->out, "%u\n", m->overview.zones[zone].served_serial);
    else
        buf_addf(m->out, "not known\n");
    buf_addf(m->out, "; seq %llu, server %s %s, strategy %s\n",
             (unsigned long long)snap_seq(m->overview.snap), m->overview.server.kind,
             m->overview.server.state, m->overview.server.choice.strategy);
    write_soa(m, zone);
}

static void zone_text_set(struct manifest *m, unsigned zone, const struct rrset *set)
{
    (void)zone;
    if (rrset_type(set) != RRTYPE_SOA)
        write_text(m, set);
}

const struct manifest_format manifest_zone = {
    .name = "zone",
    .content_type = "text/dns",
    .zone_begin = zone_text_begin,
    .set = zone_text_set,
};

/* ---- json ---- */

static void json_begin(struct manifest *m)
{
    struct json *j = &m->json;

    json_open(j, '{');
    json_key(j, "seq");
    json_uint(j, snap_seq(m->overview.snap));
    json_key(j, "server");
    json_open(j, '{');
    json_key(j, "kind");
    json_c(j, m->overview.server.kind);
    json_key(j, "state");
    json_c(j, m->overview.server.state);
    json_key(j, "strategy");
    json_c(j, m->overview.server.choice.strategy);
    json_close(j, '}');
    json_key(j, "zones");
    json_open(j, '[');
}

static void json_zone_begin(struct manifest *m, unsigned zone)
{
    const struct snap_zone *z = snap_zone(m->overview.snap, zone);
    struct json *j = &m->json;

    json_open(j, '{');
    json_key(j, "name");
    record_json_name(j, &z->origin);
    json_key(j, "serial");
    json_uint(j, z->serial);
    record_json_known(j, "served_serial", m->overview.zones[zone].served_serial);
    json_key(j, "soa");
    record_json_soa(j, snap_find_name(m->overview.snap, zone, &z->origin, RRTYPE_SOA));
    json_key(j, "records");
    json_open(j, '[');
}

static void json_set(struct manifest *m, unsigned zone, const struct rrset *set)
{
    const struct record_json with = {.health = m->past ? NULL : m->api->health,
                                     .scratch = &m->scratch};

    if (rrset_type(set) != RRTYPE_SOA)
        record_json(&m->json, set, &m->api->origins[zone], &with);
}

static void json_zone_end(struct manifest *m, unsigned zone)
{
    (void)zone;
    json_close(&m->json, ']');
    json_close(&m->json, '}');
}

static void json_end(struct manifest *m)
{
    json_close(&m->json, ']');
    json_close(&m->json, '}');
    buf_add_c(m->out, '\n');
}

const struct manifest_format manifest_json = {
    .name = "json",
    .content_type = "application/json",
    .begin = json_begin,
    .zone_begin = json_zone_begin,
    .set = json_set,
    .zone_end = json_zone_end,
    .end = json_end,
};

/* ---- hosts: hosts(5) ---- */

static bool is_address(const struct rrset *set)
{
    return rrset_type(set) == RRTYPE_A || rrset_type(set) == RRTYPE_AAAA;
}

static void hosts_set(struct manifest *m, unsigned zone, const struct rrset *set)
{
    const struct dname *origin = &m->api->origins[zone];
    struct rdset rdatas = rrset_rdatas(set);
    const uint8_t *at = rdatas.p;
    char name[DNAME_TEXT_MAX], below[DNAME_TEXT_MAX];
    struct dname owner;
    struct str rdata;

    rrset_owner(set, &owner);
    bool wildcard = owner.n > 2 && owner.b[0] == 1 && owner.b[1] == '*';
    if (!is_address(set) || wildcard || !dname_is_host(&owner))
        return;
    size_t n = dname_to_text(&owner, name);
    dname_to_text_below(&owner, origin, below);
    while (rdset_next(&rdatas, &at, &rdata)) {
        rdata_to_text(rrset_type(set), (const uint8_t *)rdata.p, rdata.n, m->out);
        buf_addf(m->out, "\t%.*s", (int)(n - 1), name); /* hosts(5) knows no final dot */
        if (!dname_eq(&owner, origin))
            buf_addf(m->out, " %s", below);
        buf_add_c(m->out, '\n');
    }
}

const struct manifest_format manifest_hosts = {
    .name = "hosts",
    .content_type = "text/plain; charset=us-ascii",
    .set = hosts_set,
};

/* ---- prometheus: HTTP service discovery, a group a record set ---- */

static void prometheus_begin(struct manifest *m)
{
    json_open(&m->json, '[');
}

/* One target: an address, in brackets where it is IPv6, or an SRV's target:port. */
static void prometheus_target(struct manifest *m, uint16_t type, struct str rdata)
{
    const uint8_t *b = (const uint8_t *)rdata.p;
    char text[DNAME_TEXT_MAX];
    struct dname target;

    buf_reset(&m->scratch);
    if (type == RRTYPE_SRV) { /* RFC 2782: priority, weight, port, target */
        if (rdata.n < 7 || dname_from_wire(b + 6, rdata.n - 6, &target) < 0)
            return;
        size_t n = dname_to_text(&target, text);
        buf_addf(&m->scratch, "%.*s:%d", (int)(n - 1), text, b[4] << 8 | b[5]);
    } else {
        buf_addf(&m->scratch, "%s", type == RRTYPE_AAAA ? "[" : "");
        rdata_to_text(type, b, rdata.n, &m->scratch);
        buf_addf(&m->scratch, "%s", type == RRTYPE_AAAA ? "]" : "");
    }
    if (m->scratch.error)
        m->out->error = m->scratch.error; /* rather no answer than a part of one */
    json_str(&m->json, buf_str(&m->scratch));
}

static void prometheus_labels(struct manifest *m, unsigned zone, const struct rrset *set)
{
    char type[RRTYPE_TEXT_MAX];
    struct dname owner;

    rrset_owner(set, &owner);
    json_key(&m->json, "labels");
    json_open(&m->json, '{');
    json_key(&m->json, "__meta_betterdns_name");
    record_json_name(&m->json, &owner);
    json_key(&m->json, "__meta_betterdns_zone");
    record_json_name(&m->json, &m->api->origins[zone]);
    json_key(&m->json, "__meta_betterdns_type");
    json_c(&m->json, rrtype_to_text(rrset_type(set), type));
    json_close(&m->json, '}');
}

static void prometheus_set(struct manifest *m, unsigned zone, const struct rrset *set)
{
    struct rdset rdatas = rrset_rdatas(set);
    const uint8_t *at = rdatas.p;
    struct str rdata;

    if (!is_address(set) && rrset_type(set) != RRTYPE_SRV)
        return;
    json_open(&m->json, '{');
    json_key(&m->json, "targets");
    json_open(&m->json, '[');
    while (rdset_next(&rdatas, &at, &rdata))
        prometheus_target(m, rrset_type(set), rdata);
    json_close(&m->json, ']');
    prometheus_labels(m, zone, set);
    json_close(&m->json, '}');
}

static void prometheus_end(struct manifest *m)
{
    json_close(&m->json, ']');
    buf_add_c(m->out, '\n');
}

const struct manifest_format manifest_prometheus = {
    .name = "prometheus",
    .content_type = "application/json",
    .begin = prometheus_begin,
    .set = prometheus_set,
    .end = prometheus_end,
};

/* Record sets as JSON. */
#include "record_json.h"

#include <betterdns/clock.h>

#include "life_json.h"

void record_json_name(struct json *j, const struct dname *name)
{
    char text[DNAME_TEXT_MAX];
    size_t n = dname_to_text(name, text);

    json_str(j, (struct str){text, n});
}

void record_json_known(struct json *j, const char *key, uint64_t value)
{
    json_key(j, key);
    if (value)
        json_uint(j, value);
    else
        json_null(j);
}

static void values(struct json *j, const char *key, uint16_t type, const struct rdset *set,
                   struct buf *scratch)
{
    const uint8_t *at = set->p;
    struct str rdata;

    json_key(j, key);
    json_open(j, '[');
    while (rdset_next(set, &at, &rdata)) {
        buf_reset(scratch);
        rdata_to_text(type, (const uint8_t *)rdata.p, rdata.n, scratch);
        if (scratch->error)
            j->out->error = scratch->error; /* rather no answer than a part of one */
        json_str(j, buf_str(scratch));
    }
    json_close(j, ']');
}

void record_json_values(struct json *j, uint16_t type, const struct rdset *set, struct buf *scratch)
{
    values(j, "values", type, set, scratch);
}

void record_json_data(struct json *j, const struct rrset *set, struct buf *scratch)
{
    struct rdset rdatas, withdrawn;

    if (!set) {
        json_null(j);
        return;
    }
    rdatas = rrset_rdatas(set);
    json_open(j, '{');
    json_key(j, "ttl");
    json_uint(j, rrset_ttl(set));
    record_json_values(j, rrset_type(set), &rdatas, scratch);
    withdrawn = rrset_withdrawn(set);
    if (withdrawn.count > 0)
        values(j, "withdrawn", rrset_type(set), &withdrawn, scratch);
    json_close(j, '}');
}

static void registration(struct json *j, uint16_t type, const struct registration *reg,
                         struct buf *scratch)
{
    char created[CLOCK_RFC3339_SIZE];

    json_key(j, "number");
    json_uint(j, reg->number);
    json_key(j, "id");
    json_str(j, reg->id);
    json_key(j, "subject");
    if (reg->subject.p)
        json_str(j, reg->subject);
    else
        json_null(j);
    record_json_values(j, type, &reg->asked, scratch);
    json_key(j, "source");
    json_str(j, reg->source);
    json_key(j, "created");
    json_c(j, clock_rfc3339(reg->created, created));
}

static void registrations(struct json *j, const struct rrset *set, const struct record_json *with)
{
    struct registration reg;

    json_key(j, "registrations");
    json_open(j, '[');
    for (size_t i = 0; i < rrset_nregs(set); i++) {
        rrset_reg(set, i, &reg);
        /* Without an id it only marks records that were imported and wait for their first
         * registration. */
        if (reg.id.n == 0)
            continue;
        json_open(j, '{');
        registration(j, rrset_type(set), &reg, with->scratch);
        life_json(j, set, &reg, with->health);
        if (with->more)
            with->more(with->arg, j, &reg);
        json_close(j, '}');
    }
    json_close(j, ']');
}

void record_json_key(struct json *j, const struct dname *owner, const struct dname *zone,
                     uint16_t type)
{
    char text[RRTYPE_TEXT_MAX];

    json_key(j, "name");
    record_json_name(j, owner);
    json_key(j, "zone");
    record_json_name(j, zone);
    json_key(j, "class");
    json_c(j, "IN");
    json_key(j, "type");
    json_c(j, rrtype_to_text(type, text));
}

void record_json_members(struct json *j, const struct rrset *set, const struct dname *zone,
                         const struct record_json *with)
{
    struct rdset rdatas = rrset_rdatas(set);
    struct dname owner;

    rrset_owner(set, &owner);
    record_json_key(j, &owner, zone, rrset_type(set));
    json_key(j, "ttl");
    json_uint(j, rrset_ttl(set));
    record_json_values(j, rrset_type(set), &rdatas, with->scratch);
    registrations(j, set, with);
}

void record_json(struct json *j, const struct rrset *set, const struct dname *zone,
                 const struct record_json *with)
{
    json_open(j, '{');
    record_json_members(j, set, zone, with);
    json_close(j, '}');
}

static void soa_numbers(struct json *j, const struct soa *soa)
{
    const struct {
        const char *key;
        uint32_t value;
    } numbers[] = {
        {"serial", soa->serial}, {"refresh", soa->refresh}, {"retry", soa->retry},
        {"expire", soa->expire}, {"minimum", soa->minimum},
    };

    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        json_key(j, numbers[i].key);
        json_uint(j, numbers[i].value);
    }
}

void record_json_soa(struct json *j, const struct rrset *set)
{
    struct rdset rdatas = set ? rrset_rdatas(set) : (struct rdset){.count = 0};
    const uint8_t *at = rdatas.p;
    struct str rdata;
    struct soa soa;

    if (rdatas.count == 0 || !rdset_next(&rdatas, &at, &rdata) ||
        soa_from_rdata((const uint8_t *)rdata.p, rdata.n, &soa) < 0) {
        json_null(j);
        return;
    }
    json_open(j, '{');
    json_key(j, "ttl");
    json_uint(j, rrset_ttl(set));
    json_key(j, "mname");
    record_json_name(j, &soa.mname);
    json_key(j, "rname");
    record_json_name(j, &soa.rname);
    soa_numbers(j, &soa);
    json_close(j, '}');
}

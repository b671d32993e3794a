/* Record sets as JSON (interface.md, "Records"). */
#ifndef API_RECORD_JSON_H
#define API_RECORD_JSON_H

#include <betterdns/http.h>
#include <betterdns/rrset.h>

/* What the members of a set's object need beside the set. */
struct health;

struct record_json {
    struct health *health; /* NULL: the set is of the past */
    struct buf *scratch;   /* emptied and used */
    /* What else is said of each registration; NULL: nothing. */
    void (*more)(void *arg, struct json *j, const struct registration *reg);
    void *arg;
};
/* The members of a set's object, without its brackets: writes add theirs. */
void record_json_members(struct json *j, const struct rrset *set, const struct dname *zone,
                         const struct record_json *with);
/* The whole object. */
void record_json(struct json *j, const struct rrset *set, const struct dname *zone,
                 const struct record_json *with);
/* "values":[…] */
void record_json_values(struct json *j, uint16_t type, const struct rdset *set,
                        struct buf *scratch);
/* {"ttl":…,"values":[…]}, with "withdrawn":[…] where DNS does not show all of them; null where set
 * is NULL. */
void record_json_data(struct json *j, const struct rrset *set, struct buf *scratch);
/* The members name, zone, class and type alone: of a set that is not there any more. */
void record_json_key(struct json *j, const struct dname *owner, const struct dname *zone,
                     uint16_t type);
/* A name as a string. */
void record_json_name(struct json *j, const struct dname *name);
/* A zone's SOA as an object: {"ttl","mname","rname","serial",…}; null where set is NULL. */
void record_json_soa(struct json *j, const struct rrset *set);
/* "seq":… and the like: 0 stands for "not known" and becomes null. */
void record_json_known(struct json *j, const char *key, uint64_t value);

#endif

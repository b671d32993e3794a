/* A registration's lease, its check, and how it is, as JSON (interface.md, "Checks and leases"). */
#ifndef API_LIFE_JSON_H
#define API_LIFE_JSON_H

#include <betterdns/api.h>
#include <betterdns/check.h>
#include <betterdns/health.h>

/* "lease", "expires", "check", "state", "withdrawn", and "kept" where DNS shows it only since it is
 * the last one of its name. health NULL: of a set of the past, of which
 * nothing more is known. */
void life_json(struct json *j, const struct rrset *set, const struct registration *reg,
               struct health *health);
/* A check's canonical text as an object of what was asked for; null where there is none. */
void life_json_check(struct json *j, struct str text);
/* A length of time, as it is written in requests. */
void life_json_duration(struct json *j, uint64_t ms);

#endif

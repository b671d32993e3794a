/* What is known of a check, as JSON. */
#ifndef API_CHECK_JSON_H
#define API_CHECK_JSON_H

#include <betterdns/health.h>
#include <betterdns/http.h>

/* "id", "number", "type", "address", "url", "state", "withdrawn", …, "last": the members of GET
 * /health, without the brackets of their object. */
void check_json_members(struct json *j, const struct health_check *c);
/* "transitions": the last ones, the oldest first. */
void check_json_transitions(struct json *j, const struct health_check *c);
/* "interval", "timeout", "fall", …: what holds, with the defaults. */
void check_json_spec(struct json *j, const struct check_spec *spec);
/* "reason": why DNS does not show it, or all the same does; null. */
void check_json_reason(struct json *j, const struct health_check *c);

#endif

/* The whole manifest: all record sets, or a selection, in one of several formats. */
#ifndef API_MANIFEST_H
#define API_MANIFEST_H

#include "filter.h"
#include "overview.h"

struct manifest {
    const struct api *api;
    struct overview overview;
    bool past; /* overview.snap is not the present one */
    struct filter filter;
    struct buf *out;
    struct json json; /* on out */
    struct buf scratch;
    uint64_t deadline; /* of the stream; 0: it has not begun */
};

/* How a manifest is written, a function a part; those that are NULL write nothing. */
struct manifest_format {
    const char *name, *content_type;
    void (*begin)(struct manifest *m);
    void (*zone_begin)(struct manifest *m, unsigned zone);
    void (*set)(struct manifest *m, unsigned zone, const struct rrset *set);
    void (*zone_end)(struct manifest *m, unsigned zone);
    void (*end)(struct manifest *m);
};

extern const struct manifest_format manifest_zone, manifest_json, manifest_hosts,
    manifest_prometheus;

/* One zone's text, as it is now, as the whole answer (?return=manifest). */
void manifest_answer_zone(const struct api *api, unsigned zone, struct http_response *rs);

#endif

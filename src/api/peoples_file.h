/* Where records stand in the people's file, and in what it includes: for whoever is to edit them.
 */
#ifndef API_PEOPLES_FILE_H
#define API_PEOPLES_FILE_H

#include <betterdns/api.h>

struct peoples_place {
    uint16_t type;
    const char *file; /* valid during the call */
    unsigned line;    /* from 1 */
    bool included;    /* file is not the zone file itself */
};
/* Not 0: the search ends with that. */
typedef int peoples_place_fn(void *arg, const struct peoples_place *place);

/* Each record of this owner, in the order of the file, also where the file has errors elsewhere. 0,
 * or what fn returned; -BD_ENOTFOUND, …: the file cannot be read. A record that is not there may
 * not have been exported yet. */
int peoples_file_places(const struct api_zone *zone, const struct dname *owner,
                        peoples_place_fn *fn, void *arg);

#endif

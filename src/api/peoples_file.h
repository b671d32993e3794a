/* Where records stand in the people's file, and in what it includes: for whoever is to edit them.
 */
#ifndef API_PEOPLES_FILE_H
#define API_PEOPLES_FILE_H

#include <betterdns/api.h>

struct peoples_place {
    uint16_t type;
    unsigned line; /* from 1 */
    bool included; /* file is not the zone file itself */
    char *file;
};
struct peoples_places {
    struct peoples_place *p; /* owned, with all files */
    size_t n;
};

#define PEOPLES_PLACES_MAX 1000 /* the first ones; a name with more is nobody's to edit by hand */

/* Each record of this owner, in the order of the file, also where the file has errors elsewhere.
 * One that is not there may not have been exported yet. -BD_ENOTFOUND, …: the file cannot be read;
 * -ENOMEM. */
int peoples_file_places(const struct api_zone *zone, const struct dname *owner,
                        struct peoples_places *ret_places);
void peoples_places_free(struct peoples_places *places); /* zeroed is fine */

#endif

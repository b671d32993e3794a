/* Where a record stands in the people's file: for a refusal that says what to edit. */
#ifndef API_PEOPLES_FILE_H
#define API_PEOPLES_FILE_H

#include <betterdns/api.h>

/* The place of the first record of this owner and type, "FILE:LINE": in the file, or in one that it
 * includes; cut to size. -BD_ENOTFOUND: not there (it may not have been exported yet), or the file
 * cannot be read. */
int peoples_file_place(const char *file, const struct dname *origin, const struct dname *owner,
                       uint16_t type, char *ret_place, size_t size);

#endif

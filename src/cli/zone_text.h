/* Zone files on the command line: complaints on stderr as they are found. */
#ifndef ZONE_TEXT_H
#define ZONE_TEXT_H

#include <betterdns/includes.h>

#include "cli.h"

struct zone_text {
    const char *file; /* as it was named */
    struct buf text;
    struct includes *includes; /* of standard input: below the current directory */
    struct zp_options options; /* ready for zp_parse and zp_zone_load */
};

/* Reads the file; EXIT_OK, or the exit code with the message said. zone_text_free in any case. */
int zone_text_open(struct zone_text *z, const char *file, const struct dname *origin);
void zone_text_free(struct zone_text *z);

/* "lab.example" as an argument; EXIT_USAGE with a message. */
int zone_text_origin(const char *text, struct dname *ret_origin);

/* The zone's rules too. EXIT_OK with the loaded zone, or the exit code, everything said. */
int zone_text_load(struct zone_text *z, struct zp_zone **ret_zone);

/* The exit code of a parse; says what the parser has not said. */
int zone_text_result(const struct zone_text *z, int r);

#endif

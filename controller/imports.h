/* A Corefile with what it imports from other files, as one text. The server reads a copy, which
 * lies elsewhere: there `import snippets/x.conf` would mean another file; and by one text it can be
 * seen whether anything has changed, and what was good can be kept. */
#ifndef CONTROLLER_IMPORTS_H
#define CONTROLLER_IMPORTS_H

#include <betterdns/buf.h>
#include <betterdns/error.h>

struct corefile_source {
    struct buf text;   /* each `import` of files has given way to what is in them */
    struct buf places; /* of struct corefile_place, by line */
    char **files;      /* the Corefile, and what was imported or is wanted and not there */
    unsigned nfiles;
};

/* From this line of the text on, a line of it is the line of that file, one after the other. */
struct corefile_place {
    unsigned line, file, of_file; /* lines from 1, files from 0 */
};

/* path: absolute. A relative `import` starts from the folder of the file in which it stands, with
 * "..", environment variables and one wildcard, as CoreDNS has it. What it would refuse (no such
 * file, two wildcards, a folder) stays as it is, for CoreDNS to say so. As file_read; -EFBIG, and
 * -BD_EINVALID where imports are too many or go round in a circle; *ret_problem is filled. */
int corefile_source_read(const char *path, struct corefile_source *ret_source,
                         struct problem *ret_problem);
void corefile_source_free(struct corefile_source *s); /* and zeroed */
/* Where a line of the text comes from; NULL: there is no such line. */
const char *corefile_source_place(const struct corefile_source *s, unsigned line,
                                  unsigned *ret_of_file);

#endif

/* Secrets that the configuration names the files of. */
#ifndef BETTERDNS_SECRET_H
#define BETTERDNS_SECRET_H

#include <betterdns/buf.h>
#include <betterdns/error.h>

struct secret {
    const char *field; /* "token_file" */
    const char *file;  /* "token file": for messages */
    const char *what;  /* "a token" */
};

/* The first line of the file, without blanks around it; nothing where path is NULL. A secret that
 * others can read is refused (-EACCES), and one of less than 16 characters (-BD_EINVALID). */
int secret_read(const char *path, const struct secret *secret, struct buf *ret_secret,
                struct problem *ret_problem);

#endif

/* Percent-encoding (RFC 3986 §2.1), decoded once. */
#ifndef HTTP_URLDECODE_H
#define HTTP_URLDECODE_H

#include <betterdns/error.h>

#include "arena.h"

/* plus: "+" stands for a blank (queries and forms). What comes out is UTF-8 without NUL, a view of
 * s where nothing had to be decoded. -BD_ESYNTAX (*p filled; field is the one that it names),
 * -ENOMEM. */
int urldecode(struct arena *a, struct str s, bool plus, const char *what, struct str *ret_out,
              struct problem *p);

#endif

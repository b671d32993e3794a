/* Text for man(7), as man-db, groff and mandoc take it. */
#ifndef ROFF_H
#define ROFF_H

#include <betterdns/buf.h>

/* ".TH", and what the program is. */
void roff_head(struct buf *out, const char *name, int section, const char *what);
/* Words as they are: nothing in them is a request or an escape. Its lines stay lines. */
void roff_add(struct buf *out, struct str text);
/* A paragraph of them. */
void roff_text(struct buf *out, const char *text);
/* ".TP", and in bold what the following text explains. */
void roff_item(struct buf *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif

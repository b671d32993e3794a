/* The last good configuration of the server that is the user's own, kept in the data directory for
 * a later start: by then the user's file may be one that the server refuses. */
#ifndef CONTROLLER_KEPT_H
#define CONTROLLER_KEPT_H

#include <betterdns/buf.h>

/* Of the file in that data directory; to be freed, NULL without memory. */
char *kept_path(const char *data);
/* What is written there: the text that was good, of the user's file at of. */
void kept_print(const char *of, struct str text, struct buf *out);
/* Appends that text. -ENOENT, -BD_ECORRUPT where it is damaged, -BD_ENOTFOUND where it is that of
 * another file: one that was good for another says nothing of this; or as file_read. */
int kept_read(const char *path, const char *of, struct buf *text);

#endif

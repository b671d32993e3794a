/* Cursors of lists: the place of the first record set that was not told yet, opaque to clients. */
#ifndef API_CURSOR_H
#define API_CURSOR_H

#include <betterdns/buf.h>
#include <betterdns/dname.h>

struct cursor {
    unsigned zone;
    uint16_t type;
    size_t nkey;
    uint8_t key[DNAME_KEY_MAX]; /* dname_key of the owner */
};

void cursor_write(const struct cursor *c, struct buf *out);
/* -BD_ESYNTAX: not one that cursor_write wrote. */
int cursor_read(struct str text, struct cursor *ret_cursor);

#endif

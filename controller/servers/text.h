/* What the kinds of servers share: words of a configuration, and words of a server. */
#ifndef CONTROLLER_SERVERS_TEXT_H
#define CONTROLLER_SERVERS_TEXT_H

#include <betterdns/buf.h>
#include <betterdns/sockaddr.h>

#include "kinds.h"

/* The first line: a comment, after the server's own mark of one. */
void server_add_head(struct buf *out, const char *mark);
/* In double quotes, '"' and '\' behind a '\'. */
void server_add_quoted(struct buf *out, const char *text);

/* The word (up to a blank) that follows these words in the output; empty where they are not there.
 */
void server_word_after(struct str output, struct str words, char out[SERVER_VERSION_SIZE]);

struct server_release {
    unsigned part[3];
};
/* Is a version ("9.18.49-1~deb12") older than that? One that is not known is not. */
bool server_release_before(const char *version, const struct server_release *release);

/* Why a start failed: the last line that complains, else the last one; lines with a word of chatter
 * (NULL-terminated) do not count. The error by what it says: -EACCES, -BD_EINUSE, else
 * -BD_EINVALID. */
int server_failure(struct str output, const char *const *chatter, struct str *ret_words);

#endif

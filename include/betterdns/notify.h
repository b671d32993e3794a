/* What a supervisor such as systemd hears of us: sd_notify(3), datagrams of NAME=VALUE lines to the
 * socket that $NOTIFY_SOCKET names. */
#ifndef BETTERDNS_NOTIFY_H
#define BETTERDNS_NOTIFY_H

#include <stdint.h>

struct notify;

/* Reads NOTIFY_SOCKET (a path, or @NAME for an abstract one), WATCHDOG_USEC and WATCHDOG_PID, and
 * takes them out of the environment: the programs that we start are not us. Before other threads.
 * 0: *ret_notify, NULL where nobody wants to hear anything; -BD_EINVALID: an address of another
 * kind, or too long; -ENOMEM, -EMFILE, …. */
int notify_new(struct notify **ret_notify);
void notify_free(struct notify *n); /* NULL is fine */

/* How long the supervisor waits for WATCHDOG=1 before it ends us; 0: it does not. NULL: 0. */
uint64_t notify_watchdog_ns(const struct notify *n);

/* One message, of whole lines; from any thread; never blocks. 0, also where n is NULL; -EAGAIN: it
 * does not read fast enough, try again; -ECONNREFUSED, -ENOENT, …: nobody is there. */
int notify_send(const struct notify *n, const char *message);
/* Makes a text fit to be a value: whatever is not printable ASCII becomes '?'. A line feed would
 * begin another message, and systemd takes no value that is not UTF-8. */
void notify_clean(char *value);

#endif

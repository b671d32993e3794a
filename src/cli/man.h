/* The man pages: what the tables say, and around it what no table can. */
#ifndef MAN_H
#define MAN_H

#include <betterdns/buf.h>

void man_program(struct buf *out); /* betterdns(1) */
void man_config(struct buf *out);  /* betterdns.yaml(5) */
void man_http(struct buf *out);    /* betterdns-http(7) */

#endif

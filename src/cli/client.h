/* Commands that ask a running betterdns over HTTP. */
#ifndef CLI_CLIENT_H
#define CLI_CLIENT_H

#include "cli.h"

/* A request: it starts as {.method = …}, is filled by the functions below, and freed by whoever
 * made it. */
struct call {
    const char *method; /* "GET", "POST" */
    struct buf target;  /* "/changes?since=12" */
    struct buf form;    /* of a POST: "zone=lab.example&seq=12" */
};
void call_path(struct call *c, const char *literal); /* appended as it is */
void call_segment(struct call *c, const char *text); /* "/" and the text, percent-encoded */
void call_query(struct call *c, const char *name, const char *value); /* value NULL: not at all */
void call_field(struct call *c, const char *name, const char *value); /* the same */
void call_free(struct call *c);

enum client_format { CLIENT_TABLE, CLIENT_JSON, CLIENT_JSONL };
/* By -o. EXIT_OK, or EXIT_USAGE with a message. */
int client_format(const struct cli *cli, enum client_format *ret_format);

/* Sends it, or with --curl appends the command to out, and *ret_sent is false. A body is appended
 * to out only with EXIT_OK; else the message is said, and the exit code is interface.md's for the
 * status. */
int client_send(const struct cli *cli, const struct call *call, struct buf *out, bool *ret_sent);

/* For whoever asks again (never with --curl): whatever the status, the body is appended to out and
 * no word is said; *ret_status is 0 where nobody answers. Another code than EXIT_OK: it cannot be
 * sent at all, and the message is said. */
int client_try(const struct cli *cli, const struct call *call, struct buf *out, long *ret_status);
/* Says what such an answer means; returns the exit code for it. */
int client_refusal(long status, struct str body);

/* The same as client_send, and what is asked for on stdout: the body (json), the items of its list
 * (jsonl; NULL: the body in one line), or what table makes of it. Frees the call. */
typedef void client_table_fn(struct str body, struct buf *out);
int client_run(const struct cli *cli, struct call *call, const char *list, client_table_fn *table);

/* json_member, but false too where it is null. */
bool client_member(struct str object, const char *name, struct str *ret_value);
/* For tables: a member's text with what a terminal could act on replaced; "" where it has none. */
void client_text(struct str object, const char *member, struct buf *out);
/* A value of a list likewise. */
void client_value(struct str value, struct buf *out);
/* A list's items, one a line; of NULL the body itself. */
void client_lines(struct str body, const char *list, struct buf *out);

#endif

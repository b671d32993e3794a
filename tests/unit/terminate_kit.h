/* A terminator on a loop, and what became of one host. */
#ifndef TERMINATE_KIT_H
#define TERMINATE_KIT_H

#include <betterdns/clock.h>
#include <betterdns/error.h>

#include "terminator.h"

#define TERMKIT_PATIENCE_NS (30 * NS_PER_S)

/* web.lab.example. with the id web-1, 192.0.2.7, number 12. */
extern const struct terminate_host termkit_host;

struct termkit {
    char dir[64], secret[96];
    struct loop *loop;
    struct health_terminate options;
    struct str argv[8];
    struct terminator *terminator;
    struct termination *run;
    struct problem problem;
    bool ended, ok;
    struct buf words, output;
};

/* For cmocka: one kit is the state of each test; its kind is exec, without a program. */
int termkit_make(void **state);
int termkit_remove(void **state);
int termkit_open(struct termkit *k); /* terminator_new's result */
void termkit_add_word(struct termkit *k, const char *word);
/* A shell that runs a text of the test; its arguments come after it. */
void termkit_use_script(struct termkit *k, const char *script);
/* Begins with the host; runs to its end. */
int termkit_begin(struct termkit *k, const struct terminate_host *host);
void termkit_run(struct termkit *k);
const char *termkit_told(struct termkit *k); /* terminator_tell, in a static buffer */

#endif

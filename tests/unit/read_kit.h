/* Reading saves in a directory of their own, with the patience of the product's. */
#ifndef READ_KIT_H
#define READ_KIT_H

#include <pthread.h>

#include "people/save_read.h"

#define READKIT_PATIENCE_NS (60 * NS_PER_S)

extern char readkit_dir[64], readkit_path[128]; /* the path of a file "zone" in it */

int readkit_set_up(void **state);
int readkit_tear_down(void **state);
/* Shell commands, in the directory; fails the test where they do. */
void readkit_run(const char *commands);

struct readkit_look {
    struct save_reader reader;
    struct save_text text;
    uint64_t again_ns;
    struct save_fault fault;
    int result;
    pthread_t thread; /* for tests that look on one of their own */
};

/* Once: the result of save_read. */
int readkit_look(struct readkit_look *l, const char *file);
/* Until that time (monotonic). */
void readkit_wait(uint64_t at_ns);
/* Comes again when it is told to, until there is a result. */
int readkit_read(struct readkit_look *l, const char *file);
/* Asserts this error, and what its message says. */
void readkit_refuses(const char *file, int error, const char *says);

#endif

/* What there is to say about a people's file: the first CONTROLLER_FAULTS_MAX sentences, and how
 * many there are. */
#ifndef CONTROLLER_FAULTS_H
#define CONTROLLER_FAULTS_H

#include <betterdns/controller.h>

struct faults {
    struct controller_fault *at; /* owned */
    size_t n;                    /* of at */
    size_t all;
};

/* Zeroed is empty. line, column: 0 where it concerns the whole file. What is too long ends in
 * "...". Without memory it only counts. */
void faults_add(struct faults *f, const char *file, unsigned line, unsigned column,
                const char *message);
void faults_reset(struct faults *f);
bool faults_has(const struct faults *f, const char *message);
/* faults_append puts those of from behind those of to; faults_copy in their place. */
void faults_copy(struct faults *to, const struct faults *from);
void faults_append(struct faults *to, const struct faults *from);
void faults_free(struct faults *f);

#endif

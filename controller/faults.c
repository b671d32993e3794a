/* What there is to say about a people's file. */
#include "faults.h"

#include <stdlib.h>
#include <string.h>

#include <betterdns/str.h>

void faults_add(struct faults *f, const char *file, unsigned line, unsigned column,
                const char *message)
{
    f->all++;
    if (f->n == CONTROLLER_FAULTS_MAX)
        return;
    struct controller_fault *at = realloc(f->at, (f->n + 1) * sizeof(*at));
    if (!at)
        return;
    f->at = at;
    at = &f->at[f->n++];
    *at = (struct controller_fault){.line = line, .column = column};
    str_format(at->file, sizeof(at->file), "%s", file);
    str_format(at->message, sizeof(at->message), "%s", message);
}

void faults_reset(struct faults *f)
{
    f->n = f->all = 0;
}

bool faults_has(const struct faults *f, const char *message)
{
    for (size_t i = 0; i < f->n; i++)
        if (strcmp(f->at[i].message, message) == 0)
            return true;
    return false;
}

void faults_append(struct faults *to, const struct faults *from)
{
    size_t all = to->all + from->all;

    for (size_t i = 0; i < from->n; i++) {
        const struct controller_fault *f = &from->at[i];
        faults_add(to, f->file, f->line, f->column, f->message);
    }
    to->all = all;
}

void faults_copy(struct faults *to, const struct faults *from)
{
    faults_reset(to);
    faults_append(to, from);
}

void faults_free(struct faults *f)
{
    free(f->at);
    *f = (struct faults){0};
}

/* Between the files that read checks. */
#ifndef HEALTH_CHECK_IMPL_H
#define HEALTH_CHECK_IMPL_H

#include <betterdns/check.h>

/* Reads a value into the fields of *spec, as views of it, and adds its canonical form to *canonical
 * (NULL: it is canonical already). -BD_EINVALID, and the problem is filled, without a field. */
typedef int check_value_fn(struct str value, struct check_spec *spec, struct buf *canonical,
                           struct problem *problem);

check_value_fn check_url_read;

/* Fills the problem; returns -BD_EINVALID. */
int check_refuse(struct problem *problem, const char *hint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif

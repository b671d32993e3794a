/* The orders in which people keep their hosts. */
#ifndef ZONEFILE_PARSER_EDIT_ORDER_H
#define ZONEFILE_PARSER_EDIT_ORDER_H

#include "parser.h"

enum edit_order {
    EDIT_ORDER_LEFT,      /* as a list is read: by the first label; web2 before web10 */
    EDIT_ORDER_RIGHT,     /* by the last label, numbers as numbers: 2.0, 1.1 in a reverse zone */
    EDIT_ORDER_CANONICAL, /* RFC 4034 §6.1 */
    EDIT_NORDERS
};

/* <0, 0, >0. */
int zp_edit_order(enum edit_order order, const struct dname *a, const struct dname *b);
/* All at once; the names are below the origin. */
void zp_edit_orders(const struct dname *a, const struct dname *b, const struct dname *origin,
                    int ret_signs[EDIT_NORDERS]);

#endif

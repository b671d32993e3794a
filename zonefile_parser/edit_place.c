/* Where the records of a new owner go. */
#include "edit.h"

#include <stdlib.h>

int zp_edit_place(struct edit *e)
{
    for (size_t i = 0; i < e->nadditions; i++) {
        if (e->additions[i].hit != EDIT_NONE)
            continue;
        if (!e->points) {
            e->points = malloc(sizeof(*e->points));
            if (!e->points)
                return -ENOMEM;
            e->points[0] = e->last_record;
            e->npoints = 1;
            int r = zp_edit_collect(e);
            if (r == 0)
                r = zp_edit_plan(e, &(size_t){0});
            return r < 0 ? r : zp_edit_place(e);
        }
        e->additions[i].hit = (uint32_t)e->nhits - 1;
    }
    return 0;
}

/* A configuration file of the test's own, and what is said about it. */
#ifndef CONFIG_KIT_H
#define CONFIG_KIT_H

#include <betterdns/config.h>

extern char config_kit_dir[64], config_kit_path[96];
extern struct buf config_kit_errors; /* of the last load, NUL-terminated */

int config_kit_set_up(void **state);
int config_kit_tear_down(void **state);
int config_kit_free(void **state); /* of the group */

int config_kit_load(struct str text, struct config **ret_config);
/* The text is refused, with exactly these faults, a line each without the file's name. */
void config_kit_faults(const char *text, const char *expected);
/* The same, of options that stand before "zones:", so that nothing else is wrong. */
void config_kit_faults_beside_a_zone(const char *options, const char *expected);

#endif

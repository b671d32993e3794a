/* What may stand at a place of the command line, for shells. */
#ifndef COMPLETE_H
#define COMPLETE_H

#include <betterdns/buf.h>

/* The line that stands for any file's name. */
#define COMPLETE_FILES ":files"

/* words: those behind the program's name, the last one is being typed (""). Adds a line for each
 * that it may become: "WORD" or "WORD TAB what it is". */
void complete_words(char *const *words, size_t n, struct buf *out);

/* The whole of `betterdns complete WORD…`, whose words are not options of its own. Exit code. */
int complete_main(char *const *words);

#endif

/* What the kinds of servers share: words of a configuration, and words of a server. */
#include "servers/text.h"

#include <stdio.h>
#include <string.h>

#include <betterdns/error.h>

void server_add_head(struct buf *out, const char *mark)
{
    buf_addf(out, "%s Written by betterdns at every start: what is changed here is lost.\n", mark);
}

void server_add_quoted(struct buf *out, const char *text)
{
    buf_add_c(out, '"');
    for (const char *p = text; *p; p++) {
        if (*p == '"' || *p == '\\')
            buf_add_c(out, '\\');
        buf_add_c(out, *p);
    }
    buf_add_c(out, '"');
}

void server_word_after(struct str output, struct str words, char out[SERVER_VERSION_SIZE])
{
    out[0] = '\0';
    const char *at = output.n > 0 ? memmem(output.p, output.n, words.p, words.n) : NULL;
    if (!at)
        return;
    at += words.n;
    const size_t left = output.n - (size_t)(at - output.p);
    size_t n = 0;
    while (n < left && (unsigned char)at[n] > ' ')
        n++;
    snprintf(out, SERVER_VERSION_SIZE, "%.*s", (int)n, at);
}

bool server_release_before(const char *version, const struct server_release *release)
{
    unsigned part[3] = {0};

    if (sscanf(version, "%u.%u.%u", &part[0], &part[1], &part[2]) < 2)
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(part); i++)
        if (part[i] != release->part[i])
            return part[i] < release->part[i];
    return false;
}

static bool has(struct str text, const char *word)
{
    return text.n > 0 && memmem(text.p, text.n, word, strlen(word)) != NULL;
}

static bool has_any(struct str text, const char *const *words)
{
    while (*words)
        if (has(text, *words++))
            return true;
    return false;
}

int server_failure(struct str output, const char *const *chatter, struct str *ret_words)
{
    static const char *const denied[] = {"ermission denied", "not permitted", NULL};
    static const char *const in_use[] = {"ddress already in use", "ddress in use", NULL};
    static const char *const complaints[] = {"rror",  "denied",   "cannot", "can't",  "ould not",
                                             "ailed", "ermitted", "in use", "nknown", NULL};
    struct str line, last = {NULL, 0};
    bool complains = false;

    while (str_cut(&output, '\n', &line)) {
        line = str_trim(line);
        if (line.n == 0 || has_any(line, chatter) || (complains && !has_any(line, complaints)))
            continue;
        complains = has_any(line, complaints);
        last = line;
    }
    *ret_words = last;
    if (has_any(last, denied))
        return -EACCES;
    return has_any(last, in_use) ? -BD_EINUSE : -BD_EINVALID;
}

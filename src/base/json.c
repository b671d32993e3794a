/* JSON out (RFC 8259). */
#include <inttypes.h>

#include <betterdns/json.h>

/* Between two values of a list or object; not between a key and its value. */
static void separate(struct json *j)
{
    const uint32_t bit = UINT32_C(1) << (j->depth % 32);

    if (!j->after_key && (j->comma & bit))
        buf_add_c(j->out, ',');
    j->comma |= bit;
    j->after_key = false;
}

void json_open(struct json *j, char bracket)
{
    separate(j);
    buf_add_c(j->out, bracket);
    j->depth++;
    j->comma &= ~(UINT32_C(1) << (j->depth % 32));
}

void json_close(struct json *j, char bracket)
{
    buf_add_c(j->out, bracket);
    j->depth--;
}

static void add_escaped(struct buf *out, unsigned char c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                   ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};

    if (c < sizeof(letters) && letters[c])
        buf_addf(out, "\\%c", letters[c]);
    else
        buf_addf(out, "\\u%04x", (unsigned)c);
}

static void add_quoted(struct buf *out, struct str s)
{
    buf_add_c(out, '"');
    while (s.n > 0) {
        uint32_t code = 0;
        size_t plain = 0;
        while (plain < s.n && s.p[plain] >= 0x20 && s.p[plain] < 0x7f && s.p[plain] != '"' &&
               s.p[plain] != '\\')
            plain++;
        buf_add(out, s.p, plain);
        s = (struct str){s.p + plain, s.n - plain};
        if (s.n == 0)
            break;
        unsigned n = str_utf8(s, &code);
        if (n == 0)
            buf_add_str(out, STR("\xef\xbf\xbd")); /* U+FFFD */
        else if (code < 0x80)
            add_escaped(out, (unsigned char)code);
        else
            buf_add(out, s.p, n);
        n = n ? n : 1;
        s = (struct str){s.p + n, s.n - n};
    }
    buf_add_c(out, '"');
}

void json_key(struct json *j, const char *key)
{
    separate(j);
    add_quoted(j->out, str_c(key));
    buf_add_c(j->out, ':');
    j->after_key = true;
}

void json_str(struct json *j, struct str s)
{
    separate(j);
    add_quoted(j->out, s);
}

void json_c(struct json *j, const char *s)
{
    if (s)
        json_str(j, str_c(s));
    else
        json_null(j);
}

void json_uint(struct json *j, uint64_t v)
{
    char digits[STR_U64_MAX];

    separate(j);
    buf_add(j->out, digits, (size_t)(str_put_u64(digits, v) - digits));
}

void json_int(struct json *j, int64_t v)
{
    separate(j);
    buf_addf(j->out, "%" PRId64, v);
}

void json_ms(struct json *j, uint64_t ns)
{
    const uint64_t us = ns / 1000 + (ns % 1000 >= 500);

    separate(j);
    buf_addf(j->out, "%" PRIu64, us / 1000);
    if (us % 1000 == 0)
        return;
    buf_addf(j->out, ".%03u", (unsigned)(us % 1000));
    while (j->out->n > 0 && j->out->p[j->out->n - 1] == '0')
        j->out->n--;
}

void json_bool(struct json *j, bool v)
{
    separate(j);
    buf_add_str(j->out, v ? STR("true") : STR("false"));
}

void json_null(struct json *j)
{
    separate(j);
    buf_add_str(j->out, STR("null"));
}

void json_raw(struct json *j, const struct buf *json)
{
    separate(j);
    buf_add_str(j->out, buf_str(json));
    if (json->error)
        j->out->error = json->error;
}

/* Domain names: text, wire form, key form, order. */
#include <betterdns/dname.h>

#define LABEL_MAX 63
#define LABELS_MAX 128

/* Takes one octet of a label off the text at *at: plain, \X or \DDD (RFC 1035 §5.1). */
static int take_octet(struct str text, size_t *at, uint8_t *ret_octet)
{
    const unsigned char *p = (const unsigned char *)text.p + *at;
    size_t left = text.n - *at;

    if (p[0] <= 0x20 || p[0] >= 0x7f)
        return -BD_ESYNTAX;
    if (p[0] != '\\') {
        *ret_octet = p[0];
        *at += 1;
        return 0;
    }
    if (left < 2)
        return -BD_ESYNTAX;
    if (!ascii_digit(p[1])) {
        *ret_octet = p[1];
        *at += 2;
        return 0;
    }
    if (left < 4 || !ascii_digit(p[2]) || !ascii_digit(p[3]))
        return -BD_ESYNTAX;
    unsigned value = (p[1] - '0') * 100U + (p[2] - '0') * 10U + (p[3] - '0');
    if (value > 255)
        return -BD_ESYNTAX;
    *ret_octet = (uint8_t)value;
    *at += 4;
    return 0;
}

/* Takes one label with its length octet; *at then stands at the dot behind it or at the end. A
 * fault leaves its place in *at. */
static int take_label(struct str text, size_t *at, struct dname *name)
{
    size_t start = *at;
    unsigned length_at = name->n, w = length_at + 1U;

    while (*at < text.n && text.p[*at] != '.') {
        uint8_t octet;
        int r = take_octet(text, at, &octet);
        if (r < 0)
            return r;
        /* The last octet of all is the root's. */
        if (w - length_at > LABEL_MAX || w >= DNAME_MAX - 1) {
            *at = start;
            return -BD_EINVALID;
        }
        name->b[w++] = octet;
    }
    if (w == length_at + 1U)
        return -BD_ESYNTAX;
    name->b[length_at] = (uint8_t)(w - length_at - 1U);
    name->n = (uint8_t)w;
    return 0;
}

/* All labels, without the root's octet. */
static int take_labels(struct str text, size_t *at, struct dname *name, bool *ret_absolute)
{
    name->n = 0;
    *ret_absolute = false;
    if (text.n == 0)
        return -BD_ESYNTAX;
    while (*at < text.n) {
        int r = take_label(text, at, name);
        if (r < 0)
            return r;
        if (*at == text.n)
            return 0;
        *at += 1; /* the dot */
    }
    *ret_absolute = true;
    return 0;
}

static int append(struct dname *name, const struct dname *tail)
{
    if (name->n + tail->n > DNAME_MAX)
        return -BD_EINVALID;
    memcpy(name->b + name->n, tail->b, tail->n);
    name->n = (uint8_t)(name->n + tail->n);
    return 0;
}

/* The labels in name, without a final dot in the text, become absolute. */
static int make_absolute(struct dname *name, const struct dname_rules *rules)
{
    static const struct dname root = {.n = 1};
    struct dname whole = *name;

    append(&whole, &root);
    for (unsigned i = 0; rules && rules->zones && i < rules->nzones; i++) {
        if (!dname_is_root(&rules->zones[i]) && dname_below(&whole, &rules->zones[i])) {
            *name = whole;
            return 0;
        }
    }
    if (!rules || !rules->origin)
        return -EDESTADDRREQ;
    return append(name, rules->origin);
}

static int from_text(struct str text, const struct dname_rules *rules, struct dname *name,
                     size_t *at)
{
    bool absolute;
    int r;

    if (text.n == 1 && text.p[0] == '@') {
        if (!rules || !rules->origin)
            return -EDESTADDRREQ;
        *name = *rules->origin;
        return 0;
    }
    if (text.n == 1 && text.p[0] == '.') {
        name->n = 1;
        name->b[0] = 0;
        return 0;
    }
    r = take_labels(text, at, name, &absolute);
    if (r < 0)
        return r;
    if (absolute) {
        name->b[name->n++] = 0;
        return 0;
    }
    *at = 0;
    return make_absolute(name, rules);
}

int dname_from_text(struct str text, const struct dname_rules *rules, struct dname *ret_name,
                    size_t *ret_at)
{
    struct dname name;
    size_t at = 0;
    int r = from_text(text, rules, &name, &at);

    if (r < 0) {
        if (ret_at)
            *ret_at = at;
        return r;
    }
    ret_name->n = name.n;
    memcpy(ret_name->b, name.b, name.n);
    return 0;
}

/* Why the label at `at` cannot be: told apart only here, for a message. */
static const char *invalid_label(struct str text, size_t at)
{
    unsigned octets = 0;
    uint8_t octet;

    while (at < text.n && text.p[at] != '.' && take_octet(text, &at, &octet) == 0)
        octets++;
    return octets > LABEL_MAX ? "a label is longer than 63 octets"
                              : "the name is longer than 255 octets";
}

const char *dname_fault(int error, struct str text, size_t at)
{
    if (error == -EDESTADDRREQ)
        return "the name is relative, and there is no origin";
    if (error == -BD_EINVALID)
        return invalid_label(text, at);
    if (text.n == 0)
        return "the name is empty";
    if (at >= text.n || text.p[at] == '.')
        return "a label is empty (two dots in a row, or a dot in front)";
    if (text.p[at] == '\\')
        return "a backslash needs a character or three digits up to 255 behind it";
    return "a blank, control character or non-ASCII character needs an escape (\\DDD)";
}

/* An octet that does not stand for itself in a label; returns the end. */
static char *octet_to_text(uint8_t c, char *out)
{
    *out++ = '\\';
    if (c > 0x20 && c < 0x7f) {
        *out++ = (char)c;
        return out;
    }
    *out++ = (char)('0' + c / 100);
    *out++ = (char)('0' + c / 10 % 10);
    *out++ = (char)('0' + c % 10);
    return out;
}

/* All printable octets but . \ " ( ) ; @ $, a bit each. */
static bool stands_for_itself(uint8_t c)
{
    static const uint64_t bits[4] = {UINT64_C(0xf7ffbcea00000000), UINT64_C(0x7fffffffeffffffe)};

    return bits[c >> 6] >> (c & 63) & 1;
}

/* One label's octets, escaped; returns the end. */
static char *label_to_text(const uint8_t *label, unsigned n, char *out)
{
    for (unsigned i = 0; i < n; i++) {
        if (stands_for_itself(label[i]))
            *out++ = (char)label[i];
        else
            out = octet_to_text(label[i], out);
    }
    return out;
}

/* The labels before `end`, each with a dot behind it. */
static char *labels_to_text(const struct dname *name, unsigned end, char *out)
{
    for (unsigned at = 0; at < end; at += name->b[at] + 1U) {
        out = label_to_text(name->b + at + 1, name->b[at], out);
        *out++ = '.';
    }
    return out;
}

size_t dname_to_text(const struct dname *name, char out[DNAME_TEXT_MAX])
{
    char *end = out;

    if (name->n == 1)
        *end++ = '.';
    else if (name->n > 1)
        end = labels_to_text(name, name->n - 1U, out);
    *end = '\0';
    return (size_t)(end - out);
}

size_t dname_to_text_below(const struct dname *name, const struct dname *apex,
                           char out[DNAME_TEXT_MAX])
{
    if (name->n <= apex->n) {
        memcpy(out, "@", 2);
        return 1;
    }
    char *end = labels_to_text(name, (unsigned)(name->n - apex->n), out);
    *--end = '\0'; /* in the place of the last dot */
    return (size_t)(end - out);
}

int dname_wire_length(const uint8_t *bytes, size_t n)
{
    size_t at = 0;

    while (at < n && bytes[at] != 0) {
        if (bytes[at] > LABEL_MAX) /* a pointer, or a reserved kind */
            return -BD_ESYNTAX;
        at += bytes[at] + 1U;
        if (at >= DNAME_MAX)
            return -BD_ESYNTAX;
    }
    return at < n ? (int)at + 1 : -BD_ESYNTAX;
}

int dname_from_wire(const uint8_t *bytes, size_t n, struct dname *ret_name)
{
    int length = dname_wire_length(bytes, n);

    if (length < 0)
        return length;
    ret_name->n = (uint8_t)length;
    memcpy(ret_name->b, bytes, (size_t)length);
    return length;
}

/* Lengths are at most 63, below 'A': folding and comparing may run over them as over letters. */
void dname_fold(struct dname *name)
{
    for (unsigned i = 0; i < name->n; i++)
        name->b[i] = ascii_lower(name->b[i]);
}

static bool eq_fold(const uint8_t *a, const uint8_t *b, size_t n)
{
    if (memcmp(a, b, n) == 0)
        return true;
    for (size_t i = 0; i < n; i++)
        if (ascii_lower(a[i]) != ascii_lower(b[i]))
            return false;
    return true;
}

bool dname_eq(const struct dname *a, const struct dname *b)
{
    return a->n == b->n && eq_fold(a->b, b->b, a->n);
}

/* Where each label begins, the root's left out; returns their number. */
static unsigned label_starts(const struct dname *name, uint8_t starts[LABELS_MAX])
{
    unsigned count = 0;

    for (unsigned at = 0; at + 1U < name->n; at += name->b[at] + 1U)
        starts[count++] = (uint8_t)at;
    return count;
}

static int label_cmp(const uint8_t *a, const uint8_t *b)
{
    unsigned na = a[0], nb = b[0];

    for (unsigned i = 1; i <= na && i <= nb; i++) {
        int d = ascii_lower(a[i]) - ascii_lower(b[i]);
        if (d)
            return d;
    }
    return (int)na - (int)nb;
}

int dname_cmp(const struct dname *a, const struct dname *b)
{
    uint8_t sa[LABELS_MAX], sb[LABELS_MAX];
    unsigned na = label_starts(a, sa), nb = label_starts(b, sb);

    while (na > 0 && nb > 0) {
        int d = label_cmp(a->b + sa[--na], b->b + sb[--nb]);
        if (d)
            return d;
    }
    return (int)na - (int)nb;
}

bool dname_below(const struct dname *name, const struct dname *apex)
{
    unsigned at = 0;

    if (apex->n == 0)
        return false;
    while (name->n - at > apex->n)
        at += name->b[at] + 1U;
    return name->n - at == apex->n && eq_fold(name->b + at, apex->b, apex->n);
}

unsigned dname_labels(const struct dname *name)
{
    unsigned count = 0;

    for (unsigned at = 0; at + 1U < name->n; at += name->b[at] + 1U)
        count++;
    return count;
}

bool dname_is_root(const struct dname *name)
{
    return name->n == 1;
}

static bool label_is_host(const uint8_t *label, unsigned n)
{
    if (label[0] == '-' || label[n - 1] == '-')
        return false;
    for (unsigned i = 0; i < n; i++) {
        uint8_t c = ascii_lower(label[i]);
        if (!(c >= 'a' && c <= 'z') && !ascii_digit(c) && c != '-' && c != '_')
            return false;
    }
    return true;
}

bool dname_is_host(const struct dname *name)
{
    unsigned at = 0;

    if (name->n > 2 && name->b[0] == 1 && name->b[1] == '*')
        at = 2;
    for (; at + 1U < name->n; at += name->b[at] + 1U)
        if (!label_is_host(name->b + at + 1, name->b[at]))
            return false;
    return name->n > 0;
}

size_t dname_key(const struct dname *name, uint8_t out[DNAME_KEY_MAX])
{
    uint8_t starts[LABELS_MAX];
    unsigned count = label_starts(name, starts);
    size_t n = 0;

    while (count > 0) {
        const uint8_t *label = name->b + starts[--count];
        for (unsigned i = 1; i <= label[0]; i++) {
            uint8_t c = ascii_lower(label[i]);
            if (c <= 1) {
                out[n++] = 1;
                c++;
            }
            out[n++] = c;
        }
        out[n++] = 0;
    }
    return n;
}

/* Puts a label in front of the name that ends the buffer at *start. */
static int prepend_label(const uint8_t *label, size_t length, uint8_t b[DNAME_MAX], size_t *start)
{
    if (length == 0 || length > LABEL_MAX || *start < length + 1)
        return -BD_ESYNTAX;
    *start -= length + 1;
    b[*start] = (uint8_t)length;
    memcpy(b + *start + 1, label, length);
    return 0;
}

/* The octets of a key up to one that is escaped, ends the label or cannot be. */
static size_t plain_octets(const uint8_t *key, size_t n)
{
    size_t i = 0;

    while (i < n && key[i] > 1 && (uint8_t)(key[i] - 'A') > 'Z' - 'A')
        i++;
    return i;
}

/* Reads one label of a key and puts it in front. */
static int label_from_key(const uint8_t *key, size_t n, size_t *at, uint8_t b[DNAME_MAX],
                          size_t *start)
{
    uint8_t label[LABEL_MAX];
    size_t length = 0, plain = plain_octets(key + *at, n - *at);

    if (*at + plain < n && key[*at + plain] == 0) {
        const uint8_t *whole = key + *at;
        *at += plain + 1;
        return prepend_label(whole, plain, b, start);
    }
    for (; *at < n && key[*at] != 0; ++*at) {
        uint8_t c = key[*at];
        if (c == 1) {
            if (++*at == n || key[*at] < 1 || key[*at] > 2)
                return -BD_ESYNTAX;
            c = (uint8_t)(key[*at] - 1);
        }
        if (length == LABEL_MAX || c != ascii_lower(c))
            return -BD_ESYNTAX;
        label[length++] = c;
    }
    if (*at == n)
        return -BD_ESYNTAX;
    ++*at;
    return prepend_label(label, length, b, start);
}

int dname_from_key(const uint8_t *key, size_t n, struct dname *ret_name)
{
    uint8_t b[DNAME_MAX];
    size_t start = DNAME_MAX - 1, at = 0;

    b[start] = 0;
    while (at < n) {
        int r = label_from_key(key, n, &at, b, &start);
        if (r < 0)
            return r;
    }
    ret_name->n = (uint8_t)(DNAME_MAX - start);
    memcpy(ret_name->b, b + start, DNAME_MAX - start);
    return 0;
}

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 3

static int64_t seed = 42;
static char *text;
static int64_t length, pos, x;

/* A growable byte string. */
typedef struct {
    char *data;
    int64_t len, cap;
} Str;

static void add(Str *s, const char *z) {
    int64_t n = (int64_t)strlen(z);
    if (s->len + n + 1 > s->cap) {
        s->cap = s->cap * 2 > s->len + n + 1 ? s->cap * 2 : s->len + n + 17;
        s->data = realloc(s->data, (size_t)s->cap);
    }
    memcpy(s->data + s->len, z, (size_t)n + 1);
    s->len += n;
}

static int64_t random_below(int64_t limit) {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return seed / 65536 % limit;
}

static void make(Str *out, int64_t depth) {
    if (depth == 0 || random_below(8) == 0) {
        if (random_below(3) == 0) {
            add(out, "x");
            return;
        }
        char digits[24];
        snprintf(digits, sizeof digits, "%" PRId64, random_below(1000));
        add(out, digits);
        return;
    }
    int64_t kind = random_below(6);
    if (kind == 0) {
        add(out, "-");
        make(out, depth - 1);
        return;
    }
    static const char *const open[6] = {"", "(", "", "(", "(", "("};
    static const char *const middle[6] = {"", " - ", "*", ") / (", " + ", " + "};
    static const char *const close[6] = {"", ")", "", ")", ")", ")"};
    add(out, open[kind]);
    make(out, depth - 1);
    add(out, middle[kind]);
    make(out, depth - 1);
    add(out, close[kind]);
}

static int64_t expression(void);

static void skip_blanks(void) {
    while (pos < length && text[pos] == ' ') {
        pos++;
    }
}

static int64_t number(void) {
    int64_t value = 0;
    while (pos < length && text[pos] >= '0' && text[pos] <= '9') {
        value = value * 10 + (text[pos] - '0');
        pos++;
    }
    return value;
}

static int64_t factor(void) {
    skip_blanks();
    char ch = text[pos];
    if (ch == '(') {
        pos++;
        int64_t value = expression();
        skip_blanks();
        pos++;
        return value;
    }
    if (ch == '-') {
        pos++;
        return 0 - factor();
    }
    if (ch == 'x') {
        pos++;
        return x;
    }
    return number();
}

static int64_t term(void) {
    int64_t value = factor();
    skip_blanks();
    while (pos < length && (text[pos] == '*' || text[pos] == '/')) {
        char op = text[pos];
        pos++;
        int64_t right = factor();
        if (op == '*') {
            value = value * right % 1000003;
        } else if (right != 0) {
            value = value / right;
        }
        skip_blanks();
    }
    return value;
}

static int64_t expression(void) {
    int64_t value = term();
    skip_blanks();
    while (pos < length && (text[pos] == '+' || text[pos] == '-')) {
        char op = text[pos];
        pos++;
        if (op == '+') {
            value = (value + term()) % 1000003;
        } else {
            value = (value - term()) % 1000003;
        }
        skip_blanks();
    }
    return value;
}

int main(void) {
    Str s = {0};
    for (int64_t i = 0; i < 20; i++) {
        if (i > 0) {
            add(&s, " + ");
        }
        make(&s, 8);
    }
    text = s.data;
    length = s.len;
    int64_t total = 0;
    for (int64_t i = 0; i < N; i++) {
        x = i * 7 % 1009;
        pos = 0;
        total = (total * 31 + expression()) % 1000000007;
    }
    printf("%" PRId64 " %" PRId64 "\n", length, total);
    free(text);
    return 0;
}

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 20

/* Open-addressing hash map from strings to int64_t. */
typedef struct {
    char *key; /* NULL marks a free slot */
    int64_t len;
    uint64_t hash;
    int64_t value;
} Slot;

typedef struct {
    Slot *slots;
    int64_t cap, used;
} Map;

static uint64_t hash_bytes(const char *s, int64_t n) {
    uint64_t h = 14695981039346656037u;
    for (int64_t i = 0; i < n; i++) {
        h = (h ^ (unsigned char)s[i]) * 1099511628211u;
    }
    return h ^ (h >> 32);
}

static Slot *find(Slot *slots, int64_t cap, const char *key, int64_t len, uint64_t hash) {
    uint64_t i = hash & (uint64_t)(cap - 1);
    while (slots[i].key != NULL
           && (slots[i].hash != hash || slots[i].len != len || memcmp(slots[i].key, key, (size_t)len) != 0)) {
        i = (i + 1) & (uint64_t)(cap - 1);
    }
    return &slots[i];
}

static void count(Map *m, const char *key, int64_t len) {
    if ((m->used + 1) * 4 > m->cap * 3) {
        int64_t cap = m->cap ? m->cap * 2 : 16;
        Slot *slots = calloc((size_t)cap, sizeof *slots);
        for (int64_t i = 0; i < m->cap; i++) {
            Slot *s = &m->slots[i];
            if (s->key != NULL) {
                *find(slots, cap, s->key, s->len, s->hash) = *s;
            }
        }
        free(m->slots);
        m->slots = slots;
        m->cap = cap;
    }
    uint64_t hash = hash_bytes(key, len);
    Slot *s = find(m->slots, m->cap, key, len, hash);
    if (s->key == NULL) {
        s->key = malloc((size_t)len + 1);
        memcpy(s->key, key, (size_t)len);
        s->key[len] = 0;
        s->len = len;
        s->hash = hash;
        m->used++;
    }
    s->value++;
}

static void free_map(Map *m) {
    for (int64_t i = 0; i < m->cap; i++) {
        free(m->slots[i].key);
    }
    free(m->slots);
}

typedef struct {
    const char *kind;
    const char *text;
    int64_t len, next;
} Token;

static const char *const keywords[] = {"let", "var", "fun", "if", "else", "while", "for", "return"};
static const char *const names[] = {"alpha", "beta", "gamma2", "delta_x", "eps", "zeta",
                                    "eta", "theta9", "iota", "kappa", "lambda", "mu"};

static bool is_digit(char ch) {
    return ch >= '0' && ch <= '9';
}

static bool is_letter(char ch) {
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_';
}

static bool is_keyword(const char *word, int64_t len) {
    for (size_t k = 0; k < sizeof keywords / sizeof *keywords; k++) {
        if ((int64_t)strlen(keywords[k]) == len && memcmp(keywords[k], word, (size_t)len) == 0) {
            return true;
        }
    }
    return false;
}

static Token token_at(const char *line, int64_t n, int64_t start) {
    int64_t i = start;
    while (i < n && line[i] == ' ') {
        i++;
    }
    if (i >= n) {
        return (Token){"end", "", 0, n};
    }
    int64_t first = i;
    char ch = line[i];
    if (is_letter(ch)) {
        while (i < n && (is_letter(line[i]) || is_digit(line[i]))) {
            i++;
        }
        const char *kind = is_keyword(line + first, i - first) ? "keyword" : "name";
        return (Token){kind, line + first, i - first, i};
    }
    if (is_digit(ch)) {
        while (i < n && is_digit(line[i])) {
            i++;
        }
        return (Token){"number", line + first, i - first, i};
    }
    if (ch == '\'') {
        i++;
        while (i < n && line[i] != '\'') {
            i++;
        }
        return (Token){"string", line + first + 1, i - first - 1, i + 1};
    }
    if (ch == '#') {
        return (Token){"comment", line + first, n - first, n};
    }
    if ((ch == '=' || ch == '<' || ch == '!') && i + 1 < n && line[i + 1] == '=') {
        return (Token){"operator", line + i, 2, i + 2};
    }
    if (strchr("+-*/%=<>!", ch) != NULL) {
        return (Token){"operator", line + i, 1, i + 1};
    }
    return (Token){"punctuation", line + i, 1, i + 1};
}

static int64_t make_line(char *out, size_t cap, int64_t i) {
    int64_t r = (i * 7919 + 13) % 100003;
    const char *a = names[r % 12], *b = names[r / 12 % 12];
    switch (r % 5) {
    case 0:
        return snprintf(out, cap, "let %s = %" PRId64 " * (%s + %" PRId64 ")  # line %" PRId64, a, r, b, i % 97, i);
    case 1:
        return snprintf(out, cap, "  if %s <= %s { return '%s %s' }", a, b, a, b);
    case 2:
        return snprintf(out, cap, "while %s[%" PRId64 "] != %s { %s = %s - 1 }", a, i % 13, b, b, b);
    case 3:
        return snprintf(out, cap, "fun %s_%" PRId64 "(%s, x) { var y = %s == x }", a, i % 31, b, b);
    default:
        return snprintf(out, cap, "    %s = %s %% %" PRId64 "; else %s(%" PRId64 ")", a, a, r % 1000 + 1, b, r);
    }
}

int main(void) {
    Map kinds = {0}, uses = {0};
    int64_t digits = 0;
    for (int64_t i = 0; i < N; i++) {
        char line[256];
        int64_t n = make_line(line, sizeof line, i), pos = 0;
        while (pos < n) {
            Token token = token_at(line, n, pos);
            pos = token.next;
            count(&kinds, token.kind, (int64_t)strlen(token.kind));
            if (strcmp(token.kind, "name") == 0) {
                count(&uses, token.text, token.len);
            }
            if (strcmp(token.kind, "number") == 0) {
                digits += token.len;
            }
        }
    }
    static const char *const shown[] = {"keyword", "name", "number", "string", "comment", "operator", "punctuation"};
    for (size_t k = 0; k < sizeof shown / sizeof *shown; k++) {
        int64_t len = (int64_t)strlen(shown[k]);
        printf("%s %" PRId64 "\n", shown[k], find(kinds.slots, kinds.cap, shown[k], len, hash_bytes(shown[k], len))->value);
    }
    const char *most = "";
    int64_t most_uses = 0;
    for (int64_t i = 0; i < uses.cap; i++) {
        Slot *s = &uses.slots[i];
        if (s->key != NULL && (s->value > most_uses || (s->value == most_uses && strcmp(s->key, most) < 0))) {
            most = s->key;
            most_uses = s->value;
        }
    }
    printf("%" PRId64 " %s %" PRId64 " %" PRId64 "\n", uses.used, most, most_uses, digits);
    free_map(&kinds);
    free_map(&uses);
    return 0;
}

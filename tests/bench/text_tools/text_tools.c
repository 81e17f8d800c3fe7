#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 2

/* A growable byte string. */
typedef struct {
    char *data;
    int64_t len, cap;
} Str;

static void add(Str *s, const char *p, int64_t n) {
    if (s->len + n + 1 > s->cap) {
        s->cap = s->cap * 2 > s->len + n + 1 ? s->cap * 2 : s->len + n + 17;
        s->data = realloc(s->data, (size_t)s->cap);
    }
    memcpy(s->data + s->len, p, (size_t)n);
    s->len += n;
    s->data[s->len] = 0;
}

typedef struct {
    Str *items;
    int64_t len, cap;
} StrList;

static void push(StrList *xs, const char *p, int64_t n) {
    if (xs->len == xs->cap) {
        xs->cap = xs->cap ? xs->cap * 2 : 8;
        xs->items = realloc(xs->items, (size_t)xs->cap * sizeof *xs->items);
    }
    Str s = {0};
    add(&s, p, n);
    xs->items[xs->len++] = s;
}

static void free_list(StrList *xs) {
    for (int64_t i = 0; i < xs->len; i++) {
        free(xs->items[i].data);
    }
    free(xs->items);
}

static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz";
static const char *const vocabulary[15] = {"a", "beekeeper", "committee", "dwarf", "ebb", "foolproof", "goddess", "hmm",
                                           "illness", "keen", "lamp", "of", "to", "the", "zoo"};

static const char **words_of_page(int64_t page, int64_t count) {
    int64_t seed = page + 1;
    const char **words = malloc((size_t)count * sizeof *words);
    for (int64_t i = 0; i < count; i++) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        words[i] = vocabulary[seed / 65536 % 15];
    }
    return words;
}

static StrList wrap(const char *const *words, int64_t count, int64_t width) {
    StrList lines = {0};
    Str line = {0};
    for (int64_t i = 0; i < count; i++) {
        int64_t n = (int64_t)strlen(words[i]);
        if (line.len == 0) {
            add(&line, words[i], n);
        } else if (line.len + 1 + n <= width) {
            add(&line, " ", 1);
            add(&line, words[i], n);
        } else {
            push(&lines, line.data, line.len);
            line.len = 0;
            add(&line, words[i], n);
        }
    }
    if (line.len != 0) {
        push(&lines, line.data, line.len);
    }
    free(line.data);
    return lines;
}

static Str join(const StrList *parts, const char *between) {
    Str out = {0};
    for (int64_t i = 0; i < parts->len; i++) {
        if (i > 0) {
            add(&out, between, (int64_t)strlen(between));
        }
        add(&out, parts->items[i].data, parts->items[i].len);
    }
    return out;
}

static Str shift(const Str *text, int64_t by) {
    Str out = {0};
    for (int64_t i = 0; i < text->len; i++) {
        const char *place = strchr(alphabet, text->data[i]);
        if (place == NULL) {
            add(&out, &text->data[i], 1);
        } else {
            add(&out, &alphabet[(place - alphabet + by) % 26], 1);
        }
    }
    return out;
}

static Str pack(const Str *text) {
    Str out = {0};
    int64_t i = 0, n = text->len;
    while (i < n) {
        char ch = text->data[i];
        int64_t run = 1;
        while (i + run < n && text->data[i + run] == ch) {
            run++;
        }
        if (run > 1) {
            char digits[24];
            int len = snprintf(digits, sizeof digits, "%" PRId64, run);
            add(&out, digits, len);
        }
        add(&out, &ch, 1);
        i += run;
    }
    return out;
}

static Str unpack(const Str *text) {
    Str out = {0};
    int64_t run = 0;
    for (int64_t i = 0; i < text->len; i++) {
        char ch = text->data[i];
        if (ch >= '0' && ch <= '9') {
            run = run * 10 + (ch - '0');
        } else {
            if (run == 0) {
                run = 1;
            }
            for (int64_t k = 0; k < run; k++) {
                add(&out, &ch, 1);
            }
            run = 0;
        }
    }
    return out;
}

static StrList split(const Str *text, char at) {
    StrList parts = {0};
    int64_t start = 0;
    for (int64_t i = 0; i < text->len; i++) {
        if (text->data[i] == at) {
            push(&parts, text->data + start, i - start);
            start = i + 1;
        }
    }
    push(&parts, text->data + start, text->len - start);
    return parts;
}

static bool is_blank(char ch) {
    return ch == ' ' || (ch >= '\t' && ch <= '\r');
}

static int64_t trimmed(const Str *s) {
    int64_t first = 0, end = s->len;
    while (first < end && is_blank(s->data[first])) {
        first++;
    }
    while (end > first && is_blank(s->data[end - 1])) {
        end--;
    }
    return end - first;
}

int main(void) {
    int64_t lines_total = 0, packed_total = 0, same = 0, letters = 0;
    for (int64_t page = 0; page < N; page++) {
        const char **words = words_of_page(page, 300);
        StrList lines = wrap(words, 300, 40 + page % 30);
        lines_total += lines.len;
        Str text = join(&lines, "\n");
        Str secret = shift(&text, page % 25 + 1);
        Str packed = pack(&secret);
        packed_total += packed.len;
        Str unpacked = unpack(&packed);
        Str back = shift(&unpacked, 25 - page % 25);
        if (back.len == text.len && memcmp(back.data, text.data, (size_t)text.len) == 0) {
            same++;
        }
        StrList parts = split(&back, ' ');
        for (int64_t i = 0; i < parts.len; i++) {
            letters += trimmed(&parts.items[i]);
        }
        free(words);
        free_list(&lines);
        free_list(&parts);
        free(text.data);
        free(secret.data);
        free(packed.data);
        free(unpacked.data);
        free(back.data);
    }
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", lines_total, packed_total, same, letters);
    return 0;
}

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 30

typedef struct {
    int64_t weight, value;
} Item;

static int64_t best_value(const Item *items, int64_t count, int64_t capacity) {
    int64_t *best = calloc((size_t)(capacity + 1), sizeof *best);
    for (int64_t i = 0; i < count; i++) {
        Item item = items[i];
        for (int64_t w = capacity; w >= item.weight; w--) {
            int64_t with_it = best[w - item.weight] + item.value;
            if (with_it > best[w]) {
                best[w] = with_it;
            }
        }
    }
    int64_t result = best[capacity];
    free(best);
    return result;
}

static int64_t ways_of_change(const int64_t *coins, int64_t count, int64_t amount) {
    int64_t *ways = calloc((size_t)(amount + 1), sizeof *ways);
    ways[0] = 1;
    for (int64_t k = 0; k < count; k++) {
        for (int64_t a = coins[k]; a < amount + 1; a++) {
            ways[a] = (ways[a] + ways[a - coins[k]]) % 1000000007;
        }
    }
    int64_t result = ways[amount];
    free(ways);
    return result;
}

static int64_t common(const int64_t *a, int64_t n, const int64_t *b, int64_t m) {
    int64_t *above = calloc((size_t)(m + 1), sizeof *above);
    for (int64_t i = 0; i < n; i++) {
        int64_t *row = malloc((size_t)(m + 1) * sizeof *row);
        row[0] = 0;
        for (int64_t j = 0; j < m; j++) {
            if (a[i] == b[j]) {
                row[j + 1] = above[j] + 1;
            } else if (above[j + 1] > row[j]) {
                row[j + 1] = above[j + 1];
            } else {
                row[j + 1] = row[j];
            }
        }
        free(above);
        above = row;
    }
    int64_t result = above[m];
    free(above);
    return result;
}

static int64_t *numbers(int64_t n, int64_t seed, int64_t limit) {
    int64_t *out = malloc((size_t)(n + 1) * sizeof *out);
    for (int64_t i = 0; i < n; i++) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        out[i] = seed / 65536 % limit;
    }
    return out;
}

int main(void) {
    int64_t n = N, count = n / 4;
    int64_t *weights = numbers(count, 3, 50), *values = numbers(count, 5, 100);
    Item *items = malloc((size_t)(count + 1) * sizeof *items);
    for (int64_t i = 0; i < count; i++) {
        items[i] = (Item){weights[i] + 1, values[i]};
    }
    const int64_t coins[] = {1, 2, 5, 10, 20, 50, 100, 200};
    int64_t *a = numbers(n, 7, 20), *b = numbers(n, 11, 20);
    printf("%" PRId64 "\n", best_value(items, count, n * 5));
    printf("%" PRId64 "\n", ways_of_change(coins, 8, n * 100));
    printf("%" PRId64 "\n", common(a, n, b, n));
    free(weights);
    free(values);
    free(items);
    free(a);
    free(b);
    return 0;
}

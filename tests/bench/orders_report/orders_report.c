#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 60

typedef struct {
    int64_t id;
    char name[32];
    const char *region;
} Customer;

typedef struct {
    int64_t id, customer, month, amount, days;
} Order;

/* Groups by a number: an open-addressing table. */
typedef struct {
    int64_t key, count, amount, late;
    bool full;
} Group;

typedef struct {
    Group *slots;
    int64_t cap, used;
} Groups;

static const char *const regions[4] = {"north", "east", "south", "west"};

static Group *find(Group *slots, int64_t cap, int64_t key) {
    uint64_t h = (uint64_t)key * 0x9E3779B97F4A7C15u;
    uint64_t i = (h ^ (h >> 32)) & (uint64_t)(cap - 1);
    while (slots[i].full && slots[i].key != key) {
        i = (i + 1) & (uint64_t)(cap - 1);
    }
    return &slots[i];
}

static void add_to_group(Groups *g, int64_t key, const Order *o) {
    if ((g->used + 1) * 4 > g->cap * 3) {
        int64_t cap = g->cap ? g->cap * 2 : 16;
        Group *slots = calloc((size_t)cap, sizeof *slots);
        for (int64_t i = 0; i < g->cap; i++) {
            if (g->slots[i].full) {
                *find(slots, cap, g->slots[i].key) = g->slots[i];
            }
        }
        free(g->slots);
        g->slots = slots;
        g->cap = cap;
    }
    Group *group = find(g->slots, g->cap, key);
    if (!group->full) {
        *group = (Group){.key = key, .full = true};
        g->used++;
    }
    group->count++;
    group->amount += o->amount;
    group->late += o->days > 30;
}

/* The groups in one piece, sorted. */
static Group *sorted(const Groups *g, int (*order)(const void *, const void *)) {
    Group *out = malloc((size_t)(g->used + 1) * sizeof *out);
    int64_t n = 0;
    for (int64_t i = 0; i < g->cap; i++) {
        if (g->slots[i].full) {
            out[n++] = g->slots[i];
        }
    }
    qsort(out, (size_t)n, sizeof *out, order);
    return out;
}

static int compare(int64_t x, int64_t y) {
    return (x > y) - (x < y);
}

static int by_key(const void *a, const void *b) {
    return compare(((const Group *)a)->key, ((const Group *)b)->key);
}

static int by_amount(const void *a, const void *b) {
    const Group *x = a, *y = b;
    return compare(0 - x->amount * 1000 + x->key, 0 - y->amount * 1000 + y->key);
}

static int largest(const void *a, const void *b) {
    const Order *x = *(const Order *const *)a, *y = *(const Order *const *)b;
    return compare(0 - x->amount * 10000000 + x->id, 0 - y->amount * 10000000 + y->id);
}

static Customer *make_customers(int64_t n) {
    Customer *out = malloc((size_t)n * sizeof *out);
    for (int64_t i = 0; i < n; i++) {
        out[i].id = i;
        snprintf(out[i].name, sizeof out[i].name, "customer %" PRId64, i * 7 % n);
        out[i].region = regions[i % 4];
    }
    return out;
}

static Order *make_orders(int64_t n, int64_t customers) {
    Order *out = malloc((size_t)n * sizeof *out);
    int64_t seed = 17;
    for (int64_t i = 0; i < n; i++) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        int64_t r = seed / 128;
        out[i] = (Order){i, r % customers, i % 12 + 1, r / 7 % 5000 + 10, r / 1024 % 60};
    }
    return out;
}

static void by_region(const Order *orders, int64_t n, const Customer *customers) {
    int64_t *amounts = NULL, cap = 0;
    for (int64_t k = 0; k < 4; k++) {
        int64_t len = 0, sum = 0, max = 0;
        for (int64_t i = 0; i < n; i++) {
            if (strcmp(customers[orders[i].customer].region, regions[k]) == 0) {
                if (len == cap) {
                    cap = cap ? cap * 2 : 16;
                    amounts = realloc(amounts, (size_t)cap * sizeof *amounts);
                }
                amounts[len++] = orders[i].amount;
            }
        }
        for (int64_t i = 0; i < len; i++) {
            sum += amounts[i];
        }
        for (int64_t i = 0; i < len; i++) {
            if (amounts[i] > max) {
                max = amounts[i];
            }
        }
        printf("%s %" PRId64 " %" PRId64 " %" PRId64 "\n", regions[k], len, sum, max);
    }
    free(amounts);
}

int main(void) {
    const int64_t n = N;
    Customer *customers = make_customers(200);
    Order *orders = make_orders(n, 200);

    Groups months = {0};
    for (int64_t i = 0; i < n; i++) {
        if (orders[i].amount >= 100) {
            add_to_group(&months, orders[i].month, &orders[i]);
        }
    }
    Group *lines = sorted(&months, by_key);
    for (int64_t i = 0; i < months.used; i++) {
        printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", lines[i].key, lines[i].count, lines[i].amount,
               lines[i].late);
    }

    by_region(orders, n, customers);

    Groups by_customer = {0};
    for (int64_t i = 0; i < n; i++) {
        add_to_group(&by_customer, orders[i].customer, &orders[i]);
    }
    Group *best = sorted(&by_customer, by_amount);
    for (int64_t i = 0; i < by_customer.used && i < 5; i++) {
        const Customer *c = &customers[best[i].key];
        printf("%s %s %" PRId64 "\n", c->name, c->region, best[i].amount);
    }

    const Order **late = malloc((size_t)(n + 1) * sizeof *late);
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++) {
        if (orders[i].days > 45 && orders[i].amount > 4000) {
            late[count++] = &orders[i];
        }
    }
    qsort(late, (size_t)count, sizeof *late, largest);
    for (int64_t i = 0; i < count && i < 3; i++) {
        printf("%" PRId64 " %s %" PRId64 " %" PRId64 "\n", late[i]->id, customers[late[i]->customer].name,
               late[i]->amount, late[i]->days);
    }
    free(late);
    free(best);
    free(lines);
    free(months.slots);
    free(by_customer.slots);
    free(orders);
    free(customers);
    return 0;
}

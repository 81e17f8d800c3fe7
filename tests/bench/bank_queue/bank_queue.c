#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 200

typedef struct {
    int64_t id, arrival, work, patience;
} Customer;

typedef struct {
    int64_t speed, left, served, idle;
} Teller;

typedef struct {
    int64_t served, lost, waited, longest;
} Totals;

static int64_t arrivals(int64_t seed) {
    int64_t r = seed / 65536 % 16;
    return r < 5 ? 0 : r < 11 ? 1 : r < 15 ? 2 : 4;
}

static Teller serve(const Teller *t, const Customer *c) {
    return (Teller){t->speed, (c->work + t->speed - 1) / t->speed, t->served + 1, t->idle};
}

int main(void) {
    Teller tellers[8];
    for (int64_t i = 0; i < 8; i++) {
        tellers[i] = (Teller){2 + i % 3, 0, 0, 0};
    }
    Customer *queue = NULL;
    int64_t len = 0, cap = 0, head = 0, seed = 2024, next_id = 1;
    Totals totals = {0};
    for (int64_t minute = 0; minute < N; minute++) {
        seed = (seed * 1103515245 + 12345) % 2147483648;
        int64_t coming = arrivals(seed);
        for (int64_t k = 0; k < coming; k++) {
            seed = (seed * 1103515245 + 12345) % 2147483648;
            int64_t r = seed / 4096;
            if (len == cap) {
                cap = cap ? cap * 2 : 16;
                queue = realloc(queue, (size_t)cap * sizeof *queue);
            }
            queue[len++] = (Customer){next_id, minute, 5 + r % 30, 10 + r / 64 % 40};
            next_id++;
        }
        if (len - head > totals.longest) {
            totals.longest = len - head;
        }
        for (int64_t i = 0; i < 8; i++) {
            if (tellers[i].left > 0) {
                tellers[i].left--;
            }
            if (tellers[i].left == 0) {
                while (head < len && minute - queue[head].arrival > queue[head].patience) {
                    totals.lost++;
                    head++;
                }
                if (head < len) {
                    const Customer *customer = &queue[head];
                    head++;
                    totals.served++;
                    totals.waited += minute - customer->arrival;
                    tellers[i] = serve(&tellers[i], customer);
                } else {
                    tellers[i].idle++;
                }
            }
        }
        if (head > 1000) {
            memmove(queue, queue + head, (size_t)(len - head) * sizeof *queue);
            len -= head;
            head = 0;
        }
    }
    printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", next_id - 1, totals.served, totals.lost,
           totals.waited, totals.longest);
    for (int64_t i = 0; i < 8; i++) {
        printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", tellers[i].speed, tellers[i].served, tellers[i].idle);
    }
    free(queue);
    return 0;
}

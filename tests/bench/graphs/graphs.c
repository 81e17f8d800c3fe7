#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 60

typedef struct {
    int64_t to, cost;
} Edge;

typedef struct {
    int64_t a, b, cost;
} Road;

typedef struct {
    Edge *items;
    int64_t len, cap;
} Edges;

typedef struct {
    int64_t dist, place;
} Entry;

typedef struct {
    Entry *items;
    int64_t size, cap;
} Heap;

static void add_edge(Edges *es, Edge e) {
    if (es->len == es->cap) {
        es->cap = es->cap ? es->cap * 2 : 4;
        es->items = realloc(es->items, (size_t)es->cap * sizeof *es->items);
    }
    es->items[es->len++] = e;
}

static void swap(Entry *a, Entry *b) {
    Entry t = *a;
    *a = *b;
    *b = t;
}

static void push(Heap *heap, Entry entry) {
    if (heap->size == heap->cap) {
        heap->cap = heap->cap ? heap->cap * 2 : 4;
        heap->items = realloc(heap->items, (size_t)heap->cap * sizeof *heap->items);
    }
    int64_t i = heap->size++;
    heap->items[i] = entry;
    while (i > 0) {
        int64_t parent = (i - 1) / 2;
        if (heap->items[parent].dist <= heap->items[i].dist) {
            break;
        }
        swap(&heap->items[parent], &heap->items[i]);
        i = parent;
    }
}

static Entry pop(Heap *heap) {
    Entry top = heap->items[0];
    heap->size--;
    heap->items[0] = heap->items[heap->size];
    int64_t i = 0;
    for (;;) {
        int64_t least = i;
        for (int64_t child = 2 * i + 1; child <= 2 * i + 2; child++) {
            if (child < heap->size && heap->items[child].dist < heap->items[least].dist) {
                least = child;
            }
        }
        if (least == i) {
            return top;
        }
        swap(&heap->items[least], &heap->items[i]);
        i = least;
    }
}

static int64_t *filled(int64_t n, int64_t value) {
    int64_t *xs = malloc((size_t)n * sizeof *xs);
    for (int64_t i = 0; i < n; i++) {
        xs[i] = value;
    }
    return xs;
}

static int64_t *shortest(const Edges *graph, int64_t n, int64_t start) {
    int64_t *dist = filled(n, -1);
    Heap heap = {0};
    dist[start] = 0;
    push(&heap, (Entry){0, start});
    while (heap.size > 0) {
        Entry here = pop(&heap);
        if (here.dist == dist[here.place]) {
            const Edges *es = &graph[here.place];
            for (int64_t k = 0; k < es->len; k++) {
                Edge e = es->items[k];
                int64_t d = here.dist + e.cost;
                if (dist[e.to] < 0 || d < dist[e.to]) {
                    dist[e.to] = d;
                    push(&heap, (Entry){d, e.to});
                }
            }
        }
    }
    free(heap.items);
    return dist;
}

static int64_t *steps(const Edges *graph, int64_t n, int64_t start) {
    int64_t *count = filled(n, -1), *queue = malloc((size_t)n * sizeof *queue);
    int64_t head = 0, tail = 0;
    count[start] = 0;
    queue[tail++] = start;
    while (head < tail) {
        int64_t here = queue[head++];
        const Edges *es = &graph[here];
        for (int64_t k = 0; k < es->len; k++) {
            int64_t to = es->items[k].to;
            if (count[to] < 0) {
                count[to] = count[here] + 1;
                queue[tail++] = to;
            }
        }
    }
    free(queue);
    return count;
}

static int64_t find(int64_t *parent, int64_t x) {
    int64_t root = x;
    while (parent[root] != root) {
        parent[root] = parent[parent[root]];
        root = parent[root];
    }
    return root;
}

static int by_cost(const void *a, const void *b) {
    int64_t x = ((const Road *)a)->cost, y = ((const Road *)b)->cost;
    return (x > y) - (x < y);
}

static int64_t cheapest_net(int64_t places, const Road *roads, int64_t count) {
    int64_t *parent = malloc((size_t)places * sizeof *parent);
    for (int64_t i = 0; i < places; i++) {
        parent[i] = i;
    }
    Road *sorted = malloc((size_t)count * sizeof *sorted);
    memcpy(sorted, roads, (size_t)count * sizeof *sorted);
    qsort(sorted, (size_t)count, sizeof *sorted, by_cost);
    int64_t total = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t a = find(parent, sorted[i].a), b = find(parent, sorted[i].b);
        if (a != b) {
            parent[a] = b;
            total += sorted[i].cost;
        }
    }
    free(sorted);
    free(parent);
    return total;
}

int main(void) {
    const int64_t n = N;
    Road *roads = malloc((size_t)(3 * n) * sizeof *roads);
    Edges *graph = calloc((size_t)n, sizeof *graph);
    int64_t count = 0, seed = 99;
    for (int64_t i = 1; i < n; i++) {
        for (int64_t k = 0; k < 3; k++) {
            seed = (seed * 1103515245 + 12345) % 2147483648;
            int64_t r = seed / 32;
            int64_t other = r % i;
            if (k > 0 && i > 50) {
                other = i - 1 - r % 50;
            }
            int64_t cost = (r % 1000 + 1) * n + i;
            roads[count++] = (Road){i, other, cost};
            add_edge(&graph[i], (Edge){other, cost});
            add_edge(&graph[other], (Edge){i, cost});
        }
    }
    int64_t far = 0, sum_of_ways = 0, most = 0, sum_of_steps = 0;
    int64_t *dist = shortest(graph, n, 0);
    for (int64_t i = 0; i < n; i++) {
        sum_of_ways = (sum_of_ways * 31 + dist[i]) % 1000000007;
        if (dist[i] > far) {
            far = dist[i];
        }
    }
    int64_t *hops = steps(graph, n, n / 2);
    for (int64_t i = 0; i < n; i++) {
        sum_of_steps += hops[i];
        if (hops[i] > most) {
            most = hops[i];
        }
    }
    printf("%" PRId64 " %" PRId64 "\n", far, sum_of_ways);
    printf("%" PRId64 " %" PRId64 "\n", most, sum_of_steps);
    printf("%" PRId64 "\n", cheapest_net(n, roads, count));
    for (int64_t i = 0; i < n; i++) {
        free(graph[i].items);
    }
    free(graph);
    free(roads);
    free(dist);
    free(hops);
    return 0;
}

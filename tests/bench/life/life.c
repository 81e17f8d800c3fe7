#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 10

typedef struct {
    int64_t rows, cols;
    bool **cells;
} Grid;

static Grid new_grid(int64_t rows, int64_t cols) {
    Grid g = {rows, cols, malloc((size_t)rows * sizeof *g.cells)};
    for (int64_t r = 0; r < rows; r++) {
        g.cells[r] = malloc((size_t)cols * sizeof **g.cells);
    }
    return g;
}

static void free_grid(Grid *g) {
    for (int64_t r = 0; r < g->rows; r++) {
        free(g->cells[r]);
    }
    free(g->cells);
}

static Grid start(int64_t rows, int64_t cols) {
    Grid g = new_grid(rows, cols);
    int64_t seed = 4711;
    for (int64_t r = 0; r < rows; r++) {
        for (int64_t c = 0; c < cols; c++) {
            seed = (seed * 1103515245 + 12345) % 2147483648;
            g.cells[r][c] = seed / 65536 % 3 == 0;
        }
    }
    return g;
}

static int64_t neighbours(const Grid *g, int64_t r, int64_t c) {
    int64_t count = 0;
    for (int64_t dr = -1; dr < 2; dr++) {
        for (int64_t dc = -1; dc < 2; dc++) {
            if (dr != 0 || dc != 0) {
                if (g->cells[(r + dr + g->rows) % g->rows][(c + dc + g->cols) % g->cols]) {
                    count++;
                }
            }
        }
    }
    return count;
}

static Grid step(const Grid *g) {
    Grid next = new_grid(g->rows, g->cols);
    for (int64_t r = 0; r < g->rows; r++) {
        for (int64_t c = 0; c < g->cols; c++) {
            int64_t n = neighbours(g, r, c);
            next.cells[r][c] = n == 3 || (n == 2 && g->cells[r][c]);
        }
    }
    return next;
}

static int64_t population(const Grid *g) {
    int64_t count = 0;
    for (int64_t r = 0; r < g->rows; r++) {
        for (int64_t c = 0; c < g->cols; c++) {
            count += g->cells[r][c];
        }
    }
    return count;
}

int main(void) {
    Grid grid = start(96, 128);
    int64_t checksum = 0;
    for (int64_t generation = 0; generation < N; generation++) {
        Grid next = step(&grid);
        free_grid(&grid);
        grid = next;
        checksum = (checksum * 31 + population(&grid)) % 1000000007;
    }
    printf("%" PRId64 " %" PRId64 "\n", population(&grid), checksum);
    for (int64_t r = 0; r < 4; r++) {
        for (int64_t c = 0; c < 64; c++) {
            putchar(grid.cells[r][c] ? '#' : '.');
        }
        putchar('\n');
    }
    free_grid(&grid);
    return 0;
}

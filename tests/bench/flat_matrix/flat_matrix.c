#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 6

#define P INT64_C(1000003)

typedef struct {
    int64_t rows, cols, *cells;
} Matrix;

static Matrix zeros(int64_t rows, int64_t cols) {
    return (Matrix){rows, cols, calloc((size_t)(rows * cols), sizeof(int64_t))};
}

static int64_t get(const Matrix *m, int64_t r, int64_t c) {
    return m->cells[r * m->cols + c];
}

static void set(Matrix *m, int64_t r, int64_t c, int64_t value) {
    m->cells[r * m->cols + c] = value;
}

static Matrix random_matrix(int64_t n, int64_t seed) {
    Matrix m = zeros(n, n);
    for (int64_t r = 0; r < n; r++) {
        for (int64_t c = 0; c < n; c++) {
            seed = (seed * 1103515245 + 12345) % 2147483648;
            set(&m, r, c, seed / 1024 % P);
        }
    }
    return m;
}

static Matrix transpose(const Matrix *m) {
    Matrix t = zeros(m->cols, m->rows);
    for (int64_t r = 0; r < m->rows; r++) {
        for (int64_t c = 0; c < m->cols; c++) {
            set(&t, c, r, get(m, r, c));
        }
    }
    return t;
}

static Matrix multiply(const Matrix *a, const Matrix *b) {
    Matrix out = zeros(a->rows, b->cols);
    for (int64_t r = 0; r < a->rows; r++) {
        for (int64_t c = 0; c < b->cols; c++) {
            int64_t sum = 0;
            for (int64_t k = 0; k < a->cols; k++) {
                sum += get(a, r, k) * get(b, k, c);
            }
            set(&out, r, c, sum % P);
        }
    }
    return out;
}

static int64_t power(int64_t base, int64_t exponent) {
    int64_t result = 1, b = base % P, e = exponent;
    while (e > 0) {
        if (e % 2 == 1) {
            result = result * b % P;
        }
        b = b * b % P;
        e /= 2;
    }
    return result;
}

static void swap_rows(Matrix *m, int64_t a, int64_t b) {
    for (int64_t c = 0; c < m->cols; c++) {
        int64_t t = get(m, a, c);
        set(m, a, c, get(m, b, c));
        set(m, b, c, t);
    }
}

/* Changes the matrix into an upper triangle. */
static int64_t determinant(Matrix *m) {
    int64_t det = 1;
    for (int64_t i = 0; i < m->rows; i++) {
        int64_t pivot = i;
        while (pivot < m->rows && get(m, pivot, i) == 0) {
            pivot++;
        }
        if (pivot == m->rows) {
            return 0;
        }
        if (pivot != i) {
            swap_rows(m, pivot, i);
            det = P - det;
        }
        det = det * get(m, i, i) % P;
        int64_t inverse = power(get(m, i, i), P - 2);
        for (int64_t r = i + 1; r < m->rows; r++) {
            int64_t factor = get(m, r, i) * inverse % P;
            if (factor != 0) {
                for (int64_t c = i; c < m->cols; c++) {
                    set(m, r, c, (get(m, r, c) + (P - factor) * get(m, i, c)) % P);
                }
            }
        }
    }
    return det;
}

static int64_t trace(const Matrix *m) {
    int64_t sum = 0;
    for (int64_t i = 0; i < m->rows; i++) {
        sum = (sum + get(m, i, i)) % P;
    }
    return sum;
}

int main(void) {
    Matrix a = random_matrix(N, 1), b = random_matrix(N, 2), t = transpose(&b);
    Matrix product = multiply(&a, &t);
    printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", trace(&a), trace(&b), trace(&product));
    int64_t da = determinant(&a), db = determinant(&b);
    printf("%" PRId64 " %" PRId64 "\n", da * db % P, determinant(&product));
    free(a.cells);
    free(b.cells);
    free(t.cells);
    free(product.cells);
    return 0;
}

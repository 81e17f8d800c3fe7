package main

import "fmt"

const N = 6

const P = 1000003

type Matrix struct {
	rows, cols int
	cells      []int
}

func zeros(rows, cols int) *Matrix {
	return &Matrix{rows, cols, make([]int, rows*cols)}
}

func (m *Matrix) get(r, c int) int {
	return m.cells[r*m.cols+c]
}

func (m *Matrix) set(r, c, value int) {
	m.cells[r*m.cols+c] = value
}

func randomMatrix(n, seed int) *Matrix {
	m := zeros(n, n)
	for r := 0; r < n; r++ {
		for c := 0; c < n; c++ {
			seed = (seed*1103515245 + 12345) % 2147483648
			m.set(r, c, seed/1024%P)
		}
	}
	return m
}

func transpose(m *Matrix) *Matrix {
	t := zeros(m.cols, m.rows)
	for r := 0; r < m.rows; r++ {
		for c := 0; c < m.cols; c++ {
			t.set(c, r, m.get(r, c))
		}
	}
	return t
}

func multiply(a, b *Matrix) *Matrix {
	out := zeros(a.rows, b.cols)
	for r := 0; r < a.rows; r++ {
		for c := 0; c < b.cols; c++ {
			sum := 0
			for k := 0; k < a.cols; k++ {
				sum += a.get(r, k) * b.get(k, c)
			}
			out.set(r, c, sum%P)
		}
	}
	return out
}

func power(base, exponent int) int {
	result, b, e := 1, base%P, exponent
	for e > 0 {
		if e%2 == 1 {
			result = result * b % P
		}
		b = b * b % P
		e /= 2
	}
	return result
}

func swapRows(m *Matrix, a, b int) {
	for c := 0; c < m.cols; c++ {
		t := m.get(a, c)
		m.set(a, c, m.get(b, c))
		m.set(b, c, t)
	}
}

// Changes the matrix into an upper triangle.
func determinant(m *Matrix) int {
	det := 1
	for i := 0; i < m.rows; i++ {
		pivot := i
		for pivot < m.rows && m.get(pivot, i) == 0 {
			pivot++
		}
		if pivot == m.rows {
			return 0
		}
		if pivot != i {
			swapRows(m, pivot, i)
			det = P - det
		}
		det = det * m.get(i, i) % P
		inverse := power(m.get(i, i), P-2)
		for r := i + 1; r < m.rows; r++ {
			factor := m.get(r, i) * inverse % P
			if factor != 0 {
				for c := i; c < m.cols; c++ {
					m.set(r, c, (m.get(r, c)+(P-factor)*m.get(i, c))%P)
				}
			}
		}
	}
	return det
}

func trace(m *Matrix) int {
	sum := 0
	for i := 0; i < m.rows; i++ {
		sum = (sum + m.get(i, i)) % P
	}
	return sum
}

func main() {
	a := randomMatrix(N, 1)
	b := randomMatrix(N, 2)
	product := multiply(a, transpose(b))
	fmt.Println(trace(a), trace(b), trace(product))
	da := determinant(a)
	db := determinant(b)
	fmt.Println(da*db%P, determinant(product))
}

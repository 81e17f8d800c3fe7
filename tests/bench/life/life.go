package main

import "fmt"

const N = 10

func start(rows, cols int) [][]bool {
	grid := make([][]bool, rows)
	seed := 4711
	for r := range grid {
		grid[r] = make([]bool, cols)
		for c := range grid[r] {
			seed = (seed*1103515245 + 12345) % 2147483648
			grid[r][c] = seed/65536%3 == 0
		}
	}
	return grid
}

func neighbours(grid [][]bool, r, c int) int {
	rows, cols := len(grid), len(grid[0])
	count := 0
	for dr := -1; dr < 2; dr++ {
		for dc := -1; dc < 2; dc++ {
			if dr != 0 || dc != 0 {
				if grid[(r+dr+rows)%rows][(c+dc+cols)%cols] {
					count++
				}
			}
		}
	}
	return count
}

func step(grid [][]bool) [][]bool {
	next := make([][]bool, len(grid))
	for r := range grid {
		next[r] = make([]bool, len(grid[r]))
		for c := range grid[r] {
			n := neighbours(grid, r, c)
			next[r][c] = n == 3 || (n == 2 && grid[r][c])
		}
	}
	return next
}

func population(grid [][]bool) int {
	count := 0
	for _, row := range grid {
		for _, cell := range row {
			if cell {
				count++
			}
		}
	}
	return count
}

func main() {
	grid := start(96, 128)
	checksum := 0
	for generation := 0; generation < N; generation++ {
		grid = step(grid)
		checksum = (checksum*31 + population(grid)) % 1000000007
	}
	fmt.Println(population(grid), checksum)
	for r := 0; r < 4; r++ {
		line := ""
		for c := 0; c < 64; c++ {
			if grid[r][c] {
				line += "#"
			} else {
				line += "."
			}
		}
		fmt.Println(line)
	}
}

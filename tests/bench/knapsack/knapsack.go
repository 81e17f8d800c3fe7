package main

import "fmt"

const N = 30

type Item struct {
	weight, value int
}

func bestValue(items []Item, capacity int) int {
	best := make([]int, capacity+1)
	for _, item := range items {
		for w := capacity; w >= item.weight; w-- {
			withIt := best[w-item.weight] + item.value
			if withIt > best[w] {
				best[w] = withIt
			}
		}
	}
	return best[capacity]
}

func waysOfChange(coins []int, amount int) int {
	ways := make([]int, amount+1)
	ways[0] = 1
	for _, coin := range coins {
		for a := coin; a < amount+1; a++ {
			ways[a] = (ways[a] + ways[a-coin]) % 1000000007
		}
	}
	return ways[amount]
}

func common(a, b []int) int {
	above := make([]int, len(b)+1)
	for i := range a {
		row := make([]int, len(b)+1)
		for j := range b {
			if a[i] == b[j] {
				row[j+1] = above[j] + 1
			} else if above[j+1] > row[j] {
				row[j+1] = above[j+1]
			} else {
				row[j+1] = row[j]
			}
		}
		above = row
	}
	return above[len(b)]
}

func numbers(n, seed, limit int) []int {
	out := make([]int, n)
	for i := range out {
		seed = (seed*1103515245 + 12345) % 2147483648
		out[i] = seed / 65536 % limit
	}
	return out
}

func main() {
	n := N
	weights := numbers(n/4, 3, 50)
	values := numbers(n/4, 5, 100)
	items := make([]Item, len(weights))
	for i := range items {
		items[i] = Item{weights[i] + 1, values[i]}
	}
	fmt.Println(bestValue(items, n*5))
	fmt.Println(waysOfChange([]int{1, 2, 5, 10, 20, 50, 100, 200}, n*100))
	fmt.Println(common(numbers(n, 7, 20), numbers(n, 11, 20)))
}

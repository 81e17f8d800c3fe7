package main

import (
	"fmt"
	"sort"
)

const N = 60

type Edge struct{ to, cost int }
type Road struct{ a, b, cost int }
type Entry struct{ dist, place int }

type Heap struct {
	items []Entry
	size  int
}

func push(heap *Heap, entry Entry) {
	if heap.size == len(heap.items) {
		heap.items = append(heap.items, entry)
	} else {
		heap.items[heap.size] = entry
	}
	i := heap.size
	heap.size++
	for i > 0 {
		parent := (i - 1) / 2
		if heap.items[parent].dist <= heap.items[i].dist {
			break
		}
		heap.items[parent], heap.items[i] = heap.items[i], heap.items[parent]
		i = parent
	}
}

func pop(heap *Heap) Entry {
	top := heap.items[0]
	heap.size--
	heap.items[0] = heap.items[heap.size]
	i := 0
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2; child++ {
			if child < heap.size && heap.items[child].dist < heap.items[least].dist {
				least = child
			}
		}
		if least == i {
			return top
		}
		heap.items[least], heap.items[i] = heap.items[i], heap.items[least]
		i = least
	}
}

func filled(n, value int) []int {
	xs := make([]int, n)
	for i := range xs {
		xs[i] = value
	}
	return xs
}

func shortest(graph [][]Edge, start int) []int {
	dist := filled(len(graph), -1)
	heap := &Heap{}
	dist[start] = 0
	push(heap, Entry{0, start})
	for heap.size > 0 {
		here := pop(heap)
		if here.dist == dist[here.place] {
			for _, e := range graph[here.place] {
				d := here.dist + e.cost
				if dist[e.to] < 0 || d < dist[e.to] {
					dist[e.to] = d
					push(heap, Entry{d, e.to})
				}
			}
		}
	}
	return dist
}

func steps(graph [][]Edge, start int) []int {
	count := filled(len(graph), -1)
	count[start] = 0
	queue := []int{start}
	for head := 0; head < len(queue); head++ {
		here := queue[head]
		for _, e := range graph[here] {
			if count[e.to] < 0 {
				count[e.to] = count[here] + 1
				queue = append(queue, e.to)
			}
		}
	}
	return count
}

func find(parent []int, x int) int {
	root := x
	for parent[root] != root {
		parent[root] = parent[parent[root]]
		root = parent[root]
	}
	return root
}

func cheapestNet(places int, roads []Road) int {
	parent := make([]int, places)
	for i := range parent {
		parent[i] = i
	}
	sorted := append([]Road{}, roads...)
	sort.SliceStable(sorted, func(i, j int) bool { return sorted[i].cost < sorted[j].cost })
	total := 0
	for _, r := range sorted {
		a, b := find(parent, r.a), find(parent, r.b)
		if a != b {
			parent[a] = b
			total += r.cost
		}
	}
	return total
}

func main() {
	n := N
	roads := []Road{}
	graph := make([][]Edge, n)
	seed := 99
	for i := 1; i < n; i++ {
		for k := 0; k < 3; k++ {
			seed = (seed*1103515245 + 12345) % 2147483648
			r := seed / 32
			other := r % i
			if k > 0 && i > 50 {
				other = i - 1 - r%50
			}
			cost := (r%1000+1)*n + i
			roads = append(roads, Road{i, other, cost})
			graph[i] = append(graph[i], Edge{other, cost})
			graph[other] = append(graph[other], Edge{i, cost})
		}
	}
	far, sumOfWays := 0, 0
	for _, d := range shortest(graph, 0) {
		sumOfWays = (sumOfWays*31 + d) % 1000000007
		if d > far {
			far = d
		}
	}
	most, sumOfSteps := 0, 0
	for _, c := range steps(graph, n/2) {
		sumOfSteps += c
		if c > most {
			most = c
		}
	}
	fmt.Println(far, sumOfWays)
	fmt.Println(most, sumOfSteps)
	fmt.Println(cheapestNet(n, roads))
}

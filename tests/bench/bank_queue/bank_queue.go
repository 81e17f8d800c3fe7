package main

import "fmt"

const N = 200

type Customer struct {
	id, arrival, work, patience int
}

type Teller struct {
	speed, left, served, idle int
}

type Totals struct {
	served, lost, waited, longest int
}

func arrivals(seed int) int {
	r := seed / 65536 % 16
	if r < 5 {
		return 0
	}
	if r < 11 {
		return 1
	}
	if r < 15 {
		return 2
	}
	return 4
}

func serve(t Teller, c Customer) Teller {
	return Teller{t.speed, (c.work + t.speed - 1) / t.speed, t.served + 1, t.idle}
}

func main() {
	tellers := make([]Teller, 8)
	for i := range tellers {
		tellers[i] = Teller{2 + i%3, 0, 0, 0}
	}
	queue := []Customer{}
	head := 0
	totals := Totals{}
	seed := 2024
	nextID := 1
	for minute := 0; minute < N; minute++ {
		seed = (seed*1103515245 + 12345) % 2147483648
		coming := arrivals(seed)
		for k := 0; k < coming; k++ {
			seed = (seed*1103515245 + 12345) % 2147483648
			r := seed / 4096
			queue = append(queue, Customer{nextID, minute, 5 + r%30, 10 + r/64%40})
			nextID++
		}
		if len(queue)-head > totals.longest {
			totals.longest = len(queue) - head
		}
		for i := range tellers {
			if tellers[i].left > 0 {
				tellers[i].left--
			}
			if tellers[i].left == 0 {
				for head < len(queue) && minute-queue[head].arrival > queue[head].patience {
					totals.lost++
					head++
				}
				if head < len(queue) {
					customer := queue[head]
					head++
					totals.served++
					totals.waited += minute - customer.arrival
					tellers[i] = serve(tellers[i], customer)
				} else {
					tellers[i].idle++
				}
			}
		}
		if head > 1000 {
			queue = append([]Customer{}, queue[head:]...)
			head = 0
		}
	}
	fmt.Println(nextID-1, totals.served, totals.lost, totals.waited, totals.longest)
	for _, t := range tellers {
		fmt.Println(t.speed, t.served, t.idle)
	}
}

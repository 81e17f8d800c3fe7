package main

import (
	"fmt"
	"sort"
	"strconv"
)

const N = 60

type Customer struct {
	id           int
	name, region string
}

type Order struct{ id, customer, month, amount, days int }

type Group struct{ key, count, amount, late int }

var regions = []string{"north", "east", "south", "west"}

func makeCustomers(n int) []Customer {
	out := []Customer{}
	for i := 0; i < n; i++ {
		out = append(out, Customer{i, "customer " + strconv.Itoa(i*7%n), regions[i%4]})
	}
	return out
}

func makeOrders(n, customers int) []Order {
	out := []Order{}
	seed := 17
	for i := 0; i < n; i++ {
		seed = (seed*1103515245 + 12345) % 2147483648
		r := seed / 128
		out = append(out, Order{i, r % customers, i%12 + 1, r/7%5000 + 10, r / 1024 % 60})
	}
	return out
}

func add(groups map[int]*Group, key int, o *Order) {
	g := groups[key]
	if g == nil {
		g = &Group{key: key}
		groups[key] = g
	}
	g.count++
	g.amount += o.amount
	if o.days > 30 {
		g.late++
	}
}

func sorted(groups map[int]*Group, order func(g *Group) int) []*Group {
	out := []*Group{}
	for _, g := range groups {
		out = append(out, g)
	}
	sort.Slice(out, func(i, j int) bool { return order(out[i]) < order(out[j]) })
	return out
}

func main() {
	customers := makeCustomers(200)
	orders := makeOrders(N, 200)

	months := map[int]*Group{}
	for i := range orders {
		if orders[i].amount >= 100 {
			add(months, orders[i].month, &orders[i])
		}
	}
	for _, m := range sorted(months, func(g *Group) int { return g.key }) {
		fmt.Println(m.key, m.count, m.amount, m.late)
	}

	for _, region := range regions {
		amounts := []int{}
		for i := range orders {
			if customers[orders[i].customer].region == region {
				amounts = append(amounts, orders[i].amount)
			}
		}
		sum, max := 0, 0
		for _, a := range amounts {
			sum += a
		}
		for _, a := range amounts {
			if a > max {
				max = a
			}
		}
		fmt.Println(region, len(amounts), sum, max)
	}

	byCustomer := map[int]*Group{}
	for i := range orders {
		add(byCustomer, orders[i].customer, &orders[i])
	}
	best := sorted(byCustomer, func(g *Group) int { return 0 - g.amount*1000 + g.key })
	for i := 0; i < len(best) && i < 5; i++ {
		c := customers[best[i].key]
		fmt.Println(c.name, c.region, best[i].amount)
	}

	late := []*Order{}
	for i := range orders {
		if orders[i].days > 45 && orders[i].amount > 4000 {
			late = append(late, &orders[i])
		}
	}
	sort.Slice(late, func(i, j int) bool {
		a, b := late[i], late[j]
		return 0-a.amount*10000000+a.id < 0-b.amount*10000000+b.id
	})
	for i := 0; i < len(late) && i < 3; i++ {
		o := late[i]
		fmt.Println(o.id, customers[o.customer].name, o.amount, o.days)
	}
}

package main

import (
	"fmt"
	"strconv"
	"strings"
)

const N = 3

var seed = 42
var text = ""
var pos = 0
var x = 0

func random(limit int) int {
	seed = (seed*1103515245 + 12345) % 2147483648
	return seed / 65536 % limit
}

func makeText(depth int) string {
	if depth == 0 || random(8) == 0 {
		if random(3) == 0 {
			return "x"
		}
		return strconv.Itoa(random(1000))
	}
	kind := random(6)
	if kind == 0 {
		return "-" + makeText(depth-1)
	}
	left := makeText(depth - 1)
	right := makeText(depth - 1)
	switch kind {
	case 1:
		return "(" + left + " - " + right + ")"
	case 2:
		return left + "*" + right
	case 3:
		return "(" + left + ") / (" + right + ")"
	}
	return "(" + left + " + " + right + ")"
}

func skipBlanks() {
	for pos < len(text) && text[pos] == ' ' {
		pos++
	}
}

func number() int {
	value := 0
	for pos < len(text) && text[pos] >= '0' && text[pos] <= '9' {
		value = value*10 + int(text[pos]-'0')
		pos++
	}
	return value
}

func factor() int {
	skipBlanks()
	switch text[pos] {
	case '(':
		pos++
		value := expression()
		skipBlanks()
		pos++
		return value
	case '-':
		pos++
		return 0 - factor()
	case 'x':
		pos++
		return x
	}
	return number()
}

func term() int {
	value := factor()
	skipBlanks()
	for pos < len(text) && (text[pos] == '*' || text[pos] == '/') {
		op := text[pos]
		pos++
		right := factor()
		if op == '*' {
			value = value * right % 1000003
		} else if right != 0 {
			value = value / right
		}
		skipBlanks()
	}
	return value
}

func expression() int {
	value := term()
	skipBlanks()
	for pos < len(text) && (text[pos] == '+' || text[pos] == '-') {
		op := text[pos]
		pos++
		if op == '+' {
			value = (value + term()) % 1000003
		} else {
			value = (value - term()) % 1000003
		}
		skipBlanks()
	}
	return value
}

func main() {
	parts := []string{}
	for i := 0; i < 20; i++ {
		parts = append(parts, makeText(8))
	}
	text = strings.Join(parts, " + ")
	total := 0
	for i := 0; i < N; i++ {
		x = i * 7 % 1009
		pos = 0
		total = (total*31 + expression()) % 1000000007
	}
	fmt.Println(len(text), total)
}

package main

import (
	"fmt"
	"strconv"
	"strings"
)

const N = 20

type Token struct {
	kind, text string
	next       int
}

var keywords = []string{"let", "var", "fun", "if", "else", "while", "for", "return"}
var names = []string{"alpha", "beta", "gamma2", "delta_x", "eps", "zeta", "eta", "theta9", "iota", "kappa", "lambda", "mu"}

func isDigit(ch byte) bool {
	return ch >= '0' && ch <= '9'
}

func isLetter(ch byte) bool {
	return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch == '_'
}

func isKeyword(word string) bool {
	for _, k := range keywords {
		if k == word {
			return true
		}
	}
	return false
}

func tokenAt(line string, start int) Token {
	n := len(line)
	i := start
	for i < n && line[i] == ' ' {
		i++
	}
	if i >= n {
		return Token{"end", "", n}
	}
	first := i
	ch := line[i]
	if isLetter(ch) {
		for i < n && (isLetter(line[i]) || isDigit(line[i])) {
			i++
		}
		word := line[first:i]
		if isKeyword(word) {
			return Token{"keyword", word, i}
		}
		return Token{"name", word, i}
	}
	if isDigit(ch) {
		for i < n && isDigit(line[i]) {
			i++
		}
		return Token{"number", line[first:i], i}
	}
	if ch == '\'' {
		i++
		for i < n && line[i] != '\'' {
			i++
		}
		return Token{"string", line[first+1 : i], i + 1}
	}
	if ch == '#' {
		return Token{"comment", line[first:n], n}
	}
	if (ch == '=' || ch == '<' || ch == '!') && i+1 < n && line[i+1] == '=' {
		return Token{"operator", line[i : i+2], i + 2}
	}
	if strings.IndexByte("+-*/%=<>!", ch) >= 0 {
		return Token{"operator", line[i : i+1], i + 1}
	}
	return Token{"punctuation", line[i : i+1], i + 1}
}

func makeLine(i int) string {
	r := (i*7919 + 13) % 100003
	a, b := names[r%12], names[r/12%12]
	switch r % 5 {
	case 0:
		return "let " + a + " = " + strconv.Itoa(r) + " * (" + b + " + " + strconv.Itoa(i%97) + ")  # line " + strconv.Itoa(i)
	case 1:
		return "  if " + a + " <= " + b + " { return '" + a + " " + b + "' }"
	case 2:
		return "while " + a + "[" + strconv.Itoa(i%13) + "] != " + b + " { " + b + " = " + b + " - 1 }"
	case 3:
		return "fun " + a + "_" + strconv.Itoa(i%31) + "(" + b + ", x) { var y = " + b + " == x }"
	}
	return "    " + a + " = " + a + " % " + strconv.Itoa(r%1000+1) + "; else " + b + "(" + strconv.Itoa(r) + ")"
}

func main() {
	kinds := map[string]int{}
	uses := map[string]int{}
	digits := 0
	for i := 0; i < N; i++ {
		line := makeLine(i)
		pos := 0
		for pos < len(line) {
			token := tokenAt(line, pos)
			pos = token.next
			kinds[token.kind]++
			if token.kind == "name" {
				uses[token.text]++
			}
			if token.kind == "number" {
				digits += len(token.text)
			}
		}
	}
	for _, kind := range []string{"keyword", "name", "number", "string", "comment", "operator", "punctuation"} {
		fmt.Println(kind, kinds[kind])
	}
	most, mostUses := "", 0
	for name, u := range uses {
		if u > mostUses || (u == mostUses && name < most) {
			most, mostUses = name, u
		}
	}
	fmt.Println(len(uses), most, mostUses, digits)
}

package main

import (
	"fmt"
	"strconv"
	"strings"
)

const N = 2

const alphabet = "abcdefghijklmnopqrstuvwxyz"

var vocabulary = []string{"a", "beekeeper", "committee", "dwarf", "ebb", "foolproof", "goddess", "hmm", "illness", "keen", "lamp", "of", "to", "the", "zoo"}

func wordsOfPage(page, count int) []string {
	seed := page + 1
	words := []string{}
	for i := 0; i < count; i++ {
		seed = (seed*1103515245 + 12345) % 2147483648
		words = append(words, vocabulary[seed/65536%len(vocabulary)])
	}
	return words
}

func wrap(words []string, width int) []string {
	lines := []string{}
	line := ""
	for _, word := range words {
		if line == "" {
			line = word
		} else if len(line)+1+len(word) <= width {
			line = line + " " + word
		} else {
			lines = append(lines, line)
			line = word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

func shift(text string, by int) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		place := strings.IndexByte(alphabet, text[i])
		if place < 0 {
			out.WriteByte(text[i])
		} else {
			out.WriteByte(alphabet[(place+by)%26])
		}
	}
	return out.String()
}

func pack(text string) string {
	var out strings.Builder
	n := len(text)
	for i := 0; i < n; {
		ch := text[i]
		run := 1
		for i+run < n && text[i+run] == ch {
			run++
		}
		if run > 1 {
			out.WriteString(strconv.Itoa(run))
		}
		out.WriteByte(ch)
		i += run
	}
	return out.String()
}

func unpack(text string) string {
	var out strings.Builder
	run := 0
	for i := 0; i < len(text); i++ {
		ch := text[i]
		if ch >= '0' && ch <= '9' {
			run = run*10 + int(ch-'0')
			continue
		}
		if run == 0 {
			run = 1
		}
		for k := 0; k < run; k++ {
			out.WriteByte(ch)
		}
		run = 0
	}
	return out.String()
}

func main() {
	linesTotal, packedTotal, same, letters := 0, 0, 0, 0
	for page := 0; page < N; page++ {
		lines := wrap(wordsOfPage(page, 300), 40+page%30)
		linesTotal += len(lines)
		text := strings.Join(lines, "\n")
		secret := shift(text, page%25+1)
		packed := pack(secret)
		packedTotal += len(packed)
		back := shift(unpack(packed), 25-page%25)
		if back == text {
			same++
		}
		for _, word := range strings.Split(back, " ") {
			letters += len(strings.TrimSpace(word))
		}
	}
	fmt.Println(linesTotal, packedTotal, same, letters)
}

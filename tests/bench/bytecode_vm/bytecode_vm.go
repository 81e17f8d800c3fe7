package main

import "fmt"

const N = 30

type Kind int

const (
	Push Kind = iota
	Load
	Store
	Add
	Mul
	Div
	Mod
	Less
	Jump
	JumpIfZero
	Print
	Halt
)

type Op struct {
	kind Kind
	arg  int
}

// Slots: 0 start, 1 value, 2 steps, 3 most steps, 4 best start.
var program = []Op{
	{Push, 1}, {Store, 0},
	{Load, 0}, {Push, N}, {Less, 0}, {JumpIfZero, 46},
	{Load, 0}, {Store, 1}, {Push, 0}, {Store, 2},
	{Push, 1}, {Load, 1}, {Less, 0}, {JumpIfZero, 33},
	{Load, 1}, {Push, 2}, {Mod, 0}, {JumpIfZero, 24},
	{Load, 1}, {Push, 3}, {Mul, 0}, {Push, 1}, {Add, 0}, {Jump, 27},
	{Load, 1}, {Push, 2}, {Div, 0},
	{Store, 1},
	{Load, 2}, {Push, 1}, {Add, 0}, {Store, 2}, {Jump, 10},
	{Load, 3}, {Load, 2}, {Less, 0}, {JumpIfZero, 41},
	{Load, 2}, {Store, 3}, {Load, 0}, {Store, 4},
	{Load, 0}, {Push, 1}, {Add, 0}, {Store, 0}, {Jump, 2},
	{Load, 4}, {Print, 0}, {Load, 3}, {Print, 0}, {Halt, 0},
}

func execute(code []Op) (printed []int, executed int) {
	stack := make([]int, 16)
	slots := make([]int, 5)
	top, pc := 0, 0
	running := true
	for running {
		op := code[pc]
		pc++
		executed++
		switch op.kind {
		case Push:
			stack[top] = op.arg
			top++
		case Load:
			stack[top] = slots[op.arg]
			top++
		case Store:
			top--
			slots[op.arg] = stack[top]
		case Add:
			top--
			stack[top-1] += stack[top]
		case Mul:
			top--
			stack[top-1] *= stack[top]
		case Div:
			top--
			stack[top-1] /= stack[top]
		case Mod:
			top--
			stack[top-1] %= stack[top]
		case Less:
			top--
			less := 0
			if stack[top-1] < stack[top] {
				less = 1
			}
			stack[top-1] = less
		case Jump:
			pc = op.arg
		case JumpIfZero:
			top--
			if stack[top] == 0 {
				pc = op.arg
			}
		case Print:
			top--
			printed = append(printed, stack[top])
		case Halt:
			running = false
		}
	}
	return
}

func main() {
	printed, executed := execute(program)
	for _, p := range printed {
		fmt.Println(p)
	}
	fmt.Println(executed)
}

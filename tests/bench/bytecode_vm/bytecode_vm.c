#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N 30

typedef enum { PUSH, LOAD, STORE, ADD, MUL, DIV, MOD, LESS, JUMP, JUMP_IF_ZERO, PRINT, HALT } Kind;

typedef struct {
    Kind kind;
    int64_t arg;
} Op;

/* Slots: 0 start, 1 value, 2 steps, 3 most steps, 4 best start. */
static const Op program[] = {
    {PUSH, 1}, {STORE, 0},
    {LOAD, 0}, {PUSH, N}, {LESS, 0}, {JUMP_IF_ZERO, 46},
    {LOAD, 0}, {STORE, 1}, {PUSH, 0}, {STORE, 2},
    {PUSH, 1}, {LOAD, 1}, {LESS, 0}, {JUMP_IF_ZERO, 33},
    {LOAD, 1}, {PUSH, 2}, {MOD, 0}, {JUMP_IF_ZERO, 24},
    {LOAD, 1}, {PUSH, 3}, {MUL, 0}, {PUSH, 1}, {ADD, 0}, {JUMP, 27},
    {LOAD, 1}, {PUSH, 2}, {DIV, 0},
    {STORE, 1},
    {LOAD, 2}, {PUSH, 1}, {ADD, 0}, {STORE, 2}, {JUMP, 10},
    {LOAD, 3}, {LOAD, 2}, {LESS, 0}, {JUMP_IF_ZERO, 41},
    {LOAD, 2}, {STORE, 3}, {LOAD, 0}, {STORE, 4},
    {LOAD, 0}, {PUSH, 1}, {ADD, 0}, {STORE, 0}, {JUMP, 2},
    {LOAD, 4}, {PRINT, 0}, {LOAD, 3}, {PRINT, 0}, {HALT, 0},
};

typedef struct {
    int64_t printed[8];
    int64_t count, executed;
} Outcome;

static Outcome execute(const Op *code) {
    int64_t stack[16] = {0}, slots[5] = {0};
    int64_t top = 0, pc = 0;
    Outcome out = {0};
    bool running = true;
    while (running) {
        const Op *op = &code[pc];
        pc++;
        out.executed++;
        switch (op->kind) {
        case PUSH:
            stack[top++] = op->arg;
            break;
        case LOAD:
            stack[top++] = slots[op->arg];
            break;
        case STORE:
            slots[op->arg] = stack[--top];
            break;
        case ADD:
            top--;
            stack[top - 1] += stack[top];
            break;
        case MUL:
            top--;
            stack[top - 1] *= stack[top];
            break;
        case DIV:
            top--;
            stack[top - 1] /= stack[top];
            break;
        case MOD:
            top--;
            stack[top - 1] %= stack[top];
            break;
        case LESS:
            top--;
            stack[top - 1] = stack[top - 1] < stack[top] ? 1 : 0;
            break;
        case JUMP:
            pc = op->arg;
            break;
        case JUMP_IF_ZERO:
            if (stack[--top] == 0) {
                pc = op->arg;
            }
            break;
        case PRINT:
            out.printed[out.count++] = stack[--top];
            break;
        case HALT:
            running = false;
            break;
        }
    }
    return out;
}

int main(void) {
    Outcome outcome = execute(program);
    for (int64_t i = 0; i < outcome.count; i++) {
        printf("%" PRId64 "\n", outcome.printed[i]);
    }
    printf("%" PRId64 "\n", outcome.executed);
    return 0;
}

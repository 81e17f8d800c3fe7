#!/bin/sh
# Runs all programs of this folder, and says which do what they should. What it prints is also in report.txt,
# which goes back to whoever made the folder.
cd "$(dirname "$0")" || exit 2
rm -rf got
mkdir got || exit 2
# What came from elsewhere may have lost its rights, and may not be started on macOS.
chmod +x programs/*
if command -v xattr >/dev/null; then xattr -dr com.apple.quarantine . 2>/dev/null; fi
passed=0
failed=0

# A program: its name, the status it ends with, how it is called.
check() {
    name=$1
    wanted=$2
    shift 2
    "$@" <"given/$name" >"got/$name.out" 2>"got/$name.err"
    status=$?
    if [ "$status" = "$wanted" ] && cmp -s "expected/$name.out" "got/$name.out" &&
        cmp -s "expected/$name.err" "got/$name.err"; then
        passed=$((passed + 1))
        return
    fi
    failed=$((failed + 1))
    echo "failed: $name, status $status in place of $wanted"
    for part in out err; do
        diff "expected/$name.$part" "got/$name.$part" | head -n 20
    done
}

all() {
    date -u
    uname -a
    if command -v sw_vers >/dev/null; then
        sw_vers
        # Translated is 1 when another machine is emulated.
        for value in sysctl.proc_translated hw.model hw.pagesize machdep.cpu.brand_string; do
            sysctl "$value" 2>/dev/null
        done
    fi
CASES
    echo "$passed of $((passed + failed)) programs do what they should"
}

all >report.txt 2>&1
cat report.txt
[ "$failed" = 0 ]

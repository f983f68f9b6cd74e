package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// row is a line of the table.
type row struct {
	name string
	figure
	bar    time.Duration // zero: there is none
	memory int64         // bar, in bytes
	than   *figure       // what it is compared with
}

const columns = "%-60s %9s %19s %9s %8s %9s %6s %-5s %7s\n"

func (b *bench) head() {
	fmt.Fprintf(b.out, "%d CPUs, %s/%s; load %s\n\n", runtime.NumCPU(), runtime.GOOS, runtime.GOARCH, load())
	fmt.Fprintf(b.out, columns, "", "median", "least…most", "CPU", "memory", "bar", "× bar", "", "× first")
}

func (b *bench) foot() {
	fmt.Fprintf(b.out, "\n%d of %d bars met; load %s\n", b.met, b.met+b.missed, load())
}

// load is how many processes wanted a CPU, over 1, 5 and 15 minutes.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}

// show prints a row, and a second one if there is a bar for memory too.
func (b *bench) show(r row) {
	bar, ratio, verdict, than := "", "", "", ""
	if r.bar > 0 {
		bar, ratio, verdict = short(r.bar), fmt.Sprintf("%.2f", r.time.Seconds()/r.bar.Seconds()), b.judge(r.time <= r.bar)
	}
	if r.than != nil && r.than.time > 0 {
		than = fmt.Sprintf("%.1f", r.time.Seconds()/r.than.time.Seconds())
	}
	cpu, memory := "", ""
	if r.cpu > 0 {
		cpu = short(r.cpu)
	}
	if r.figure.memory > 0 {
		memory = megabytes(r.figure.memory)
	}
	fmt.Fprintf(b.out, columns, r.name, short(r.time), short(r.least)+"…"+short(r.most), cpu, memory, bar, ratio, verdict, than)
	if r.memory > 0 {
		ratio := fmt.Sprintf("%.2f", float64(r.figure.memory)/float64(r.memory))
		fmt.Fprintf(b.out, columns, "  its memory", "", "", "", memory, megabytes(r.memory), ratio, b.judge(r.figure.memory <= r.memory), "")
	}
}

func (b *bench) judge(met bool) string {
	if met {
		b.met++
		return "pass"
	}
	b.missed++
	return "MISS"
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/(1<<20)) }

func short(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000)
	}
	return fmt.Sprintf("%.2f s", d.Seconds())
}

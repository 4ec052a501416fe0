// Package main tells random stories about the operator until one of them goes wrong.
//
//	go run ./test/sim -level core -sequences 1000000 -seed 1
//
// A story that goes wrong is shortened, as far as that is possible, and told.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strings"
)

func main() {
	o := options{}
	flag.StringVar(&o.level, "level", "core", "what to simulate: "+strings.Join(names(), " or "))
	flag.IntVar(&o.sequences, "sequences", 1000, "how many stories to tell")
	flag.Uint64Var(&o.seed, "seed", 1, "the seed of the first story; each further story has the next")
	flag.IntVar(&o.workers, "workers", runtime.GOMAXPROCS(0), "how many stories to tell at the same time")
	flag.Parse()
	l, found := levels[o.level]
	if !found {
		fmt.Fprintf(os.Stderr, "there is no level %q, but %v\n", o.level, names())
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	violations := run(ctx, l, o, os.Stdout)
	stop()
	if violations > 0 {
		os.Exit(1)
	}
}

package loadtester

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
)

// children counts the processes whose parent this process is, zombies included.
func children(t *testing.T) int {
	t.Helper()
	files, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil || len(files) == 0 {
		t.Fatalf("find children: %d files, %v", len(files), err)
	}
	count := 0
	for _, file := range files {
		content, _ := os.ReadFile(file) // the thread may have ended
		count += len(strings.Fields(string(content)))
	}
	return count
}

// heap returns the size of what is still in use, in bytes.
func heap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one found may have had finalizers
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}

// anything returns a path and a body, of all kinds.
func anything(rnd *rand.Rand) (path, body string) {
	paths := []string{"/", "/", "/", "/gate/check", "/gate/open", "/gate/close", "/rollback/open", "/rollback/close", "/x"}
	noise := make([]byte, rnd.IntN(2000))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	commands := []string{"true", "false", "seq 20000", "cat /dev/zero | head -c 300000 & wait", "sleep 1000 | cat", "exit 3"}
	command := commands[rnd.IntN(len(commands))]
	bodies := []string{
		string(noise),
		`{"name":` + string(noise),
		about(),
		about("type", string(noise)),
		about("type", "helm", "cmd", string(noise)),
		about("type", "ngrinder", "server", "http://127.0.0.1:1", "clone", "1", "username", "u", "passwd", string(noise)),
		about("type", "concord", "server", "http://127.0.0.1:1", "apiKeyPath", string(noise)),
		about("type", "bash", "cmd", command, "returnCmdOutput", "true"),
		about("cmd", command, "n", fmt.Sprint(rnd.IntN(100))),
	}
	return paths[rnd.IntN(len(paths))], bodies[rnd.IntN(len(bodies))]
}

// TestAFloodLeavesNothingBehind sends a thousand requests at once, the same ones in each run. Commands that would sleep
// for longer are killed.
func TestAFloodLeavesNothingBehind(t *testing.T) {
	t.Setenv("PATH", "/usr/bin:/bin")
	flood := func() {
		tester, _ := startWithin(t.Context(), func(o *Options) {
			o.MostTasks, o.TaskLimit, o.Log = 50, time.Second, logr.Discard()
		})
		rnd := rand.New(rand.NewPCG(1, 2))
		var senders sync.WaitGroup
		begin := make(chan struct{})
		for range 1000 {
			path, body := anything(rnd)
			senders.Go(func() {
				<-begin
				if got := ask(tester, path, body); got.Status < 200 || got.Status > 503 || len(got.Body) > 4*outputHalf {
					t.Errorf("%s %.100q: got %d and %d bytes", path, body, got.Status, len(got.Body))
				}
			})
		}
		close(begin)
		senders.Wait()
		tester.Wait()
	}
	flood() // what is made once is made
	goroutines, processes, memory := runtime.NumGoroutine(), children(t), heap()
	flood()
	// Those that have just said that they are done may still be seen.
	if now := runtime.NumGoroutine(); now > goroutines+20 {
		t.Errorf("goroutines: %d before, %d after", goroutines, now)
	}
	if now := children(t); now > processes {
		t.Errorf("processes: %d before, %d after", processes, now)
	}
	if now := heap(); now > memory+1<<20 {
		t.Errorf("bytes in use: %d before, %d after", memory, now)
	}
}

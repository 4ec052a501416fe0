//go:build linux

package lab

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/util/yaml"
)

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAStateFolderHasOneLab(t *testing.T) {
	state := State(filepath.Join(t.TempDir(), "state"))
	first, err := state.claim()
	if err != nil {
		t.Fatalf("claim a folder that does not exist: %v", err)
	}
	if _, err := state.claim(); !errors.Is(err, errRunning) {
		t.Errorf("claim a claimed folder: %v, want errRunning", err)
	}
	write(t, state.log("etcd"), "old")
	if err := state.clear(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(state.log("etcd")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an earlier lab's log is still there: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := state.claim()
	if err != nil {
		t.Fatalf("claim a folder whose lab has ended: %v", err)
	}
	_ = again.Close()
}

func TestAFolderOfSomebodyElseIsNotEmptied(t *testing.T) {
	state := State(t.TempDir())
	write(t, state.path("thesis.tex"), "years of work")
	if lock, err := state.claim(); err == nil {
		_ = lock.Close()
		t.Error("a folder with foreign files was claimed, and would be emptied")
	}
}

func TestNothingRunsInAnEmptyFolder(t *testing.T) {
	state := State(t.TempDir())
	if err := Stop(state); !errors.Is(err, ErrNotRunning) {
		t.Errorf("stop: %v, want ErrNotRunning", err)
	}
	if _, err := Exec(state, []string{"true"}, nil); !errors.Is(err, ErrNotRunning) {
		t.Errorf("exec: %v, want ErrNotRunning", err)
	}
}

func TestRouteMessageIsWhatIpRouteSends(t *testing.T) {
	order := binary.NativeEndian
	message := routeMessage(netip.MustParsePrefix("10.244.0.0/16"), 1)
	if got := order.Uint32(message); int(got) != len(message) {
		t.Errorf("the message tells a length of %d, and has %d bytes", got, len(message))
	}
	want := []byte{2, 16, 0, 0, 255, 3, 254, 2, 0, 0, 0, 0} // inet /16, table local, boot, scope host, type local
	if diff := cmp.Diff(want, message[16:28]); diff != "" {
		t.Errorf("route (-want +got):\n%s", diff)
	}
	destination := append(order.AppendUint16(order.AppendUint16(nil, 8), 1), 10, 244, 0, 0)
	device := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, 8), 4), 1)
	if diff := cmp.Diff(append(destination, device...), message[28:]); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
}

// TestCommands runs commands through the control socket of a control that is in this process: no namespace is
// needed to see how commands are started, told signals and reported.
func TestCommands(t *testing.T) {
	state := State(t.TempDir())
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: state.socket(), Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	c := &control{environment: []string{"LAB_ANSWER=42"}}
	go func() { served <- c.serve(listener) }()
	t.Cleanup(func() {
		_ = listener.Close()
		if err := <-served; err != nil && !errors.Is(err, net.ErrClosed) {
			t.Errorf("the control ended with %v", err)
		}
	})
	t.Setenv("OWN", "kept")

	tests := map[string]struct {
		reason  string
		command []string
		signals []os.Signal
		want    int
		fails   bool
	}{
		"Success": {reason: "Nothing to report is code 0.", command: []string{"true"}},
		"Code":    {reason: "The command's code is the caller's.", command: []string{"sh", "-c", "exit 7"}, want: 7},
		"Environment": {
			reason:  "A command has the caller's variables and the lab's.",
			command: []string{"sh", "-c", `test "$OWN $LAB_ANSWER" = "kept 42"`},
		},
		"Folder": {
			reason:  "A command runs in the caller's folder.",
			command: []string{"sh", "-c", "test -f lab_test.go"},
		},
		"Signal": {
			reason:  "Ctrl-C reaches the command, and the code is that of a shell.",
			command: []string{"sleep", "1000"}, signals: []os.Signal{syscall.SIGINT}, want: 130,
		},
		"Missing": {
			reason:  "A command that does not exist is an error, not a code.",
			command: []string{"no-such-command-anywhere"}, fails: true,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			signals := make(chan os.Signal, len(test.signals))
			for _, signal := range test.signals {
				signals <- signal
			}
			got, err := Exec(state, test.command, signals)
			if (err != nil) != test.fails || got != test.want {
				t.Errorf("code %d, error %v: %s", got, err, test.reason)
			}
		})
	}
}

func TestForwardPassesBothWaysAndTheEnd(t *testing.T) {
	inner, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = inner.Close() }()
	go func() {
		c, err := inner.Accept()
		if err != nil {
			return
		}
		all, _ := io.ReadAll(c) // until the client's end
		_, _ = fmt.Fprintf(c, "heard %s", all)
		_ = c.Close()
	}()
	outer, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	forwarded := make(chan error, 1)
	go func() { forwarded <- forward(outer, inner.Addr().String()) }()

	c, err := net.Dial("tcp", outer.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(c, "hello")
	_ = c.(*net.TCPConn).CloseWrite()
	got, err := io.ReadAll(c)
	if err != nil || string(got) != "heard hello" {
		t.Errorf("read %q, error %v", got, err)
	}
	_ = outer.Close()
	if err := <-forwarded; !errors.Is(err, net.ErrClosed) {
		t.Errorf("forward ended with %v, want the listener's end", err)
	}
}

func TestAwaitGivesUpWithWhatItWaitedFor(t *testing.T) {
	boom := errors.New("boom")
	cause := errors.New("not yet")
	never := func(context.Context) error { return cause }

	failed := &bringUp{failures: make(chan error, 1)}
	failed.failures <- boom
	if err := failed.await(t.Context(), never); !errors.Is(err, boom) {
		t.Errorf("a component ended: %v, want its error", err)
	}

	interrupted, cancel := context.WithCancel(t.Context())
	asked := func(context.Context) error { cancel(); return cause }
	if err := (&bringUp{}).await(interrupted, asked); !errors.Is(err, cause) || !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v, want what was waited for", err)
	}
}

func TestStagesAreOneFileOfAll(t *testing.T) {
	joined, err := stages()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	documents := yaml.NewYAMLOrJSONDecoder(strings.NewReader(joined), 4096)
	for {
		var stage struct {
			Kind     string
			Metadata struct{ Name string }
			Spec     struct {
				Delay struct{ DurationMilliseconds int64 }
			}
		}
		if err := documents.Decode(&stage); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		names = append(names, stage.Kind+"/"+stage.Metadata.Name)
		if delay := stage.Spec.Delay.DurationMilliseconds; stage.Metadata.Name == "pod-delete" && delay != Drain.Milliseconds() {
			t.Errorf("a deleted pod ends after %d ms, want %d", delay, Drain.Milliseconds())
		}
	}
	want := []string{
		"Stage/node-heartbeat", "Stage/node-ready", "Stage/pod-complete", "Stage/pod-delete", "Stage/pod-ready", "Stage/pod-stuck",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
}

func TestFresh(t *testing.T) {
	early, late := time.Unix(1000, 0), time.Unix(2000, 0)
	tests := map[string]struct {
		reason string
		files  map[string]time.Time
		want   bool
	}{
		"NoBinary": {reason: "What is not there must be built.", files: map[string]time.Time{"test/lab/p/go.mod": early}},
		"Newer": {
			reason: "A binary newer than its module is kept.",
			files:  map[string]time.Time{"bin/p": late, "test/lab/p/go.mod": early, "test/lab/p/go.sum": early}, want: true,
		},
		"Upgraded": {
			reason: "A module that was upgraded since asks for a build.",
			files:  map[string]time.Time{"bin/p": early, "test/lab/p/go.mod": early, "test/lab/p/go.sum": late},
		},
		"Edited": {
			reason: "So does a main package that was edited.",
			files:  map[string]time.Time{"bin/p": early, "test/lab/p/go.mod": early, "test/lab/p/main.go": late},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for file, changed := range test.files {
				if err := os.Chtimes(write(t, filepath.Join(root, file), ""), changed, changed); err != nil {
					t.Fatal(err)
				}
			}
			got, err := program{name: "p"}.fresh(root)
			if err != nil || got != test.want {
				t.Errorf("fresh: %t, error %v: %s", got, err, test.reason)
			}
		})
	}
}

func TestBuildOutputIsCounted(t *testing.T) {
	var o output
	o.read(strings.NewReader("go: downloading example.com/a v1.0.0\nexample.com/a\nexample.com/b\n"))
	if got, want := o.count(), "1 modules downloaded, 2 packages compiled"; got != want {
		t.Errorf("count %q, want %q", got, want)
	}
}

func TestAFailureShowsTheEndOfTheLog(t *testing.T) {
	log := write(t, filepath.Join(t.TempDir(), "traefik.log"), strings.Repeat("noise\n", 100)+"cause\n")
	text := failure{name: "traefik", log: log, err: errors.New("exit status 1")}.Error()
	if !strings.HasPrefix(text, "traefik ended (exit status 1)") || !strings.HasSuffix(text, "cause") {
		t.Errorf("failure reads:\n%s", text)
	}
	if lines := strings.Count(text, "\n"); lines > tailLines {
		t.Errorf("%d lines of log, want at most %d", lines, tailLines)
	}
}

func TestRefusalNamesEverySetting(t *testing.T) {
	text := refusal(syscall.EPERM).Error()
	for _, l := range leaves {
		if !strings.Contains(text, l.name) {
			t.Errorf("%s is not named in:\n%s", l.name, text)
		}
	}
}

func TestCRDsBesideTheRepository(t *testing.T) {
	root := filepath.Join(t.TempDir(), "main")
	there := write(t, filepath.Join(root, beside[0]), "")
	var told strings.Builder
	found, err := besideCRDs(root, &told)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{there}, found); diff != "" {
		t.Errorf("CRDs (-want +got):\n%s", diff)
	}
	if !strings.Contains(told.String(), beside[1]) || strings.Contains(told.String(), beside[0]) {
		t.Errorf("told %q, want the missing file alone", told.String())
	}
}

func TestSettingsSurviveTheirJourney(t *testing.T) {
	want := settings{Root: "/r", State: "/s", CRDs: []string{"/c"}, APIServerPort: 1, Lifetime: Detached, Scrape: time.Second}
	encoded, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	var got settings
	if err := json.Unmarshal(encoded, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("settings (-sent +received):\n%s", diff)
	}
}

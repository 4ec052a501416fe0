//go:build linux

package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// The files that the first process inherits from the one that starts it, beside its standard files.
const (
	readyFile     = 3 + iota // written to when the lab can be used, closed without that when it cannot
	lockFile                 // the lock of the state folder, held open
	lifelineFile             // at its end the lab ends; a detached lab has none
	apiserverFile            // listeners outside, one per entry of outlets
	gatewayFile
	prometheusFile
	standinFile
)

// settings are what the starter tells the first process; they travel as JSON in an argument.
type settings struct {
	Root          string        `json:"root"` // the repository's
	State         State         `json:"state"`
	CRDs          []string      `json:"crds"` // files and folders with those of the proxies
	APIServerPort int           `json:"apiserverPort"`
	Lifetime      Lifetime      `json:"lifetime"`
	Scrape        time.Duration `json:"scrape"`
	NoProxy       bool          `json:"noProxy"` // without Traefik
}

func (s settings) binary(name string) string { return filepath.Join(s.Root, "bin", name) }

func (s settings) apiserverAddress() string { return "127.0.0.1:" + strconv.Itoa(s.APIServerPort) }

func (s settings) apiserverURL() string { return "https://" + s.apiserverAddress() }

// environment returns what commands inside get on top of their own environment.
func (s settings) environment() []string {
	return []string{
		"KUBECONFIG=" + s.State.Kubeconfig(),
		"LAB_STATE=" + string(s.State),
		"LAB_OPERATOR_KUBECONFIG=" + s.State.OperatorKubeconfig(),
		"LAB_AUDIT_LOG=" + s.State.AuditLog(),
		"LAB_APISERVER_URL=" + s.apiserverURL(),
		"LAB_GATEWAY_URL=http://" + gatewayAddress,
		"LAB_GATEWAY=" + GatewayNamespace + "/" + GatewayName,
		"LAB_PROMETHEUS_URL=http://" + prometheusAddress,
		"LAB_TRAEFIK_METRICS_URL=http://" + traefikAddress + "/metrics",
		"LAB_STANDIN_URL=http://" + standinAddress,
	}
}

// insideVerb is the hidden first argument that makes a program the first process of the lab's namespaces.
const insideVerb = "inside"

// Enter lets this program be the first process of its own lab, if its arguments say so: it returns true when that life is
// over. Every program that calls Start calls it first, and exits where it is true: the kernel kills whatever is left then.
// The error is one for which the lab ended.
func Enter(ctx context.Context, arguments []string, now func() time.Time) (bool, error) {
	if len(arguments) != 2 || arguments[0] != insideVerb {
		return false, nil
	}
	return true, runInside(ctx, arguments[1], now)
}

// runInside brings up the components and supervises them until it is told to stop, its starter ends, or a component does.
// encoded is what Start passed.
func runInside(ctx context.Context, encoded string, now func() time.Time) error {
	var s settings
	if err := json.Unmarshal([]byte(encoded), &s); err != nil {
		return fmt.Errorf("read the lab's settings: %w", err)
	}
	for file := readyFile; file <= standinFile; file++ {
		unix.CloseOnExec(file) // components must not hold them
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if s.Lifetime == WithStarter {
		go func() {
			_, _ = io.Copy(io.Discard, os.NewFile(lifelineFile, "lifeline")) // ends when the starter does
			stop()
		}()
	}
	b := &bringUp{settings: s, now: now, progress: os.Stdout, failures: make(chan error, 1)}
	if err := b.run(ctx); err != nil {
		return err
	}
	if err := b.open(stop); err != nil {
		return err
	}
	if err := b.announce(); err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return nil
	case err := <-b.failures:
		return err
	}
}

// open starts what clients outside reach: the control socket and the forwarders.
func (b *bringUp) open(stop func()) error {
	listener, err := net.ListenUnix("unix", &net.UnixAddr{Name: b.State.socket(), Net: "unix"})
	if err != nil {
		return fmt.Errorf("listen on the control socket (a path of at most 107 bytes): %w", err)
	}
	c := &control{environment: b.environment(), programs: b.State.path("bin"), stop: stop}
	go func() { b.failures <- c.serve(listener) }()
	for file, target := range map[int]string{
		apiserverFile:  b.apiserverAddress(),
		gatewayFile:    gatewayAddress,
		prometheusFile: prometheusAddress,
		standinFile:    standinAddress,
	} {
		outer, err := net.FileListener(os.NewFile(uintptr(file), "listener"))
		if err != nil {
			return fmt.Errorf("take over the listener for %s: %w", target, err)
		}
		go func() { b.failures <- forward(outer, target) }()
	}
	return nil
}

// announce tells the starter that the lab can be used. From then on nothing is written to the starter's terminal.
func (b *bringUp) announce() error {
	log, err := os.Create(b.State.log("lab"))
	if err != nil {
		return fmt.Errorf("create the lab's log: %w", err)
	}
	for _, standard := range []int{1, 2} {
		if err := unix.Dup3(int(log.Fd()), standard, 0); err != nil {
			return fmt.Errorf("turn to the lab's log: %w", err)
		}
	}
	ready := os.NewFile(readyFile, "ready")
	if _, err := ready.WriteString("ready\n"); err != nil {
		return fmt.Errorf("tell that the lab is ready: %w", err)
	}
	if err := ready.Close(); err != nil {
		return fmt.Errorf("tell that the lab is ready: %w", err)
	}
	return nil
}

// forward hands connections of listener on to target until the listener closes.
func forward(listener net.Listener, target string) error {
	for {
		outer, err := listener.Accept()
		if err != nil {
			return fmt.Errorf("accept for %s: %w", target, err)
		}
		go func() {
			defer func() { _ = outer.Close() }()
			inner, err := net.Dial("tcp", target)
			if err != nil {
				return // the client sees its connection end
			}
			defer func() { _ = inner.Close() }()
			done := make(chan struct{})
			go func() { defer close(done); pass(outer, inner) }()
			pass(inner, outer)
			<-done
		}()
	}
}

// pass copies from one connection to the other and passes on the end.
func pass(from, to net.Conn) {
	_, _ = io.Copy(to, from) // either side may hang up at any time
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

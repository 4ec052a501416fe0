package testkit

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

const (
	carbonBinary   = "/usr/bin/carbon-cache"    // of Debian's graphite-carbon
	graphiteBinary = "/usr/bin/graphite-manage" // of Debian's graphite-web
	graphitePython = "/usr/bin/python3"         // the one that Debian's packages are made for
)

// carbonSettings want a port. Carbon counts nothing of its own, so its log names the writes of the test alone.
const carbonSettings = `[cache]
USER =
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = %s
PICKLE_RECEIVER_PORT = 0
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = 0
CARBON_METRIC_INTERVAL = 0
MAX_CREATES_PER_MINUTE = inf
ENABLE_TAGS = False
LOG_UPDATES = True
LOG_CACHE_QUEUE_SORTS = False
`

// graphiteFiles are the other settings. A point each ten seconds is kept, for a day.
var graphiteFiles = map[string]string{
	"storage-schemas.conf": "[all]\npattern = .*\nretentions = 10s:1d\n",
	"graphite_test_settings.py": `SECRET_KEY = "test"
CARBONLINK_HOSTS = []
LOG_FILE_INFO = LOG_FILE_EXCEPTION = LOG_FILE_CACHE = LOG_FILE_RENDERING = "-"
`,
}

// Graphite is a real Graphite: carbon stores the points, graphite-web answers.
type Graphite struct {
	// Address is where graphite-web listens.
	Address string

	carbon     *daemon
	carbonPort string
}

// StartGraphite runs Debian's Graphite, or skips the test where it is not installed. It has its data in a folder of this
// test and ends with it.
func StartGraphite(t testing.TB) *Graphite {
	t.Helper()
	for _, name := range []string{carbonBinary, graphiteBinary} {
		if _, err := os.Stat(name); err != nil {
			t.Skip("Graphite is not installed: `apt-get install --no-install-recommends graphite-carbon graphite-web`")
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "whisper"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range graphiteFiles {
		writeFile(t, filepath.Join(dir, name), content)
	}
	g := &Graphite{}
	if err := g.startCarbon(t, dir); err != nil {
		t.Fatal(err)
	}
	web := startDaemon(t, graphiteCommand(dir, "-m", "twisted", "web",
		"--wsgi=graphite.wsgi.application", "--listen=tcp:0:interface=127.0.0.1"))
	g.Address = "http://127.0.0.1:" + web.mustAwait(t, regexp.MustCompile(`Site starting on (\d+)`))
	web.ignore()
	return g
}

// startCarbon starts carbon on a port that was free a moment ago: it cannot choose one itself.
func (g *Graphite) startCarbon(t testing.TB, dir string) (err error) {
	t.Helper()
	for range startAttempts {
		if g.carbonPort, err = freePort(); err != nil {
			return err
		}
		writeFile(t, filepath.Join(dir, "carbon.conf"), fmt.Sprintf(carbonSettings, g.carbonPort))
		g.carbon = startDaemon(t, graphiteCommand(dir, carbonBinary, "--nodaemon", "start"))
		if _, err = g.carbon.await(regexp.MustCompile(`CarbonReceiverFactory starting on (\d+)`)); err == nil {
			return nil
		}
	}
	return err
}

// graphiteCommand runs one of the two programs with the settings and the data in dir.
func graphiteCommand(dir string, arguments ...string) *exec.Cmd {
	command := exec.Command(graphitePython, arguments...)
	command.Dir = dir
	command.Env = append(os.Environ(), "GRAPHITE_STORAGE_DIR="+dir, "GRAPHITE_CONF_DIR="+dir, "PYTHONPATH="+dir,
		"PYTHONDONTWRITEBYTECODE=1", "DJANGO_SETTINGS_MODULE=graphite.settings",
		"GRAPHITE_SETTINGS_MODULE=graphite_test_settings")
	return command
}

func writeFile(t testing.TB, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Write sends points in carbon's line protocol, `path value seconds`, and returns once all are stored. No two of them
// have the same path and time.
func (g *Graphite) Write(t testing.TB, points ...string) {
	t.Helper()
	connection, err := net.Dial("tcp", "127.0.0.1:"+g.carbonPort)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Fprintln(connection, strings.Join(points, "\n")); err != nil {
		t.Fatal(err)
	}
	if err := connection.Close(); err != nil {
		t.Fatal(err)
	}
	wrote := regexp.MustCompile(`wrote (\d+) datapoints for `)
	for stored := 0; stored < len(points); {
		n, err := strconv.Atoi(g.carbon.mustAwait(t, wrote))
		if err != nil {
			t.Fatal(err)
		}
		stored += n
	}
}

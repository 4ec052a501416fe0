package testkit

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
)

// StartInfluxDB runs a real InfluxDB 1.8, which answers Flux and takes points at the paths of version 2, and returns its
// address. Whoever asks it must say who they are, as in `Token user:password`; the first user may be created by
// anybody. It reports to nobody, has its data in a folder of this test and ends with it.
func StartInfluxDB(t testing.TB) string {
	t.Helper()
	binary := filepath.Join(Root(), "bin", "influxdb")
	if _, err := os.Stat(binary); err != nil {
		t.Fatal("bin/influxdb is missing: run `bin/lab build influxdb`")
	}
	dir := t.TempDir()
	command := exec.Command(binary, "-config", os.DevNull)
	command.Env = append(os.Environ(),
		"INFLUXDB_REPORTING_DISABLED=true", "INFLUXDB_MONITOR_STORE_ENABLED=false",
		"INFLUXDB_BIND_ADDRESS=127.0.0.1:0", "INFLUXDB_HTTP_BIND_ADDRESS=127.0.0.1:0",
		"INFLUXDB_HTTP_FLUX_ENABLED=true", "INFLUXDB_HTTP_AUTH_ENABLED=true", "INFLUXDB_HTTP_LOG_ENABLED=false",
		"INFLUXDB_META_DIR="+filepath.Join(dir, "meta"), "INFLUXDB_DATA_DIR="+filepath.Join(dir, "data"),
		"INFLUXDB_DATA_WAL_DIR="+filepath.Join(dir, "wal"))
	d := startDaemon(t, command)
	address := d.mustAwait(t, regexp.MustCompile(`msg="Listening on HTTP" .*addr=(127\.0\.0\.1:\d+)`))
	d.ignore()
	return "http://" + address
}

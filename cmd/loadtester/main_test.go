package main

import (
	"os"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

// asTester makes the test binary behave as the load tester itself, so that exit codes, signals and output can be tested.
const asTester = "FLAGGER_TEST_AS_LOADTESTER"

func TestMain(m *testing.M) {
	if os.Getenv(asTester) != "" {
		main()
		return
	}
	os.Exit(testkit.Main(m))
}

package main

import (
	"os"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

// asManager makes the test binary behave as the manager itself, so that exit codes, signals and output can be tested.
const asManager = "FLAGGER_TEST_AS_MANAGER"

func TestMain(m *testing.M) {
	if os.Getenv(asManager) != "" {
		main()
		return
	}
	os.Exit(testkit.Main(m))
}

package kubernetes_test

import (
	"os"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router/kubernetes"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

func TestConformance(t *testing.T) {
	row := kubernetes.Row()
	if row.Capabilities != (rollout.Capabilities{}) {
		t.Errorf("capabilities %+v, but there is nothing to route with", row.Capabilities)
	}
	routertest.Run(t, routertest.Provider{Row: row, Canary: func() *v1beta1.Canary {
		c := &v1beta1.Canary{}
		c.Name = "podinfo"
		return c
	}})
}

package skipper

import (
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router/routertest"
)

func TestRender(t *testing.T) { routertest.Golden(t, routertest.CopyRendering(copying())) }

func TestEveryCaseIsStored(t *testing.T) {
	routertest.EveryCaseIsStored(t, func(*v1beta1.Canary) routertest.Provider { return provider() })
}

package router_test

import (
	"errors"
	"testing"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/routertest"
)

func TestValidatePort(t *testing.T) {
	for port, valid := range map[v1beta1.Number]bool{-1: false, 0: false, 1: true, 80.5: false, 65535: true, 65536: false} {
		c := routertest.Canary()
		c.Spec.Service.Port = port
		if err := router.ValidatePort(c); (err == nil) != valid || err != nil && !errors.Is(err, router.ErrInvalidSpec) {
			t.Errorf("port %v: got error %v", port, err)
		}
	}
}

func TestServiceOf(t *testing.T) {
	for host, want := range map[string]string{
		"podinfo":                          "podinfo",
		"podinfo.test":                     "podinfo",
		"podinfo.test.svc":                 "podinfo",
		"podinfo.test.svc.cluster.local":   "podinfo",
		"podinfo.test.svc.cluster.local.":  "podinfo",
		"podinfo.test.svc.example.org":     "podinfo",
		"podinfo.prod.svc.cluster.local.":  "",
		"podinfo.test.example.com":         "",
		"podinfo.test.svcs":                "",
		"internal-lb.us-west-2.elb.aws.io": "",
		"10.0.0.1":                         "",
		"*":                                "",
		"":                                 "",
	} {
		service, found := router.ServiceOf(routertest.Canary(), host)
		if found != (want != "") || found && service != want {
			t.Errorf("%q: got %q, %t, want %q", host, service, found, want)
		}
	}
}

package gloo

import (
	"fmt"
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// side is the primary or the canary.
type side struct {
	// role is the word for it in names and texts.
	role string
	// service is its Service.
	service string
	// stem is what the names of its Upstreams begin with, whatever the port.
	stem string
	// upstream is the name of its Upstream.
	upstream string
}

func primarySide(c *v1beta1.Canary) side { return newSide(c, "primary", router.PrimaryService(c)) }

func canarySide(c *v1beta1.Canary) side { return newSide(c, "canary", router.CanaryService(c)) }

func newSide(c *v1beta1.Canary, role, service string) side {
	stem := fmt.Sprintf("%s-%s-%supstream-", c.Namespace, router.ObjectName(c), role)
	return side{role: role, service: service, stem: stem, upstream: fmt.Sprintf("%s%d", stem, portOf(c))}
}

// has says whether an Upstream of the name is the side's, for the present port or one of before.
func (s side) has(upstream string) bool { return strings.HasPrefix(upstream, s.stem) }

// isFormer says whether an Upstream of the name is a side's for a port that the spec had before. The Upstreams of an apex
// Service of before are none of these: the RouteTable of that name still leads to them.
func isFormer(c *v1beta1.Canary, upstream string) bool {
	for _, s := range []side{primarySide(c), canarySide(c)} {
		if s.has(upstream) {
			return upstream != s.upstream
		}
	}
	return false
}

func portOf(c *v1beta1.Canary) int64 { return int64(c.Spec.Service.Port) }

package nginx

import (
	"maps"
	"strconv"
	"strings"

	"flagger.app/flagger/internal/rollout"
)

// The annotations by which ingress-nginx chooses the canary's users, without their prefix.
const (
	canaryFlag    = "canary"
	canaryWeight  = "canary-weight"
	byHeader      = "canary-by-header"
	headerValue   = "canary-by-header-value"
	headerPattern = "canary-by-header-pattern"
	byCookie      = "canary-by-cookie"
)

// dialect is the prefix of ingress-nginx's annotations.
type dialect string

func (d dialect) key(name string) string { return string(d) + "/" + name }

// routes says whether an annotation is one of those that divide traffic, which are all ours.
func (d dialect) routes(key string) bool { return strings.HasPrefix(key, d.key(canaryFlag)) }

// routing are the annotations that divide traffic as want says: by condition where there is one, else by weight.
func (d dialect) routing(condition map[string]string, want rollout.Traffic) map[string]string {
	annotations := map[string]string{d.key(canaryFlag): "true", d.key(canaryWeight): "0"}
	switch {
	case want.Canary == 0:
	case len(condition) == 0:
		annotations[d.key(canaryWeight)] = strconv.Itoa(int(want.Canary))
	default:
		for name, value := range condition {
			annotations[d.key(name)] = value
		}
	}
	return annotations
}

// reroute returns a copy of annotations in which those of routing are the only ones that divide traffic.
func (d dialect) reroute(annotations, routing map[string]string) map[string]string {
	rerouted := make(map[string]string, len(annotations)+len(routing))
	for key, value := range annotations {
		if !d.routes(key) {
			rerouted[key] = value
		}
	}
	maps.Copy(rerouted, routing)
	return rerouted
}

// hasStale says whether some of annotations divide traffic and are not in routing.
func (d dialect) hasStale(annotations, routing map[string]string) bool {
	for key := range annotations {
		if _, wanted := routing[key]; d.routes(key) && !wanted {
			return true
		}
	}
	return false
}

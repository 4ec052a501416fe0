package standin

import (
	"cmp"
	"net"
	"net/http"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
)

// httpPort is that of a request whose Host names none.
const httpPort = "80"

// table is all that the proxy goes by. It never changes.
type table struct {
	rules     []rule
	splits    map[types.NamespacedName]split // by root
	endpoints map[servicePort][]endpoint
}

// cluster is what the API server has.
type cluster struct {
	routes, splits []*unstructured.Unstructured
	services       []*corev1.Service
	slices         []*discoveryv1.EndpointSlice
}

func newTable(c cluster) *table {
	t := &table{splits: map[types.NamespacedName]split{}, endpoints: endpointsOf(c.services, c.slices)}
	for _, route := range c.routes {
		t.rules = append(t.rules, rulesOf(route)...)
	}
	for _, object := range c.splits {
		read := splitOf(object)
		t.splits[read.root] = read
	}
	return t
}

// role is whom the proxy stands in for.
type role int

const (
	gateway role = iota // APISIX, in front of the cluster
	mesh                // Linkerd, beside the pods
)

// way is where the requests of one kind go.
type way struct {
	role   role
	name   string // of the rule or the Service
	shares division
}

// way returns where a request goes, or false where no object says so.
func (t *table) way(r *http.Request) (way, bool) {
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		host, port = r.Host, httpPort
	}
	if found := t.rule(host, r.URL.Path, r.Method); found != nil {
		return way{role: gateway, name: found.name, shares: found.shares}, true
	}
	service, ok := serviceOf(host)
	if !ok {
		return way{}, false
	}
	root := servicePort{service: service, port: port}
	if _, known := t.endpoints[root]; !known {
		return way{}, false
	}
	found := way{role: mesh, name: service.String(), shares: division{{to: root, weight: 1}}}
	if read, divided := t.splits[service]; divided {
		found.shares = nil
		for _, b := range read.backends {
			found.shares = append(found.shares, share{to: servicePort{service: b.service, port: port}, weight: b.weight})
		}
	}
	return found, true
}

// rule returns the strongest rule that matches a request, or nil.
func (t *table) rule(host, path, method string) *rule {
	var strongest *rule
	fits := 0
	for i := range t.rules {
		r := &t.rules[i]
		fit := r.match(host, path, method)
		if fit == 0 {
			continue
		}
		if strongest == nil || cmp.Or(cmp.Compare(fit, fits), cmp.Compare(r.priority, strongest.priority)) > 0 {
			strongest, fits = r, fit
		}
	}
	return strongest
}

package istio

import (
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/internal/router"
)

// routeSpec is what of a VirtualService's spec we write or read.
type routeSpec struct {
	Hosts    []string    `json:"hosts,omitempty"`
	Gateways []string    `json:"gateways,omitempty"`
	HTTP     []httpRoute `json:"http,omitempty"`
	TCP      []tcpRoute  `json:"tcp,omitempty"`
}

type httpRoute struct {
	Match            []istio.HTTPMatchRequest `json:"match,omitempty"`
	Rewrite          *rewrite                 `json:"rewrite,omitempty"`
	Timeout          string                   `json:"timeout,omitempty"`
	Retries          *istio.HTTPRetry         `json:"retries,omitempty"`
	CorsPolicy       *istio.CorsPolicy        `json:"corsPolicy,omitempty"`
	Headers          *istio.Headers           `json:"headers,omitempty"`
	Mirror           *destination             `json:"mirror,omitempty"`
	MirrorPercentage *percentage              `json:"mirrorPercentage,omitempty"`
	Route            []share                  `json:"route,omitempty"`
}

type tcpRoute struct {
	Match []portMatch `json:"match,omitempty"`
	Route []share     `json:"route,omitempty"`
}

type portMatch struct {
	Port int64 `json:"port"`
}

type rewrite struct {
	URI       string `json:"uri,omitempty"`
	Authority string `json:"authority,omitempty"`
}

// share is the part of a route's traffic that goes to one destination. A missing weight is 0.
type share struct {
	Destination destination    `json:"destination"`
	Headers     *istio.Headers `json:"headers,omitempty"`
	Weight      int64          `json:"weight"`
}

type destination struct {
	Host string `json:"host"`
	Port *port  `json:"port,omitempty"`
}

type port struct {
	Number int64 `json:"number"`
}

// percentage holds an int64, as whole numbers come back from the API server, or a fraction that somebody else wrote.
type percentage struct {
	Value any `json:"value"`
}

// ruleSpec is what of a DestinationRule's spec we write.
type ruleSpec struct {
	Host          string               `json:"host"`
	TrafficPolicy *istio.TrafficPolicy `json:"trafficPolicy,omitempty"`
}

// encode makes the JSON of a spec.
func encode(spec any) (map[string]any, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(spec)
	if err != nil {
		return nil, fmt.Errorf("convert the spec: %w", err)
	}
	return content, nil
}

// decode reads a VirtualService's spec from JSON.
func decode(content map[string]any) (routeSpec, error) {
	var spec routeSpec
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(content, &spec)
	return spec, err
}

// specOf is the spec of a VirtualService, empty for nil.
func specOf(route *unstructured.Unstructured) (routeSpec, error) {
	if route == nil {
		return routeSpec{}, nil
	}
	content, _, err := unstructured.NestedMap(route.Object, "spec")
	if err != nil {
		return routeSpec{}, unreadable(route, err)
	}
	spec, err := decode(content)
	if err != nil {
		return routeSpec{}, unreadable(route, err)
	}
	return spec, nil
}

func unreadable(route *unstructured.Unstructured, cause error) error {
	return fmt.Errorf("read the spec of %s: %w", router.Describe(route), cause)
}

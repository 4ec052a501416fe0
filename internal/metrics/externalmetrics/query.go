package externalmetrics

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// defaultNamespace is that of a query which names none.
const defaultNamespace = "default"

// metric is what a query asks for.
type metric struct {
	namespace, name string
	// selector is empty or a label selector.
	selector string
}

// parse returns the metric that query names.
func parse(query string) (metric, error) {
	path, rest, _ := strings.Cut(strings.TrimSpace(query), "?")
	arguments, err := url.ParseQuery(rest)
	if err != nil {
		return metric{}, err
	}
	m := metric{namespace: defaultNamespace, name: path, selector: arguments.Get("labelSelector")}
	switch parts := strings.Split(path, "/"); len(parts) {
	case 1:
	case 2:
		m.name = parts[1]
		if parts[0] != "" {
			m.namespace = parts[0]
		}
	default:
		return metric{}, fmt.Errorf("malformed query string, too many slashes, "+
			"expected <namespace>/<metricName>?labelSelector=<urlencoded label selectors>, got %s", query)
	}
	if m.name == "" {
		return metric{}, errors.New("metric name cannot be empty")
	}
	return m, nil
}

// path returns where m is found, escaped.
func (m metric) path() string {
	return "apis/external.metrics.k8s.io/v1beta1/namespaces/" + url.PathEscape(m.namespace) + "/" + url.PathEscape(m.name)
}

// arguments returns the query of m's URL.
func (m metric) arguments() url.Values {
	if m.selector == "" {
		return nil
	}
	return url.Values{"labelSelector": {m.selector}}
}

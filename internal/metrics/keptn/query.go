package keptn

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// defaultDuration is how far back an analysis looks that says nothing about it.
const defaultDuration = "1m"

var (
	errFormat = errors.New("unexpected query format. query must be in the format " +
		"<keptnmetric|analysis>/<namespace>/<resourceName>/<duration>/<arguments>")
	errKind = errors.New("unexpected resource kind provided in the query. must be one of: ['keptnmetric', 'analysis']")
)

// kinds are the types of a query, by what users may write.
var kinds = map[string]kind{
	"keptnmetric": metricKind, "keptnmetrics": metricKind,
	"analysis": analysisKind, "analyses": analysisKind,
}

// kind is what a query asks for.
type kind string

const (
	metricKind   kind = "KeptnMetric"
	analysisKind kind = "Analysis"
)

// request is what a query says.
type request struct {
	kind            kind
	namespace, name string
	// duration and arguments are those of an analysis.
	duration  string
	arguments map[string]any
}

// parse returns what query says. Values may hold slashes and equals signs.
func parse(query string) (request, error) {
	parts := strings.SplitN(strings.TrimSpace(query), "/", 5)
	if len(parts) < 3 {
		return request{}, errFormat
	}
	for i := range parts[:min(4, len(parts))] {
		parts[i] = strings.ToLower(parts[i])
	}
	r := request{kind: kinds[parts[0]], namespace: parts[1], name: parts[2], duration: defaultDuration}
	switch {
	case r.kind == "":
		return request{}, errKind
	case r.namespace == "" || r.name == "":
		return request{}, errFormat
	}
	if len(parts) > 3 && parts[3] != "" {
		r.duration = parts[3]
	}
	if _, err := time.ParseDuration(r.duration); err != nil {
		return request{}, fmt.Errorf("parse query: %w", err)
	}
	if len(parts) < 5 {
		return r, nil
	}
	var err error
	r.arguments, err = parseArguments(parts[4])
	return r, err
}

// parseArguments reads name=value;name=value.
func parseArguments(list string) (map[string]any, error) {
	arguments := map[string]any{}
	for argument := range strings.SplitSeq(list, ";") {
		if argument = strings.TrimSpace(argument); argument == "" {
			continue
		}
		name, value, ok := strings.Cut(argument, "=")
		if !ok || name == "" {
			return nil, errFormat
		}
		arguments[name] = value
	}
	return arguments, nil
}

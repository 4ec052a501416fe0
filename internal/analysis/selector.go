package analysis

import (
	"regexp"
	"strings"
	"text/template"
)

// Kinds of targets, as spec.targetRef has them.
const (
	deployment = "Deployment"
	daemonSet  = "DaemonSet"
	service    = "Service"
)

var notWord = regexp.MustCompile(`\W`)

// selectors are what a builtin query can call besides the functions of every query, to find the canary's series.
func (m Model) selectors() template.FuncMap {
	return template.FuncMap{
		"apex":    m.apex,
		"kind":    m.workloadKind,
		"pods":    m.podPattern,
		"literal": literal,
		"word":    func(name string) string { return notWord.ReplaceAllLiteralString(name, "_") },
		"lower":   strings.ToLower,
	}
}

// apex returns the name of the Service that the canary's is named after. A target that is a Service is its own apex,
// whatever spec.service.name says.
func (m Model) apex() string {
	if m.Kind == service {
		return m.Target
	}
	return m.Service
}

// workloadKind returns the kind of the workload that answers. Which one is behind a Service target nobody says: it
// is taken for a Deployment of the same name.
func (m Model) workloadKind() string {
	if m.Kind == daemonSet {
		return daemonSet
	}
	return deployment
}

// podPattern returns the PromQL regular expression for the pods of the canary, but not of its primary: a Deployment
// adds the hash of its ReplicaSet and five characters to its own name, a DaemonSet only the latter.
func (m Model) podPattern() string {
	pods := literal(m.Target) + "-[0-9a-zA-Z]+"
	if m.workloadKind() == daemonSet {
		return pods
	}
	return pods + "(-[0-9a-zA-Z]+)"
}

// literal returns the regular expression that matches text alone, as it stands in a quoted string of PromQL.
func literal(text string) string {
	return strings.ReplaceAll(regexp.QuoteMeta(text), `\`, `\\`)
}

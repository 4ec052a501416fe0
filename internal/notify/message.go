package notify

import (
	"fmt"
	"strconv"
	"strings"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// defaultDeadline is shown where spec.progressDeadlineSeconds is not set.
const defaultDeadline v1beta1.Number = 600

// compose returns the message of an alert about c. clusterName is empty where it has none.
func compose(c *v1beta1.Canary, a rollout.Alert, clusterName string) Message {
	m := Message{Canary: c.Name + "." + c.Namespace, Text: a.Message, Severity: a.Severity}
	if clusterName != "" {
		m.Fields = append(m.Fields, Field{"Cluster", clusterName})
	}
	if a.Detailed {
		m.Fields = append(m.Fields, details(c)...)
	}
	return m
}

// details say how c is analysed, in the words of its spec.
func details(c *v1beta1.Canary) []Field {
	threshold, deadline, routing := v1beta1.Number(1), defaultDeadline, ""
	if analysis := c.GetAnalysis(); analysis != nil {
		threshold, routing = max(threshold, analysis.Threshold), describeRouting(*analysis)
	}
	if seconds := c.Spec.ProgressDeadlineSeconds; seconds != nil {
		deadline = *seconds
	}
	target := c.Spec.TargetRef
	fields := []Field{
		{"Target", fmt.Sprintf("%s/%s.%s", target.Kind, target.Name, c.Namespace)},
		{"Failed checks threshold", digits(threshold)},
		{"Progress deadline", digits(deadline) + "s"},
	}
	if routing != "" {
		fields = append(fields, Field{"Traffic routing", routing})
	}
	return fields
}

func describeRouting(a v1beta1.CanaryAnalysis) string {
	switch {
	case len(a.Match) > 0 && a.Iterations > 0:
		return "A/B Testing"
	case a.Iterations > 0:
		return "Blue/Green"
	case a.StepWeight > 0:
		return fmt.Sprintf("Weight step: %s max: %s", digits(a.StepWeight), digits(a.MaxWeight))
	case len(a.StepWeights) > 0:
		var weights []string
		for _, weight := range a.StepWeights {
			weights = append(weights, digits(weight))
		}
		return fmt.Sprintf("Weight steps: %s max: %s", strings.Join(weights, ","), digits(a.MaxWeight))
	}
	return ""
}

// digits writes n without an exponent.
func digits(n v1beta1.Number) string { return strconv.FormatFloat(float64(n), 'f', -1, 64) }

// ranks order the severities. An alert without one takes all.
var ranks = map[v1beta1.AlertSeverity]int{
	"":                    0,
	v1beta1.SeverityInfo:  0,
	v1beta1.SeverityWarn:  1,
	v1beta1.SeverityError: 2,
}

// takes tells whether an alert whose lowest severity is least is for something of that severity.
func takes(least, severity v1beta1.AlertSeverity) bool { return ranks[severity] >= ranks[least] }

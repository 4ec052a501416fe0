package analysis

import (
	"errors"
	"fmt"
	"strings"
	"text/template"

	"flagger.app/flagger/api/v1beta1"
)

// defaultInterval is the window of a metric that states none.
const defaultInterval = "1m"

// Model is what a query template may say of a canary and a metric.
type Model struct {
	// Name and Namespace are the canary's, Target and Kind the name and kind of its workload.
	Name, Namespace, Target, Kind string
	// Service is the name that users call; Ingress and Route are routing objects. All default to Target.
	Service, Ingress, Route string
	// Interval is the window of the query, never empty.
	Interval string
	// Variables are the metric's templateVariables; nil when it has none.
	Variables map[string]string
}

// NewModel returns the model for one metric of c, with the defaults filled in.
func NewModel(c *v1beta1.Canary, metric v1beta1.CanaryMetric) Model {
	target := c.Spec.TargetRef
	return Model{
		Name:      c.Name,
		Namespace: c.Namespace,
		Target:    target.Name,
		Kind:      target.Kind,
		Service:   firstOf(c.Spec.Service.Name, target.Name),
		Ingress:   nameOr(c.Spec.IngressRef, target.Name),
		Route:     nameOr(c.Spec.RouteRef, target.Name),
		Interval:  firstOf(metric.Interval, defaultInterval),
		Variables: metric.TemplateVariables,
	}
}

// Render fills the query template text. Values are inserted as they are: the language of the query is the
// provider's, so nothing is escaped. The error says whether parsing or execution failed; a template above 64 KiB is
// a failure of parsing, and a variable that is missing, a query above 64 KiB and more than a thousand passes
// through loops and templates are failures of execution. So it ends soon, whatever text is.
func (m Model) Render(text string) (string, error) {
	return m.render(text, m.functions())
}

// functions are what a query template can call besides the standard functions of text/template.
func (m Model) functions() template.FuncMap {
	return template.FuncMap{
		"name":      func() string { return m.Name },
		"namespace": func() string { return m.Namespace },
		"target":    func() string { return m.Target },
		"service":   func() string { return m.Service },
		"ingress":   func() string { return m.Ingress },
		"route":     func() string { return m.Route },
		"interval":  func() string { return m.Interval },
		"variables": func() map[string]string { return m.Variables },
	}
}

func (m Model) render(text string, functions template.FuncMap) (string, error) {
	if len(text) > maxQueryBytes {
		return "", fmt.Errorf("template parsing failed: %w", errTemplateTooLong)
	}
	b := newBudget(text, m.Variables)
	t, err := template.New("query").Option("missingkey=error").Funcs(b.functions()).Funcs(functions).Parse(text)
	if err != nil {
		return "", fmt.Errorf("template parsing failed: %w", err)
	}
	b.watch(t)
	var query boundedBuilder
	err = t.Execute(&query, nil)
	if errors.Is(err, errTooManySteps) {
		err = errTooManySteps // the place is that of a node of ours
	}
	if err != nil {
		return "", fmt.Errorf("template excution failed: %w", err) // spelled as the contract has it
	}
	return query.text.String(), nil
}

// boundedBuilder refuses what would make it longer than maxQueryBytes, so that a template cannot eat the memory.
type boundedBuilder struct{ text strings.Builder }

// Write appends p whole, or returns errQueryTooLong.
func (b *boundedBuilder) Write(p []byte) (int, error) {
	if b.text.Len()+len(p) > maxQueryBytes {
		return 0, errQueryTooLong
	}
	return b.text.Write(p)
}

func firstOf(value, fallback string) string {
	if value != "" {
		return value
	}
	return fallback
}

func nameOr(ref *v1beta1.LocalObjectReference, fallback string) string {
	if ref == nil {
		return fallback
	}
	return firstOf(ref.Name, fallback)
}

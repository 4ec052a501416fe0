package analysis

import (
	"errors"
	"fmt"
	"io"
	"text/template"
	"text/template/parse"
)

const (
	// maxQueryBytes bounds a rendered query and its template, far above what any provider takes.
	maxQueryBytes = 64 << 10
	// maxWork bounds what rendering one template costs, in the unit of a budget, and leastPass is the least that a pass
	// costs: there are a thousand passes at most.
	maxWork, leastPass = 1 << 20, 1 << 10
)

var (
	errTemplateTooLong = errors.New("template is longer than 64 KiB")
	errQueryTooLong    = errors.New("query is longer than 64 KiB")
	errTooManySteps    = errors.New("template takes too many steps")
)

// budget is what rendering one template may still cost, in bytes. A template may hold loops and call itself, and neither
// a deadline nor the length of the query ends one that writes nothing. So every pass through the body of a loop or of a
// template is counted, as the whole of the template with its variables, since it may look at all of them. What
// functions make is counted by its length, as a template can double a text again and again.
type budget struct{ left, pass int }

func newBudget(text string, variables map[string]string) *budget {
	pass := leastPass + len(text) + size(variables)
	return &budget{left: maxWork + pass, pass: pass} // the first pass is free
}

// spend takes n bytes from b, or returns errTooManySteps.
func (b *budget) spend(n int) error {
	b.left -= n
	if b.left < 0 {
		return errTooManySteps
	}
	return nil
}

// stepNode is the action that counts a pass.
var stepNode = template.Must(template.New("query").
	Funcs(template.FuncMap{"step": func() string { return "" }}).Parse("{{ step }}")).Root.Nodes[0]

// watch has every pass of t, which was parsed, through a loop or a template counted.
func (b *budget) watch(t *template.Template) {
	t.Funcs(template.FuncMap{"step": func() (string, error) { return "", b.spend(b.pass) }})
	for _, defined := range t.Templates() {
		watchLoops(defined.Root)
		count(defined.Root)
	}
}

// count puts stepNode at the beginning of body.
func count(body *parse.ListNode) {
	body.Nodes = append([]parse.Node{stepNode}, body.Nodes...)
}

// watchLoops counts the passes through all loops in list, which may be nil.
func watchLoops(list *parse.ListNode) {
	if list == nil {
		return
	}
	for _, node := range list.Nodes {
		switch node := node.(type) {
		case *parse.IfNode:
			watchBranches(node.BranchNode)
		case *parse.WithNode:
			watchBranches(node.BranchNode)
		case *parse.RangeNode:
			watchBranches(node.BranchNode)
			count(node.List)
		}
	}
}

func watchBranches(node parse.BranchNode) {
	watchLoops(node.List)
	watchLoops(node.ElseList)
}

// functions are those of the standard functions that make texts, within b. Unlike fmt's, printf takes no width or
// precision from an argument, and %T does not tell its type.
func (b *budget) functions() template.FuncMap {
	return template.FuncMap{
		"print":    b.within(fmt.Sprint),
		"println":  b.within(fmt.Sprintln),
		"html":     b.within(template.HTMLEscaper),
		"js":       b.within(template.JSEscaper),
		"urlquery": b.within(template.URLQueryEscaper),
		"printf":   b.printf,
	}
}

// within lets join, whose result is some times as long as its arguments at most, only have what b can pay.
func (b *budget) within(join func(...any) string) func(...any) (string, error) {
	return func(args ...any) (string, error) {
		for _, arg := range args {
			if err := b.spend(size(arg)); err != nil {
				return "", err
			}
		}
		return b.pay(join(args...))
	}
}

func (b *budget) printf(format string, args ...any) (string, error) {
	operands := make([]any, len(args))
	for i, arg := range args {
		operands[i] = operand{arg, b}
	}
	return b.pay(fmt.Sprintf(format, operands...))
}

// pay returns text if it fits into a query and b.
func (b *budget) pay(text string) (string, error) {
	if err := b.spend(len(text)); err != nil {
		return "", err
	}
	if len(text) > maxQueryBytes {
		return "", errQueryTooLong
	}
	return text, nil
}

// operand is an argument of printf. A verb costs what it writes, so that neither many of them nor their widths, which fmt
// limits to a million, fill the memory.
type operand struct {
	value any
	*budget
}

// Format writes the operand as its value is written, or nothing once the budget is spent.
func (o operand) Format(state fmt.State, verb rune) {
	if o.left < 0 {
		return
	}
	text := fmt.Sprintf(fmt.FormatString(state, verb), o.value)
	if o.spend(len(text)) == nil {
		_, _ = io.WriteString(state, text) // into fmt's own buffer
	}
}

// size is about how many bytes a value takes that a template can hold; those are strings, numbers and the variables.
func size(value any) int {
	switch value := value.(type) {
	case string:
		return len(value)
	case map[string]string:
		total := 0
		for key, text := range value {
			total += len(key) + len(text)
		}
		return total
	}
	return 1
}

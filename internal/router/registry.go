package router

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/internal/rollout"
)

// ErrUnknownProvider says that no row of the registry has the name.
var ErrUnknownProvider = errors.New("unknown provider")

// Row is one provider of the registry.
type Row struct {
	// Provider is the name as spec.provider and -mesh-provider spell it; it is matched exactly.
	Provider string
	// Aliases are further names of the same row.
	Aliases []string
	// Capabilities are what the provider can do; a spec that asks for more is refused before traffic moves.
	Capabilities rollout.Capabilities
	// Watch is the kind of the routing object, whose changes must wake the canary; nil for a provider without one.
	Watch *schema.GroupVersionKind
	// Formerly is the kind that Watch replaced, for clusters that serve it alone; nil for none.
	Formerly *schema.GroupVersionKind
	// Also are the kinds of further objects that the router keeps, whose changes must wake the canary too.
	Also []schema.GroupVersionKind
	// AtHome keeps the routing object in the canaries' own cluster, even if others are kept in another.
	AtHome bool
	// New makes the provider's router.
	New func(Deps) Router
}

// Registry is the table of providers.
type Registry struct {
	rows map[string]Row
}

// NewRegistry makes a registry of rows. Two rows of one name are a mistake in the program, and it panics.
func NewRegistry(rows []Row) *Registry {
	byName := map[string]Row{}
	for _, row := range rows {
		for _, name := range append([]string{row.Provider}, row.Aliases...) {
			if _, taken := byName[name]; taken {
				panic("router: two rows for the provider " + name)
			}
			byName[name] = row
		}
	}
	return &Registry{rows: byName}
}

// Lookup returns the row of provider, or ErrUnknownProvider, wrapped in a text that lists the known names.
func (r *Registry) Lookup(provider string) (Row, error) {
	if row, found := r.rows[provider]; found {
		return row, nil
	}
	return Row{}, fmt.Errorf("%w %q, known are %s", ErrUnknownProvider, provider, strings.Join(r.names(), ", "))
}

// names are the providers' own names, sorted; aliases work but are not advertised.
func (r *Registry) names() []string {
	var names []string
	for name, row := range r.rows {
		if name == row.Provider {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

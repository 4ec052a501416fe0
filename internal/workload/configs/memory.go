package configs

import (
	"maps"
	"math"
	"slices"
	"sync"

	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
)

// leastCeiling is how many entries are never worth tidying.
const leastCeiling = 1024

// place is where a config is.
type place struct {
	kind Kind
	client.ObjectKey
}

func placeOf(c *v1beta1.Canary, r Reference) place {
	return place{kind: r.Kind, ObjectKey: client.ObjectKey{Namespace: c.Namespace, Name: r.Name}}
}

// replica is where the primary's copy of the config is.
func (p place) replica() place {
	p.Name += suffix
	return p
}

// String names the config as events do.
func (p place) String() string { return string(p.kind) + " " + p.Name + "." + p.Namespace }

// memory is what is known of configs, never their data. It is bounded by the configs that exist: whenever it has twice
// as many entries as the last time, those whose configs are gone go, too.
type memory struct {
	mutex   sync.Mutex
	entries map[place]entry
	// ceiling is the number of entries at which it is time to tidy.
	ceiling int
}

// entry is what is known of one config.
type entry struct {
	reading
	// cached is the resourceVersion that the cache had when the config was read, which may be an earlier one: a cache
	// that is behind must not have the same data read twice.
	cached string
}

func newMemory() *memory { return &memory{entries: map[place]entry{}, ceiling: leastCeiling} }

// recall returns the reading of the config whose metadata is cached; known is false where it has to be read anew.
func (m *memory) recall(at place, cached client.Object) (r reading, known bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	e, known := m.entries[at]
	version := cached.GetResourceVersion()
	return e.reading, known && e.uid == cached.GetUID() && (e.cached == version || e.version == version)
}

// remember notes what a config gave that was read when its metadata was cached.
func (m *memory) remember(at place, cached client.Object, r reading) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.entries[at] = entry{reading: r, cached: cached.GetResourceVersion()}
}

func (m *memory) forget(at place) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.entries, at)
}

// tidy drops what does not exist any more, if it is time to and nobody else does. Nobody waits for exists.
func (m *memory) tidy(exists func(place) bool) {
	due := m.overdue()
	if len(due) == 0 {
		return
	}
	for _, at := range due {
		if !exists(at) {
			m.forget(at)
		}
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.ceiling = max(leastCeiling, 2*len(m.entries))
}

// overdue returns all entries where it is time to tidy, else none. Those are one caller's: until it has tidied it is no
// time for others.
func (m *memory) overdue() []place {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.entries) < m.ceiling {
		return nil
	}
	m.ceiling = math.MaxInt
	return slices.Collect(maps.Keys(m.entries))
}

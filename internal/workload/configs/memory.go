package configs

import (
	"maps"
	"slices"
	"sync"

	"k8s.io/apimachinery/pkg/types"
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

// entry is what one reading of a config gave.
type entry struct {
	uid types.UID
	// cached is the resourceVersion that the cache had when the config was read, and live the one that was read: a
	// cache that is behind must not have the same data read twice.
	cached, live string
	// sum is empty for a config that is not tracked.
	sum string
}

func newMemory() *memory { return &memory{entries: map[place]entry{}, ceiling: leastCeiling} }

// recall returns the checksum of the config whose metadata is cached; known is false where it has to be read anew.
func (m *memory) recall(at place, cached client.Object) (sum string, known bool) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	e, known := m.entries[at]
	version := cached.GetResourceVersion()
	return e.sum, known && e.uid == cached.GetUID() && (e.cached == version || e.live == version)
}

// remember notes the checksum of the config that was read as live when its metadata was cached.
func (m *memory) remember(at place, cached, live client.Object, sum string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.entries[at] = entry{uid: live.GetUID(), cached: cached.GetResourceVersion(), live: live.GetResourceVersion(), sum: sum}
}

func (m *memory) forget(at place) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	delete(m.entries, at)
}

// tidy drops what does not exist any more, if it is time to. Nobody waits for exists.
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

// overdue returns all entries where it is time to tidy, else none.
func (m *memory) overdue() []place {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if len(m.entries) < m.ceiling {
		return nil
	}
	return slices.Collect(maps.Keys(m.entries))
}

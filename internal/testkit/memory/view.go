package memory

import (
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// view is what a client's caches have seen of a server's history.
type view struct {
	server  *Server
	windows map[schema.GroupVersionKind]*window
	// floors are the client's own last writes, which its reads wait for.
	floors map[floorKind]map[types.NamespacedName]int64
}

// window is the cache of one kind: the state after so many of its changes.
type window struct {
	objects map[types.NamespacedName]*version
	seen    int
}

// floorKind keeps apart what controller-runtime keeps apart: writes are waited for by reads of the same representation.
type floorKind struct {
	kind           schema.GroupVersionKind
	representation representation
}

type representation int

const (
	typed representation = iota
	untyped
	metadataOnly
)

// newView returns caches that have just been filled.
func newView(s *Server) *view {
	v := &view{
		server:  s,
		windows: map[schema.GroupVersionKind]*window{},
		floors:  map[floorKind]map[types.NamespacedName]int64{},
	}
	for kind, on := range s.shelves {
		w := &window{objects: map[types.NamespacedName]*version{}, seen: len(on.log)}
		for key, object := range on.objects {
			w.objects[key] = object
		}
		v.windows[kind] = w
	}
	return v
}

// deliver lets the cache of a kind see up to n further changes, all for a negative n, and returns how many there were.
func (v *view) deliver(kind schema.GroupVersionKind, n int) int {
	w, log := v.windows[kind], v.server.shelves[kind].log
	delivered := 0
	for ; w.seen < len(log) && (n < 0 || delivered < n); w.seen++ {
		w.see(log[w.seen])
		delivered++
	}
	return delivered
}

func (w *window) see(c change) {
	if c.version == nil {
		delete(w.objects, c.key)
		return
	}
	w.objects[c.key] = c.version
}

// await lets the cache of a kind catch up with a resource version.
func (v *view) await(kind schema.GroupVersionKind, rv int64) {
	w, log := v.windows[kind], v.server.shelves[kind].log
	for ; w.seen < len(log) && log[w.seen].rv <= rv; w.seen++ {
		w.see(log[w.seen])
	}
}

// wrote makes reads wait for the client's own write.
func (v *view) wrote(at floorKind, key types.NamespacedName, rv int64) {
	if v.floors[at] == nil {
		v.floors[at] = map[types.NamespacedName]int64{}
	}
	v.floors[at][key] = rv
}

// get returns what the cache has of an object, or nil.
func (v *view) get(at floorKind, key types.NamespacedName) *version {
	v.await(at.kind, v.floors[at][key])
	return v.windows[at.kind].objects[key]
}

// peek returns what get would, and leaves the cache as it is.
func (v *view) peek(at floorKind, key types.NamespacedName) *version {
	w, log := v.windows[at.kind], v.server.shelves[at.kind].log
	found := w.objects[key]
	for i := w.seen; i < len(log) && log[i].rv <= v.floors[at][key]; i++ {
		if log[i].key == key {
			found = log[i].version
		}
	}
	return found
}

// all returns what the cache has of a kind.
func (v *view) all(at floorKind) map[types.NamespacedName]*version {
	last := int64(0)
	for _, rv := range v.floors[at] {
		last = max(last, rv)
	}
	v.await(at.kind, last)
	return v.windows[at.kind].objects
}

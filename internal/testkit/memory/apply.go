package memory

import (
	"maps"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// application is one server-side apply.
type application struct {
	manager string
	force   bool
	wanted  map[string]any
}

func (s *Server) apply(kind schema.GroupVersionKind, a application) (*version, error) {
	on, err := s.shelf(kind)
	if err != nil {
		return nil, err
	}
	key := keyOf(a.wanted)
	wanted := normal(a.wanted)
	old := on.objects[key]
	if old == nil {
		if sent, _ := metadataOf(wanted)["resourceVersion"].(string); sent != "" {
			return nil, conflict(kind, key.Name, "the object has been deleted; resourceVersion must not be set")
		}
		return s.begin(kind, key, normal(wanted), map[string]map[string]any{a.manager: wanted}), nil
	}
	if err := s.same(kind, key, old, metadataOf(wanted)); err != nil {
		return nil, err
	}
	for _, field := range system {
		delete(metadataOf(wanted), field)
	}
	before := old.applied[a.manager]
	if !a.force && disputed(old.tree, before, wanted) {
		return nil, conflict(kind, key.Name, "Apply failed with a conflict with another manager")
	}
	next := normal(old.tree)
	withdraw(next, before, wanted)
	lay(next, wanted, "")
	stored := s.replace(kind, key, old, next, "")
	return s.credit(kind, key, stored, a.manager, wanted), nil
}

// credit notes what a manager applied, which by itself is no news.
func (s *Server) credit(kind schema.GroupVersionKind, key types.NamespacedName, stored *version, manager string, wanted map[string]any) *version {
	credited := &version{tree: stored.tree, rv: stored.rv, applied: maps.Clone(stored.applied), typed: stored.typed}
	if credited.applied == nil {
		credited.applied = map[string]map[string]any{}
	}
	credited.applied[manager] = wanted
	if s.shelves[kind].objects[key] == stored {
		s.shelves[kind].objects[key] = credited
	}
	return credited
}

// disputed tells whether wanted sets a field to another value than the one there, which is not from this manager.
func disputed(live, before, wanted any) bool {
	want, ok := wanted.(map[string]any)
	if !ok {
		return live != nil && !equal(live, wanted) && !equal(live, before)
	}
	now, _ := live.(map[string]any)
	mine, _ := before.(map[string]any)
	for field, value := range want {
		if field != "ownerReferences" && disputed(now[field], mine[field], value) {
			return true
		}
	}
	return false
}

// withdraw takes out of live what the manager applied before and wants no more, where it is still as it was applied.
func withdraw(live, before, wanted map[string]any) {
	for field, value := range before {
		then, nested := value.(map[string]any)
		now, still := live[field].(map[string]any)
		want, asked := wanted[field].(map[string]any)
		switch {
		case nested && still:
			if withdraw(now, then, want); !asked && len(now) == 0 {
				delete(live, field)
			}
		case wanted[field] == nil && equal(live[field], value):
			delete(live, field)
		}
	}
}

// lay puts wanted over live.
func lay(live, wanted map[string]any, parent string) {
	for field, value := range wanted {
		if parent == "metadata" && field == "ownerReferences" {
			live[field] = join(live[field], value)
			continue
		}
		want, nested := value.(map[string]any)
		now, found := live[field].(map[string]any)
		if nested && found {
			lay(now, want, field)
			continue
		}
		live[field] = copyValue(value)
	}
}

// join merges owner references by their uid.
func join(live, wanted any) []any {
	var joined []any
	uids := map[any]bool{}
	for _, list := range []any{wanted, live} {
		references, _ := list.([]any)
		for _, reference := range references {
			owner, _ := reference.(map[string]any)
			if !uids[owner["uid"]] {
				uids[owner["uid"]] = true
				joined = append(joined, copyValue(reference))
			}
		}
	}
	return joined
}

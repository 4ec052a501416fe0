package kube

import (
	"context"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Manifest is an object as its writer wants it.
type Manifest struct {
	// Object holds the fields that the writer owns and no others, with the API server's defaults spelled out: a
	// default left to the server would look like drift.
	Object *unstructured.Unstructured
	// Whole names the subtrees, such as "spec.rules", in which Object is complete, so that whatever else is there
	// is drift. Outside of them the fields of others are left alone.
	Whole []string
}

// Apply makes the cluster's object what want says; live is the object as the cache has it, nil for none. It sends
// nothing where live carries want already.
//
// A new object is never forced on one that appeared since the cache was read: that is a conflict, and the next
// attempt sees it. The same holds where want names a resourceVersion. An object that Flagger wrote with plain updates
// has its managed fields moved to FieldManager first, or fields that we no longer want would stay for ever.
func Apply(ctx context.Context, c client.Client, live *unstructured.Unstructured, want Manifest) error {
	if live == nil {
		_, err := send(ctx, c, want)
		return err
	}
	if want.isIn(live) {
		return nil
	}
	stored, err := send(ctx, c, want, client.ForceOwnership)
	if err != nil {
		return err
	}
	migrated, err := migrate(ctx, c, stored)
	if err != nil {
		return err
	}
	if migrated {
		if stored, err = send(ctx, c, want.unlocked(), client.ForceOwnership); err != nil {
			return err
		}
	}
	return prune(ctx, c, stored, want)
}

// send applies want on the server and returns what the server made of it.
func send(ctx context.Context, c client.Client, want Manifest, options ...client.ApplyOption) (*unstructured.Unstructured, error) {
	stored := want.Object.DeepCopy()
	options = append(options, client.FieldOwner(FieldManager))
	if err := c.Apply(ctx, client.ApplyConfigurationFromUnstructured(stored), options...); err != nil {
		return nil, err
	}
	return stored, nil
}

// migrate hands the fields that FieldManager owns by plain updates to its server-side applies, and says whether there
// were any. It looks at the answer of a write, because caches do not keep managed fields.
func migrate(ctx context.Context, c client.Client, stored *unstructured.Unstructured) (bool, error) {
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(stored, sets.New(FieldManager), FieldManager)
	if err != nil {
		return false, fmt.Errorf("migrate managed fields: %w", err)
	}
	if len(patch) == 0 {
		return false, nil
	}
	if err := c.Patch(ctx, stored.DeepCopy(), client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return false, fmt.Errorf("migrate managed fields: %w", err)
	}
	return true, nil
}

// prune takes out of the whole subtrees what other field managers put there, which an apply cannot remove.
func prune(ctx context.Context, c client.Client, stored *unstructured.Unstructured, want Manifest) error {
	pruned := stored.DeepCopy()
	clean := true
	for _, subtree := range want.Whole {
		path := strings.Split(subtree, ".")
		wanted := at(want.Object, path)
		if same(at(stored, path), wanted) {
			continue
		}
		clean = false
		if wanted == nil {
			unstructured.RemoveNestedField(pruned.Object, path...)
			continue
		}
		if err := unstructured.SetNestedField(pruned.Object, wanted, path...); err != nil {
			return fmt.Errorf("prune %s: %w", subtree, err)
		}
	}
	if clean {
		return nil
	}
	if err := c.Patch(ctx, pruned, client.MergeFrom(stored), client.FieldOwner(FieldManager)); err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	return nil
}

// unlocked is m without the resourceVersion that its first write insisted on.
func (m Manifest) unlocked() Manifest {
	object := m.Object.DeepCopy()
	object.SetResourceVersion("")
	return Manifest{Object: object, Whole: m.Whole}
}

// isIn says whether live carries all of m and, in the whole subtrees, nothing else.
func (m Manifest) isIn(live *unstructured.Unstructured) bool {
	for _, subtree := range m.Whole {
		path := strings.Split(subtree, ".")
		if !same(at(live, path), at(m.Object, path)) {
			return false
		}
	}
	return covers(live.Object, m.Object.Object)
}

// at returns the value at path, nil for none.
func at(object *unstructured.Unstructured, path []string) any {
	value, found, err := unstructured.NestedFieldNoCopy(object.Object, path...)
	if err != nil || !found {
		return nil
	}
	return value
}

// same compares two subtrees; an empty one and none are the same.
func same(a, b any) bool {
	return isEmpty(a) && isEmpty(b) || equality.Semantic.DeepEqual(a, b)
}

func isEmpty(value any) bool {
	switch v := value.(type) {
	case nil:
		return true
	case map[string]any:
		return len(v) == 0
	case []any:
		return len(v) == 0
	}
	return false
}

// covers says whether live holds everything that want holds. A list is covered when each of its elements is, wherever
// it stands: lists whose order or length counts belong to a whole subtree.
func covers(live, want any) bool {
	switch w := want.(type) {
	case map[string]any:
		l, ok := live.(map[string]any)
		if !ok {
			return len(w) == 0
		}
		for key, value := range w {
			if !covers(l[key], value) {
				return false
			}
		}
		return true
	case []any:
		l, ok := live.([]any)
		if !ok {
			return len(w) == 0
		}
		for _, value := range w {
			if !anyCovers(l, value) {
				return false
			}
		}
		return true
	}
	return equality.Semantic.DeepEqual(live, want)
}

func anyCovers(live []any, want any) bool {
	for _, value := range live {
		if covers(value, want) {
			return true
		}
	}
	return false
}

package memory

import (
	"encoding/json"
	"fmt"
	"strconv"

	jsonpatch "github.com/evanphx/json-patch/v5"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const statusSubresource = "status"

// system are the fields of the metadata that only the server writes.
var system = []string{"uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation", "resourceVersion"}

// hasStatus tells whether a kind's status is a subresource.
func hasStatus(kind schema.GroupVersionKind) bool {
	return kind.Kind != "ConfigMap" && kind.Kind != "Secret"
}

func (s *Server) create(kind schema.GroupVersionKind, tree map[string]any) (*version, error) {
	on, err := s.shelf(kind)
	if err != nil {
		return nil, err
	}
	key := keyOf(tree)
	if on.objects[key] != nil {
		return nil, apierrors.NewAlreadyExists(resource(kind), key.Name)
	}
	if sent, _ := metadataOf(tree)["resourceVersion"].(string); sent != "" {
		return nil, apierrors.NewBadRequest("resourceVersion should not be set on objects to be created")
	}
	return s.begin(kind, key, normal(tree), nil), nil
}

// begin stores an object that is new.
func (s *Server) begin(kind schema.GroupVersionKind, key types.NamespacedName, tree map[string]any, applied map[string]map[string]any) *version {
	metadata := metadataOf(tree)
	for _, field := range system {
		delete(metadata, field)
	}
	metadata["uid"] = s.uid()
	metadata["creationTimestamp"] = s.date()
	if kind.Group != "" {
		metadata["generation"] = int64(1)
	}
	if hasStatus(kind) {
		delete(tree, statusSubresource)
	}
	return s.put(kind, key, tree, applied)
}

// update makes sent the object, or only its status.
func (s *Server) update(kind schema.GroupVersionKind, sent map[string]any, subresource string) (*version, error) {
	key := keyOf(sent)
	old, err := s.present(kind, key)
	if err != nil {
		return nil, err
	}
	if err := s.same(kind, key, old, metadataOf(sent)); err != nil {
		return nil, err
	}
	return s.replace(kind, key, old, normal(sent), subresource), nil
}

// present returns an object that must be there.
func (s *Server) present(kind schema.GroupVersionKind, key types.NamespacedName) (*version, error) {
	on, err := s.shelf(kind)
	if err != nil {
		return nil, err
	}
	if old := on.objects[key]; old != nil {
		return old, nil
	}
	return nil, notFound(kind, key.Name)
}

// same refuses a write whose metadata speaks of another object, or of an older version.
func (s *Server) same(kind schema.GroupVersionKind, key types.NamespacedName, old *version, metadata map[string]any) error {
	if uid, _ := metadata["uid"].(string); uid != "" && types.UID(uid) != uidOf(old.tree) {
		return conflict(kind, key.Name, "Precondition failed: UID in precondition: "+uid)
	}
	if sent, _ := metadata["resourceVersion"].(string); sent != "" && sent != strconv.FormatInt(old.rv, 10) {
		return conflict(kind, key.Name, "the object has been modified; please apply your changes to the latest version and try again")
	}
	return nil
}

// replace stores next in the place of old as far as the subresource goes, unless that changes nothing. It owns next.
func (s *Server) replace(kind schema.GroupVersionKind, key types.NamespacedName, old *version, next map[string]any, subresource string) *version {
	if subresource == statusSubresource {
		status := next[statusSubresource]
		next = normal(old.tree)
		if delete(next, statusSubresource); status != nil {
			next[statusSubresource] = status
		}
	} else if hasStatus(kind) {
		delete(next, statusSubresource)
		if status, found := old.tree[statusSubresource]; found {
			next[statusSubresource] = status
		}
	}
	next["apiVersion"], next["kind"] = old.tree["apiVersion"], old.tree["kind"]
	before, metadata := metadataOf(old.tree), metadataOf(next)
	for _, field := range system {
		delete(metadata, field)
		if value, found := before[field]; found {
			metadata[field] = value
		}
	}
	if equal(old.tree, next) {
		return old
	}
	if generation, counted := before["generation"].(int64); counted && bumps(kind, old.tree, next) {
		metadata["generation"] = generation + 1
	}
	if finalizers, _ := metadata["finalizers"].([]any); len(finalizers) == 0 && metadata["deletionTimestamp"] != nil {
		s.drop(kind, key)
		return &version{tree: next, rv: old.rv}
	}
	return s.put(kind, key, next, old.applied)
}

// bumps tells whether a change is one of what is wanted, not only of what is.
func bumps(kind schema.GroupVersionKind, old, next map[string]any) bool {
	if kind.Kind == "Deployment" && !equal(metadataOf(old)["annotations"], metadataOf(next)["annotations"]) {
		return true
	}
	for _, tree := range []map[string]any{old, next} {
		for field := range tree {
			if field != "metadata" && field != statusSubresource && !equal(old[field], next[field]) {
				return true
			}
		}
	}
	return false
}

// patch changes the object of that key as data says.
func (s *Server) patch(kind schema.GroupVersionKind, key types.NamespacedName, patch types.PatchType, data []byte, subresource string) (*version, error) {
	old, err := s.present(kind, key)
	if err != nil {
		return nil, err
	}
	var next map[string]any
	switch patch {
	case types.MergePatchType:
		next, err = merged(old.tree, data)
	case types.JSONPatchType:
		next, err = edited(old.tree, data)
	default:
		err = fmt.Errorf("patches of type %s are not served here", patch)
	}
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	if err := s.same(kind, key, old, metadataOf(next)); err != nil {
		return nil, err
	}
	return s.replace(kind, key, old, normal(next), subresource), nil
}

// merged is old with the changes of a merge patch.
func merged(old map[string]any, patch []byte) (map[string]any, error) {
	changes := map[string]any{}
	if err := utiljson.Unmarshal(patch, &changes); err != nil {
		return nil, err
	}
	return merge(old, changes).(map[string]any), nil
}

// edited is old after the operations of a JSON patch.
func edited(old map[string]any, patch []byte) (map[string]any, error) {
	operations, err := jsonpatch.DecodePatch(patch)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(old)
	if err != nil {
		return nil, err
	}
	if document, err = operations.Apply(document); err != nil {
		return nil, err
	}
	next := map[string]any{}
	return next, utiljson.Unmarshal(document, &next)
}

// merge is RFC 7386. It shares what does not change with old.
func merge(old, patch any) any {
	changes, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	before, _ := old.(map[string]any)
	merged := make(map[string]any, len(before)+len(changes))
	for field, value := range before {
		merged[field] = value
	}
	for field, value := range changes {
		if value == nil {
			delete(merged, field)
			continue
		}
		merged[field] = merge(before[field], value)
	}
	return merged
}

// remove deletes an object, or marks it where finalizers hold it. It tells whether that changed anything.
func (s *Server) remove(kind schema.GroupVersionKind, key types.NamespacedName, old *version) bool {
	finalizers, _ := metadataOf(old.tree)["finalizers"].([]any)
	switch {
	case len(finalizers) == 0:
		s.drop(kind, key)
		return true
	case metadataOf(old.tree)["deletionTimestamp"] != nil:
		return false
	}
	next := normal(old.tree)
	metadata := metadataOf(next)
	metadata["deletionTimestamp"], metadata["deletionGracePeriodSeconds"] = s.date(), int64(0)
	if generation, counted := metadata["generation"].(int64); counted {
		metadata["generation"] = generation + 1
	}
	s.put(kind, key, next, old.applied)
	return true
}

// delete removes the object of that key under the preconditions, and returns what is left of it, nil for nothing.
func (s *Server) delete(kind schema.GroupVersionKind, key types.NamespacedName, options client.DeleteOptions) (*version, error) {
	old, err := s.present(kind, key)
	if err != nil {
		return nil, err
	}
	if only := options.Preconditions; only != nil {
		metadata := map[string]any{}
		if only.UID != nil {
			metadata["uid"] = string(*only.UID)
		}
		if only.ResourceVersion != nil {
			metadata["resourceVersion"] = *only.ResourceVersion
		}
		if err := s.same(kind, key, old, metadata); err != nil {
			return nil, err
		}
	}
	s.remove(kind, key, old)
	return s.shelves[kind].objects[key], nil
}

// encode returns the tree of an object in its Go type.
func encode(object any) (map[string]any, error) {
	data, err := json.Marshal(object)
	if err != nil {
		return nil, err
	}
	tree := map[string]any{}
	return tree, utiljson.Unmarshal(data, &tree)
}

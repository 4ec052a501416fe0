package memory

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Server holds the objects. It is safe for concurrent use.
type Server struct {
	scheme *runtime.Scheme
	mapper *meta.DefaultRESTMapper
	now    func() time.Time

	mu      sync.Mutex
	shelves map[schema.GroupVersionKind]*shelf
	kinds   []schema.GroupVersionKind
	rv      int64
	uids    int
}

// shelf holds the objects of one kind, and all that ever happened to them.
type shelf struct {
	objects map[types.NamespacedName]*version
	log     []change
}

// change is a step of a kind's history.
type change struct {
	key types.NamespacedName
	rv  int64
	// version is nil where the object is gone.
	version *version
}

// version is an object between two writes. It never changes, so it is shared by all who have seen it.
type version struct {
	tree map[string]any
	rv   int64
	// applied is what each field manager applied last.
	applied map[string]map[string]any
	// typed is the object in its Go type, once somebody has asked for that.
	typed client.Object
}

// New returns a server of the given kinds; those with a Go type in scheme can be read and written in it. Its clock dates
// creations and deletions.
func New(scheme *runtime.Scheme, now func() time.Time, kinds ...schema.GroupVersionKind) *Server {
	s := &Server{
		scheme: scheme, now: now, kinds: kinds,
		mapper:  meta.NewDefaultRESTMapper(nil),
		shelves: map[schema.GroupVersionKind]*shelf{},
	}
	for _, kind := range kinds {
		s.mapper.Add(kind, meta.RESTScopeNamespace)
		s.shelves[kind] = &shelf{objects: map[types.NamespacedName]*version{}}
	}
	return s
}

// Kinds returns the kinds that are served, in the order of New.
func (s *Server) Kinds() []schema.GroupVersionKind { return s.kinds }

// Tree returns an object as it is now, nil for none. Nobody may change it.
func (s *Server) Tree(kind schema.GroupVersionKind, namespace, name string) map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	if found := s.shelves[kind].objects[types.NamespacedName{Namespace: namespace, Name: name}]; found != nil {
		return found.tree
	}
	return nil
}

// shelf returns the shelf of a kind, or the error that clients know of a kind whose CRD is missing.
func (s *Server) shelf(kind schema.GroupVersionKind) (*shelf, error) {
	if found := s.shelves[kind]; found != nil {
		return found, nil
	}
	return nil, &meta.NoKindMatchError{GroupKind: kind.GroupKind(), SearchedVersions: []string{kind.Version}}
}

// put makes tree the object's next version.
func (s *Server) put(kind schema.GroupVersionKind, key types.NamespacedName, tree map[string]any, applied map[string]map[string]any) *version {
	s.rv++
	metadataOf(tree)["resourceVersion"] = strconv.FormatInt(s.rv, 10)
	next := &version{tree: tree, rv: s.rv, applied: applied}
	on := s.shelves[kind]
	on.objects[key] = next
	on.log = append(on.log, change{key: key, rv: s.rv, version: next})
	return next
}

// drop ends an object's life.
func (s *Server) drop(kind schema.GroupVersionKind, key types.NamespacedName) {
	s.rv++
	on := s.shelves[kind]
	delete(on.objects, key)
	on.log = append(on.log, change{key: key, rv: s.rv})
}

// uid returns an identity that no object has had.
func (s *Server) uid() string {
	s.uids++
	return fmt.Sprintf("00000000-0000-4000-8000-%012d", s.uids)
}

func (s *Server) date() string { return s.now().UTC().Format(time.RFC3339) }

// Collect plays the garbage collector once: objects all of whose owners are gone go too. It tells whether any did.
func (s *Server) Collect() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	alive := map[types.UID]bool{}
	for _, kind := range s.kinds {
		for _, object := range s.shelves[kind].objects {
			alive[uidOf(object.tree)] = true
		}
	}
	collected := false
	for _, kind := range s.kinds {
		on := s.shelves[kind]
		for _, key := range sortedKeys(on.objects) {
			if object := on.objects[key]; orphaned(object.tree, alive) && s.remove(kind, key, object) {
				collected = true
			}
		}
	}
	return collected
}

// sortedKeys puts the keys of objects in the order of their names, so that equal stories stay equal.
func sortedKeys(objects map[types.NamespacedName]*version) []types.NamespacedName {
	return slices.SortedFunc(maps.Keys(objects), func(a, b types.NamespacedName) int {
		return cmp.Or(strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
	})
}

// orphaned tells whether an object had owners and has none any more.
func orphaned(tree map[string]any, alive map[types.UID]bool) bool {
	owners, _ := metadataOf(tree)["ownerReferences"].([]any)
	for _, owner := range owners {
		reference, _ := owner.(map[string]any)
		uid, _ := reference["uid"].(string)
		if alive[types.UID(uid)] {
			return false
		}
	}
	return len(owners) > 0
}

func (v *version) decode(kind schema.GroupVersionKind, scheme *runtime.Scheme) (client.Object, error) {
	if v.typed != nil {
		return v.typed, nil
	}
	made, err := scheme.New(kind)
	if err != nil {
		return nil, err
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(v.tree, made); err != nil {
		return nil, fmt.Errorf("decode %s: %w", kind.Kind, err)
	}
	v.typed = made.(client.Object)
	return v.typed, nil
}

// metadataOf returns the metadata of a tree, which every object has.
func metadataOf(tree map[string]any) map[string]any {
	metadata, ok := tree["metadata"].(map[string]any)
	if !ok {
		metadata = map[string]any{}
		tree["metadata"] = metadata
	}
	return metadata
}

func uidOf(tree map[string]any) types.UID {
	uid, _ := metadataOf(tree)["uid"].(string)
	return types.UID(uid)
}

func keyOf(tree map[string]any) types.NamespacedName {
	metadata := metadataOf(tree)
	namespace, _ := metadata["namespace"].(string)
	name, _ := metadata["name"].(string)
	return types.NamespacedName{Namespace: namespace, Name: name}
}

// resource names a kind in errors, as the API server does.
func resource(kind schema.GroupVersionKind) schema.GroupResource {
	plural, _ := meta.UnsafeGuessKindToResource(kind)
	return plural.GroupResource()
}

func notFound(kind schema.GroupVersionKind, name string) error {
	return apierrors.NewNotFound(resource(kind), name)
}

func conflict(kind schema.GroupVersionKind, name, cause string) error {
	return apierrors.NewConflict(resource(kind), name, fmt.Errorf("%s", cause))
}

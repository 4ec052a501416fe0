package kube

import (
	"fmt"
	"reflect"
	"unique"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/runtime/serializer/cbor/direct"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Pack turns an object on its way into a cache into one that holds itself as bytes, and of these only what was not in the
// objects of its type before: a sixth to a twelfth of the room that its tree of pointers takes, which the garbage collector
// need not walk. It is a TransformFunc of client-go. Readers of the cache are given copies, and a copy of a packed object
// is the object: they notice nothing. Indices and event handlers see packed objects themselves, see Unpack; reads with
// client.UnsafeDisableDeepCopy fail.
//
// Managed fields are dropped. What is no object, or packed already, passes as it is. An error is one of encoding.
func Pack(object any) (any, error) {
	o, isObject := object.(client.Object)
	if _, done := object.(*packed); done || !isObject {
		return object, nil
	}
	o.SetManagedFields(nil)
	bytes, err := encode(o)
	if err != nil {
		return nil, fmt.Errorf("pack %T %s: %w", o, client.ObjectKeyFromObject(o), err)
	}
	deflated, err := thePress().pack(reflect.TypeOf(o).Elem(), bytes)
	if err != nil {
		return nil, fmt.Errorf("pack %T %s: %w", o, client.ObjectKeyFromObject(o), err)
	}
	namespace := unique.Make(o.GetNamespace()).Value() // a cache has many of one
	return &packed{namespace: namespace, name: o.GetName(), version: o.GetResourceVersion(), parcel: deflated}, nil
}

// Unpack returns the object that o is, which is o itself where it was never packed. A packed one is made anew by every call,
// so that the caller may change it; a cache has no other use for the kind, which typed objects do not have then.
func Unpack(o client.Object) client.Object {
	if p, isPacked := o.(*packed); isPacked {
		return p.unpack()
	}
	return o
}

// packed is an object as bytes. What caches ask for with every event is beside them, everything else that may be asked is
// looked up there. Nobody may change what a cache holds: setters, which are those of no object at all, panic.
type packed struct {
	metav1.Object

	namespace, name, version string

	parcel parcel
}

func (p *packed) unpack() client.Object {
	o, err := p.parcel.unpack()
	if err != nil {
		panic(fmt.Sprintf("unpack %s %s/%s: %v", p.parcel.family.of, p.namespace, p.name, err)) // the bytes are our own
	}
	return o
}

// DeepCopyObject returns the object that was packed.
func (p *packed) DeepCopyObject() runtime.Object { return p.unpack() }

// GetObjectKind returns none, as objects in caches have none.
func (p *packed) GetObjectKind() schema.ObjectKind { return schema.EmptyObjectKind }

func (p *packed) GetNamespace() string       { return p.namespace }
func (p *packed) GetName() string            { return p.name }
func (p *packed) GetResourceVersion() string { return p.version }

func (p *packed) GetUID() types.UID                             { return p.unpack().GetUID() }
func (p *packed) GetGeneration() int64                          { return p.unpack().GetGeneration() }
func (p *packed) GetGenerateName() string                       { return p.unpack().GetGenerateName() }
func (p *packed) GetSelfLink() string                           { return p.unpack().GetSelfLink() }
func (p *packed) GetLabels() map[string]string                  { return p.unpack().GetLabels() }
func (p *packed) GetAnnotations() map[string]string             { return p.unpack().GetAnnotations() }
func (p *packed) GetFinalizers() []string                       { return p.unpack().GetFinalizers() }
func (p *packed) GetOwnerReferences() []metav1.OwnerReference   { return p.unpack().GetOwnerReferences() }
func (p *packed) GetManagedFields() []metav1.ManagedFieldsEntry { return nil }
func (p *packed) GetCreationTimestamp() metav1.Time             { return p.unpack().GetCreationTimestamp() }
func (p *packed) GetDeletionTimestamp() *metav1.Time            { return p.unpack().GetDeletionTimestamp() }
func (p *packed) GetDeletionGracePeriodSeconds() *int64 {
	return p.unpack().GetDeletionGracePeriodSeconds()
}

// protobuf is what Kubernetes' own kinds have. It is the fastest and the smallest form.
type protobuf interface {
	Marshal() ([]byte, error)
	Unmarshal(bytes []byte) error
}

// encode uses protobuf where a kind has it, else CBOR.
func encode(o client.Object) ([]byte, error) {
	switch o := o.(type) {
	case protobuf:
		return o.Marshal()
	case *unstructured.Unstructured:
		return direct.Marshal(o.Object)
	}
	return direct.Marshal(o)
}

func decode(bytes []byte, o client.Object) error {
	switch o := o.(type) {
	case protobuf:
		return o.Unmarshal(bytes)
	case *unstructured.Unstructured:
		return direct.Unmarshal(bytes, &o.Object)
	}
	return direct.Unmarshal(bytes, o)
}

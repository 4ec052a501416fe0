package gate

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// opened is the value of an open switch. Any other value, like none, is a closed one.
const opened = "open"

// fieldManager is who the API server says wrote a switch.
const fieldManager = "flagger-loadtester"

// ConfigMap is a Store that every load tester with the same ConfigMap shares. The ConfigMap is made when the first
// switch is opened; entries that are not ours stay as they are. It needs the verbs get, create and patch.
type ConfigMap struct {
	client client.Client
	name   types.NamespacedName
}

// NewConfigMap returns a Store in the ConfigMap of that name. c must read from the API server, not from a cache.
func NewConfigMap(c client.Client, name types.NamespacedName) *ConfigMap {
	return &ConfigMap{client: c, name: name}
}

// IsOpen reports whether the switch is open.
func (m *ConfigMap) IsOpen(ctx context.Context, k Key) (bool, error) {
	entry, err := k.entry()
	if err != nil {
		return false, err
	}
	object := &corev1.ConfigMap{}
	if err := m.client.Get(ctx, m.name, object); client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("read config map %s: %w", m.name, err)
	}
	return strings.TrimSpace(object.Data[entry]) == opened, nil // who edits it by hand may leave a new line
}

// Open writes the switch's entry.
func (m *ConfigMap) Open(ctx context.Context, k Key) error {
	entry, err := k.entry()
	if err != nil {
		return err
	}
	err = m.patch(ctx, entry, opened)
	if !apierrors.IsNotFound(err) {
		return err
	}
	err = m.client.Create(ctx, &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Namespace: m.name.Namespace, Name: m.name.Name},
		Data:       map[string]string{entry: opened},
	}, client.FieldOwner(fieldManager))
	if apierrors.IsAlreadyExists(err) { // another replica was faster
		return m.patch(ctx, entry, opened)
	}
	if err != nil {
		return fmt.Errorf("create config map %s: %w", m.name, err)
	}
	return nil
}

// Close removes the switch's entry.
func (m *ConfigMap) Close(ctx context.Context, k Key) error {
	entry, err := k.entry()
	if err != nil {
		return err
	}
	return client.IgnoreNotFound(m.patch(ctx, entry, nil))
}

// patch sets one entry, or removes it where value is nil. As nothing else is sent, replicas that write at the same time
// do not undo each other.
func (m *ConfigMap) patch(ctx context.Context, entry string, value any) error {
	body, err := json.Marshal(map[string]any{"data": map[string]any{entry: value}})
	if err != nil {
		return fmt.Errorf("encode entry %s: %w", entry, err)
	}
	object := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: m.name.Namespace, Name: m.name.Name}}
	err = m.client.Patch(ctx, object, client.RawPatch(types.MergePatchType, body), client.FieldOwner(fieldManager))
	switch {
	case apierrors.IsRequestEntityTooLargeError(err), apierrors.IsInvalid(err):
		return fmt.Errorf("patch config map %s: %w: %w", m.name, ErrFull, err)
	case err != nil:
		return fmt.Errorf("patch config map %s: %w", m.name, err)
	}
	return nil
}

//go:build linux

package lab

import (
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// The Gateway that routes attach to, and its namespace.
const (
	GatewayName      = "gateway"
	GatewayNamespace = "lab"
)

// apply applies every object of an embedded file, as the field manager "lab".
func (b *bringUp) apply(ctx context.Context, name string) error {
	file, err := files.Open(name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { _ = file.Close() }()
	documents := yaml.NewYAMLOrJSONDecoder(file, 4096)
	for {
		object := &unstructured.Unstructured{}
		if err := documents.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		configuration := client.ApplyConfigurationFromUnstructured(object)
		if err := b.objects.Apply(ctx, configuration, client.FieldOwner("lab"), client.ForceOwnership); err != nil {
			return fmt.Errorf("apply %s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
}

// nodesReady tells that kwok works.
func (b *bringUp) nodesReady(ctx context.Context) error {
	var nodes corev1.NodeList
	if err := b.objects.List(ctx, &nodes); err != nil {
		return fmt.Errorf("list nodes: %w", err)
	}
	for _, node := range nodes.Items {
		ready := false
		for _, condition := range node.Status.Conditions {
			ready = ready || condition.Type == corev1.NodeReady && condition.Status == corev1.ConditionTrue
		}
		// The controller manager takes the taint off when it has seen the node ready.
		if !ready || len(node.Spec.Taints) > 0 {
			return fmt.Errorf("node %s is not ready", node.Name)
		}
	}
	return nil
}

// accountsMade tells that the controller manager works: without a namespace's default account no pod can be made.
func (b *bringUp) accountsMade(ctx context.Context) error {
	key := client.ObjectKey{Namespace: corev1.NamespaceDefault, Name: "default"}
	if err := b.objects.Get(ctx, key, &corev1.ServiceAccount{}); err != nil {
		return fmt.Errorf("get the default service account: %w", err)
	}
	return nil
}

// gatewayProgrammed tells that Traefik works.
func (b *bringUp) gatewayProgrammed(ctx context.Context) error {
	gateway := &unstructured.Unstructured{}
	gateway.SetGroupVersionKind(schema.GroupVersionKind{Group: "gateway.networking.k8s.io", Version: "v1", Kind: "Gateway"})
	if err := b.objects.Get(ctx, client.ObjectKey{Namespace: GatewayNamespace, Name: GatewayName}, gateway); err != nil {
		return fmt.Errorf("get the gateway: %w", err)
	}
	conditions, _, err := unstructured.NestedSlice(gateway.Object, "status", "conditions")
	if err != nil {
		return fmt.Errorf("read the gateway's conditions: %w", err)
	}
	for _, item := range conditions {
		condition, ok := item.(map[string]any)
		if ok && condition["type"] == "Programmed" && condition["status"] == "True" {
			return nil
		}
	}
	return errors.New("the gateway is not programmed")
}

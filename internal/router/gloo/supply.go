package gloo

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events, and our own of the same kind.
const (
	textSupply = "error creating flagger %s upstream: %w"
	textConfig = "config upstream %s.%s get query error: %w"
	textSource = "service %s.%s get query error: %w"
	textFind   = "upstream %s.%s get query error: %w"
	textList   = "upstreams of %s.%s get query error: %w"
)

var upstreamTexts = router.Texts{Create: "upstream %s.%s create query error: %w", Update: "upstream %s.%s spec patch error: %w"}

var errMissing = errors.New("spec.upstreamRef: not found")

// supply makes the Upstreams of both sides what the spec says.
func (r *Router) supply(ctx context.Context, c *v1beta1.Canary) error {
	config, err := r.config(ctx, c)
	for _, s := range []side{primarySide(c), canarySide(c)} {
		if err == nil {
			err = r.supplySide(ctx, c, s, config)
		}
		if err != nil {
			return fmt.Errorf(textSupply, s.role, err)
		}
	}
	return nil
}

// config is the Upstream of spec.upstreamRef, nil for none.
func (r *Router) config(ctx context.Context, c *v1beta1.Canary) (*unstructured.Unstructured, error) {
	ref := c.Spec.UpstreamRef
	if ref == nil {
		return nil, nil
	}
	namespace := ref.Namespace
	if namespace == "" {
		namespace = c.Namespace
	}
	config, err := r.deps.Get(ctx, upstreamKind, namespace, ref.Name)
	if err == nil && config == nil {
		err = errMissing
	}
	if err != nil {
		return nil, fmt.Errorf(textConfig, ref.Name, namespace, err)
	}
	return config, nil
}

// supplySide makes the Upstream of one side, whose Service must be there.
func (r *Router) supplySide(ctx context.Context, c *v1beta1.Canary, s side, config *unstructured.Unstructured) error {
	service := &corev1.Service{}
	if err := r.deps.Client.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: s.service}, service); err != nil {
		return fmt.Errorf(textSource, s.service, c.Namespace, err)
	}
	live, err := r.deps.Get(ctx, upstreamKind, c.Namespace, s.upstream)
	if err != nil {
		return fmt.Errorf(textFind, s.upstream, c.Namespace, err)
	}
	if live != nil && !r.deps.Claimed(c, live) {
		if err := refuse(c, s, live); err != nil {
			return err
		}
	}
	manifest := upstream(c, s, service.Spec.Selector, config, r.labelPrefixes)
	r.deps.Claim(c, manifest.Object)
	return r.deps.Write(ctx, live, manifest, upstreamTexts)
}

// sweep removes the Upstreams of ports that the spec had before, unless live, the RouteTable as it was before this
// Apply, leads to them: Gloo must not see them go before it sees the RouteTable change.
func (r *Router) sweep(ctx context.Context, c *v1beta1.Canary, live *unstructured.Unstructured) error {
	made, err := r.upstreams(ctx, c)
	if err != nil {
		return err
	}
	for i := range made {
		name := made[i].GetName()
		if !isFormer(c, name) || leadsTo(c, live, name) {
			continue
		}
		if err := r.deps.Discard(ctx, &made[i]); err != nil {
			return err
		}
	}
	return nil
}

// upstreams are those that were made for c.
func (r *Router) upstreams(ctx context.Context, c *v1beta1.Canary) ([]unstructured.Unstructured, error) {
	all := &unstructured.UnstructuredList{}
	all.SetGroupVersionKind(upstreamKind)
	if err := r.deps.Client.List(ctx, all, client.InNamespace(c.Namespace)); err != nil {
		return nil, fmt.Errorf(textList, c.Name, c.Namespace, kube.NameCRD(err, upstreamKind))
	}
	return slices.DeleteFunc(all.Items, func(one unstructured.Unstructured) bool { return !r.deps.Claimed(c, &one) }), nil
}

package controller

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// errCut is what an operator sees that is being killed: nothing gets through any more.
var errCut = errors.New("the operator is dead")

// routeKind is the kind that Forgotten hides.
var routeKind = schema.GroupKind{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute"}

// pipe is the operator's connection to the API server. It counts, cuts, and plays a cluster that lacks something.
// Reads are live, where the operator has caches; those that the operator itself makes past its caches count as
// requests.
type pipe struct {
	mu sync.Mutex
	// requests are the writes and the live reads since the last reset, as "patch Deployment web".
	requests []string
	// writes are those that changed something, ever.
	writes int
	// left is how many writes may still get through before the line is cut; negative for any number.
	left int
	dead bool
	// lacks hides the CRD of a kind.
	lacks schema.GroupKind
	// prunes drops our own fields from what is written to a canary's status.
	prunes bool
	// fenced holds writes back, as for an instance that leads no longer.
	fenced bool
	// before runs ahead of every write, beforeLive ahead of every live read, as somebody who is faster.
	before, beforeLive func(request string)
}

// limit makes the line go dead behind the n-th write from now.
func (p *pipe) limit(n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.left, p.dead = n, false
}

// mend makes the line good for any number of writes.
func (p *pipe) mend() { p.limit(-1) }

func (p *pipe) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// sent returns the requests since the last call.
func (p *pipe) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	requests := p.requests
	p.requests = nil
	return requests
}

func (p *pipe) written() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.writes
}

func (p *pipe) note(request string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.requests = append(p.requests, request)
}

// read lets a read through, if the kind is there.
func (p *pipe) read(kind schema.GroupKind) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return errCut
	}
	if kind == p.lacks && !kind.Empty() {
		return &meta.NoKindMatchError{GroupKind: kind}
	}
	return nil
}

// write lets a write through and notes it; the line may go dead right behind it.
func (p *pipe) write(c client.Client, verb string, object any, send func() error) error {
	kind, name := identify(c, object)
	request := verb + " " + kind.Kind + " " + name
	if err := p.read(kind); err != nil {
		return err
	}
	if p.before != nil {
		p.before(request)
	}
	if p.fenced {
		return kube.ErrFenced
	}
	p.note(request)
	version := versionOf(object)
	if err := send(); err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if versionOf(object) == version {
		return nil // the server found nothing to change, and no watch will tell of it
	}
	p.writes++
	if p.left > 0 {
		p.left--
		p.dead = p.left == 0
	}
	return nil
}

// versionOf returns the resource version that the API server gave the object last.
func versionOf(object any) string {
	if versioned, ok := object.(interface{ GetResourceVersion() string }); ok {
		return versioned.GetResourceVersion()
	}
	return ""
}

// identify returns kind and name of an object, or of an apply configuration.
func identify(c client.Client, object any) (schema.GroupKind, string) {
	switch o := object.(type) {
	case client.Object:
		gvk, err := c.GroupVersionKindFor(o)
		if err != nil {
			return schema.GroupKind{}, o.GetName()
		}
		return gvk.GroupKind(), o.GetName()
	case interface {
		GetName() string
		GroupVersionKind() schema.GroupVersionKind
	}:
		return o.GroupVersionKind().GroupKind(), o.GetName()
	}
	return schema.GroupKind{}, ""
}

// client returns the client that writes through the pipe and reads as from a cache with the given indices.
func (p *pipe) client(base client.WithWatch, indices indices) client.WithWatch {
	return interceptor.NewClient(base, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
			kind, _ := identify(c, object)
			if err := p.read(kind); err != nil {
				return err
			}
			return c.Get(ctx, key, object, o...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, o ...client.ListOption) error {
			if err := p.read(schema.GroupKind{}); err != nil {
				return err
			}
			return indices.list(ctx, c, list, o...)
		},
		Create: func(ctx context.Context, c client.WithWatch, object client.Object, o ...client.CreateOption) error {
			return p.write(c, "create", object, func() error { return c.Create(ctx, object, o...) })
		},
		Update: func(ctx context.Context, c client.WithWatch, object client.Object, o ...client.UpdateOption) error {
			return p.write(c, "update", object, func() error { return c.Update(ctx, object, o...) })
		},
		Delete: func(ctx context.Context, c client.WithWatch, object client.Object, o ...client.DeleteOption) error {
			return p.write(c, "delete", object, func() error { return c.Delete(ctx, object, o...) })
		},
		Patch: func(ctx context.Context, c client.WithWatch, object client.Object, patch client.Patch, o ...client.PatchOption) error {
			return p.write(c, "patch", object, func() error { return c.Patch(ctx, object, patch, o...) })
		},
		Apply: func(ctx context.Context, c client.WithWatch, object runtime.ApplyConfiguration, o ...client.ApplyOption) error {
			return p.write(c, "apply", object, func() error { return c.Apply(ctx, object, o...) })
		},
		SubResourcePatch: func(ctx context.Context, c client.Client, sub string, object client.Object, patch client.Patch, o ...client.SubResourcePatchOption) error {
			return p.write(c, "patch "+sub, object, func() error {
				if p.prunes {
					data, err := pruneStatus(patch, object)
					if err != nil {
						return err
					}
					patch = client.RawPatch(patch.Type(), data)
				}
				return c.SubResource(sub).Patch(ctx, object, patch, o...)
			})
		},
	})
}

// live returns a reader past the caches.
func (p *pipe) live(base client.WithWatch) client.Reader {
	return interceptor.NewClient(base, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
			kind, _ := identify(c, object)
			if err := p.read(kind); err != nil {
				return err
			}
			request := "get " + kind.Kind + " " + key.Name
			if p.beforeLive != nil {
				p.beforeLive(request)
			}
			p.note(request)
			return c.Get(ctx, key, object, o...)
		},
	})
}

// pruneStatus drops from a patch of a canary's status what the published CRD of Flagger 1.44 does not have, as the API
// server does that serves this CRD.
func pruneStatus(patch client.Patch, object client.Object) ([]byte, error) {
	data, err := patch.Data(object)
	if err != nil {
		return nil, err
	}
	var content map[string]any
	if err := json.Unmarshal(data, &content); err != nil {
		return nil, err
	}
	status, ok := content["status"].(map[string]any)
	if !ok {
		return data, nil
	}
	ours := []string{"observedGeneration", "lastAnalysisTime", "lastRouteTime", "checks"}
	maps.DeleteFunc(status, func(field string, _ any) bool { return slices.Contains(ours, field) })
	conditions, _ := status["conditions"].([]any)
	for _, condition := range conditions {
		delete(condition.(map[string]any), "observedGeneration")
	}
	return json.Marshal(content)
}

// indices are the field indices of canaries, which only a cache has.
type indices map[string]client.IndexerFunc

// IndexField implements client.FieldIndexer.
func (x indices) IndexField(_ context.Context, _ client.Object, field string, extract client.IndexerFunc) error {
	x[field] = extract
	return nil
}

// list answers as a cache does where the options ask for an indexed field.
func (x indices) list(ctx context.Context, c client.Client, list client.ObjectList, o ...client.ListOption) error {
	options := client.ListOptions{}
	options.ApplyOptions(o)
	selector := options.FieldSelector
	options.FieldSelector = nil
	if err := c.List(ctx, list, &options); err != nil || selector == nil {
		return err
	}
	canaries := list.(*v1beta1.CanaryList)
	for _, wanted := range selector.Requirements() {
		canaries.Items = slices.DeleteFunc(canaries.Items, func(item v1beta1.Canary) bool {
			return !slices.Contains(x[wanted.Field](&item), wanted.Value)
		})
	}
	return nil
}

// kindsOf counts requests by what they are, without the object's name.
func kindsOf(requests []string) map[string]int {
	counts := map[string]int{}
	for _, request := range requests {
		counts[request[:strings.LastIndex(request, " ")]]++
	}
	return counts
}

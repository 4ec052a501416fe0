//go:build linux

package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
)

const (
	perNamespace = 100 // canaries
	writers      = 16  // requests under way at a time where many objects are written

	look = time.Second // between two looks at how many pods there are
)

// errWatchEnded is returned where the API server ended a watch before what was waited for came.
var errWatchEnded = errors.New("the API server ended a watch")

// Options say what canaries are like. All are required.
type Options struct {
	Name      string // the namespaces' prefix
	Canaries  int
	Replicas  int // of each target
	Interval  time.Duration
	Threshold int // failed checks that roll back
	Steps     []v1beta1.Number
	Gateway   Gateway
}

// Fleet is all canaries and what they refer to.
type Fleet struct {
	Options
	Keys []types.NamespacedName // of the canaries; their targets, ConfigMaps and Secrets have the same

	client client.WithWatch
}

// New names the canaries and makes nothing yet.
func New(o Options, c client.WithWatch) *Fleet {
	f := &Fleet{Options: o, client: c}
	for i := range o.Canaries {
		f.Keys = append(f.Keys, types.NamespacedName{
			Namespace: fmt.Sprintf("%s-%02d", o.Name, i/perNamespace), Name: fmt.Sprintf("app-%04d", i),
		})
	}
	return f
}

// Each calls do for each of keys, some at a time, in their order. It returns the errors.
func Each(ctx context.Context, keys []types.NamespacedName, do func(context.Context, types.NamespacedName) error) error {
	work := make(chan types.NamespacedName)
	failures := make([]error, writers)
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			for key := range work {
				if failures[i] == nil {
					failures[i] = do(ctx, key)
				}
			}
		})
	}
	for _, key := range keys {
		work <- key
	}
	close(work)
	group.Wait()
	return errors.Join(failures...)
}

// Deploy makes the workloads with their configs and waits until they are available.
func (f *Fleet) Deploy(ctx context.Context) error {
	for i := 0; i < len(f.Keys); i += perNamespace {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.Keys[i].Namespace}}
		if err := f.client.Create(ctx, namespace); err != nil {
			return fmt.Errorf("create namespace %s: %w", namespace.Name, err)
		}
	}
	changes, err := f.client.Watch(ctx, &appsv1.DeploymentList{})
	if err != nil {
		return fmt.Errorf("watch deployments: %w", err)
	}
	defer changes.Stop()
	var written error
	var group sync.WaitGroup
	group.Go(func() {
		written = Each(ctx, f.Keys, func(ctx context.Context, key types.NamespacedName) error {
			return f.create(ctx, configMap(key), secret(key), f.deployment(key))
		})
		if written != nil {
			changes.Stop()
		}
	})
	err = f.awaitAvailable(ctx, changes)
	group.Wait()
	return errors.Join(written, err)
}

func (f *Fleet) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := f.client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, client.ObjectKeyFromObject(object), err)
		}
	}
	return nil
}

// awaitAvailable returns when as many deployments are available as there are canaries to be.
func (f *Fleet) awaitAvailable(ctx context.Context, changes watch.Interface) error {
	available := map[types.UID]bool{}
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case change, open := <-changes.ResultChan():
			if !open {
				return errWatchEnded
			}
			d, ok := change.Object.(*appsv1.Deployment)
			if ok && d.Status.AvailableReplicas >= int32(f.Replicas) {
				available[d.UID] = true
			}
			if len(available) == len(f.Keys) {
				return nil
			}
		}
	}
}

// Adopt makes the Canaries.
func (f *Fleet) Adopt(ctx context.Context) error {
	return Each(ctx, f.Keys, func(ctx context.Context, key types.NamespacedName) error { return f.create(ctx, f.canary(key)) })
}

// AwaitPrimaries returns when the cluster has no more pods than those of primaries: the targets', which end when users have
// left them, keep thousands of them busy for minutes.
func (f *Fleet) AwaitPrimaries(ctx context.Context) error {
	for {
		pods := &corev1.PodList{}
		if err := f.client.List(ctx, pods, client.Limit(1)); err != nil {
			return fmt.Errorf("count pods: %w", err)
		}
		if len(pods.Items)+int(ptr.Deref(pods.RemainingItemCount, 0)) <= len(f.Keys)*f.Replicas {
			return nil
		}
		if err := Pause(ctx, look); err != nil {
			return err
		}
	}
}

// SetTag gives a target the image of a tag.
func (f *Fleet) SetTag(ctx context.Context, key types.NamespacedName, tag string) error {
	patch := fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"%s:%s"}]}}}}`, image, tag)
	target := &appsv1.Deployment{ObjectMeta: named(key)}
	if err := f.client.Patch(ctx, target, client.RawPatch(types.StrategicMergePatchType, patch)); err != nil {
		return fmt.Errorf("change the image of %s: %w", key, err)
	}
	return nil
}

// SetConfig gives a target's ConfigMap another value.
func (f *Fleet) SetConfig(ctx context.Context, key types.NamespacedName, value string) error {
	patch, err := json.Marshal(map[string]any{"data": map[string]string{valueKey: value}})
	if err != nil {
		return fmt.Errorf("encode a config: %w", err)
	}
	config := &corev1.ConfigMap{ObjectMeta: named(key)}
	if err := f.client.Patch(ctx, config, client.RawPatch(types.MergePatchType, patch)); err != nil {
		return fmt.Errorf("change the config of %s: %w", key, err)
	}
	return nil
}

// Sample is at most n canaries that are spread evenly over all.
func (f *Fleet) Sample(n int) []types.NamespacedName {
	n = min(n, len(f.Keys))
	var sample []types.NamespacedName
	for i := range n {
		sample = append(sample, f.Keys[i*len(f.Keys)/n])
	}
	return sample
}

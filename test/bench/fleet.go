//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
)

const (
	perNamespace = 100 // canaries
	writers      = 16  // requests under way at a time where many objects are written
	servicePort  = 80
	podPort      = 9898
	valueKey     = "value" // of the ConfigMaps and Secrets
	image        = "ghcr.io/stefanprodan/podinfo"
)

// steps are the weights of every rollout.
var steps = []v1beta1.Number{10, 20, 30, 40, 50}

// errWatchEnded is returned where the API server ended a watch before what was waited for came.
var errWatchEnded = errors.New("the API server ended a watch")

// fleet is all canaries and what they refer to.
type fleet struct {
	settings
	client   client.WithWatch // an administrator's, not throttled
	keys     []types.NamespacedName
	releases int
}

func newFleet(s settings, c client.WithWatch) *fleet {
	f := &fleet{settings: s, client: c}
	for i := range s.canaries {
		f.keys = append(f.keys, types.NamespacedName{
			Namespace: fmt.Sprintf("bench-%02d", i/perNamespace), Name: fmt.Sprintf("app-%04d", i),
		})
	}
	return f
}

// each calls do for each of keys, some at a time, in their order. It returns the errors.
func each(ctx context.Context, keys []types.NamespacedName, do func(context.Context, types.NamespacedName) error) error {
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

// deploy makes the workloads with their configs and waits until they are available.
func (f *fleet) deploy(ctx context.Context) error {
	for i := 0; i < len(f.keys); i += perNamespace {
		namespace := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: f.keys[i].Namespace}}
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
		written = each(ctx, f.keys, func(ctx context.Context, key types.NamespacedName) error {
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

func (f *fleet) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := f.client.Create(ctx, object); err != nil {
			return fmt.Errorf("create %T %s: %w", object, client.ObjectKeyFromObject(object), err)
		}
	}
	return nil
}

// awaitAvailable returns when as many deployments are available as there are canaries to be.
func (f *fleet) awaitAvailable(ctx context.Context, changes watch.Interface) error {
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
			if ok && d.Status.AvailableReplicas >= int32(f.replicas) {
				available[d.UID] = true
			}
			if len(available) == len(f.keys) {
				return nil
			}
		}
	}
}

// adopt makes the Canaries.
func (f *fleet) adopt(ctx context.Context) error {
	return each(ctx, f.keys, func(ctx context.Context, key types.NamespacedName) error { return f.create(ctx, f.canary(key)) })
}

// release gives each target of keys a new image. It returns the times at which the requests were sent.
func (f *fleet) release(ctx context.Context, keys []types.NamespacedName) (map[types.NamespacedName]time.Time, error) {
	f.releases++
	patch := fmt.Appendf(nil, `{"spec":{"template":{"spec":{"containers":[{"name":"app","image":"%s:1.0.%d"}]}}}}`, image, f.releases)
	var mutex sync.Mutex
	sent := map[types.NamespacedName]time.Time{}
	err := each(ctx, keys, func(ctx context.Context, key types.NamespacedName) error {
		mutex.Lock()
		sent[key] = time.Now()
		mutex.Unlock()
		target := &appsv1.Deployment{ObjectMeta: named(key)}
		if err := f.client.Patch(ctx, target, client.RawPatch(types.StrategicMergePatchType, patch)); err != nil {
			return fmt.Errorf("change the image of %s: %w", key, err)
		}
		return nil
	})
	return sent, err
}

// sample is at most n canaries that are spread evenly over all.
func (f *fleet) sample(n int) []types.NamespacedName {
	n = min(n, len(f.keys))
	var sample []types.NamespacedName
	for i := range n {
		sample = append(sample, f.keys[i*len(f.keys)/n])
	}
	return sample
}

func named(key types.NamespacedName) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}
}

func configMap(key types.NamespacedName) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: named(key), Data: map[string]string{valueKey: "blue"}}
}

func secret(key types.NamespacedName) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: named(key), StringData: map[string]string{valueKey: "red"}}
}

func (f *fleet) deployment(key types.NamespacedName) *appsv1.Deployment {
	labels := map[string]string{"app": key.Name}
	reference := corev1.LocalObjectReference{Name: key.Name}
	return &appsv1.Deployment{
		ObjectMeta: named(key),
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To(int32(f.replicas)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name:  "app",
					Image: image + ":1.0.0",
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: podPort}},
					Env: []corev1.EnvVar{
						{Name: "COLOUR", ValueFrom: &corev1.EnvVarSource{
							ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: reference, Key: valueKey},
						}},
						{Name: "KEY", ValueFrom: &corev1.EnvVarSource{
							SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: reference, Key: valueKey},
						}},
					},
				}}},
			},
		},
	}
}

func (f *fleet) canary(key types.NamespacedName) *v1beta1.Canary {
	interval := fmt.Sprintf("%ds", int(f.interval.Seconds()))
	return &v1beta1.Canary{
		ObjectMeta: named(key),
		Spec: v1beta1.CanarySpec{
			TargetRef: v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: key.Name},
			Service: v1beta1.CanaryService{
				Port: servicePort, TargetPort: intstr.FromInt32(podPort), Hosts: []string{key.Name + ".example.com"},
				GatewayRefs: []gatewayv1.ParentReference{f.gateway.parent()},
			},
			Analysis: &v1beta1.CanaryAnalysis{
				Interval:    interval,
				Threshold:   5,
				StepWeights: steps,
				Metrics: []v1beta1.CanaryMetric{{
					Name: "request-success-rate", Interval: interval, ThresholdRange: &v1beta1.CanaryThresholdRange{Min: ptr.To(99.0)},
				}},
			},
		},
	}
}

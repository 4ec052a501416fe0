//go:build linux

package story

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab/podserver"
)

const (
	// Name is that of every app's workload, Canary, Service and route; namespaces keep apps apart.
	Name = "podinfo"
	// Image is what apps run, without the tag; package podserver tells what tags do.
	Image = "ghcr.io/stefanprodan/podinfo"

	port        = 9898 // where the lab's pods answer
	servicePort = 80
	primary     = Name + "-primary"
	canary      = Name + "-canary"
	config      = Name + "-config"
)

// App is a workload with its Canary, in a namespace of its own.
type App struct {
	Namespace string
	Kind      Kind      // a Deployment where it is empty
	Version   string    // the image tag that it is first deployed with
	Config    string    // the value that its ConfigMap has first; without one it has no ConfigMap
	Replicas  int32     // of a Deployment
	Provider  *Provider // of its routes; GatewayAPI where it is nil
	// Before are objects that exist before the Canary does, such as a route that it is to take over.
	Before []client.Object
	// Change, where set, makes the Canary another one than that of NewCanary.
	Change func(*v1beta1.Canary)
}

// Host is the name that the app's users call it by.
func (a App) Host() string { return a.provider().host(a) }

// Key names the Canary, and the app's other objects.
func (a App) Key() types.NamespacedName {
	return types.NamespacedName{Namespace: a.Namespace, Name: Name}
}

// Answer is the version that the app's pods name.
func (a App) Answer() string { return podserver.Version(a.Version, a.Config) }

// NewCanary is the app's canary release: 25 % and 50 % of the traffic for ten seconds each; two looks in which less
// than 99 % of the answers were good, or one in a hundred took half a second, roll it back.
func (a App) NewCanary() *v1beta1.Canary {
	c := &v1beta1.Canary{
		ObjectMeta: a.meta(),
		Spec: v1beta1.CanarySpec{
			TargetRef:               v1beta1.LocalObjectReference{APIVersion: "apps/v1", Kind: string(a.kind()), Name: Name},
			ProgressDeadlineSeconds: ptr.To(v1beta1.Number(60)),
			Service:                 v1beta1.CanaryService{Port: servicePort, TargetPort: intstr.FromInt32(port)},
			Analysis: &v1beta1.CanaryAnalysis{
				Interval:    "10s",
				Threshold:   2,
				StepWeights: []v1beta1.Number{25, 50},
				Metrics: []v1beta1.CanaryMetric{
					{Name: "request-success-rate", Interval: "10s", ThresholdRange: &v1beta1.CanaryThresholdRange{Min: ptr.To(99.0)}},
					{Name: "request-duration", Interval: "10s", ThresholdRange: &v1beta1.CanaryThresholdRange{Max: ptr.To(500.0)}},
				},
			},
		},
	}
	a.provider().choose(a, &c.Spec)
	if a.Change != nil {
		a.Change(c)
	}
	return c
}

// CreateNamespace makes the app's namespace, so that it can be followed from its first object on.
func (s *Stage) CreateNamespace(ctx context.Context, a App) error {
	return s.create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: a.Namespace}})
}

// Deploy makes the app in its namespace.
func (s *Stage) Deploy(ctx context.Context, a App) error {
	if err := s.Prepare(ctx, a); err != nil {
		return err
	}
	return s.create(ctx, a.NewCanary())
}

// Prepare makes the app as it is before it has a Canary.
func (s *Stage) Prepare(ctx context.Context, a App) error {
	var objects []client.Object
	if a.Config != "" {
		objects = append(objects, a.configMap())
	}
	objects = append(objects, a.workload())
	return s.create(ctx, append(objects, a.Before...)...)
}

func (s *Stage) create(ctx context.Context, objects ...client.Object) error {
	for _, object := range objects {
		if err := s.Client.Create(ctx, object, fieldOwner); err != nil {
			return fmt.Errorf("create %T %s: %w", object, object.GetName(), err)
		}
	}
	return nil
}

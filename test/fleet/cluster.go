//go:build linux

package fleet

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/envtest"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/lab"
)

// Cluster is a lab with our CRDs.
type Cluster struct {
	State  lab.State
	Client client.WithWatch // an administrator's, not throttled; it knows our kinds, Kubernetes' and Gateway API's

	config *rest.Config
	lab    *lab.Lab
}

// rarely is how often Prometheus looks at pods that nobody sends requests to.
const rarely = time.Minute

// StartCluster brings up a lab that ends with this process at the latest, with what serves the routes. root is the
// repository's folder. When it returns an error nothing is left running.
func StartCluster(ctx context.Context, root string, state lab.State, g Gateway) (*Cluster, error) {
	running, err := lab.Start(ctx, lab.Options{
		Root: root, State: state, Lifetime: lab.WithStarter, Progress: os.Stdout, Scrape: rarely,
		NoProxy: g == StandIn,
	})
	if err != nil {
		return nil, err
	}
	c := &Cluster{State: state, lab: running}
	if err := c.furnish(root); err != nil {
		return nil, errors.Join(err, c.Stop())
	}
	return c, nil
}

func (c *Cluster) furnish(root string) error {
	config, err := clientcmd.BuildConfigFromFlags("", c.State.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read %s: %w", c.State.Kubeconfig(), err)
	}
	config.QPS = -1
	crds := envtest.CRDInstallOptions{Paths: []string{filepath.Join(root, "config", "crd", "bases")}, ErrorIfPathMissing: true}
	if _, err := envtest.InstallCRDs(config, crds); err != nil {
		return fmt.Errorf("install the CRDs: %w", err)
	}
	scheme := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(scheme), v1beta1.AddToScheme(scheme), gatewayv1.Install(scheme)); err != nil {
		return fmt.Errorf("build a scheme: %w", err)
	}
	c.config = config
	if c.Client, err = client.NewWithWatch(config, client.Options{Scheme: scheme}); err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	return nil
}

// Stop ends the lab and returns when none of its processes is left.
func (c *Cluster) Stop() error { return c.lab.Stop() }

// Handler is told of the objects of a kind.
type Handler struct {
	Kind client.Object
	Note func(client.Object) // for each object, and whenever it changes; it must not be changed. One call at a time
}

// Follow calls handlers, each of another kind, until ctx ends. It returns when they know all that is there.
func (c *Cluster) Follow(ctx context.Context, handlers ...Handler) error {
	watching, err := cache.New(c.config, cache.Options{Scheme: c.Client.Scheme(), DefaultTransform: cache.TransformStripManagedFields()})
	if err != nil {
		return fmt.Errorf("make a cache: %w", err)
	}
	var registered []toolscache.InformerSynced
	for _, h := range handlers {
		informer, err := watching.GetInformer(ctx, h.Kind, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("watch %T: %w", h.Kind, err)
		}
		note := func(o any) { h.Note(o.(client.Object)) }
		registration, err := informer.AddEventHandler(toolscache.ResourceEventHandlerFuncs{AddFunc: note, UpdateFunc: func(_, o any) { note(o) }})
		if err != nil {
			return fmt.Errorf("watch %T: %w", h.Kind, err)
		}
		registered = append(registered, registration.HasSynced)
	}
	go func() { _ = watching.Start(ctx) }() // it ends with ctx, and reconnects till then
	if !toolscache.WaitForCacheSync(ctx.Done(), registered...) {
		return fmt.Errorf("fill the cache: %w", context.Cause(ctx))
	}
	return nil
}

package main

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	ctrlcluster "sigs.k8s.io/controller-runtime/pkg/cluster"

	"flagger.app/flagger/internal/controller"
)

// mesh returns the cluster that holds the routing objects, whose caches run with the manager's; nil where that is the
// canaries' own.
func (op operator) mesh() (*controller.Mesh, error) {
	if op.options.kubeconfigServiceMesh == "" {
		return nil, nil
	}
	cfg, err := clientcmd.BuildConfigFromFlags("", op.options.kubeconfigServiceMesh)
	if err != nil {
		return nil, failf("Error building host kubeconfig: %v", err)
	}
	if cfg.Host == op.GetConfig().Host {
		return nil, nil
	}
	cfg.QPS, cfg.Burst, cfg.UserAgent = op.GetConfig().QPS, op.GetConfig().Burst, op.GetConfig().UserAgent
	cfg.Wrap(op.GetConfig().WrapTransport) // the leader alone writes there, too
	mesh, err := ctrlcluster.New(cfg, func(o *ctrlcluster.Options) {
		o.Scheme, o.Logger = op.GetScheme(), op.log
		o.Cache, o.Client = cacheOptions(op.options.namespace), clientOptions()
	})
	if err != nil {
		return nil, failf("Error building host clientset: %v", err)
	}
	if err := op.Add(mesh); err != nil {
		return nil, fmt.Errorf("add the cluster of the service mesh: %w", err)
	}
	op.log.Info("Keeping routing objects in the cluster at " + cfg.Host)
	return &controller.Mesh{Client: mesh.GetClient(), Cache: mesh.GetCache()}, nil
}

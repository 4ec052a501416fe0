package podserver

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// Watch keeps the server's pods those of the cluster that cfg names until ctx ends. It returns once the pods that
// exist are known.
func (s *Server) Watch(ctx context.Context, cfg *rest.Config) error {
	clients, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		return fmt.Errorf("make a client for pods: %w", err)
	}
	set := func(pod *corev1.Pod) { s.admit(ctx, clients.CoreV1(), pod) }
	factory := informers.NewSharedInformerFactory(clients, 0)
	registration, err := factory.Core().V1().Pods().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(object any) { observe(object, set) },
		UpdateFunc: func(_, object any) { observe(object, set) },
		DeleteFunc: func(object any) { observe(object, s.Remove) },
	})
	if err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	factory.StartWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), registration.HasSynced) {
		return fmt.Errorf("watch pods: %w", context.Cause(ctx))
	}
	return nil
}

// admit sets a pod, at its start with the values that its environment has then. A pod whose ConfigMaps cannot be read
// is not answered for, as its containers would not start.
func (s *Server) admit(ctx context.Context, maps typedcorev1.ConfigMapsGetter, pod *corev1.Pod) {
	if live(pod) && !s.knows(pod) {
		resolved, err := resolve(ctx, maps, pod)
		if err != nil {
			return
		}
		pod = resolved
	}
	s.Set(pod)
}

func observe(object any, act func(*corev1.Pod)) {
	if unknown, ok := object.(cache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	if pod, ok := object.(*corev1.Pod); ok {
		act(pod)
	}
}

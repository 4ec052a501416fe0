package notify

import (
	"context"
	"fmt"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/courier"
	"flagger.app/flagger/internal/rollout"
)

// backlog lets a thousand canaries that start together tell one room so. Full, it holds some eight megabytes. Each
// worker is busy with another room, so half as many of one namespace as there are workers may hang.
var backlog = courier.Limits{Workers: 64, Backlog: 1024, Total: 8192}

// Options are what a Notifier is made of; those that may be empty say so.
type Options struct {
	// Services are the chat services, each with another Type.
	Services []Service
	// Providers reads AlertProviders, from a cache.
	Providers client.Reader
	// Secrets reads Secrets one by one, not from a cache.
	Secrets client.Reader
	// Global is where the alerts of canaries without alerts of their own go; without an address, nowhere. It has no
	// secretRef; GlobalToken is its token, or empty.
	Global      v1beta1.AlertProviderSpec
	GlobalToken string
	// ClusterName is told with every alert; empty for none.
	ClusterName string
	// NoCrossNamespaceRefs refuses AlertProviders in other namespaces than the canary's.
	NoCrossNamespaceRefs bool
	// Log is told of alerts that could not be delivered.
	Log logr.Logger
	// Dropped is called once for each alert that a receiver will never get.
	Dropped func()
}

// Notifier sends alerts. It is safe for concurrent use and keeps its connections.
type Notifier struct {
	Options
	services map[string]Service
	global   *room
	queue    *courier.Queue[types.NamespacedName, letter]
	client   courier.Client
}

// letter is one message for one receiver.
type letter struct {
	canary  types.NamespacedName
	message Message
}

// globalKey stands for the global receiver among the AlertProviders, which have names.
var globalKey = types.NamespacedName{}

// New returns a Notifier. Its Run must be started for alerts to be delivered. A global receiver that cannot be used
// is told to the log, and there is none then.
func New(o Options) *Notifier {
	n := &Notifier{
		Options:  o,
		services: map[string]Service{},
		queue:    courier.NewQueue[types.NamespacedName, letter](backlog, func(r types.NamespacedName) string { return r.Namespace }, o.Dropped),
		client:   courier.Client{Transport: courier.NewTransport(courier.VerifyCertificates), Pause: courier.Pause},
	}
	for _, service := range o.Services {
		n.services[service.Type] = service
	}
	if o.Global.Address == "" {
		return n
	}
	global, err := n.open(o.Global, o.GlobalToken)
	if err != nil {
		o.Log.Error(nil, fmt.Sprintf("Notifier %v", err))
		return n
	}
	n.global = &global
	o.Log.Info(fmt.Sprintf("Notifications enabled for %s://%s", global.Address.Scheme, global.Address.Host))
	return n
}

// Alert queues a for every alert of c that takes its severity or, if c has no alerts, for the global receiver. It never
// blocks and keeps nothing of c. A receiver that is too far behind loses its oldest alert; when all of them together
// are, a is lost.
func (n *Notifier) Alert(c *v1beta1.Canary, a rollout.Alert) {
	l := letter{
		canary:  types.NamespacedName{Namespace: c.Namespace, Name: c.Name},
		message: compose(c, a, n.ClusterName),
	}
	var own []v1beta1.CanaryAlert
	if analysis := c.GetAnalysis(); analysis != nil {
		own = analysis.Alerts
	}
	if len(own) == 0 && n.global != nil {
		n.queue.Add(globalKey, l)
	}
	for _, alert := range own {
		if takes(alert.Severity, a.Severity) {
			n.queue.Add(providerKey(c, alert.ProviderRef), l)
		}
	}
}

func providerKey(c *v1beta1.Canary, ref v1beta1.CrossNamespaceObjectReference) types.NamespacedName {
	key := types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name}
	if key.Namespace == "" {
		key.Namespace = c.Namespace
	}
	return key
}

// Run delivers queued alerts until ctx ends; what is left then is lost. It returns nil once no delivery is under way. It
// may run once.
func (n *Notifier) Run(ctx context.Context) error {
	n.queue.Run(ctx, n.deliver)
	return nil
}

// deliver sends one alert to the receiver at key, or says why it could not.
func (n *Notifier) deliver(ctx context.Context, key types.NamespacedName, l letter) {
	err := n.send(ctx, key, l)
	if err == nil || ctx.Err() != nil {
		return
	}
	n.Log.Error(nil, err.Error(), "canary", l.canary.Name+"."+l.canary.Namespace)
	n.Dropped()
}

// send finds the receiver at key as it is now. The errors are the contract's texts.
func (n *Notifier) send(ctx context.Context, key types.NamespacedName, l letter) error {
	if key == globalKey {
		if err := n.post(ctx, *n.global, l.message); err != nil {
			return fmt.Errorf("alert can't be sent: %w", err)
		}
		return nil
	}
	name := key.Name + "." + key.Namespace
	if n.NoCrossNamespaceRefs && key.Namespace != l.canary.Namespace {
		return fmt.Errorf("alert provider %s error: can't access alert provider %s, cross-namespace references are blocked", name, name)
	}
	to, err := n.resolve(ctx, key)
	if err != nil {
		return fmt.Errorf("alert provider %s %w", name, err)
	}
	if err := n.post(ctx, to, l.message); err != nil {
		return fmt.Errorf("alert provider %s send error: %w", name, err)
	}
	return nil
}

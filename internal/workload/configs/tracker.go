package configs

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
)

// syncTimeout limits how long the first look at a kind may wait for its informer to fill.
const syncTimeout = 10 * time.Second

// Options are what a Tracker needs; all are required unless said otherwise.
type Options struct {
	// Client writes, and reads metadata from caches where Metadata is nil.
	Client client.Client
	// Live reads past the caches, one object at a time.
	Live client.Reader
	// Metadata reads PartialObjectMetadata from a cache. It takes the place of a Client that is set up to read
	// ConfigMaps and Secrets past its cache, because such a Client reads their metadata past it, too.
	Metadata client.Reader
	// Namespace is the only one that the operator works in; empty for all.
	Namespace string
	// IncludeLabelPrefix are the beginnings of the label keys that the copies take over; none by default.
	IncludeLabelPrefix []string
}

// Tracker follows the ConfigMaps and Secrets that pod templates refer to. A nil Tracker tracks nothing. Its methods may
// be called at the same time.
type Tracker struct {
	options Options
	memory  *memory
	// listable holds the kinds that the operator has been seen to be allowed to list.
	listable sync.Map
	// listing is full while somebody finds that out, so that one list of a kind answers all who ask at once.
	listing chan struct{}
}

// New returns a Tracker.
func New(o Options) *Tracker {
	if o.Metadata == nil {
		o.Metadata = o.Client
	}
	return &Tracker{options: o, memory: newMemory(), listing: make(chan struct{}, 1)}
}

// Observed is what the configs of a template are now.
type Observed struct {
	// Sums are checksums by "configmap/name" and "secret/name": empty when the template refers to nothing that is
	// tracked, nil when tracking is off or Obstacle is set.
	Sums map[string]string
	// Obstacle says in words what only the user can mend; empty for nothing.
	Obstacle string
}

// Observe looks at the configs that a template of c refers to. It reads metadata from the cache, and data only of those
// that have changed since it last looked: with nothing changed it costs no request. An error means that it cannot tell
// and that trying again may help.
func (t *Tracker) Observe(ctx context.Context, c *v1beta1.Canary, template *corev1.PodTemplateSpec) (Observed, error) {
	if t == nil {
		return Observed{}, nil
	}
	references := References(template)
	obstacles, err := t.barred(ctx, references)
	if err != nil || len(obstacles) > 0 {
		return Observed{Obstacle: strings.Join(obstacles, "; ")}, err
	}
	sums := make(map[string]string, len(references))
	for _, reference := range references {
		found, err := t.look(ctx, needOf(c, reference))
		switch {
		case err != nil:
			return Observed{}, err
		case found.obstacle != "":
			obstacles = append(obstacles, found.obstacle)
		case found.sum != "":
			sums[Key(reference.Kind, reference.Name)] = found.sum
		}
	}
	t.memory.tidy(func(at place) bool {
		_, err := t.metadata(ctx, at)
		return !apierrors.IsNotFound(err)
	})
	if len(obstacles) > 0 {
		return Observed{Obstacle: strings.Join(obstacles, "; ")}, nil
	}
	return Observed{Sums: sums}, nil
}

// need is a place that a workload refers to.
type need struct {
	place
	optional bool
	// by names the workload as its users do.
	by string
}

func needOf(c *v1beta1.Canary, r Reference) need {
	target := c.Spec.TargetRef
	return need{
		place:    placeOf(c, r),
		optional: r.Optional,
		by:       fmt.Sprintf("%s %s.%s", strings.ToLower(target.Kind), target.Name, c.Namespace),
	}
}

// finding is what a look at one config gives; all of it is empty where the config is not tracked.
type finding struct{ sum, obstacle string }

// look finds out about one config. That one which the pods need is missing, the cache alone cannot tell: it may not have
// seen yet what was created together with the workload.
func (t *Tracker) look(ctx context.Context, n need) (finding, error) {
	cached, err := t.metadata(ctx, n.place)
	switch {
	case apierrors.IsNotFound(err) && !n.optional:
		return t.lookLive(ctx, n, cached)
	case client.IgnoreNotFound(err) != nil:
		return finding{}, fmt.Errorf("read the metadata of %s: %w", n.place, err)
	case err != nil, hasOptedOut(cached):
		t.memory.forget(n.place)
		return finding{}, nil
	}
	if known, found := t.memory.recall(n.place, cached); found {
		return finding{sum: known.sum}, nil
	}
	if noted, found := t.noted(ctx, n.place, cached); found {
		t.memory.remember(n.place, cached, noted)
		return finding{sum: noted.sum}, nil
	}
	return t.lookLive(ctx, n, cached)
}

// noted is what the copy of a config tells of it, where the config is still the version that was copied; cached is its
// metadata. It asks the cache alone: a copy that cannot be seen there tells nothing.
func (t *Tracker) noted(ctx context.Context, at place, cached *metav1.PartialObjectMetadata) (reading, bool) {
	replica, err := t.metadata(ctx, at.replica())
	if err != nil {
		return reading{}, false
	}
	source := sourceOf(replica)
	return source, source.sum != "" && source.uid == cached.UID && source.version == cached.ResourceVersion
}

// lookLive reads one config and remembers what matters of it; cached is its metadata in the cache, empty for none.
func (t *Tracker) lookLive(ctx context.Context, n need, cached *metav1.PartialObjectMetadata) (finding, error) {
	live, err := t.read(ctx, n.place)
	switch {
	case apierrors.IsNotFound(err):
		t.memory.forget(n.place)
		if n.optional {
			return finding{}, nil
		}
		return finding{obstacle: fmt.Sprintf("%s is missing, but %s refers to it", n.place, n.by)}, nil
	case apierrors.IsForbidden(err):
		return finding{obstacle: fmt.Sprintf("the operator may not read %s, but %s refers to it: its role must allow get of %ss",
			n.place, n.by, n.kind)}, nil
	case err != nil:
		return finding{}, err
	}
	found := readingOf(live)
	t.memory.remember(n.place, cached, found)
	return finding{sum: found.sum}, nil
}

// barred says of each kind among the references whether the operator may not list it: an informer would never fill
// then, and whoever reads from it would wait for ever.
func (t *Tracker) barred(ctx context.Context, references []Reference) ([]string, error) {
	var obstacles []string
	for _, kind := range kinds {
		if !slices.ContainsFunc(references, func(r Reference) bool { return r.Kind == kind }) {
			continue
		}
		err := t.tryList(ctx, kind)
		switch {
		case apierrors.IsForbidden(err):
			obstacles = append(obstacles, fmt.Sprintf("the operator may not list %ss%s: its role must allow list and watch of them",
				kind, t.scope()))
		case err != nil:
			return nil, fmt.Errorf("list the metadata of %ss: %w", kind, err)
		}
	}
	return obstacles, nil
}

// scope names where the operator works, if not everywhere.
func (t *Tracker) scope() string {
	if t.options.Namespace == "" {
		return ""
	}
	return " in namespace " + t.options.Namespace
}

// tryList lists the metadata of one object of a kind, until it has once been allowed to.
func (t *Tracker) tryList(ctx context.Context, kind Kind) error {
	if t.mayList(kind) {
		return nil
	}
	select {
	case t.listing <- struct{}{}:
		defer func() { <-t.listing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if t.mayList(kind) {
		return nil // somebody else has asked meanwhile
	}
	list := &metav1.PartialObjectMetadataList{TypeMeta: kind.Metadata().TypeMeta}
	if err := t.options.Live.List(ctx, list, client.InNamespace(t.options.Namespace), client.Limit(1)); err != nil {
		return err
	}
	t.listable.Store(kind, nil)
	return nil
}

// mayList tells whether the operator has been seen to be allowed to list a kind.
func (t *Tracker) mayList(kind Kind) bool {
	_, seen := t.listable.Load(kind)
	return seen
}

// Watchable returns the kinds that the operator has been seen to be allowed to list, sorted. Watching any other might
// wait for an informer that never fills.
func (t *Tracker) Watchable() []Kind {
	if t == nil {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(kinds), func(kind Kind) bool { return !t.mayList(kind) })
}

// metadata reads a config's metadata from the cache, which the first call for a kind fills.
func (t *Tracker) metadata(ctx context.Context, at place) (*metav1.PartialObjectMetadata, error) {
	limited, cancel := context.WithTimeout(ctx, syncTimeout)
	defer cancel()
	found := at.kind.Metadata()
	return found, t.options.Metadata.Get(limited, at.ObjectKey, found)
}

// read reads a config past the caches.
func (t *Tracker) read(ctx context.Context, at place) (client.Object, error) {
	object := at.kind.newObject()
	if err := t.options.Live.Get(ctx, at.ObjectKey, object); err != nil {
		return nil, fmt.Errorf("%s get query error: %w", at, err)
	}
	return object, nil
}

// readSeen is read, but of what the cache does not have it takes for granted that it does not exist.
func (t *Tracker) readSeen(ctx context.Context, at place) (client.Object, error) {
	if t.mayList(at.kind) {
		if _, err := t.metadata(ctx, at); apierrors.IsNotFound(err) {
			return nil, err
		}
	}
	return t.read(ctx, at)
}

package workload

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/workload/configs"
)

// treesUncached goes with a write of a tree. The cache holds typed objects; a client that waits for its own writes to
// reach the cache would fill a second one with the trees of all workloads.
const treesUncached = client.DisableReadYourWritesConsistency

// persistence is how often a write is tried that must follow another: for six seconds.
var persistence = wait.Backoff{Steps: 6, Duration: 50 * time.Millisecond, Factor: 3, Jitter: 0.1}

// promotion is a blueprint with the content of the configs that go with it.
type promotion struct {
	blueprint
	content *configs.Snapshot
}

// live is a workload past the caches, with the fields that our types do not know in its tree.
type live struct {
	view
	tree *unstructured.Unstructured
}

// SyncPrimary implements Target. The target and what is to be copied of its configs are read live, so that nothing is
// promoted that has just changed. The primary, which is read before them, may come from the cache: an overwrite insists on
// the one that was seen. The configs are copied first: pods of a primary that is new must find them. A write that meets another's is repeated at
// most four times, each time with all of the above and the primary read live.
//
// A primary that carries the version is left alone, whatever else was done to it since, but for its size.
func (p *PodTarget) SyncPrimary(ctx context.Context, c *v1beta1.Canary, want rollout.Version) error {
	from := client.Reader(p.options.Client)
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		primary, err := p.primary(ctx, c, from)
		if err != nil {
			return err
		}
		readConfigs := p.options.Configs.Read
		if primary.Object == nil {
			readConfigs = p.options.Configs.ReadAll
		}
		plans, err := p.plan(ctx, c, want, readConfigs)
		if err != nil {
			return err
		}
		from = p.options.Live
		return p.sync(ctx, plans, primary)
	})
}

// primary is the primary, or none where the API server says so.
func (p *PodTarget) primary(ctx context.Context, c *v1beta1.Canary, from client.Reader) (view, error) {
	primary, err := read(ctx, from, p.kind, primaryKey(c))
	if apierrors.IsNotFound(err) {
		primary, err = read(ctx, p.options.Live, p.kind, primaryKey(c))
	}
	if apierrors.IsNotFound(err) {
		return view{}, nil
	}
	return primary, err
}

// configReader reads the configs of a template.
type configReader func(context.Context, *v1beta1.Canary, *corev1.PodTemplateSpec) (*configs.Snapshot, error)

// plan reads what is to be copied; ErrVersionChanged if that is not want.
func (p *PodTarget) plan(ctx context.Context, c *v1beta1.Canary, want rollout.Version, readConfigs configReader) (promotion, error) {
	target, err := p.readLive(ctx, targetKey(c))
	if err != nil {
		return promotion{}, missing(err)
	}
	revision, err := Revision(target.template)
	if err != nil {
		return promotion{}, err
	}
	if revision != want.Revision {
		return promotion{}, fmt.Errorf("%s carries %s and not %s: %w", target, revision, want.Revision, ErrVersionChanged)
	}
	plans, err := p.blueprint(c, target.view)
	if err != nil {
		return promotion{}, err
	}
	content, err := readConfigs(ctx, c, target.template)
	if err != nil {
		return promotion{}, configsError(target.view, err)
	}
	if found := rollout.Fingerprint(content.Sums()); found != want.Configs {
		return promotion{}, fmt.Errorf("configs of %s are %q and not %q: %w", target, found, want.Configs, ErrVersionChanged)
	}
	plans.spec, plans.version, plans.renames = child(target.tree.Object, "spec"), want, content.Renames
	return promotion{blueprint: plans, content: content}, nil
}

// sync makes the primary, or brings the one that there is to the version.
func (p *PodTarget) sync(ctx context.Context, plans promotion, primary view) error {
	if primary.Object == nil {
		return p.create(ctx, plans)
	}
	if !kube.IsOwned(plans.canary, primary) {
		return fmt.Errorf("%s: %w", primary, ErrForeign)
	}
	found, err := plans.carriedBy(ctx, primary)
	if err != nil {
		return err
	}
	if !carries(found, plans.version) {
		return p.overwrite(ctx, plans, primary, found)
	}
	if recordedOn(primary).Revision == "" {
		if err := p.mark(ctx, primary, plans.version); err != nil {
			return err
		}
	}
	if plans.sizes() {
		return p.resize(ctx, primary, plans.target.replicas)
	}
	return nil
}

// Prune implements Target; it reads from caches.
func (p *PodTarget) Prune(ctx context.Context, c *v1beta1.Canary) error {
	primary, err := read(ctx, p.options.Client, p.kind, primaryKey(c))
	if err != nil || !kube.IsOwned(c, primary) {
		return client.IgnoreNotFound(err)
	}
	return p.options.Configs.Prune(ctx, c, primary.template)
}

// carriedBy is the version that the primary carries: what it says itself or, where Flagger made it, what it is found to
// agree with.
func (plans promotion) carriedBy(ctx context.Context, primary view) (rollout.Version, error) {
	found := recordedOn(primary)
	if found.Revision != "" {
		return found, nil
	}
	agrees, err := plans.agrees(primary)
	if err != nil {
		return found, fmt.Errorf("compare %s: %w", primary, err)
	}
	if !agrees {
		return found, nil
	}
	found.Revision = plans.version.Revision
	if found.Configs == unsettled {
		return found, nil
	}
	copied, err := plans.content.Copied(ctx)
	if err != nil {
		return found, configsError(plans.target, err)
	}
	if copied {
		found.Configs = plans.version.Configs
	}
	return found, nil
}

// carries says whether a version is the wanted one. Where no configs are tracked any more, those that were copied while
// they were are as good.
func carries(found, want rollout.Version) bool {
	asGood := want.Configs == "" && found.Configs != unsettled
	return found.Revision == want.Revision && (found.Configs == want.Configs || asGood)
}

// mark notes a version on the primary, which rolls no pods.
func (p *PodTarget) mark(ctx context.Context, primary view, version rollout.Version) error {
	before := primary.DeepCopyObject().(client.Object)
	primary.SetAnnotations(record(primary.GetAnnotations(), version))
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := p.options.Client.Patch(ctx, primary.Object, patch, client.FieldOwner(kube.FieldManager)); err != nil {
		return fmt.Errorf("mark %s: %w", primary, err)
	}
	return nil
}

// create makes the primary where there is none, after the configs that it refers to.
func (p *PodTarget) create(ctx context.Context, plans promotion) error {
	if err := plans.content.Write(ctx); err != nil {
		return configsError(plans.target, err)
	}
	primary := plans.create()
	if err := p.options.Client.Create(ctx, primary, client.FieldOwner(kube.FieldManager), treesUncached); err != nil {
		return fmt.Errorf("createPrimary%s failed: creating %s %s.%s failed: %w",
			plans.kind.name, plans.kind.word, primary.GetName(), primary.GetNamespace(), rejected(err))
	}
	return nil
}

// overwrite brings a primary, and before it the configs that it refers to, to the version. While other configs than
// those that are found on it are being written, it says so: after a crash it would be taken for one whose pods have run
// with them, or that has its own still.
//
// Once the first of other configs is written the others and the template follow, whatever somebody does to the primary or
// pushes to the target meanwhile: they were analysed together, and what the primary ran before was not analysed with them.
func (p *PodTarget) overwrite(ctx context.Context, plans promotion, primary view, found rollout.Version) error {
	noted := recordedOn(primary)
	configured := found.Configs != plans.version.Configs && len(plans.content.Sums()) > 0
	if configured && noted.Configs != unsettled {
		noted.Configs = unsettled
		if err := p.mark(ctx, primary, noted); err != nil {
			return err
		}
	}
	if err := plans.content.Write(ctx); err != nil {
		if !configured || !isPassing(err) {
			return configsError(plans.target, err)
		}
		if err := retry.OnError(persistence, isPassing, func() error { return plans.content.Rewrite(ctx) }); err != nil {
			return configsError(plans.target, err)
		}
	}
	if configured {
		return p.follow(ctx, plans, primary)
	}
	return p.replace(ctx, plans, primary)
}

// follow replaces the template, and tries again upon the latest primary where that fails.
func (p *PodTarget) follow(ctx context.Context, plans promotion, primary view) error {
	again := false
	return retry.OnError(persistence, isPassing, func() error {
		if again {
			latest, err := read(ctx, p.options.Live, p.kind, primaryKey(plans.canary))
			if err != nil {
				return err
			}
			if !kube.IsOwned(plans.canary, latest) {
				return fmt.Errorf("%s: %w", latest, ErrForeign)
			}
			primary = latest
		}
		again = true
		return p.replace(ctx, plans, primary)
	})
}

// replace writes the template of a primary that was not touched since it was read.
func (p *PodTarget) replace(ctx context.Context, plans promotion, primary view) error {
	patch, err := json.Marshal(plans.update(primary))
	if err != nil {
		return fmt.Errorf("encode %s: %w", primary, err)
	}
	change := client.RawPatch(types.JSONPatchType, patch)
	if err := p.options.Client.Patch(ctx, primary.Object, change, client.FieldOwner(kube.FieldManager)); err != nil {
		return fmt.Errorf("updating %s template spec failed: %w", primary, rejected(err))
	}
	return nil
}

// readLive reads a workload live.
func (p *PodTarget) readLive(ctx context.Context, key client.ObjectKey) (live, error) {
	kind := p.kind.traits()
	tree := &unstructured.Unstructured{}
	tree.SetGroupVersionKind(kind.gvk())
	if err := p.options.Live.Get(ctx, key, tree); err != nil {
		return live{}, fmt.Errorf("%s %s.%s get query error: %w", kind.word, key.Name, key.Namespace, err)
	}
	known, err := typed(p.kind, tree)
	return live{view: known, tree: tree}, err
}

// typed is the part of a tree that our types know.
func typed(k kind, tree *unstructured.Unstructured) (view, error) {
	object := k.empty()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(tree.Object, object); err != nil {
		return view{}, fmt.Errorf("decode %s %s.%s: %w", k.traits().word, tree.GetName(), tree.GetNamespace(), err)
	}
	return k.view(object), nil
}

package controller

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// Finalizer holds a canary with spec.revertOnDeletion until everything is handed back, and any whose routing object does
// not go with it.
const Finalizer = "finalizer.flagger.app"

// handover is how long a decision may still take to be carried out by a process that is told to stop: less than what is left
// to it.
const handover = 20 * time.Second

// Reconciler takes canaries through their rollouts.
type Reconciler struct {
	Options
	// controller and cache let watches be added while running; nil where Reconcile is called directly.
	controller controller.Controller
	cache      cache.Cache

	// watching guards watched, the kinds that wake canaries already and are watched only where a canary needs them.
	// Looking up a kind that is missing asks the API server, and only canaries that need such a kind may wait for that.
	watching sync.RWMutex
	watched  map[watched]bool

	past *past
}

// New returns a Reconciler, or an error if the default provider is none that it has.
func New(o Options) (*Reconciler, error) {
	if _, err := o.Routers.Lookup(o.MeshProvider); err != nil {
		return nil, fmt.Errorf("mesh provider: %w", err)
	}
	return &Reconciler{
		Options: o,
		past:    newPast(o.Clock.Now()),
		watched: map[watched]bool{},
	}, nil
}

// Reconcile takes one canary one decision further. It reads first, decides, acts in the order decided, and only then
// records and announces, so a crash at any line is repaired by the next call.
func (r *Reconciler) Reconcile(ctx context.Context, req ctrl.Request) (ctrl.Result, error) {
	c := &v1beta1.Canary{}
	if err := r.Client.Get(ctx, req.NamespacedName, c); err != nil {
		if apierrors.IsNotFound(err) {
			r.forget(req.NamespacedName)
		}
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	ctx = log.IntoContext(ctx, log.FromContext(ctx).WithValues("canary", c.Name+"."+c.Namespace))
	ctx, end := r.Tracer.Reconcile(ctx, req.NamespacedName)
	result, err := settle(r.advance(ctx, c))
	end(err)
	return result, err
}

// settle makes an outcome of what may happen to any writer: somebody else was faster, and the next look will see it; or the
// lease was not renewed in time, and will be soon or the process ends.
func settle(result ctrl.Result, err error) (ctrl.Result, error) {
	if apierrors.IsConflict(err) || errors.Is(err, errOvertaken) || errors.Is(err, kube.ErrFenced) {
		return ctrl.Result{RequeueAfter: time.Second}, nil
	}
	return result, err
}

// advance is one decision about c, which is ours to change.
func (r *Reconciler) advance(ctx context.Context, c *v1beta1.Canary) (ctrl.Result, error) {
	deleting := !c.DeletionTimestamp.IsZero()
	if deleting && !controllerutil.ContainsFinalizer(c, Finalizer) {
		return ctrl.Result{}, nil // the garbage collector does the rest
	}
	if pruned(c.Status) {
		return r.refuse(ctx, c, work{}, errPruned)
	}
	started := r.Clock.Now()
	w, err := r.work(ctx, c)
	if err != nil {
		return r.refuse(ctx, c, w, err)
	}
	if err := r.introduce(ctx, c); err != nil {
		return r.refuse(ctx, c, w, err)
	}
	if err := r.guardDeletion(ctx, c, w.plan); err != nil {
		return ctrl.Result{}, fmt.Errorf("set finalizer: %w", err)
	}
	in, dec, err := r.decide(ctx, c, w)
	if err != nil {
		return r.refuse(ctx, c, w, err)
	}
	if err := r.carryOut(ctx, c, w, in, dec); err != nil {
		return r.refuse(ctx, c, w, err)
	}
	if gone(dec) {
		r.announce(ctx, c, dec.Events)
		return ctrl.Result{}, nil
	}
	r.announce(ctx, c, dec.Events)
	r.gauge(c, in, dec, started)
	if err := r.close(ctx, c, in, dec); err != nil {
		return r.refuse(ctx, c, w, fmt.Errorf("persist: %w", err))
	}
	return ctrl.Result{RequeueAfter: r.until(in, dec.After)}, nil
}

// carryOut performs the decision and stores what it makes of the status. Once begun it is brought to its end, though the
// operator be told to stop: whoever comes next would find traffic that no status tells of.
func (r *Reconciler) carryOut(ctx context.Context, c *v1beta1.Canary, w work, in rollout.Observation, dec rollout.Decision) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("carry out: %w", err)
	}
	ctx, end := outlast(ctx, handover)
	defer end()
	if err := r.perform(ctx, c, w, in, dec.Actions); err != nil {
		return err
	}
	if gone(dec) {
		return nil
	}
	if err := r.persist(ctx, c, dec.Performed(in, r.Clock.Now())); err != nil {
		return fmt.Errorf("persist: %w", err)
	}
	return nil
}

// outlast is ctx, but ends that much later, or with the function that it returns.
func outlast(ctx context.Context, by time.Duration) (context.Context, context.CancelFunc) {
	longer, end := context.WithCancel(context.WithoutCancel(ctx))
	forget := context.AfterFunc(ctx, func() { time.AfterFunc(by, end) })
	return longer, func() {
		forget()
		end()
	}
}

// until is how long to wait from now for what is due a time after an observation; none stays none.
func (r *Reconciler) until(in rollout.Observation, after time.Duration) time.Duration {
	if after == 0 {
		return 0
	}
	return max(after-r.Clock.Since(in.Now), time.Millisecond)
}

// gone tells whether the decision has let the canary go.
func gone(dec rollout.Decision) bool {
	for _, action := range dec.Actions {
		if _, forgotten := action.(rollout.Forget); forgotten {
			return true
		}
	}
	return false
}

// decide asks the core, and the outside whatever the core wants to know, until there is a decision that passes the
// core's own door. The cluster is observed anew after every round, as answers may take their time.
func (r *Reconciler) decide(ctx context.Context, c *v1beta1.Canary, w work) (in rollout.Observation, dec rollout.Decision, err error) {
	ctx, end := r.Tracer.Step(ctx, "decide")
	defer func() { end(err) }()
	answers := rollout.Answers{}
	for {
		in, err = r.observe(ctx, c, w)
		if err != nil {
			return in, rollout.Decision{}, err
		}
		in.Answers = answers
		dec = rollout.Decide(in)
		if len(dec.Ask) == 0 {
			return in, dec, rollout.Permit(in, dec)
		}
		r.answer(ctx, c, dec.Ask, answers)
		if err := r.stillMeant(ctx, c); err != nil {
			return in, rollout.Decision{}, err
		}
	}
}

// stillMeant returns errOvertaken if the user has edited or deleted c while somebody was asked: what was answered then,
// be it a gate's approval, was about another spec.
func (r *Reconciler) stillMeant(ctx context.Context, c *v1beta1.Canary) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("decide: %w", err)
	}
	latest := &v1beta1.Canary{}
	if err := r.Client.Get(ctx, client.ObjectKeyFromObject(c), latest); err != nil {
		return unlessGone(err)
	}
	if latest.UID != c.UID || latest.Generation != c.Generation {
		return errOvertaken
	}
	return nil
}

// introduce makes sure that the installed CRD keeps our fields before anything moves that Flagger was at.
func (r *Reconciler) introduce(ctx context.Context, c *v1beta1.Canary) error {
	switch c.Status.Phase {
	case "", v1beta1.PhaseInitialized, v1beta1.PhaseSucceeded, v1beta1.PhaseFailed:
		return nil
	default: // Flagger may have been in the middle of something
	}
	if c.Status.ObservedGeneration != 0 {
		return nil
	}
	status := *c.Status.DeepCopy()
	status.ObservedGeneration = c.Generation
	return r.persist(ctx, c, status)
}

// guardDeletion keeps the finalizer where spec.revertOnDeletion asks for it, or where nobody else takes the routing
// object away, and nowhere else.
func (r *Reconciler) guardDeletion(ctx context.Context, c *v1beta1.Canary, plan rollout.Plan) error {
	has := controllerutil.ContainsFinalizer(c, Finalizer)
	if has == (plan.RevertOnDeletion || plan.Uncollected) || !c.DeletionTimestamp.IsZero() {
		return nil
	}
	before := c.DeepCopy()
	if has {
		controllerutil.RemoveFinalizer(c, Finalizer)
	} else {
		controllerutil.AddFinalizer(c, Finalizer)
	}
	return r.patchMetadata(ctx, c, before)
}

// patchMetadata writes what differs from before outside of the status.
func (r *Reconciler) patchMetadata(ctx context.Context, c, before *v1beta1.Canary) error {
	status := c.Status.DeepCopy()
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	if err := r.Client.Patch(ctx, c, patch); err != nil {
		return unlessGone(err)
	}
	c.Status = *status
	return nil
}

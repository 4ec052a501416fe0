package router

import (
	"context"
	"errors"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// errMissing is why a user's object cannot be copied.
var errMissing = errors.New("not found")

// Copying is how a provider divides traffic by a copy of a user's object, which itself is read and never written. Every
// function is pure, and all but Clear are required.
type Copying struct {
	// Kind is what both the user's object and its copy are.
	Kind schema.GroupVersionKind
	// Field is where the spec refers to the user's object, such as spec.ingressRef.
	Field string
	Texts CopyTexts
	// Validate says what is wrong with the spec, as ErrInvalidSpec.
	Validate func(c *v1beta1.Canary) error
	// Source is the name of the user's object, "" where the spec refers to none, and Copy that of the copy of one.
	Source, Copy func(c *v1beta1.Canary) string
	// Render makes the copy that divides traffic as want says. A source that cannot be divided is ErrInvalidSpec.
	Render func(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error)
	// Read is the inverse of Render, and Acceptance says what the controller has made of the copy.
	Read       func(c *v1beta1.Canary, copied *unstructured.Unstructured) rollout.Traffic
	Acceptance func(copied *unstructured.Unstructured) (rollout.Acceptance, string, error)
	// Empty is the copy without users, and otherwise as it is.
	Empty func(c *v1beta1.Canary, copied *unstructured.Unstructured) *unstructured.Unstructured
	// Clear is live without what an apply of rendered would not take away, or nil if there is nothing of the kind.
	Clear func(live, rendered *unstructured.Unstructured) *unstructured.Unstructured
	// IsFlaggers says whether the copy, which nobody claims, was made for c by a Flagger that could not set an owner.
	IsFlaggers func(c *v1beta1.Canary, copied *unstructured.Unstructured) bool
}

// CopyTexts are the contract's for what fails: formats of an object's name, its namespace and the cause.
type CopyTexts struct {
	// GetSource is about the user's object, the others about its copy.
	GetSource, Get string
	Texts
	// Foreign is about an object with the name of the copy that somebody else made.
	Foreign string
}

// Copier is the router of a provider that is told of a canary by a copy of a user's object. Nobody is sent to the canary
// without the user's object, but users come back without it.
type Copier struct {
	how  Copying
	deps Deps
}

// NewCopier makes the router.
func NewCopier(how Copying, deps Deps) *Copier { return &Copier{how: how, deps: deps} }

// Observe reports the traffic of the copy and whether the controller has taken it. An object of the name that was not
// made for c is ErrNotFound too. An invalid spec is ErrInvalidSpec.
func (r *Copier) Observe(ctx context.Context, c *v1beta1.Canary) (rollout.Routing, error) {
	if err := r.how.Validate(c); err != nil {
		return rollout.Routing{}, err
	}
	live, err := r.live(ctx, c)
	if err != nil {
		return rollout.Routing{}, err
	}
	if live == nil || !r.isOurs(c, live) {
		return rollout.Routing{}, fmt.Errorf(r.how.Texts.Get, r.how.Copy(c), c.Namespace, ErrNotFound)
	}
	accepted, message, err := r.how.Acceptance(live)
	if err != nil {
		return rollout.Routing{}, err
	}
	return rollout.Routing{Traffic: r.how.Read(c, live), Acceptance: accepted, Message: message}, nil
}

// Apply makes the copy what the user's object, the spec and want say. An invalid spec is ErrInvalidSpec; so is a
// reference to an object that is not there or cannot be divided, but not before the users have left the canary, if want
// is that. Another's object of the name is ErrForeign.
func (r *Copier) Apply(ctx context.Context, c *v1beta1.Canary, want rollout.Traffic) error {
	if err := r.how.Validate(c); err != nil {
		return err
	}
	live, err := r.live(ctx, c)
	if err != nil {
		return err
	}
	if live != nil && !r.isOurs(c, live) {
		return fmt.Errorf(r.how.Texts.Foreign, live.GetName(), live.GetNamespace(), ErrForeign)
	}
	source, err := r.deps.Get(ctx, r.how.Kind, c.Namespace, r.how.Source(c))
	if err != nil {
		return fmt.Errorf(r.how.Texts.GetSource, r.how.Source(c), c.Namespace, err)
	}
	rendered, err := r.Desired(c, source, want)
	if errors.Is(err, ErrInvalidSpec) && live != nil && want.Canary == 0 && r.how.Read(c, live).Canary > 0 {
		return r.empty(ctx, c, live)
	}
	if err != nil {
		return err
	}
	var cleared *unstructured.Unstructured
	if live != nil && r.how.Clear != nil {
		cleared = r.how.Clear(live, rendered)
	}
	return r.deps.Rewrite(ctx, live, cleared, kube.Manifest{Object: rendered, Whole: []string{"spec"}}, r.how.Texts.Texts)
}

// Desired is the copy as it is to be, given the user's object, nil for none. Its spec is ours alone.
func (r *Copier) Desired(c *v1beta1.Canary, source *unstructured.Unstructured, want rollout.Traffic) (*unstructured.Unstructured, error) {
	if source == nil {
		return nil, InvalidSpec(fmt.Errorf(r.how.Field+": "+r.how.Texts.GetSource, r.how.Source(c), c.Namespace, errMissing))
	}
	rendered, err := r.how.Render(c, source, want)
	if err != nil {
		return nil, err
	}
	r.deps.Claim(c, rendered)
	return rendered, nil
}

// Release leaves the user's object, which leads to the apex Service as ever. The copy goes with c.
func (r *Copier) Release(ctx context.Context, c *v1beta1.Canary) error {
	if r.how.Source(c) == "" {
		return nil
	}
	live, err := r.live(ctx, c)
	if err != nil || live == nil || !r.isOurs(c, live) {
		return kube.IgnoreMissingCRD(err)
	}
	return r.deps.Discard(ctx, live)
}

// empty sends the users of live, the copy, back.
func (r *Copier) empty(ctx context.Context, c *v1beta1.Canary, live *unstructured.Unstructured) error {
	if err := r.deps.Swap(ctx, live, r.how.Empty(c, live)); err != nil {
		return fmt.Errorf(r.how.Texts.Update, live.GetName(), live.GetNamespace(), err)
	}
	return nil
}

// isOurs says whether copied was made for c.
func (r *Copier) isOurs(c *v1beta1.Canary, copied *unstructured.Unstructured) bool {
	return r.deps.Claimed(c, copied) || IsUnclaimed(copied) && r.how.IsFlaggers(c, copied)
}

// live is the copy as it is, nil for none.
func (r *Copier) live(ctx context.Context, c *v1beta1.Canary) (*unstructured.Unstructured, error) {
	copied, err := r.deps.Get(ctx, r.how.Kind, c.Namespace, r.how.Copy(c))
	if err != nil {
		return nil, fmt.Errorf(r.how.Texts.Get, r.how.Copy(c), c.Namespace, err)
	}
	return copied, nil
}

package configs

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

// Snapshot is the content of a template's configs at one moment. The zero Snapshot holds nothing, as when configs are
// not tracked.
type Snapshot struct {
	tracker *Tracker
	canary  *v1beta1.Canary
	// configs are those that are tracked, sorted by kind and name.
	configs []config
}

// config is a ConfigMap or a Secret as it was read.
type config struct {
	kind   Kind
	object client.Object
}

// Read reads the configs that a template of c refers to past the caches, at the moment of copying. It returns
// ErrMissing for one that the pods cannot do without; any other error is the API server's.
func (t *Tracker) Read(ctx context.Context, c *v1beta1.Canary, template *corev1.PodTemplateSpec) (*Snapshot, error) {
	if t == nil {
		return &Snapshot{}, nil
	}
	snapshot := &Snapshot{tracker: t, canary: c}
	for _, r := range References(template) {
		object, err := t.read(ctx, placeOf(c, r))
		switch {
		case apierrors.IsNotFound(err) && r.Optional:
			continue
		case apierrors.IsNotFound(err):
			return nil, fmt.Errorf("%w: %w", err, ErrMissing)
		case err != nil:
			return nil, err
		}
		if isTracked(object) {
			snapshot.configs = append(snapshot.configs, config{kind: r.Kind, object: object})
		}
	}
	return snapshot, nil
}

// Sums are the checksums, as in Observed; nil when tracking is off.
func (s *Snapshot) Sums() map[string]string {
	if s.tracker == nil {
		return nil
	}
	sums := make(map[string]string, len(s.configs))
	for _, c := range s.configs {
		sums[Key(c.kind, c.object.GetName())] = contentOf(c.object).sum()
	}
	return sums
}

// Renames tells whether the primary refers to a copy of the config of that kind and name.
func (s *Snapshot) Renames(kind Kind, name string) bool {
	for _, c := range s.configs {
		if c.kind == kind && c.object.GetName() == name {
			return true
		}
	}
	return false
}

// Copied tells whether the primary's copies hold what the snapshot holds already. It reads them past the caches and
// writes nothing; its errors are those of Write.
func (s *Snapshot) Copied(ctx context.Context) (bool, error) {
	copies, err := s.copies(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range copies {
		if !c.holdsContent() {
			return false, nil
		}
	}
	return true, nil
}

// Write makes the primary's copies what the snapshot holds, and writes nothing to those that are. It returns ErrForeign
// if the name of any is taken, and writes none then. A conflict is returned as it is: what was read has changed since.
func (s *Snapshot) Write(ctx context.Context) error {
	copies, err := s.copies(ctx)
	if err != nil {
		return err
	}
	for _, c := range copies {
		if err := c.write(ctx, s.tracker.options.Client); err != nil {
			return err
		}
	}
	return nil
}

// copies are the copies as they are and as they are to be; ErrForeign names all that are not a canary's.
func (s *Snapshot) copies(ctx context.Context) ([]replica, error) {
	copies := make([]replica, 0, len(s.configs))
	var foreign []string
	for _, c := range s.configs {
		at := place{kind: c.kind, ObjectKey: client.ObjectKeyFromObject(c.object)}
		at.Name += suffix
		live, err := s.tracker.read(ctx, at)
		switch {
		case apierrors.IsNotFound(err):
			live = nil
		case err != nil:
			return nil, err
		case !isCanarys(live):
			foreign = append(foreign, at.String())
		}
		want := render(at, c.object, live, kube.OwnerReference(s.canary), s.tracker.options.IncludeLabelPrefix)
		copies = append(copies, replica{place: at, live: live, want: want})
	}
	if len(foreign) > 0 {
		return nil, fmt.Errorf("%s: %w", strings.Join(foreign, ", "), ErrForeign)
	}
	return copies, nil
}

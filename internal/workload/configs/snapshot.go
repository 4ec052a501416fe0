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

// Snapshot is the content of a template's configs at one moment, but for those whose copies hold it already. The zero
// Snapshot holds nothing, as when configs are not tracked.
type Snapshot struct {
	tracker *Tracker
	canary  *v1beta1.Canary
	// configs are those that are tracked, sorted by kind and name.
	configs []config
}

// config is a ConfigMap or a Secret.
type config struct {
	place
	sum string
	// object is what was read; nil where the copy is known to hold it.
	object client.Object
}

// Read reads the configs that a template of c refers to past the caches, at the moment of copying. One that has not
// changed since c's copy of it was written or compared is not read: what was analysed is where it is to be. Read returns
// ErrMissing for one that the pods cannot do without; any other error is the API server's.
func (t *Tracker) Read(ctx context.Context, c *v1beta1.Canary, template *corev1.PodTemplateSpec) (*Snapshot, error) {
	return t.snapshot(ctx, c, template, t.held)
}

// ReadAll is Read for a primary that is made: nothing that went with the one before is taken to be there still.
func (t *Tracker) ReadAll(ctx context.Context, c *v1beta1.Canary, template *corev1.PodTemplateSpec) (*Snapshot, error) {
	return t.snapshot(ctx, c, template, func(context.Context, *v1beta1.Canary, place) (reading, bool) { return reading{}, false })
}

func (t *Tracker) snapshot(
	ctx context.Context, c *v1beta1.Canary, template *corev1.PodTemplateSpec,
	held func(context.Context, *v1beta1.Canary, place) (reading, bool),
) (*Snapshot, error) {
	if t == nil {
		return &Snapshot{}, nil
	}
	snapshot := &Snapshot{tracker: t, canary: c}
	for _, r := range References(template) {
		at := placeOf(c, r)
		if last, found := held(ctx, c, at); found {
			snapshot.configs = append(snapshot.configs, config{place: at, sum: last.sum})
			continue
		}
		object, err := t.read(ctx, at)
		switch {
		case apierrors.IsNotFound(err) && r.Optional:
			continue
		case apierrors.IsNotFound(err):
			return nil, fmt.Errorf("%w: %w", err, ErrMissing)
		case err != nil:
			return nil, err
		}
		if isTracked(object) {
			snapshot.configs = append(snapshot.configs, config{place: at, sum: contentOf(object).sum(), object: object})
		}
	}
	return snapshot, nil
}

// held is the last reading of a config, if c's copy is known to hold it: neither has changed, as far as the cache can
// tell, since it was read and since this process wrote the copy or found it right.
func (t *Tracker) held(ctx context.Context, c *v1beta1.Canary, at place) (reading, bool) {
	if !t.mayList(at.kind) {
		return reading{}, false
	}
	source, err := t.metadata(ctx, at)
	if err != nil {
		return reading{}, false
	}
	last, known := t.memory.recall(at, source)
	if !known {
		return reading{}, false
	}
	replica, err := t.metadata(ctx, at.replica())
	if err != nil || !isOwnedBy(replica, kube.OwnerReference(c)) || sourceOf(replica) != last {
		return reading{}, false
	}
	copied, known := t.memory.recall(at.replica(), replica)
	return last, known && copied.sum == last.sum
}

// Sums are the checksums, as in Observed; nil when tracking is off.
func (s *Snapshot) Sums() map[string]string {
	if s.tracker == nil {
		return nil
	}
	sums := make(map[string]string, len(s.configs))
	for _, c := range s.configs {
		sums[Key(c.kind, c.Name)] = c.sum
	}
	return sums
}

// Renames tells whether the primary refers to a copy of the config of that kind and name.
func (s *Snapshot) Renames(kind Kind, name string) bool {
	for _, c := range s.configs {
		if c.kind == kind && c.Name == name {
			return true
		}
	}
	return false
}

// Copied tells whether the primary's copies hold what the snapshot holds already. It reads those of which that is not
// known past the caches and writes nothing; its errors are those of Write.
func (s *Snapshot) Copied(ctx context.Context) (bool, error) {
	copies, err := s.copies(ctx, s.tracker.read)
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
// if the name of any is taken, and writes to none that exists then. A conflict is returned as it is: what was read has
// changed since.
func (s *Snapshot) Write(ctx context.Context) error {
	err := s.write(ctx, s.tracker.readSeen)
	if apierrors.IsAlreadyExists(err) { // the cache has not seen it
		return s.write(ctx, s.tracker.read)
	}
	return err
}

// Rewrite is Write after one that failed and of which some may have been done all the same: it reads the copies past the
// caches.
func (s *Snapshot) Rewrite(ctx context.Context) error { return s.write(ctx, s.tracker.read) }

// write writes the copies. Those that are made come first: they prove that their names were free, before anything is
// overwritten.
func (s *Snapshot) write(ctx context.Context, read configRead) error {
	copies, err := s.copies(ctx, read)
	if err != nil {
		return err
	}
	for _, c := range newFirst(copies) {
		if err := c.write(ctx, s.tracker.options.Client); err != nil {
			return err
		}
		s.tracker.memory.remember(c.place, c.want, readingOf(c.want))
	}
	return nil
}

// newFirst returns those that are yet to be made before the others.
func newFirst(copies []replica) []replica {
	var made, standing []replica
	for _, c := range copies {
		if c.live == nil {
			made = append(made, c)
		} else {
			standing = append(standing, c)
		}
	}
	return append(made, standing...)
}

// configRead reads the config at a place.
type configRead func(context.Context, place) (client.Object, error)

// copies are the copies as they are and as they are to be, without those that are known to be right; ErrForeign names
// all that are not a canary's.
func (s *Snapshot) copies(ctx context.Context, read configRead) ([]replica, error) {
	copies := make([]replica, 0, len(s.configs))
	var foreign []string
	for _, c := range s.configs {
		if c.object == nil {
			continue
		}
		at := c.replica()
		live, err := read(ctx, at)
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

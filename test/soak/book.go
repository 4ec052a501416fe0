//go:build linux

package main

import (
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/workload"
	"flagger.app/flagger/test/fleet"
)

// primarySuffix is the end of the names of what primaries consist of.
const primarySuffix = "-primary"

// book keeps the histories of all canaries. Its methods may be called from any goroutine.
type book struct {
	now       func() time.Time
	failed    func(error)
	mutex     sync.Mutex
	histories map[types.NamespacedName]*history
	failing   map[string]bool // canaries whose metric fails, by name
}

func newBook(keys []types.NamespacedName, now func() time.Time, failed func(error)) *book {
	b := &book{now: now, failed: failed, histories: map[types.NamespacedName]*history{}, failing: map[string]bool{}}
	for _, key := range keys {
		b.histories[key] = &history{}
	}
	return b
}

// handlers tell the book what is seen.
func (b *book) handlers() []fleet.Handler {
	return []fleet.Handler{
		{Kind: &v1beta1.Canary{}, Note: b.note}, {Kind: &appsv1.Deployment{}, Note: b.note}, {Kind: &corev1.ConfigMap{}, Note: b.note},
	}
}

// note adds the moment that an object makes of the one before, if it makes a difference.
func (b *book) note(o client.Object) {
	key := client.ObjectKeyFromObject(o)
	name, primary := strings.CutSuffix(key.Name, primarySuffix)
	key.Name = name
	b.mutex.Lock()
	defer b.mutex.Unlock()
	h := b.histories[key]
	if h == nil {
		return // nothing of ours
	}
	var next moment
	if n := len(h.moments); n > 0 {
		next = h.moments[n-1]
	}
	before := next
	switch o := o.(type) {
	case *v1beta1.Canary:
		next.phase, next.applied, next.promoted = o.Status.Phase, o.Status.LastAppliedSpec, o.Status.LastPromotedSpec
	case *appsv1.Deployment:
		if primary {
			next.primary.tag = fleet.Tag(o)
		} else if next.revision = b.revision(o); next.revision == "" {
			return
		}
	case *corev1.ConfigMap:
		if primary {
			next.primary.config = fleet.Config(o)
		}
	}
	if next == before {
		return
	}
	next.at = b.now()
	h.moments = append(h.moments, next)
}

// revision is a target's, computed as the operator does.
func (b *book) revision(d *appsv1.Deployment) string {
	revision, err := workload.Revision(&d.Spec.Template)
	if err != nil {
		b.failed(err)
	}
	return revision
}

// push adds a push, which is about to be made, and returns what there was before. A bad one fails from now on.
func (b *book) push(key types.NamespacedName, c content) content {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	h := b.histories[key]
	before := h.last()
	h.pushes = append(h.pushes, push{at: b.now(), content: c})
	if c.bad() {
		b.failing[key.Name] = true
	}
	return before
}

// pushed says that the last push was made. A good one passes from now on, and not before: what it replaces may be bad.
func (b *book) pushed(key types.NamespacedName) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	if !b.histories[key].last().bad() {
		delete(b.failing, key.Name)
	}
}

// named finds the canary's name in a query, as the names of its pods begin with it.
var named = regexp.MustCompile(`app-\d{4}`)

// isFailing tells whether a query is about a canary whose metric fails.
func (b *book) isFailing(query string) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	return b.failing[named.FindString(query)]
}

// resting counts the canaries whose last release is settled.
func (b *book) resting() int {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	n := 0
	for _, h := range b.histories {
		if len(h.moments) > 0 && h.moments[len(h.moments)-1].settled(h.last()) {
			n++
		}
	}
	return n
}

// check returns what is wrong with all histories, in order of time.
func (b *book) check(l limits) []Finding {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	var all []Finding
	for key, h := range b.histories {
		for _, f := range h.check(now, l) {
			f.Canary = key.String()
			all = append(all, f)
		}
	}
	slices.SortFunc(all, func(a, b Finding) int { return a.At.Compare(b.At) })
	return all
}

// ends adds up how the releases of all ended, and how long those took that settled.
func (b *book) ends() (End, []time.Duration) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	now := b.now()
	var all End
	var took []time.Duration
	for _, h := range b.histories {
		end, times := h.ends(now)
		all.Promoted += end.Promoted
		all.RolledBack += end.RolledBack
		all.Superseded += end.Superseded
		took = append(took, times...)
	}
	slices.Sort(took)
	return all, took
}

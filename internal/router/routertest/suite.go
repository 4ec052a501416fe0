package routertest

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/istio"
	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/testkit"
)

// aTenth is a step in the middle of a run.
var aTenth = rollout.Split(10)

// foreign is an annotation of somebody else.
const foreign = "example.com/written-by-a-gateway"

// Run plays the suite for a provider on a real API server; the test binary's TestMain must be testkit.Main. A provider
// without a routing object is only asked to stay silent.
func Run(t *testing.T, p Provider) {
	if p.Row.Watch == nil {
		t.Run("NothingToRoute", func(t *testing.T) { staysSilent(newBench(t, p, true)) })
		return
	}
	for name, test := range map[string]func(*bench){
		"RestsAtThePrimary":              restsAtThePrimary,
		"ComesBackAsApplied":             comesBackAsApplied,
		"KeepsWhatOthersAnnotate":        keepsWhatOthersAnnotate,
		"RepairsDrift":                   repairsDrift,
		"EditedSpecKeepsWeights":         editedSpecKeepsWeights,
		"DropsWhatFlaggerLeft":           dropsWhatFlaggerLeft,
		"LeavesAnObjectThatJustAppeared": leavesAnObjectThatJustAppeared,
		"RefusesAnotherControllersWork":  refusesAnotherControllersWork,
		"ReleaseLeavesWhatGoesAnyway":    releaseLeavesWhatGoesAnyway,
	} {
		t.Run(name, func(t *testing.T) { test(newBench(t, p, true)) })
	}
	t.Run("AnotherClusterHasNoOwners", func(t *testing.T) { anotherClusterHasNoOwners(newBench(t, p, false)) })
	t.Run("MissingCRDIsNamed", func(t *testing.T) { missingCRDIsNamed(t, p) })
	if p.Users != nil {
		t.Run("TakesOverAndRestores", func(t *testing.T) { takesOverAndRestores(newBench(t, p, true)) })
	}
	for _, name := range slices.Sorted(maps.Keys(p.Refused)) {
		t.Run("Refuses/"+name, func(t *testing.T) { refuses(newBench(t, p, true), p.Refused[name]) })
	}
	runCapabilities(t, p)
}

// runCapabilities plays what the provider says it can do.
func runCapabilities(t *testing.T, p Provider) {
	can := p.Row.Capabilities
	for _, feature := range []struct {
		name string
		able bool
		test func(*bench)
	}{
		{"ABTest", can.Match, dividesByCondition},
		{"Mirror", can.Mirror, mirrors},
		{"Affinity", can.Affinity, pinsToTheCanary},
		{"PrimaryAffinity", can.PrimaryAffinity, pinsToThePrimary},
	} {
		if feature.able {
			t.Run(feature.name, func(t *testing.T) { feature.test(newBench(t, p, true)) })
		}
	}
}

func staysSilent(b *bench) {
	for _, want := range []rollout.Traffic{rollout.ToPrimary(), aTenth, rollout.ToCanary()} {
		if writes := b.apply(want); writes != 0 {
			b.Errorf("Apply of %+v wrote %d times", want, writes)
		}
		b.observes(rollout.ToPrimary())
	}
	b.fails(b.router.Release(b.Context(), b.canary), nil)
}

func restsAtThePrimary(b *bench) {
	_, err := b.router.Observe(b.Context(), b.canary)
	b.fails(err, router.ErrNotFound)
	b.settles(rollout.ToPrimary())
	if !kube.IsOwned(b.canary, b.object()) {
		b.Errorf("the canary does not own what was made for it: %v", b.object().GetOwnerReferences())
	}
}

func comesBackAsApplied(b *bench) {
	for _, weight := range []rollout.Weight{0, 1, 50, 99, 100, 0} {
		b.settles(rollout.Split(weight))
	}
}

func keepsWhatOthersAnnotate(b *bench) {
	b.apply(aTenth)
	b.edit(func(object *unstructured.Unstructured) { annotate(object, foreign, "yes") })
	b.settles(rollout.Split(20))
	if got := b.object().GetAnnotations()[foreign]; got != "yes" {
		b.Errorf("the annotation of somebody else became %q", got)
	}
}

func repairsDrift(b *bench) {
	b.apply(aTenth)
	b.edit(b.provider.Damage)
	before := b.object().GetResourceVersion()
	b.settles(aTenth)
	if b.object().GetResourceVersion() == before {
		b.Error("nobody repaired the routing object")
	}
}

func editedSpecKeepsWeights(b *bench) {
	b.apply(aTenth)
	before := b.object()
	b.provider.Edit(b.canary)
	b.settles(aTenth)
	if b.object().GetGeneration() == before.GetGeneration() {
		b.Error("the edit did not reach the routing object")
	}
}

// dropsWhatFlaggerLeft makes the object by a plain write of the same field manager, as Flagger does.
func dropsWhatFlaggerLeft(b *bench) {
	const stale = "example.com/no-longer-in-the-spec"
	b.apply(rollout.ToPrimary())
	made := b.object()
	if err := b.direct.Delete(b.Context(), made); err != nil {
		b.Fatal(err)
	}
	plain := &unstructured.Unstructured{Object: map[string]any{"spec": made.Object["spec"]}}
	plain.SetGroupVersionKind(made.GroupVersionKind())
	plain.SetName(made.GetName())
	plain.SetOwnerReferences(made.GetOwnerReferences())
	plain.SetAnnotations(made.GetAnnotations())
	annotate(plain, stale, "left")
	b.create(plain, kube.FieldManager)
	b.settles(aTenth)
	if _, found := b.object().GetAnnotations()[stale]; found {
		b.Error("an annotation written by Flagger outlived the spec that asked for it")
	}
	for _, entry := range b.object().GetManagedFields() {
		if entry.Manager == kube.FieldManager && entry.Operation == metav1.ManagedFieldsOperationUpdate {
			b.Errorf("fields are still owned by plain updates: %s", entry.FieldsV1)
		}
	}
}

func leavesAnObjectThatJustAppeared(b *bench) {
	if b.provider.Users == nil {
		b.Skip("the provider takes over nobody's object")
	}
	b.create(b.provider.Users(), "kubectl")
	before := b.object()
	b.blind = true
	if err := b.router.Apply(b.Context(), b.canary, rollout.ToPrimary()); !apierrors.IsConflict(err) {
		b.Errorf("got error %v, want a conflict", err)
	}
	if diff := cmp.Diff(before.Object, b.object().Object); diff != "" {
		b.Errorf("the user's object was changed (-before +after):\n%s", diff)
	}
}

func refusesAnotherControllersWork(b *bench) {
	b.apply(rollout.ToPrimary())
	other := b.canary.DeepCopy()
	other.Name, other.UID = "another", "8a1f4c0e-0000-4000-8000-000000000002"
	b.edit(func(object *unstructured.Unstructured) {
		object.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(other)})
	})
	before := b.object().GetResourceVersion()
	b.fails(b.router.Apply(b.Context(), b.canary, aTenth), router.ErrForeign)
	if b.object().GetResourceVersion() != before {
		b.Error("another canary's object was written")
	}
}

func releaseLeavesWhatGoesAnyway(b *bench) {
	b.fails(b.router.Release(b.Context(), b.canary), nil)
	b.apply(aTenth)
	b.writes = 0
	b.fails(b.router.Release(b.Context(), b.canary), nil)
	if b.writes != 0 {
		b.Errorf("Release wrote %d times to an object that the garbage collector removes", b.writes)
	}
}

func anotherClusterHasNoOwners(b *bench) {
	b.settles(aTenth)
	if owners := b.object().GetOwnerReferences(); len(owners) > 0 {
		b.Errorf("owner references lead nowhere in another cluster: %v", owners)
	}
	b.fails(b.router.Release(b.Context(), b.canary), nil)
	_, err := b.router.Observe(b.Context(), b.canary)
	b.fails(err, router.ErrNotFound)
}

func missingCRDIsNamed(t *testing.T, p Provider) {
	bare := newClient(t, testkit.StartAPIServer(t, p.CRDs...), meta.NewDefaultRESTMapper(nil))
	c := p.Canary()
	c.Namespace = "default"
	r := p.Row.New(router.Deps{Client: bare, Owned: true})
	_, observed := r.Observe(t.Context(), c)
	for call, err := range map[string]error{"Observe": observed, "Apply": r.Apply(t.Context(), c, rollout.ToPrimary())} {
		if !meta.IsNoMatchError(err) || !strings.Contains(err.Error(), "CRD of "+p.Row.Watch.Kind) {
			t.Errorf("%s: got error %v, want one that names the missing CRD", call, err)
		}
	}
	if err := r.Release(t.Context(), c); err != nil {
		t.Errorf("Release: got error %v, but there is nothing to release", err)
	}
}

func takesOverAndRestores(b *bench) {
	b.create(b.provider.Users(), "kubectl")
	before := b.object()
	_, err := b.router.Observe(b.Context(), b.canary)
	b.fails(err, router.ErrNotFound)
	b.settles(rollout.ToPrimary())
	b.settles(aTenth)
	if kube.IsOwned(b.canary, b.object()) {
		b.Error("the canary owns the user's object, which would go with it")
	}
	for range 2 {
		if err := b.router.Release(b.Context(), b.canary); err != nil {
			b.Fatalf("release: %v", err)
		}
	}
	if diff := cmp.Diff(essence(before), essence(b.object())); diff != "" {
		b.Errorf("the user's object is not what it was (-before +after):\n%s", diff)
	}
}

// essence is what of an object a user can have written.
func essence(object *unstructured.Unstructured) map[string]any {
	return map[string]any{
		"labels":      object.GetLabels(),
		"annotations": object.GetAnnotations(),
		"owners":      object.GetOwnerReferences(),
		"spec":        object.Object["spec"],
	}
}

func refuses(b *bench, change func(*v1beta1.Canary)) {
	change(b.canary)
	b.writes = 0
	b.fails(b.router.Apply(b.Context(), b.canary, rollout.ToCanary()), router.ErrInvalidSpec)
	_, err := b.router.Observe(b.Context(), b.canary)
	b.fails(err, router.ErrInvalidSpec)
	if b.writes != 0 {
		b.Errorf("a refused spec was written %d times", b.writes)
	}
}

func dividesByCondition(b *bench) {
	analysis := b.canary.GetAnalysis()
	analysis.StepWeight, analysis.Iterations = 0, 5
	analysis.Match = []istio.HTTPMatchRequest{
		{Headers: map[string]istio.StringMatch{"x-canary": {Exact: "insider"}}},
	}
	for _, want := range []rollout.Traffic{rollout.ToPrimary(), rollout.ToCanary(), rollout.ToPrimary()} {
		b.settles(want)
	}
}

func mirrors(b *bench) {
	analysis := b.canary.GetAnalysis()
	analysis.StepWeight, analysis.Iterations, analysis.Mirror = 0, 5, true
	b.settles(rollout.ToPrimary())
	mirrored := rollout.ToPrimary()
	mirrored.Mirrored = true
	b.settles(mirrored)
	b.settles(rollout.ToCanary())
}

func pinsToTheCanary(b *bench) {
	b.canary.GetAnalysis().SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side", MaxAge: 60}
	pinned := aTenth
	pinned.Affinity.Cookie = "side=abcdefghij"
	forgotten := rollout.ToPrimary()
	forgotten.Affinity.Expired = pinned.Affinity.Cookie
	for _, want := range []rollout.Traffic{rollout.ToPrimary(), pinned, forgotten, pinned} {
		b.settles(want)
	}
}

func pinsToThePrimary(b *bench) {
	b.canary.GetAnalysis().SessionAffinity = &v1beta1.SessionAffinity{CookieName: "side", PrimaryCookieName: "main"}
	pinned := aTenth
	pinned.Affinity = rollout.Affinity{Cookie: "side=abcdefghij", PrimaryCookie: "main=klmnopqrst"}
	b.settles(pinned)
	b.settles(rollout.ToPrimary())
}

package routertest

import (
	"context"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

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
		t.Run("NothingToRoute", func(t *testing.T) { staysSilent(NewBench(t, p)) })
		return
	}
	sayWhichSchemas(t, p)
	for name, test := range tests(p) {
		t.Run(name, func(t *testing.T) { test(NewBench(t, p)) })
	}
	for _, object := range p.objects() {
		for name, test := range objectTests(p) {
			t.Run(name+"/"+object.Kind.Kind+"/"+object.Name, func(t *testing.T) { test(NewBench(t, p), object) })
		}
	}
	t.Run("DriftWakesTheCanary", func(t *testing.T) { driftWakesTheCanary(t, p) })
	t.Run("MissingCRDIsNamed", func(t *testing.T) { missingCRDIsNamed(t, p) })
	for _, name := range slices.Sorted(maps.Keys(p.Refused)) {
		t.Run("Refuses/"+name, func(t *testing.T) { refuses(NewBench(t, p), p.Refused[name]) })
	}
	runFeatures(t, p)
}

// sayWhichSchemas tells a reader of the log how much it is worth that the API server took all objects.
func sayWhichSchemas(t *testing.T, p Provider) {
	t.Helper()
	for _, path := range p.CRDs {
		t.Logf("%s is checked against its project's CRD, %s", p.Row.Provider, filepath.Base(path))
	}
	for _, path := range p.StandIns {
		t.Logf("%s is checked against a stand-in of ours, %s, not against its project's CRD", p.Row.Provider, filepath.Base(path))
	}
	if len(p.crds()) == 0 {
		t.Logf("%s is checked against %s, which is Kubernetes' own", p.Row.Provider, p.Row.Watch)
	}
}

// tests are those of the provider as a whole.
func tests(p Provider) map[string]func(*Bench) {
	all := map[string]func(*Bench){
		"ComesBackAsApplied":        comesBackAsApplied,
		"EditedSpecKeepsWeights":    editedSpecKeepsWeights,
		"AnotherClusterHasNoOwners": anotherClusterHasNoOwners,
		"AReadErrorMovesNobody":     aReadErrorMovesNobody,
	}
	if !p.borrows() {
		all["OnlyReadsWhatIsGiven"] = onlyReadsWhatIsGiven
		all["RestsAtThePrimary"] = restsAtThePrimary
		all["DropsWhatFlaggerLeft"] = dropsWhatFlaggerLeft
		all["ReleaseTakesAwayWhatWasMade"] = releaseTakesAwayWhatWasMade
	}
	if p.Users != nil {
		all["LeavesAnObjectThatJustAppeared"] = leavesAnObjectThatJustAppeared
		all["KeepsWhatItCannotRestore"] = keepsWhatItCannotRestore
	}
	if p.Users != nil || p.borrows() {
		all["TakesOverAndRestores"] = takesOverAndRestores
	}
	return all
}

// objectTests are those of each object that Apply makes.
func objectTests(p Provider) map[string]func(*Bench, Object) {
	all := map[string]func(*Bench, Object){
		"KeepsWhatOthersAnnotate": keepsWhatOthersAnnotate,
		"RepairsDrift":            repairsDrift,
	}
	if !p.borrows() {
		all["RefusesAnotherControllersWork"] = refusesAnotherControllersWork
	}
	return all
}

func staysSilent(b *Bench) {
	for _, want := range []rollout.Traffic{rollout.ToPrimary(), aTenth, rollout.ToCanary()} {
		if writes := b.apply(want); writes != 0 {
			b.Errorf("Apply of %+v wrote %d times", want, writes)
		}
		b.observes(rollout.ToPrimary())
	}
	b.fails(b.Router.Release(b.Context(), b.Canary), nil)
}

func restsAtThePrimary(b *Bench) {
	_, err := b.Router.Observe(b.Context(), b.Canary)
	b.fails(err, router.ErrNotFound)
	b.Settle(rollout.ToPrimary())
	for _, one := range b.provider.objects() {
		object := b.Object(one.Kind, one.Name)
		if b.isNamespaced(one.Kind) != kube.IsOwned(b.Canary, object) {
			b.Errorf("%s %s was made for the canary, but its owners are %v", one.Kind.Kind, one.Name, object.GetOwnerReferences())
		}
	}
}

// comesBackAsApplied also counts: a step writes an object once at most.
func comesBackAsApplied(b *Bench) {
	b.Settle(rollout.ToPrimary())
	for _, weight := range []rollout.Weight{1, 50, 99, 100, 0} {
		want, most := rollout.Split(weight), len(b.provider.objects())
		if writes := b.apply(want); writes < 1 || writes > most {
			b.Errorf("a step to %d wrote %d times, want 1 to %d", weight, writes, most)
		}
		b.Apply(want, 0)
	}
}

func keepsWhatOthersAnnotate(b *Bench, one Object) {
	b.apply(aTenth)
	b.Edit(one.Kind, one.Name, Annotate(map[string]string{foreign: "yes"}))
	b.Settle(rollout.Split(20))
	if got := b.Object(one.Kind, one.Name).GetAnnotations()[foreign]; got != "yes" {
		b.Errorf("the annotation of somebody else became %q", got)
	}
}

func repairsDrift(b *Bench, one Object) {
	b.apply(aTenth)
	b.Edit(one.Kind, one.Name, one.Damage)
	before := b.Object(one.Kind, one.Name).GetResourceVersion()
	b.Settle(aTenth)
	if b.Object(one.Kind, one.Name).GetResourceVersion() == before {
		b.Error("nobody repaired it")
	}
}

func editedSpecKeepsWeights(b *Bench) {
	b.apply(aTenth)
	before := b.Routing()
	b.provider.Edit(b)
	b.Settle(aTenth)
	if b.Routing().GetGeneration() == before.GetGeneration() {
		b.Error("the edit did not reach the routing object")
	}
}

// dropsWhatFlaggerLeft makes the object by a plain write of the same field manager, as Flagger does.
func dropsWhatFlaggerLeft(b *Bench) {
	const stale = "example.com/no-longer-in-the-spec"
	b.apply(rollout.ToPrimary())
	made := b.Routing()
	if err := b.Direct.Delete(b.Context(), made); err != nil {
		b.Fatal(err)
	}
	plain := &unstructured.Unstructured{Object: map[string]any{"spec": made.Object["spec"]}}
	plain.SetGroupVersionKind(made.GroupVersionKind())
	plain.SetName(made.GetName())
	plain.SetOwnerReferences(made.GetOwnerReferences())
	plain.SetAnnotations(made.GetAnnotations())
	Annotate(map[string]string{stale: "left"})(plain)
	b.Create(plain, kube.FieldManager)
	b.Settle(aTenth)
	if _, found := b.Routing().GetAnnotations()[stale]; found {
		b.Error("an annotation written by Flagger outlived the spec that asked for it")
	}
	b.HasNoPlainUpdates(b.Routing())
}

func leavesAnObjectThatJustAppeared(b *Bench) {
	b.Create(b.provider.Users(), "kubectl")
	before := b.Routing()
	b.blind = true
	if err := b.Router.Apply(b.Context(), b.Canary, rollout.ToPrimary()); !apierrors.IsConflict(err) {
		b.Errorf("got error %v, want a conflict", err)
	}
	if diff := cmp.Diff(before.Object, b.Routing().Object); diff != "" {
		b.Errorf("the user's object was changed (-before +after):\n%s", diff)
	}
}

func refusesAnotherControllersWork(b *Bench, one Object) {
	if !b.isNamespaced(one.Kind) {
		b.Skip("an object in no namespace has no canary as its controller")
	}
	b.apply(rollout.ToPrimary())
	other := b.Canary.DeepCopy()
	other.Name, other.UID = "another", "8a1f4c0e-0000-4000-8000-000000000002"
	b.Edit(one.Kind, one.Name, func(object *unstructured.Unstructured) {
		object.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(other)})
	})
	before := b.Object(one.Kind, one.Name).GetResourceVersion()
	b.fails(b.Router.Apply(b.Context(), b.Canary, aTenth), router.ErrForeign)
	if b.Object(one.Kind, one.Name).GetResourceVersion() != before {
		b.Error("another canary's object was written")
	}
}

// releaseTakesAwayWhatWasMade: the garbage collector may take the primary first, while users are still sent there.
func releaseTakesAwayWhatWasMade(b *Bench) {
	b.fails(b.Router.Release(b.Context(), b.Canary), nil)
	b.apply(aTenth)
	b.Release()
	for _, one := range b.provider.objects() {
		if b.Find(one.Kind, one.Name) != nil {
			b.Errorf("%s %s is left to the garbage collector", one.Kind.Kind, one.Name)
		}
	}
}

func anotherClusterHasNoOwners(b *Bench) {
	b.elsewhere()
	b.Settle(aTenth)
	for _, one := range b.provider.objects() {
		if owners := b.Object(one.Kind, one.Name).GetOwnerReferences(); len(owners) > 0 {
			b.Errorf("owner references of %s %s lead nowhere in another cluster: %v", one.Kind.Kind, one.Name, owners)
		}
	}
	b.fails(b.Router.Release(b.Context(), b.Canary), nil)
	_, err := b.Router.Observe(b.Context(), b.Canary)
	b.fails(err, router.ErrNotFound)
	for _, one := range b.provider.objects() {
		if !b.provider.borrows() && b.Find(one.Kind, one.Name) != nil {
			b.Errorf("%s %s outlived its canary", one.Kind.Kind, one.Name)
		}
	}
}

// aReadErrorMovesNobody: an API server that does not answer is no answer about an object. What is given need not be read
// at each call.
func aReadErrorMovesNobody(b *Bench) {
	b.apply(aTenth)
	broken := errors.New("connection refused")
	objects := []Object{b.provider.objects()[0]}
	for _, given := range b.provider.Given {
		objects = append(objects, Object{Kind: given.GroupVersionKind(), Name: given.GetName()})
	}
	for i, one := range objects {
		deps := router.Deps{Client: failing{b.Deps.Client, one, broken}, Owned: true}
		err := b.provider.Row.New(deps).Apply(b.Context(), b.Canary, rollout.ToPrimary())
		if err == nil && i > 0 {
			b.apply(aTenth)
			continue
		}
		if !errors.Is(err, broken) || errors.Is(err, router.ErrInvalidSpec) {
			b.Errorf("%s %s cannot be read: got error %v", one.Kind.Kind, one.Name, err)
		}
		b.observes(aTenth)
	}
}

// failing is a client that cannot read an object.
type failing struct {
	client.Client
	object Object
	err    error
}

func (f failing) Get(ctx context.Context, key client.ObjectKey, obj client.Object, opts ...client.GetOption) error {
	if key.Name == f.object.Name && obj.GetObjectKind().GroupVersionKind() == f.object.Kind {
		return f.err
	}
	return f.Client.Get(ctx, key, obj, opts...)
}

// onlyReadsWhatIsGiven: the objects of the user that the routing object is made from stay as they are.
func onlyReadsWhatIsGiven(b *Bench) {
	given := func() []*unstructured.Unstructured {
		var list []*unstructured.Unstructured
		for _, one := range b.provider.Given {
			list = append(list, b.Object(one.GroupVersionKind(), one.GetName()))
		}
		return list
	}
	before := given()
	for _, want := range []rollout.Traffic{aTenth, rollout.ToCanary(), rollout.ToPrimary()} {
		b.apply(want)
	}
	b.fails(b.Router.Release(b.Context(), b.Canary), nil)
	if diff := cmp.Diff(before, given()); diff != "" {
		b.Errorf("objects of the user (-before +after):\n%s", diff)
	}
}

// driftWakesTheCanary: what is not watched is repaired at the next tick at the earliest.
func driftWakesTheCanary(t *testing.T, p Provider) {
	watched := append([]schema.GroupVersionKind{*p.Row.Watch}, p.Row.Also...)
	for _, one := range p.objects() {
		if !slices.Contains(watched, one.Kind) {
			t.Errorf("the row watches nothing of kind %s, of which %s is one", one.Kind, one.Name)
		}
	}
}

func missingCRDIsNamed(t *testing.T, p Provider) {
	bare := newClient(t, testkit.StartAPIServer(t, p.crds()...), meta.NewDefaultRESTMapper(nil))
	c := p.Canary()
	c.Namespace = "default"
	r := p.Row.New(router.Deps{Client: bare, Owned: true})
	_, observed := r.Observe(t.Context(), c)
	for call, err := range map[string]error{"Observe": observed, "Apply": r.Apply(t.Context(), c, rollout.ToPrimary())} {
		named := slices.ContainsFunc(p.objects(), func(one Object) bool {
			return err != nil && strings.Contains(err.Error(), "CRD of "+one.Kind.Kind)
		})
		if !meta.IsNoMatchError(err) || !named {
			t.Errorf("%s: got error %v, want one that names the missing CRD", call, err)
		}
	}
	if err := r.Release(t.Context(), c); err != nil {
		t.Errorf("Release: got error %v, but there is nothing to release", err)
	}
}

func takesOverAndRestores(b *Bench) {
	if !b.provider.borrows() {
		b.Create(b.provider.Users(), "kubectl")
	}
	before := b.Routing()
	_, err := b.Router.Observe(b.Context(), b.Canary)
	b.fails(err, router.ErrNotFound)
	b.Settle(rollout.ToPrimary())
	b.Settle(aTenth)
	if kube.IsOwned(b.Canary, b.Routing()) {
		b.Error("the canary owns the user's object, which would go with it")
	}
	b.Release()
	if diff := cmp.Diff(Essence(before), Essence(b.Routing())); diff != "" {
		b.Errorf("the user's object is not what it was (-before +after):\n%s", diff)
	}
}

// keepsWhatItCannotRestore: a user's object with a broken original is left for the user to see to.
func keepsWhatItCannotRestore(b *Bench) {
	b.Create(b.provider.Users(), "kubectl")
	b.Settle(aTenth)
	b.Edit(*b.provider.Row.Watch, b.provider.Object, Annotate(map[string]string{router.OriginalAnnotation: "{"}))
	before := b.Routing()
	err := b.Router.Release(b.Context(), b.Canary)
	if want := "read the original of " + router.Describe(before) + ": "; err == nil || !strings.HasPrefix(err.Error(), want) {
		b.Errorf("got error %v, want %s", err, want)
	}
	if diff := cmp.Diff(before.Object, b.Routing().Object); diff != "" {
		b.Errorf("it was written (-before +after):\n%s", diff)
	}
}

func refuses(b *Bench, change func(*v1beta1.Canary)) {
	change(b.Canary)
	b.fails(b.Router.Apply(b.Context(), b.Canary, rollout.ToCanary()), router.ErrInvalidSpec)
	_, err := b.Router.Observe(b.Context(), b.Canary)
	b.fails(err, router.ErrInvalidSpec)
	if writes := b.Writes(); writes != 0 {
		b.Errorf("a refused spec was written %d times", writes)
	}
}

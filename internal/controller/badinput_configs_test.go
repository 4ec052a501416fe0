package controller

import (
	"context"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestBadReferences(t *testing.T) {
	for _, group := range []map[string]badInput{badReferences, badRights, badNames} {
		for name, row := range group {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				row.play(t)
			})
		}
	}
}

// badReferences are references of the target and the canary that lead nowhere, or to the wrong object.
var badReferences = map[string]badInput{
	"ConfigMapMissing": {
		reason:  "Pods that cannot start on one side need not be copied to the other.",
		target:  func() *appsv1.Deployment { return referring("settings", "") },
		says:    []string{"configmap settings.ns is missing", "deployment web.ns refers to it"},
		mending: func(w *world) { w.looksAgain(); w.apply(settings("settings")) },
	},
	"SecretOfThePodsMissing": {
		reason:  "The same holds for a Secret.",
		target:  func() *appsv1.Deployment { return referring("", "token") },
		says:    []string{"secret token.ns is missing", "deployment web.ns refers to it"},
		mending: func(w *world) { w.looksAgain(); w.apply(token("token")) },
	},
	"SeveralConfigsMissing": {
		reason:  "All that is missing is told at once, so that it is mended at once.",
		target:  func() *appsv1.Deployment { return referring("settings", "token") },
		says:    []string{"configmap settings.ns is missing", "secret token.ns is missing"},
		mending: func(w *world) { w.looksAgain(); w.apply(settings("settings"), token("token")) },
	},
	"ConfigMapDeletedAtRest": {
		reason:  "What is gone has not changed: nothing rolls, and the user is told before the next pod needs it.",
		arrange: func(w *world) { w.apply(settings("settings")) },
		target:  func() *appsv1.Deployment { return referring("settings", "") },
		provoke: func(w *world) { w.remove(settings("settings")) },
		says:    []string{"configmap settings.ns is missing", "deployment web.ns refers to it"},
		mending: func(w *world) {
			expect(w, "No run has begun.", []string{"0"}, w.seen.replicas)
			w.looksAgain()
			w.apply(settings("settings"))
		},
	},
	"AutoscalerMissing": {
		reason:  "A primary without the autoscaler that it is to have would be too small, or for ever of one size.",
		canary:  []testkit.CanaryOption{autoscaled("HorizontalPodAutoscaler")},
		says:    []string{"spec.autoscalerRef.name", "HorizontalPodAutoscaler web.ns does not exist"},
		mending: func(w *world) { w.looksAgain(); w.apply(autoscaler("web", "web")) },
	},
	"AutoscalerOfSomethingElse": {
		reason:  "A mistaken name must not stop, or copy, what scales somebody else's workload.",
		canary:  []testkit.CanaryOption{autoscaled("HorizontalPodAutoscaler")},
		arrange: func(w *world) { w.apply(autoscaler("web", "backend")) },
		says:    []string{"spec.autoscalerRef.name", "Deployment backend", "not the canary's target, Deployment web"},
		mending: func(w *world) {
			w.looksAgain()
			w.edit("web", &autoscalingv2.HorizontalPodAutoscaler{}, `{"spec":{"scaleTargetRef":{"name":"web"}}}`)
		},
	},
	"AutoscalerOfThePrimary": {
		reason: "A canary that names the autoscaler of its own primary would scale that in a circle.",
		canary: []testkit.CanaryOption{autoscaled("HorizontalPodAutoscaler"), func(c *v1beta1.Canary) {
			c.Spec.AutoscalerRef.Name = "web-primary"
		}},
		arrange: func(w *world) { w.apply(autoscaler("web", "web"), autoscaler("web-primary", "web-primary")) },
		says:    []string{"spec.autoscalerRef.name", "web-primary.ns", "Deployment web-primary"},
		mend:    `{spec: {autoscalerRef: {name: web}}}`,
		mending: func(w *world) { w.remove(autoscaler("web-primary", "web-primary")) },
	},
	"AutoscalerNotInstalled": {
		reason:   "What must be installed is named.",
		operator: func(w *world) { w.pipe.lacks = schema.GroupKind{Group: "keda.sh", Kind: "ScaledObject"} },
		mending:  func(w *world) { w.pipe.lacks = schema.GroupKind{} },
		canary:   []testkit.CanaryOption{autoscaled("ScaledObject")},
		says:     []string{"spec.autoscalerRef.kind", "the CRD of ScaledObject in keda.sh/v1alpha1 is not installed"},
		mend:     `{spec: {autoscalerRef: null}}`,
	},
}

// badRights are what the operator's role lacks.
var badRights = map[string]badInput{
	"SecretMayNotBeRead": restricted(badInput{
		reason:  "A Secret that cannot be read is unknown, not changed: it is neither copied nor left out.",
		arrange: func(w *world) { w.apply(token("token")) },
		target:  func() *appsv1.Deployment { return referring("", "token") },
		says:    []string{"the operator may not read secret token.ns", "its role must allow get of secrets"},
	}),
	"SecretMayNotBeReadAnyMore": restricted(badInput{
		reason:  "A right that is taken away at rest rolls nothing.",
		arrange: func(w *world) { w.apply(token("token")) },
		target:  func() *appsv1.Deployment { return referring("", "token") },
		provoke: func(w *world) {
			w.edit("token", &corev1.Secret{}, `{"metadata":{"labels":{"team":"shop"}}}`)
			w.restart()
		},
		says: []string{"the operator may not read secret token.ns", "its role must allow get of secrets"},
	}),
}

// badNames are objects of other owners that have a name which the canary needs.
var badNames = map[string]badInput{
	"CopyOfAConfigMapOfSomebodyElse": {
		reason:  "Nobody else's ConfigMap is overwritten, or owned.",
		arrange: func(w *world) { w.apply(settings("settings"), settings("settings-primary")) },
		target:  func() *appsv1.Deployment { return referring("settings", "") },
		says:    []string{"configmap settings-primary.ns", "belongs to somebody else"},
		mending: func(w *world) {
			w.untouched("settings-primary", &corev1.ConfigMap{})
			w.remove(settings("settings-primary"))
		},
	},
	"CopyOfASecretOfSomebodyElse": {
		reason:  "Nor a Secret. Nothing else is copied either, as half of a version was never analysed.",
		arrange: func(w *world) { w.apply(settings("settings"), token("token"), token("token-primary")) },
		target:  func() *appsv1.Deployment { return referring("settings", "token") },
		says:    []string{"secret token-primary.ns", "belongs to somebody else"},
		mending: func(w *world) {
			w.untouched("token-primary", &corev1.Secret{})
			expect(w, "The ConfigMap is not copied.", false, w.get("settings-primary", &corev1.ConfigMap{}))
			w.remove(token("token-primary"))
		},
	},
	"CopyOfTheAutoscalerOfSomebodyElse": {
		reason:  "Nor an autoscaler.",
		canary:  []testkit.CanaryOption{autoscaled("HorizontalPodAutoscaler")},
		arrange: func(w *world) { w.apply(autoscaler("web", "web"), autoscaler("web-primary", "backend")) },
		says:    []string{"the primary's autoscaler must be named web-primary", "HorizontalPodAutoscaler web-primary.ns", "belongs to somebody else"},
		mending: func(w *world) {
			w.untouched("web-primary", &autoscalingv2.HorizontalPodAutoscaler{})
			w.looksAgain()
			w.remove(autoscaler("web-primary", "backend"))
		},
	},
	"PrimaryServiceOfSomebodyElse": {
		reason:  "Nor the other Service.",
		arrange: func(w *world) { w.apply(namedService("web-primary")) },
		says:    []string{"service web-primary.ns", "belongs to somebody else"},
		mending: func(w *world) { w.remove(namedService("web-primary")) },
	},
	"TwoCanariesOneService": {
		reason:  "Users of one Service cannot be sent to the primaries of two canaries.",
		arrange: func(w *world) { elder(w); w.apply(namedDeployment("other")); w.settle() },
		target:  func() *appsv1.Deployment { return nil },
		canary: []testkit.CanaryOption{func(c *v1beta1.Canary) {
			c.Spec.TargetRef.Name, c.Spec.Service.Name = "other", "web"
		}},
		says: []string{"service web-canary.ns", "belongs to somebody else"},
		mend: `{spec: {service: {name: other}}}`,
	},
}

// TestCanaryOfAPrimary is a circle: the one canary's primary is the other's target, which rests at zero.
func TestCanaryOfAPrimary(t *testing.T) {
	t.Parallel()
	badInput{
		reason:  "The primary of a canary serves its users; a canary of that primary would stop it.",
		arrange: elder,
		target:  func() *appsv1.Deployment { return nil },
		canary: []testkit.CanaryOption{func(c *v1beta1.Canary) {
			c.Spec.TargetRef.Name, c.Spec.Service.Name = "web-primary", "loop"
		}},
		says:    []string{"spec.targetRef.name", "web-primary", "elder"},
		mend:    `{spec: {targetRef: {name: other}}}`,
		mending: func(w *world) { w.apply(namedDeployment("other")); w.settle() },
	}.play(t)
}

// TestCredentialsThatMayNotBeRead is a right that only the user can give, to what a MetricTemplate refers to.
func TestCredentialsThatMayNotBeRead(t *testing.T) {
	t.Parallel()
	restricted(badInput{
		reason:  "No time mends a right that is missing, so the canary waits for the user.",
		arrange: func(w *world) { w.apply(template(w.metrics, "token"), token("token")) },
		wrong:   `{spec: {analysis: {metrics: [{name: latency, templateRef: {name: latency}, thresholdRange: {max: 1}}]}}}`,
		says:    []string{"metric template latency.ns secret token", "forbidden"},
		touches: []string{"Deployment web"},
	}).play(t)
}

// TestForeignCopiesAreLookedForAgain: no watch tells that somebody else's ConfigMap is gone.
func TestForeignCopiesAreLookedForAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(settings("settings"), settings("settings-primary"), referring("settings", ""), testkit.Canary())
	w.settle()
	w.untilSo("the name is found to be taken", func() bool { return w.summary().stalled != "" })
	w.looksAgain()
}

// elder is another canary of the Deployment web, at rest.
func elder(w *world) {
	w.apply(testkit.Deployment("app:1"), testkit.Canary(testkit.Named("elder")))
	w.settle()
	for range 8 {
		_, err := w.reconcile("elder")
		must(w, err, "reconcile the elder")
		w.settle()
		w.pass(drain)
	}
	w.events.Reset()
}

// looksAgain checks that the operator comes back by itself to what no watch may report.
func (w *world) looksAgain() {
	w.Helper()
	if w.lookOnce().RequeueAfter <= 0 {
		w.Error("nothing will wake the canary when the mistake is mended")
	}
}

// untouched checks that nobody has written to an object since its user made it.
func (w *world) untouched(name string, object client.Object) {
	w.Helper()
	if !w.get(name, object) {
		w.Fatalf("%T %s is gone", object, name)
	}
	if len(object.GetOwnerReferences()) > 0 || len(object.GetManagedFields()) != 1 {
		w.Errorf("%T %s is not ours and was written to: %+v", object, name, object.GetManagedFields())
	}
}

// rights reads as the operator, but what concerns Secrets as a user without any right until they are granted.
type rights struct {
	client.Reader
	nobody  client.Reader
	granted bool
}

func (r *rights) Get(ctx context.Context, key client.ObjectKey, object client.Object, o ...client.GetOption) error {
	if _, isSecret := object.(*corev1.Secret); isSecret && !r.granted {
		return r.nobody.Get(ctx, key, object, o...)
	}
	return r.Reader.Get(ctx, key, object, o...)
}

// restricted is the row with an operator that may not read Secrets, mended by granting that. Where something must
// happen first, the right is taken away after that.
func restricted(b badInput) badInput {
	r := &rights{}
	b.operator = func(w *world) {
		measured(w)
		cfg, _ := connect(w.T)
		cfg = rest.CopyConfig(cfg)
		cfg.Impersonate = rest.ImpersonationConfig{UserName: "nobody"}
		nobody, err := client.New(cfg, client.Options{Mapper: w.direct.RESTMapper()})
		must(w, err, "connect as nobody")
		*r = rights{Reader: w.pipe.live(w.direct), nobody: nobody, granted: b.provoke != nil}
		w.readingWith(r)
	}
	if provoke := b.provoke; provoke != nil {
		b.provoke = func(w *world) { r.granted = false; provoke(w) }
	}
	b.mending = func(w *world) { w.looksAgain(); r.granted = true }
	return b
}

// readingWith makes the operator read past its caches by live.
func (w *world) readingWith(live client.Reader) {
	was := w.options
	w.options = optionsFor(was.Client, live)
	o := was.Checks.(*Measurer).MeasurerOptions
	o.Secrets = live
	w.options.Checks, w.options.Hooks, w.options.Recorder = NewMeasurer(o), was.Hooks, was.Recorder
	w.options.Telemetry, w.options.Clock = was.Telemetry, was.Clock
}

// referring is the target with references to a ConfigMap and a Secret of those names, empty for none.
func referring(configMap, secret string) *appsv1.Deployment {
	d := testkit.Deployment("app:1")
	app := &d.Spec.Template.Spec.Containers[0]
	if configMap != "" {
		app.EnvFrom = append(app.EnvFrom, corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: configMap},
		}})
	}
	if secret != "" {
		app.EnvFrom = append(app.EnvFrom, corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: secret},
		}})
	}
	return d
}

func settings(name string) *corev1.ConfigMap {
	return &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: name}, Data: map[string]string{"color": "red"}}
}

func token(name string) *corev1.Secret {
	return &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: map[string]string{"token": "t0k3n"}}
}

func autoscaled(kind string) testkit.CanaryOption {
	return func(c *v1beta1.Canary) {
		c.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{APIVersion: "any/v1", Kind: kind, Name: testkit.App}
	}
}

// autoscaler scales the Deployment of the given name.
func autoscaler(name, scales string) *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: scales},
			MaxReplicas:    4,
		},
	}
}

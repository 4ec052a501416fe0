package world

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/testkit/chance"
)

type kindOf = schema.GroupVersionKind

// metric is the name of the check that every canary has; errorsMetric of a second one.
const metric, secondMetric = "errors", "latency"

// scenario is what a story is about.
type scenario struct {
	canary *v1beta1.Canary
	// configured pods read a ConfigMap and a Secret.
	configured bool
	// routed is false for a provider that has no routing object.
	routed bool
}

// hookTypes are those that a canary may have, each under its type's name.
var hookTypes = []v1beta1.HookType{
	v1beta1.HookConfirmRollout, v1beta1.HookPreRollout, v1beta1.HookRollout, v1beta1.HookConfirmTrafficIncrease,
	v1beta1.HookConfirmPromotion, v1beta1.HookRollback, v1beta1.HookPostRollout,
}

// draw decides what the story is about.
func draw(c *chance.Chance) scenario {
	s := scenario{routed: true}
	options := []testkit.CanaryOption{testkit.Metric(metric)}
	if c.OneIn(5) {
		s.routed = false
		options = append(options, testkit.Provider("kubernetes"))
	}
	options = append(options, strategy(c, s.routed)...)
	for _, hook := range hookTypes {
		if c.OneIn(6) {
			options = append(options, testkit.Webhook(hook, string(hook)))
		}
	}
	if c.OneIn(3) {
		options = append(options, testkit.Metric(secondMetric))
	}
	if c.OneIn(3) {
		options = append(options, testkit.RevertOnDeletion())
	}
	if c.OneIn(8) {
		options = append(options, testkit.SkipAnalysis())
	}
	s.canary = testkit.Canary(options...)
	deadline := v1beta1.Number(60)
	s.canary.Spec.ProgressDeadlineSeconds = &deadline
	s.canary.Spec.Analysis.Threshold = v1beta1.Number(1 + c.IntN(3))
	if c.OneIn(4) {
		s.canary.Spec.AutoscalerRef = &v1beta1.AutoscalerReference{
			APIVersion: "autoscaling/v2", Kind: scalerKind.Kind, Name: app,
		}
	}
	s.configured = c.OneIn(2)
	return s
}

// strategy draws how traffic comes to the canary.
func strategy(c *chance.Chance, routed bool) []testkit.CanaryOption {
	var options []testkit.CanaryOption
	switch c.IntN(4) {
	case 0:
		options = append(options, testkit.Steps(50))
	case 1:
		options = append(options, testkit.Steps(20, 40, 80))
	case 2:
		options = append(options, testkit.Iterations(1+c.IntN(3)))
	case 3:
		options = append(options, testkit.Iterations(1+c.IntN(3)), testkit.MatchHeader("x-canary", "insider"))
	}
	if !routed {
		return options
	}
	if c.OneIn(4) {
		options = append(options, testkit.Mirror())
	}
	if c.OneIn(4) {
		options = append(options, testkit.PromotionSteps(40))
	}
	return options
}

// found makes what is there before the operator looks for the first time.
func (w *world) found() {
	w.scenario = draw(w.chance)
	if w.scenario.configured {
		w.create(&corev1.ConfigMap{ObjectMeta: named(settings), Data: map[string]string{"value": "a"}})
		w.create(&corev1.Secret{
			ObjectMeta: named(credentials), Type: corev1.SecretTypeOpaque, Data: map[string][]byte{"value": []byte("a")},
		})
	}
	w.create(w.target("a"))
	if w.scenario.canary.Spec.AutoscalerRef != nil {
		w.create(autoscaler())
	}
	if w.chance.OneIn(3) {
		w.create(testkit.Service())
	}
	if w.scenario.routed && w.chance.OneIn(4) {
		w.create(testkit.HTTPRoute())
	}
	if w.chance.OneIn(12) {
		w.squat()
	}
	w.create(w.scenario.canary.DeepCopy())
	w.log.tell("user", "creates the canary: %s", summary(w.scenario.canary))
	w.operator.start()
}

// summary is what makes a canary different from others.
func summary(c *v1beta1.Canary) string {
	a := c.Spec.Analysis
	var hooks []string
	for _, hook := range a.Webhooks {
		hooks = append(hooks, string(hook.Type))
	}
	return fmt.Sprintf("provider %s, steps %v, iterations %v, match %t, mirror %t, promotion step %v, threshold %v, "+
		"skipAnalysis %t, revertOnDeletion %t, autoscaler %t, hooks %v",
		c.Spec.Provider, a.StepWeights, a.Iterations, len(a.Match) > 0, a.Mirror, a.StepWeightPromotion, a.Threshold,
		c.Spec.SkipAnalysis, c.Spec.RevertOnDeletion, c.Spec.AutoscalerRef != nil, hooks)
}

// target is the Deployment as its user applies it.
func (w *world) target(letter string) *appsv1.Deployment {
	d := testkit.Deployment(imageOf(letter))
	d.Spec.ProgressDeadlineSeconds = new(int32(60))
	if w.scenario.configured {
		pod := &d.Spec.Template.Spec
		pod.Containers[0].EnvFrom = []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: settings},
		}}}
		pod.Volumes = []corev1.Volume{{Name: "credentials", VolumeSource: corev1.VolumeSource{
			Secret: &corev1.SecretVolumeSource{SecretName: credentials},
		}}}
	}
	return d
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func imageOf(letter string) string { return "app:" + letter }

// autoscaler is the target's, as its user applies it.
func autoscaler() *autoscalingv2.HorizontalPodAutoscaler {
	return &autoscalingv2.HorizontalPodAutoscaler{
		ObjectMeta: named(app),
		Spec: autoscalingv2.HorizontalPodAutoscalerSpec{
			ScaleTargetRef: autoscalingv2.CrossVersionObjectReference{APIVersion: "apps/v1", Kind: "Deployment", Name: app},
			MinReplicas:    new(int32(2)), MaxReplicas: 4,
		},
	}
}

// squat makes an object of a name that the operator needs, before it does.
func (w *world) squat() {
	switch w.chance.IntN(3) {
	case 0:
		w.create(&corev1.Service{ObjectMeta: named(canaryside)})
	case 1:
		d := testkit.Deployment("other:1")
		d.Name = primary
		w.create(d)
	case 2:
		w.create(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: settings + "-primary"}, Data: map[string]string{"value": "other"}})
	}
	w.log.tell("user", "has an object of a name that the operator needs")
}

// unsquat takes such objects out of the way.
func (w *world) unsquat() {
	for _, foreign := range []struct {
		kind kindOf
		name string
	}{{serviceKind, canaryside}, {deploymentKind, primary}, {configMapKind, settings + "-primary"}} {
		object := w.tree(foreign.kind, foreign.name)
		if object == nil || len(list(object, "metadata", "ownerReferences")) > 0 {
			continue
		}
		switch foreign.kind {
		case serviceKind:
			w.remove(&corev1.Service{}, foreign.name)
		case deploymentKind:
			w.remove(&appsv1.Deployment{}, foreign.name)
		default:
			w.remove(&corev1.ConfigMap{}, foreign.name)
		}
	}
}

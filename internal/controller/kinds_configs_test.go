package controller

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/workload"
)

const (
	// ignored is the annotation by which a config opts out.
	ignored = "flagger.app/config-tracking"
	// blue and red are edits of the ConfigMap settings, which begins as red.
	blue = `{"data":{"color":"blue"}}`
	red  = `{"data":{"color":"red"}}`
)

// configStory is what becomes of an edit at rest.
type configStory struct {
	reason string
	// operator and arrange come before the target, which refers to settings and token, arrange with those two made.
	operator, arrange func(w *world)
	// optional makes the reference to the ConfigMap one that pods can do without.
	optional bool
	edit     func(w *world)
	// meanwhile happens when half of the users are on the canary; nil for nothing.
	meanwhile func(w *world)
	fails     bool
	// weights are the canary's, and rolls the times that the primary's pods were exchanged.
	weights []string
	rolls   int
	// ends is what the copies hold in the end, as contents has it.
	ends []string
}

var configStories = map[string]configStory{
	"ConfigMap": {
		reason:  "A config that is edited is a release like any other.",
		edit:    func(w *world) { w.setting(blue) },
		weights: []string{"0", "50", "0"},
		rolls:   1,
		ends:    []string{"color=blue", "token=t0k3n"},
	},
	"BinaryData": {
		reason:  "Pods read binary data as well.",
		edit:    func(w *world) { w.setting(`{"binaryData":{"logo":"/wA="}}`) },
		weights: []string{"0", "50", "0"},
		rolls:   1,
		ends:    []string{"color=red", "logo=\xff\x00", "token=t0k3n"},
	},
	"Secret": {
		reason:  "So is a Secret.",
		edit:    func(w *world) { w.edit("token", &corev1.Secret{}, `{"stringData":{"token":"n3w"}}`) },
		weights: []string{"0", "50", "0"},
		rolls:   1,
		ends:    []string{"color=red", "token=n3w"},
	},
	"Both": {
		reason:  "What is edited together is released together.",
		edit:    func(w *world) { w.setting(blue); w.edit("token", &corev1.Secret{}, `{"stringData":{"token":"n3w"}}`) },
		weights: []string{"0", "50", "0"},
		rolls:   1,
		ends:    []string{"color=blue", "token=n3w"},
	},
	"ConfigMapAndTemplate": {
		reason:  "A push of both is one run, and one exchange of pods.",
		edit:    func(w *world) { w.setting(blue); subjects["Deployment"].deploy(w, 2) },
		weights: []string{"0", "50", "0"},
		rolls:   1,
		ends:    []string{"color=blue", "token=t0k3n"},
	},
	"OptionalAppears": {
		reason:   "A config that pods can do without changes what they do when it comes.",
		optional: true,
		arrange:  func(w *world) { w.remove(settings("settings")) },
		edit:     func(w *world) { w.apply(settings("settings")) },
		weights:  []string{"0", "50", "0"},
		rolls:    1,
		ends:     []string{"color=red", "token=t0k3n"},
	},
	"OptedOut": {
		reason: "Who opts out keeps one config for both sides, and no release.",
		arrange: func(w *world) {
			w.setting(fmt.Sprintf(`{"metadata":{"annotations":{%q:"disabled"}}}`, ignored))
		},
		edit:    func(w *world) { w.setting(blue) },
		weights: []string{"0"},
		ends:    []string{"token=t0k3n"},
	},
	"TrackingOff": {
		reason:   "The same for everybody.",
		operator: func(w *world) { w.adapt(func(o *workload.Options) { o.Configs = nil }) },
		edit:     func(w *world) { w.setting(blue) },
		weights:  []string{"0"},
	},
	"RolledBack": {
		reason:  "The primary goes on with the configs that it has.",
		edit:    func(w *world) { w.setting(blue) },
		fails:   true,
		weights: []string{"0", "50", "0"},
		ends:    []string{"color=red", "token=t0k3n"},
	},
	"Reverted": {
		reason:    "A config that is back at what is promoted ends its run.",
		edit:      func(w *world) { w.setting(blue) },
		meanwhile: func(w *world) { w.setting(red) },
		weights:   []string{"0", "50", "0"},
		ends:      []string{"color=red", "token=t0k3n"},
	},
	"EditedAgain": {
		reason:    "What was not analysed is not promoted: the analysis begins anew.",
		edit:      func(w *world) { w.setting(blue) },
		meanwhile: func(w *world) { w.setting(`{"data":{"color":"green"}}`) },
		weights:   []string{"0", "50", "0", "50", "0"},
		rolls:     1,
		ends:      []string{"color=green", "token=t0k3n"},
	},
	"TemplateMeanwhile": {
		reason:    "So it does for a template that follows its config.",
		edit:      func(w *world) { w.setting(blue) },
		meanwhile: func(w *world) { subjects["Deployment"].deploy(w, 2) },
		weights:   []string{"0", "50", "0", "50", "0"},
		rolls:     1,
		ends:      []string{"color=blue", "token=t0k3n"},
	},
	"LabelsOnly": {
		reason:  "Pods do not see the labels of a config.",
		edit:    func(w *world) { w.setting(`{"metadata":{"labels":{"team":"shop"}}}`) },
		weights: []string{"0"},
		ends:    []string{"color=red", "token=t0k3n"},
	},
}

func TestConfigsAreReleased(t *testing.T) {
	for name, story := range configStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			story.play(t)
		})
	}
}

func (s configStory) play(t *testing.T) {
	w := newWorld(t)
	w.apply(settings("settings"), token("token"))
	if s.operator != nil {
		s.operator(w)
	}
	if s.arrange != nil {
		s.arrange(w)
	}
	target := referring("settings", "token")
	target.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Optional = new(s.optional)
	w.apply(target, testkit.Canary(testkit.Steps(50), testkit.Metric("errors")))
	w.settle()
	w.until(v1beta1.PhaseInitialized)
	w.rest()
	w.forgetPast()
	begun := w.contents()
	if s.fails {
		w.checks.Script("errors", rollout.Answer{Verdict: rollout.Fail, Message: "Halt web.ns advancement errors 7.00 > 1", Value: new(7.0)})
	}
	s.edit(w)
	if len(s.weights) > 1 {
		w.untilWeight("50")
		expect(t, "Until it is promoted, the primary has what it had.", begun, w.contents())
		expect(t, "Nor are its pods exchanged.", 1, len(w.seen.rolls))
	}
	if s.meanwhile != nil {
		s.meanwhile(w)
	}
	w.rest()
	expect(t, s.reason, s.weights, w.seen.weights)
	expect(t, s.reason, s.rolls, len(w.seen.rolls)-1)
	expect(t, s.reason, s.ends, w.contents())
	w.rereads()
	w.idles()
}

// TestConfigRevertedInTheMiddleOfItsCopy is about a primary whose copies are not what its annotations say.
func TestConfigRevertedInTheMiddleOfItsCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.apply(settings("settings"), token("token"), referring("settings", "token"), testkit.Canary(testkit.Steps(50)))
	w.settle()
	w.until(v1beta1.PhaseInitialized)
	w.rest()
	w.forgetPast()
	w.setting(blue)
	w.pipe.before = func(request string) {
		if request == "update ConfigMap settings-primary" {
			w.pipe.before = nil
			w.pipe.limit(1)
		}
	}
	w.untilSo("the operator died behind the copy", func() bool { return w.died == 1 })
	w.setting(red)
	w.until(v1beta1.PhaseSucceeded)
	w.rest()
	expect(t, "The primary does not keep what nobody wants.", []string{"color=red", "token=t0k3n"}, w.contents())
	expect(t, "Users are on the primary.", "0", last(w.seen.weights))
	w.idles()
}

// setting edits the ConfigMap settings.
func (w *world) setting(patch string) {
	w.Helper()
	w.edit("settings", &corev1.ConfigMap{}, patch)
}

// contents are what the primary's copies hold, as "key=value": of the ConfigMap, then of the Secret.
func (w *world) contents() []string {
	w.Helper()
	var held []string
	settings, token := &corev1.ConfigMap{}, &corev1.Secret{}
	if w.get("settings-primary", settings) {
		held = append(held, "color="+settings.Data["color"])
		for key, value := range settings.BinaryData {
			held = append(held, key+"="+string(value))
		}
	}
	if w.get("token-primary", token) {
		held = append(held, "token="+string(token.Data["token"]))
	}
	return held
}

// rereads checks that the primary's pods read what its copies hold, and the shared config where there is no copy.
func (w *world) rereads() {
	w.Helper()
	var names []string
	for _, source := range w.deployment("web-primary").Spec.Template.Spec.Containers[0].EnvFrom {
		switch {
		case source.ConfigMapRef != nil:
			names = append(names, source.ConfigMapRef.Name)
		case source.SecretRef != nil:
			names = append(names, source.SecretRef.Name)
		}
	}
	want := []string{"settings", "token"}
	for i, kind := range []client.Object{&corev1.ConfigMap{}, &corev1.Secret{}} {
		if w.get(want[i]+"-primary", kind) {
			want[i] += "-primary"
		}
	}
	expect(w, "The primary refers to the copies that there are.", want, names)
}

package workload

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
)

// configured is a cluster with podinfo, which reads the ConfigMap settings, and configs tracked.
func configured(t *testing.T) (cluster, *recorder) {
	t.Helper()
	k := newCluster(t)
	k.create(t, k.settings("settings", "red"), k.reading())
	return k, k.tracking()
}

// reading is podinfo as it reads the ConfigMap settings.
func (c cluster) reading() *appsv1.Deployment {
	target := c.target()
	target.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{
		ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}},
	}}
	return target
}

func (c cluster) settings(name, color string) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: c.namespace},
		Data:       map[string]string{"color": color},
	}
}

// paint gives a ConfigMap another color.
func (c cluster) paint(t *testing.T, name, color string) {
	t.Helper()
	found := &corev1.ConfigMap{}
	c.get(t, name, found)
	found.Data["color"] = color
	if err := c.Update(t.Context(), found); err != nil {
		t.Fatal(err)
	}
}

func (c cluster) color(t *testing.T, name string) string {
	t.Helper()
	found := &corev1.ConfigMap{}
	c.get(t, name, found)
	return found.Data["color"]
}

func (c cluster) observed(t *testing.T) Pair {
	t.Helper()
	pair, err := c.deployment.Observe(t.Context(), c.canary(), fully)
	if err != nil || pair.Obstacle != "" {
		t.Fatal(err, pair.Obstacle)
	}
	return pair
}

// version is what the target carries now, as it is observed.
func (c cluster) version(t *testing.T) rollout.Version {
	t.Helper()
	pair := c.observed(t)
	return rollout.Version{Revision: pair.Target.Revision, Configs: rollout.Fingerprint(pair.Configs)}
}

// promotes makes the primary what the target is, and tells whether that starts its pods anew.
func (c cluster) promotes(t *testing.T) (rolled bool) {
	t.Helper()
	before := &appsv1.Deployment{}
	err := c.Get(t.Context(), client.ObjectKey{Namespace: c.namespace, Name: "podinfo-primary"}, before)
	if client.IgnoreNotFound(err) != nil {
		t.Fatal(err)
	}
	if err := c.deployment.SyncPrimary(t.Context(), c.canary(), c.version(t)); err != nil {
		t.Fatal(err)
	}
	return !cmp.Equal(before.Spec.Template, c.readDeployment(t, "podinfo-primary").Spec.Template)
}

func reads(d *appsv1.Deployment) string {
	return d.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name
}

// silent are the calls of a promotion that finds everything done.
var silent = []string{"get podinfo"}

func TestConfigsArePromotedWithTheTemplate(t *testing.T) {
	k, through := configured(t)
	first := k.version(t)
	k.promotes(t)
	if got := k.readDeployment(t, "podinfo-primary"); reads(got) != "settings-primary" || k.color(t, "settings-primary") != "red" {
		t.Errorf("the primary reads %s, which is %s", reads(got), k.color(t, "settings-primary"))
	}

	k.paint(t, "settings", "blue")
	second := k.version(t)
	pair := k.observed(t)
	carried := rollout.Version{Revision: pair.Primary.Revision, Configs: pair.Primary.Configs}
	if carried != first || second.Revision != first.Revision || second.Configs == first.Configs {
		t.Errorf("the primary carries %v, want %v; the target %v, want the same template and other configs", carried, first, second)
	}
	if color := k.color(t, "settings-primary"); color != "red" {
		t.Errorf("the primary's copy is %s before the promotion", color)
	}
	if !k.promotes(t) {
		t.Error("the primary's pods go on, and with the old environment")
	}
	if color := k.color(t, "settings-primary"); color != "blue" {
		t.Errorf("the primary's copy is %s after the promotion", color)
	}
	through.took()
	if err := k.deployment.SyncPrimary(t.Context(), k.canary(), second); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(silent, through.took()); diff != "" {
		t.Errorf("calls of a promotion that is done (-want +got):\n%s", diff)
	}
	k.setImage(t, "app:2")
	k.promotes(t)
	if diff := cmp.Diff([]string{"get podinfo", "overwrite podinfo-primary"}, through.took()); diff != "" {
		t.Errorf("calls of a promotion with the same configs (-want +got):\n%s", diff)
	}
}

func TestConfigsThatChangedMeanwhileAreNotPromoted(t *testing.T) {
	k, through := configured(t)
	analysed := k.version(t)
	k.promotes(t)
	k.paint(t, "settings", "unseen")
	for reason, want := range map[string]rollout.Version{
		"They are others than those that were analysed.":                         analysed,
		"Whoever knows of no configs has not analysed those that there are now.": {Revision: analysed.Revision},
	} {
		through.took()
		if err := k.deployment.SyncPrimary(t.Context(), k.canary(), want); !errors.Is(err, ErrVersionChanged) {
			t.Errorf("error %v, want ErrVersionChanged; %s", err, reason)
		}
		if diff := cmp.Diff([]string{"get podinfo", "get settings"}, through.took()); diff != "" {
			t.Errorf("calls (-want +got):\n%s", diff)
		}
	}
}

// TestTheTemplateFollowsItsConfigs has a new version pushed between the write of the configs and that of the template. Left
// alone, pods of the old template would start with configs that were never analysed with it.
func TestTheTemplateFollowsItsConfigs(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		disturb func(k cluster, through *recorder)
	}{
		"Touched": {
			reason: "Somebody writes the primary as well, so that the template meets a conflict.",
			disturb: func(k cluster, through *recorder) {
				through.before = once("overwrite podinfo-primary", func() {
					k.setReplicas(t, "podinfo-primary", 5)
					k.setImage(t, "app:3")
				})
			},
		},
		"Unanswered": {
			reason: "The answer to the write of the config is lost, and other configs are pushed as well.",
			disturb: func(k cluster, through *recorder) {
				through.mute = "update settings-primary"
				through.after = once("update settings-primary", func() {
					k.paint(t, "settings", "unseen")
					k.setImage(t, "app:3")
				})
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, through := configured(t)
			k.promotes(t)
			k.paint(t, "settings", "blue")
			k.setImage(t, "app:2")
			analysed := k.version(t)
			tc.disturb(k, through)
			if err := k.deployment.SyncPrimary(t.Context(), k.canary(), analysed); err != nil {
				t.Fatal(err)
			}
			if pushed := k.readDeployment(t, "podinfo"); image(pushed) != "app:3" {
				t.Error("nobody got in between")
			}
			got := k.readDeployment(t, "podinfo-primary")
			if image(got) != "app:2" || k.color(t, "settings-primary") != "blue" || recordedOn(got) != analysed {
				t.Errorf("image %s with %s, marked %v; want what was analysed. %s",
					image(got), k.color(t, "settings-primary"), recordedOn(got), tc.reason)
			}
		})
	}
}

// once does something at the first of the calls that are so named.
func once(name string, do func()) func(call string) {
	done := false
	return func(call string) {
		if call == name && !done {
			done = true
			do()
		}
	}
}

func TestACrashAfterTheConfigsIsMendedByOneRoll(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		crash  string
		before func(k cluster)
	}{
		"Creating": {
			reason: "Copies that nobody refers to yet wait for their primary.",
			crash:  "create podinfo-primary",
			before: func(cluster) {},
		},
		"Promoting": {
			reason: "Pods that run with the old environment must not be taken for promoted because the copies are new.",
			crash:  "overwrite podinfo-primary",
			before: func(k cluster) {
				k.promotes(t)
				k.paint(t, "settings", "blue")
			},
		},
		"Adopting": {
			reason: "The same for a primary that Flagger made, and that bears no mark.",
			crash:  "overwrite podinfo-primary",
			before: func(k cluster) {
				k.adoptable(t)
				k.paint(t, "settings", "blue")
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, through := configured(t)
			tc.before(k)
			through.crash = tc.crash
			if err := k.deployment.SyncPrimary(t.Context(), k.canary(), k.version(t)); !errors.Is(err, errCrashed) {
				t.Fatalf("error %v, want the crash", err)
			}
			if source, replica := k.color(t, "settings"), k.color(t, "settings-primary"); source != replica {
				t.Errorf("the copy is %s and not %s when the primary is written", replica, source)
			}
			if got := k.observed(t).Primary; got.Exists && got.Configs != unsettled {
				t.Errorf("the primary is said to have configs %q; going back to those must not be taken for no change", got.Configs)
			}
			if !k.promotes(t) {
				t.Errorf("the next call rolls nothing; %s", tc.reason)
			}
			if k.promotes(t) {
				t.Error("the one after it rolls the pods again")
			}
		})
	}
}

// adoptable makes the primary and the copy as Flagger leaves them.
func (c cluster) adoptable(t *testing.T) {
	t.Helper()
	primary := c.reading()
	primary.Name = "podinfo-primary"
	primary.Labels = map[string]string{"app": "podinfo-primary"}
	primary.OwnerReferences = []metav1.OwnerReference{kube.OwnerReference(c.canary())}
	primary.Spec.Selector = &metav1.LabelSelector{MatchLabels: primary.Labels}
	primary.Spec.Template.Labels = primary.Labels
	primary.Spec.Template.Annotations = map[string]string{idAnnotation: "c6a4a4f8-2d1f-4b5e-9a8c-0c7c0f7c1d11"}
	primary.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name = "settings-primary"
	replica := c.settings("settings-primary", "red")
	replica.OwnerReferences = primary.OwnerReferences
	c.create(t, replica, primary)
}

func TestPrimariesMadeByFlaggerAreMarked(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(k cluster)
		rolls  bool
		writes []string
	}{
		"AsItIs": {
			reason: "It has all that would be promoted, so its pods keep running.",
			change: func(cluster) {},
			writes: []string{"patch podinfo-primary"},
		},
		"OptedOutSince": {
			reason: "It is as the user wanted it when it was made.",
			change: func(k cluster) {
				found := &corev1.ConfigMap{}
				k.get(t, "settings", found)
				found.Annotations = map[string]string{"flagger.app/config-tracking": "disabled"}
				if err := k.Update(t.Context(), found); err != nil {
					t.Fatal(err)
				}
			},
			writes: []string{"patch podinfo-primary"},
		},
		"OldConfigs": {
			reason: "Its pods run with something else than what was analysed.",
			change: func(k cluster) { k.paint(t, "settings", "blue") },
			rolls:  true,
			writes: []string{"overwrite podinfo-primary", "patch podinfo-primary", "update settings-primary"},
		},
		"AnotherTemplate": {
			reason: "So they do here. The copy learns what it was made from.",
			change: func(k cluster) { k.setImage(t, "app:2") },
			rolls:  true,
			writes: []string{"overwrite podinfo-primary", "patch podinfo-primary", "update settings-primary"},
		},
		"SharedConfigs": {
			reason: "It was made without copies, and the next edit of the source would reach it unanalysed.",
			change: func(k cluster) {
				primary := k.readDeployment(t, "podinfo-primary")
				primary.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name = "settings"
				if err := k.Update(t.Context(), primary); err != nil {
					t.Fatal(err)
				}
			},
			rolls:  true,
			writes: []string{"overwrite podinfo-primary", "patch podinfo-primary", "update settings-primary"},
		},
		"CopyThatIsGone": {
			reason: "Pods that start next would not find it.",
			change: func(k cluster) {
				if err := k.Delete(t.Context(), k.settings("settings-primary", "")); err != nil {
					t.Fatal(err)
				}
			},
			rolls:  true,
			writes: []string{"create settings-primary", "overwrite podinfo-primary", "patch podinfo-primary"},
		},
		"AnotherSize": {
			reason: "A size is no reason to start pods anew, but it is the user's word.",
			change: func(k cluster) { k.setReplicas(t, "podinfo", 3) },
			writes: []string{"patch podinfo-primary", "patch podinfo-primary"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, through := configured(t)
			k.adoptable(t)
			tc.change(k)
			through.took()
			if rolls := k.promotes(t); rolls != tc.rolls {
				t.Errorf("rolls: %t, want %t; %s", rolls, tc.rolls, tc.reason)
			}
			if diff := cmp.Diff(tc.writes, through.tookWrites()); diff != "" {
				t.Errorf("writes (-want +got):\n%s", diff)
			}
			got := k.readDeployment(t, "podinfo-primary")
			if recordedOn(got) != k.version(t) || reads(got) != "settings-primary" || replicas(got) != replicas(k.readDeployment(t, "podinfo")) {
				t.Errorf("marked %v, reads %s, %d replicas", recordedOn(got), reads(got), replicas(got))
			}
			if source, replica := k.color(t, "settings"), k.color(t, "settings-primary"); source != replica {
				t.Errorf("the copy is %s and not %s", replica, source)
			}
			if k.promotes(t) {
				t.Error("the next call rolls the pods again")
			}
		})
	}
}

// TestTurningTrackingOffRollsNothing restarts the operator with other flags.
func TestTurningTrackingOffRollsNothing(t *testing.T) {
	k, _ := configured(t)
	k.promotes(t)
	k.deployment.options.Configs = nil
	if version := k.version(t); version.Configs != "" {
		t.Errorf("configs %q, although none are tracked", version.Configs)
	}
	if k.promotes(t) {
		t.Error("the primary's pods start anew, although nobody touched the workload")
	}
	k.setImage(t, "app:2")
	k.promotes(t)
	if got := k.readDeployment(t, "podinfo-primary"); reads(got) != "settings" || got.Annotations[configsAnnotation] != "" {
		t.Errorf("the primary reads %s and is marked %q, want what the target reads and no mark", reads(got), got.Annotations[configsAnnotation])
	}
}

func TestConfigsThatCannotBeCopied(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change func(k cluster)
		want   error
	}{
		"TakenName": {
			reason: "The user's own ConfigMap has the name of the copy.",
			change: func(k cluster) { k.create(t, k.settings("settings-primary", "mine")) },
			want:   ErrForeign,
		},
		"Missing": {
			reason: "Pods that refer to what is not there do not start.",
			change: func(k cluster) {
				if err := k.Delete(t.Context(), k.settings("settings", "")); err != nil {
					t.Fatal(err)
				}
			},
			want: ErrInvalidTarget,
		},
	} {
		t.Run(name, func(t *testing.T) {
			k, _ := configured(t)
			want := k.version(t)
			tc.change(k)
			if err := k.deployment.SyncPrimary(t.Context(), k.canary(), want); !errors.Is(err, tc.want) {
				t.Errorf("error %v, want %v; %s", err, tc.want, tc.reason)
			}
			err := k.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: "podinfo-primary"}, &appsv1.Deployment{})
			if !apierrors.IsNotFound(err) {
				t.Errorf("there is a primary (%v), which cannot have its configs", err)
			}
		})
	}
}

func TestObstaclesAreObserved(t *testing.T) {
	k := newCluster(t)
	k.create(t, k.reading())
	k.tracking()
	pair, err := k.deployment.Observe(t.Context(), k.canary(), fully)
	if err != nil || pair.Obstacle == "" || pair.Configs != nil || pair.Target.Revision == "" {
		t.Errorf("%+v (%v), want an obstacle beside the target: settings is missing", pair, err)
	}
}

package scaler

import (
	"errors"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"flagger.app/flagger/api/v1beta1"
)

// resume resumes and compares what was written, and the floor.
func (k *cluster) resume(c *v1beta1.Canary, floor int32, writes ...string) {
	k.Helper()
	k.writes = nil
	got, err := k.scaler.Resume(k.Context(), c)
	if got != floor || err != nil {
		k.Errorf("resume: got %d and error %v, want %d", got, err, floor)
	}
	if diff := cmp.Diff(writes, k.writes); diff != "" {
		k.Errorf("writes (-want +got):\n%s", diff)
	}
}

// annotated is the user's object, with one annotation more.
func annotated(object *unstructured.Unstructured, key, value string) *unstructured.Unstructured {
	changed := object.DeepCopy()
	annotations := maps.Clone(object.GetAnnotations())
	annotations[key] = value
	changed.SetAnnotations(annotations)
	return changed
}

// The user's object gains the one annotation and loses it again; the rest of it, newer fields too, stays to the letter.
func TestPauseAndResume(t *testing.T) {
	k := newCluster(t)
	target, c := k.create(manifests[kindScaledObject]), k.canary(kindScaledObject)

	k.writing(k.scaler.Pause, c, "patch podinfo")
	k.unchanged(annotated(target, pauseAnnotation, "0"), k.read(kindScaledObject, "podinfo"))
	k.writing(k.scaler.Pause, c)

	k.resume(c, 1, "patch podinfo")
	k.unchanged(target, k.read(kindScaledObject, "podinfo"))
	k.resume(c, 1)
}

// The primary serves while the target rests, whenever its autoscaler was made or changed.
func TestPauseNeverReachesThePrimary(t *testing.T) {
	k := newCluster(t)
	k.create(manifests[kindScaledObject])
	c := k.canary(kindScaledObject)
	unpaused := func() {
		t.Helper()
		want := map[string]string{"note": "theirs"}
		if diff := cmp.Diff(want, k.read(kindScaledObject, "podinfo-primary").GetAnnotations()); diff != "" {
			t.Errorf("annotations of the primary (-want +got):\n%s", diff)
		}
	}
	k.writing(k.scaler.Pause, c, "patch podinfo")
	k.writing(k.scaler.Ensure, c, "create podinfo-primary")
	unpaused()
	k.writing(k.scaler.Sync, c)
	k.spec(c, "podinfo", "cooldownPeriod", int64(5))
	k.writing(k.scaler.Sync, c, "patch podinfo-primary")
	unpaused()
	k.edit(kindScaledObject, "podinfo-primary", func(object *unstructured.Unstructured) {
		object.SetAnnotations(map[string]string{"note": "theirs", pauseAnnotation: "0"}) // as Flagger left it
	})
	k.writing(k.scaler.Sync, c, "patch podinfo-primary")
	unpaused()
}

func TestPausesOfTheUser(t *testing.T) {
	for name, test := range map[string]struct {
		reason     string
		key, value string
		// pause and resume are what it takes.
		pause, resume []string
		// paused and resumed are the annotation afterwards.
		paused, resumed string
	}{
		"AtAnotherSize": {
			reason: "A target at rest has no pods; that the user had it at another size is over with that.",
			key:    pauseAnnotation, value: "5", pause: []string{"patch podinfo"}, paused: "0", resume: []string{"patch podinfo"},
		},
		"AtNoPods": {
			reason: "That cannot be told from our own mark.",
			key:    pauseAnnotation, value: "0", paused: "0", resume: []string{"patch podinfo"},
		},
		"AsItIs": {
			reason: "A pause of another kind is not ours to end.",
			key:    "autoscaling.keda.sh/paused", value: "true", pause: []string{"patch podinfo"}, paused: "true",
			resume: []string{"patch podinfo"}, resumed: "true",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			k := newCluster(t)
			k.create(manifests[kindScaledObject])
			k.edit(kindScaledObject, "podinfo", func(object *unstructured.Unstructured) {
				object.SetAnnotations(map[string]string{test.key: test.value})
			})
			c := k.canary(kindScaledObject)
			k.writing(k.scaler.Pause, c, test.pause...)
			if got := k.read(kindScaledObject, "podinfo").GetAnnotations()[test.key]; got != test.paused {
				t.Errorf("paused: got %q, want %q", got, test.paused)
			}
			k.resume(c, 1, test.resume...)
			if got := k.read(kindScaledObject, "podinfo").GetAnnotations()[test.key]; got != test.resumed {
				t.Errorf("resumed: got %q, want %q", got, test.resumed)
			}
		})
	}
}

func TestResumeLeavesAnotherPause(t *testing.T) {
	k := newCluster(t)
	k.create(manifests[kindScaledObject])
	c := k.canary(kindScaledObject)
	k.writing(k.scaler.Pause, c, "patch podinfo")
	theirs := k.edit(kindScaledObject, "podinfo", func(object *unstructured.Unstructured) {
		object.SetAnnotations(map[string]string{pauseAnnotation: "5"})
	})
	k.resume(c, 1)
	k.unchanged(theirs, k.read(kindScaledObject, "podinfo"))
}

// A HorizontalPodAutoscaler rests with its target: there is nothing to write.
func TestPauseWritesNothingToHPA(t *testing.T) {
	k := newCluster(t)
	target, c := k.create(manifests[kindHPA]), k.canary(kindHPA)
	k.writing(k.scaler.Pause, c)
	k.resume(c, 1)
	k.unchanged(target, k.read(kindHPA, "podinfo"))
}

func TestResumeTellsTheFloor(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		least  any
		want   int32
	}{
		"Unset":   {reason: "The defaults are 1 and 0 pods; a target that is started has one.", least: nil, want: 1},
		"One":     {reason: "One is the least of all.", least: int64(1), want: 1},
		"Several": {reason: "The autoscaler would start as many.", least: int64(3), want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Log(test.reason)
			each(t, func(k *cluster, c *v1beta1.Canary, target *unstructured.Unstructured) {
				k.spec(c, "podinfo", kinds[target.GetKind()].least, test.least)
				k.resume(c, test.want)
			})
		})
	}
}

// What scales another workload must not be stopped for the sake of a mistaken name, and has no say in the target's size.
func TestPauseLeavesAutoscalersOfOthers(t *testing.T) {
	k := newCluster(t)
	k.create(manifests[kindScaledObject])
	c := k.canary(kindScaledObject)
	k.spec(c, "podinfo", "minReplicaCount", int64(3))
	c.Spec.TargetRef.Name = "web"
	k.writing(k.scaler.Pause, c)
	k.resume(c, 1)
}

func TestPauseWithoutTheObject(t *testing.T) {
	each(t, func(k *cluster, c *v1beta1.Canary, _ *unstructured.Unstructured) {
		c.Spec.AutoscalerRef.Name = "typo"
		k.writing(k.scaler.Pause, c)
		k.resume(c, 1)
	})
}

// An object that is gone although the cache has it needs no patch.
func TestPauseOfWhatIsJustGone(t *testing.T) {
	k := newCluster(t)
	target := k.create(manifests[kindScaledObject])
	if err := k.direct.Delete(t.Context(), target.DeepCopy()); err != nil {
		t.Fatal(err)
	}
	k.outdated = annotated(target, pauseAnnotation, "5")
	k.writing(k.scaler.Pause, k.canary(kindScaledObject), "patch podinfo")
	k.outdated = annotated(target, pauseAnnotation, "0")
	k.resume(k.canary(kindScaledObject), 1, "patch podinfo")
}

// Starting with an HPA that cannot be read is better than not to start; a ScaledObject may be paused still, and stay so.
func TestResumeCannotRead(t *testing.T) {
	k := newCluster(t)
	k.unreadable = "podinfo"
	k.resume(k.canary(kindHPA), 1)
	if _, err := k.scaler.Resume(t.Context(), k.canary(kindScaledObject)); !errors.Is(err, errUnreadable) {
		t.Errorf("got error %v, want that the object cannot be read", err)
	}
	if err := k.scaler.Pause(t.Context(), k.canary(kindScaledObject)); !errors.Is(err, errUnreadable) {
		t.Errorf("got error %v, want that the object cannot be read", err)
	}
}

func TestResumeCannotWrite(t *testing.T) {
	k := newCluster(t)
	k.create(manifests[kindScaledObject])
	c := k.canary(kindScaledObject)
	k.writing(k.scaler.Pause, c, "patch podinfo")
	k.refused = true
	if _, err := k.scaler.Resume(t.Context(), c); !errors.Is(err, errRefused) {
		t.Errorf("got error %v, want that the write was refused", err)
	}
}

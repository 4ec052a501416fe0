package configs

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestRecall(t *testing.T) {
	version := func(uid types.UID, resourceVersion string) client.Object {
		object := configMap("settings", nil)
		object.UID, object.ResourceVersion = uid, resourceVersion
		return object
	}
	at := place{kind: ConfigMap, ObjectKey: client.ObjectKey{Namespace: "shop", Name: "settings"}}
	m := newMemory()
	read := readingOf(version("a", "2"))
	m.remember(at, version("a", "1"), read)
	for name, test := range map[string]struct {
		reason string
		at     place
		cached client.Object
		known  bool
	}{
		"Behind":   {reason: "The cache has not caught up with what was read.", at: at, cached: version("a", "1"), known: true},
		"CaughtUp": {reason: "The cache has what was read.", at: at, cached: version("a", "2"), known: true},
		"Edited":   {reason: "Somebody has edited it since.", at: at, cached: version("a", "3")},
		"MadeAnew": {reason: "A cluster that was restored counts its versions anew, but makes other objects.", at: at, cached: version("b", "2")},
		"AnotherKind": {
			reason: "A Secret of the same name is another config.", at: place{kind: Secret, ObjectKey: at.ObjectKey}, cached: version("a", "2"),
		},
		"AnotherNamespace": {
			reason: "So is one elsewhere.", cached: version("a", "2"),
			at: place{kind: ConfigMap, ObjectKey: client.ObjectKey{Namespace: "lab", Name: "settings"}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, known := m.recall(test.at, test.cached)
			if known != test.known || known && got != read {
				t.Errorf("%s got %v, %t", test.reason, got, known)
			}
		})
	}
	m.forget(at)
	if _, known := m.recall(at, version("a", "2")); known {
		t.Error("what was forgotten is known")
	}
}

// The memory is bounded by the configs that exist, not by those that ever did.
func TestMemoryIsTidied(t *testing.T) {
	m := newMemory()
	exists := func(at place) bool { return at.Name < "0000010" }
	most := 0
	for i := range 10 * leastCeiling {
		object := configMap(fmt.Sprintf("%07d", i), nil)
		m.remember(place{kind: ConfigMap, ObjectKey: client.ObjectKeyFromObject(object)}, object, reading{})
		m.tidy(exists)
		most = max(most, len(m.entries))
	}
	if most > leastCeiling {
		t.Errorf("%d entries for 10 configs", most)
	}
	if m.ceiling != leastCeiling {
		t.Errorf("the ceiling rose to %d", m.ceiling)
	}
}

// Many that exist are all kept, and not asked about with every look.
func TestMemoryKeepsWhatExists(t *testing.T) {
	m := newMemory()
	asked := 0
	const count = 10 * leastCeiling
	for i := range count {
		object := configMap(fmt.Sprintf("%07d", i), nil)
		m.remember(place{kind: ConfigMap, ObjectKey: client.ObjectKeyFromObject(object)}, object, reading{})
		m.tidy(func(place) bool { asked++; return true })
	}
	if len(m.entries) != count || asked > 2*count {
		t.Errorf("%d entries, asked %d times", len(m.entries), asked)
	}
}

// A hundred workers must not all go through the same thousands of entries when the time has come.
func TestMemoryIsTidiedByOne(t *testing.T) {
	m := newMemory()
	for i := range leastCeiling {
		object := configMap(fmt.Sprintf("%07d", i), nil)
		m.remember(place{kind: ConfigMap, ObjectKey: client.ObjectKeyFromObject(object)}, object, reading{})
	}
	asked := 0
	m.tidy(func(place) bool {
		asked++
		m.tidy(func(place) bool {
			t.Fatal("somebody else tidies meanwhile")
			return true
		})
		return true
	})
	if asked != leastCeiling || m.ceiling != 2*leastCeiling {
		t.Errorf("asked %d times, and the next time is at %d entries", asked, m.ceiling)
	}
}

// Configs of 100 KB, and the copies of their data in annotations, leave nothing but their names and sums in memory.
func TestMemoryHoldsNoData(t *testing.T) {
	if testing.Short() {
		t.Skip("creates 100 MB of configs")
	}
	const (
		each  = 500
		size  = 100_000
		limit = 30 << 20
	)
	k := newCluster(t)
	names := k.fill(each, size)
	o := k.start()
	tracker := o.tracker()
	template := templateOf(append(mandatory(ConfigMap, names...), mandatory(Secret, names...)...)...)

	before := footprintNow(t)
	got, err := tracker.Observe(t.Context(), k.canary("podinfo"), template)
	k.must(err)
	after := footprintNow(t)
	if len(got.Sums) != 2*each {
		t.Fatalf("%d of %d configs are tracked; %s", len(got.Sums), 2*each, got.Obstacle)
	}
	heap, resident := after.heap-before.heap, after.resident-before.resident
	t.Logf("%d configs of %d bytes: heap +%d KB to %d KB, resident +%d KB to %d KB",
		2*each, size, heap>>10, after.heap>>10, resident>>10, after.resident>>10)
	if heap > limit || resident > limit {
		t.Errorf("tracking costs more than %d MB", limit>>20)
	}
	if asked := o.requests(func() {
		_, err = tracker.Observe(t.Context(), k.canary("podinfo"), template)
		k.must(err)
	}); len(asked) > 0 {
		t.Errorf("a second look asked %d times, first for %s", len(asked), asked[0])
	}
}

// fill makes that many ConfigMaps and Secrets, with size bytes of data, and returns the names that one of each kind has.
// The ConfigMaps have their data in an annotation as well, as kubectl leaves it.
func (k *cluster) fill(each, size int) []string {
	k.Helper()
	data := map[string]string{"data": strings.Repeat("x", size)}
	objects := make(chan client.Object)
	var making sync.WaitGroup
	for range 8 {
		making.Go(func() {
			for object := range objects {
				object.SetNamespace(k.namespace)
				if err := k.Create(k.Context(), object); err != nil {
					k.Error(err)
				}
			}
		})
	}
	var names []string
	for i := range each {
		name := fmt.Sprint("config-", i)
		names = append(names, name)
		applied := configMap(name, data)
		applied.Annotations = map[string]string{"kubectl.kubernetes.io/last-applied-configuration": data["data"]}
		objects <- applied
		objects <- secret(name, corev1.SecretTypeOpaque, data)
	}
	close(objects)
	making.Wait()
	return names
}

// footprint is memory in bytes.
type footprint struct{ heap, resident int }

// footprintNow is what the program holds on to.
func footprintNow(t *testing.T) footprint {
	t.Helper()
	runtime.GC() // a second collection follows, which frees what finalizers and pools held on to in the first
	debug.FreeOSMemory()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skipf("the resident size cannot be told here: %v", err)
	}
	for line := range strings.Lines(string(status)) {
		if value, found := strings.CutPrefix(line, "VmRSS:"); found {
			kilobytes, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
			if err != nil {
				t.Fatal(err)
			}
			return footprint{heap: int(stats.HeapAlloc), resident: kilobytes << 10}
		}
	}
	t.Fatal("no VmRSS")
	return footprint{}
}

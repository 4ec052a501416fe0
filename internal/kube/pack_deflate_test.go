package kube_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/testkit"
)

// noise is text that nothing else resembles.
func noise(seed, length int) string {
	var text strings.Builder
	for i := 0; text.Len() < length; i++ {
		sum := sha256.Sum256(fmt.Append(nil, seed, i))
		text.WriteString(hex.EncodeToString(sum[:]))
	}
	return text.String()[:length]
}

// template has a query of that many bytes that no other has.
func template(seed, length int) *v1beta1.MetricTemplate {
	return &v1beta1.MetricTemplate{
		ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("template-", seed), Namespace: "shop"},
		Spec:       v1beta1.MetricTemplateSpec{Query: noise(seed, length)},
	}
}

// What an object is compared with grows while others are packed, and is full in the end. Each can still be unpacked.
func TestPackManyUnlike(t *testing.T) {
	var objects, parcels []client.Object
	for i, length := range []int{0, 10, 1000, 1000, 3000, 3000, 3000, 3000, 20_000, 100_000, 1000, 10, 0} {
		o := template(i, length)
		objects, parcels = append(objects, o), append(parcels, packed(t, o.DeepCopy()))
	}
	unpacked := make([]client.Object, len(parcels))
	for i, p := range parcels {
		unpacked[i] = kube.Unpack(p)
	}
	if diff := cmp.Diff(objects, unpacked); diff != "" {
		t.Errorf("unpacked (-want +got):\n%s", diff)
	}
}

// Informers pack at the same time, and readers unpack meanwhile.
func TestPackAtOnce(t *testing.T) {
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for i := range 50 {
				canary := testkit.Canary()
				canary.Name = fmt.Sprint("web-", worker, "-", i)
				for _, o := range []client.Object{canary, template(1000*worker+i, 500)} {
					p, err := kube.Pack(o.DeepCopyObject())
					if err != nil {
						t.Error(err)
						return
					}
					if diff := cmp.Diff(o, kube.Unpack(p.(client.Object)), ignoreType); diff != "" {
						t.Errorf("unpacked (-want +got):\n%s", diff)
					}
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkPack packs and unpacks one of many objects that differ in little.
func BenchmarkPack(b *testing.B) {
	for kind, o := range kinds() {
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := kube.Pack(o.DeepCopyObject()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkUnpack is what a read from a cache costs.
func BenchmarkUnpack(b *testing.B) {
	for kind, o := range kinds() {
		p, err := kube.Pack(o.DeepCopyObject())
		if err != nil {
			b.Fatal(err)
		}
		b.Run(kind, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				kube.Unpack(p.(client.Object))
			}
		})
	}
}

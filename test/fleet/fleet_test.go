//go:build linux

package fleet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSample(t *testing.T) {
	f := New(Options{Name: "bench", Canaries: 250}, nil)
	var got []string
	for _, key := range f.Sample(3) {
		got = append(got, key.String())
	}
	if diff := cmp.Diff([]string{"bench-00/app-0000", "bench-00/app-0083", "bench-01/app-0166"}, got); diff != "" {
		t.Errorf("a sample is spread evenly (-want +got):\n%s", diff)
	}
	if got := len(f.Sample(1000)); got != 250 {
		t.Errorf("there are no more than all, got %d", got)
	}
}

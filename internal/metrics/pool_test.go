package metrics

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

type fakeProvider struct {
	name   string
	closed *[]string
}

func (f fakeProvider) Query(context.Context, string) (float64, error) { return 0, nil }
func (f fakeProvider) Online(context.Context) error                   { return nil }
func (f fakeProvider) CloseIdleConnections()                          { *f.closed = append(*f.closed, f.name) }

func TestPool(t *testing.T) {
	type get struct{ name, version string }
	cases := map[string]struct {
		reason        string
		gets          []get
		built, closed []string
	}{
		"Kept": {
			reason: "The same provider in the same version is built once and keeps its connections.",
			gets:   []get{{"a", "1"}, {"a", "1"}},
			built:  []string{"a1"},
		},
		"Replaced": {
			reason: "A new version, such as a changed Secret, ends the old one's connections.",
			gets:   []get{{"a", "1"}, {"a", "2"}, {"a", "2"}},
			built:  []string{"a1", "a2"}, closed: []string{"a1"},
		},
		"Bounded": {
			reason: "A full pool gives up what was not used for longest.",
			gets:   []get{{"a", "1"}, {"b", "1"}, {"a", "1"}, {"c", "1"}, {"a", "1"}},
			built:  []string{"a1", "b1", "c1"}, closed: []string{"b1"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var built, closed []string
			pool := NewPool(2)
			for _, g := range tc.gets {
				want := fakeProvider{name: g.name + g.version, closed: &closed}
				got, err := pool.Get(g.name, g.version, func() (Provider, error) {
					built = append(built, want.name)
					return want, nil
				})
				if err != nil || got.provider != want {
					t.Fatalf("Get(%q, %q): want %v, got %v, %v", g.name, g.version, want, got, err)
				}
			}
			if diff := cmp.Diff(tc.built, built); diff != "" {
				t.Errorf("%s\nbuilt: -want +got\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.closed, closed); diff != "" {
				t.Errorf("%s\nclosed: -want +got\n%s", tc.reason, diff)
			}
		})
	}
}

func TestPoolKeepsNoFailure(t *testing.T) {
	pool, broken := NewPool(1), errors.New("broken")
	if _, err := pool.Get("a", "1", func() (Provider, error) { return nil, broken }); !errors.Is(err, broken) {
		t.Fatalf("Get(...): want %v, got %v", broken, err)
	}
	got, err := pool.Get("a", "1", func() (Provider, error) { return fakeProvider{name: "a"}, nil })
	if err != nil || got == nil {
		t.Errorf("A provider that could not be built is tried again: got %v, %v", got, err)
	}
}

func TestBadQuery(t *testing.T) {
	cause := errors.New("parse error")
	err := fmt.Errorf("ask: %w", BadQuery(cause))
	if !errors.Is(err, ErrQuery) || !errors.Is(err, cause) || err.Error() != "ask: parse error" {
		t.Errorf("BadQuery keeps cause and text and is an ErrQuery: got %v", err)
	}
	if !errors.Is(ErrMultipleValues, ErrQuery) || errors.Is(ErrNoData, ErrQuery) {
		t.Error("Several values are the query's fault, no value is not.")
	}
}

func TestHideUser(t *testing.T) {
	for address, want := range map[string]string{
		"http://prometheus:9090":        "http://prometheus:9090",
		"https://me:s3cret@host/a@b":    "https://***@b",
		"https://me:s3/cr@t@host:9/pre": "https://***@host:9/pre",
		"me:s3cret@host":                "***@host",
		"":                              "",
	} {
		if got := HideUser(address); got != want {
			t.Errorf("A password in an address must not reach an event: want %q, got %q", want, got)
		}
	}
}

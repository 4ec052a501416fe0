package router_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"flagger.app/flagger/internal/router"
)

func TestObjects(t *testing.T) {
	one, two := map[string]any{"name": "one"}, map[string]any{"name": "two"}
	for name, test := range map[string]struct {
		reason string
		list   any
		want   []map[string]any
		fails  string // what a strict reader says
	}{
		"Objects": {reason: "All of them, in their order.", list: []any{one, two}, want: []map[string]any{one, two}},
		"Empty":   {reason: "There are none.", list: []any{}},
		"Nothing": {reason: "Nor here.", list: nil},
		"Mixed": {
			reason: "What is no object is passed over.", list: []any{one, "text", two}, want: []map[string]any{one, two},
			fails: "spec.routes[1] is no object",
		},
		"NoList": {
			reason: "What is no list has no elements.", list: "text",
			fails: `.spec.routes accessor error: text is of the type string, expected []interface{}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			object := map[string]any{"spec": map[string]any{}}
			if test.list != nil {
				object["spec"] = map[string]any{"routes": test.list}
			}
			if diff := cmp.Diff(test.want, router.Objects(object, "spec", "routes")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
			copies, err := router.CopyObjects(object, "spec", "routes")
			if test.fails != "" {
				if err == nil || err.Error() != test.fails {
					t.Errorf("got error %v, want %s", err, test.fails)
				}
				return
			}
			if diff := cmp.Diff(test.want, copies); err != nil || diff != "" {
				t.Errorf("%s Got error %v, copies (-want +got):\n%s", test.reason, err, diff)
			}
		})
	}
}

func TestOnlyCopiesAreCopies(t *testing.T) {
	object := map[string]any{"routes": router.Items([]map[string]any{{"weight": int64(1)}})}
	copies, err := router.CopyObjects(object, "routes")
	if err != nil {
		t.Fatal(err)
	}
	copies[0]["weight"] = int64(2)
	if got := router.Objects(object, "routes")[0]["weight"]; got != int64(1) {
		t.Errorf("a copy's change came through: %v", got)
	}
	router.Objects(object, "routes")[0]["weight"] = int64(3)
	if got := router.Objects(object, "routes")[0]["weight"]; got != int64(3) {
		t.Errorf("a part's change was lost: %v", got)
	}
}

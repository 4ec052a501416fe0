package memory_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"flagger.app/flagger/internal/testkit/memory"
)

func TestFaults(t *testing.T) {
	for name, test := range map[string]struct {
		reason string
		fault  memory.Fault
		// answer is the sender's; after that the config says stored, and the sender believes in seen.
		answer, stored, seen string
		read                 string
	}{
		"Fine": {
			reason: "No fault, no harm.",
			fault:  memory.Fine, answer: "ok", stored: "new", seen: "new", read: "old",
		},
		"Conflict": {
			reason: "Nothing is done.",
			fault:  memory.Conflict, answer: "Conflict", stored: "old", seen: "old", read: "Timeout",
		},
		"TooMany": {
			reason: "Nothing is done.",
			fault:  memory.TooMany, answer: "TooManyRequests", stored: "old", seen: "old", read: "TooManyRequests",
		},
		"Broken": {
			reason: "Nothing is done.",
			fault:  memory.Broken, answer: "InternalError", stored: "old", seen: "old", read: "InternalError",
		},
		"Lost": {
			reason: "The sender cannot tell whether it was done; it was not.",
			fault:  memory.Lost, answer: "Timeout", stored: "old", seen: "old", read: "Timeout",
		},
		"Unanswered": {
			reason: "The sender cannot tell whether it was done; it was, and nobody waits for it.",
			fault:  memory.Unanswered, answer: "Timeout", stored: "new", seen: "old", read: "Timeout",
		},
		"Died": {
			reason: "The dead do nothing.",
			fault:  memory.Died, answer: "dead", stored: "old", seen: "dead", read: "dead",
		},
		"DiedAfter": {
			reason: "What they did last remains.",
			fault:  memory.DiedAfter, answer: "dead", stored: "new", seen: "dead", read: "dead",
		},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer()
			must(t, server.Direct().Create(t.Context(), configMap("a", "old")))
			next := test.fault
			hooks := memory.Hooks{Before: func(memory.Request) memory.Fault {
				fault := next
				next = memory.Fine
				return fault
			}}
			c := server.Connect(hooks)
			if got := reason(say(t, c, "a", "new")); got != test.answer {
				t.Errorf("%s Answered %s, want %s", test.reason, got, test.answer)
			}
			if got := says(server.Direct(), "a"); got != test.stored {
				t.Errorf("%s Stored %s, want %s", test.reason, got, test.stored)
			}
			if got := says(c, "a"); got != test.seen {
				t.Errorf("%s Seen %s, want %s", test.reason, got, test.seen)
			}
			server = newServer()
			must(t, server.Direct().Create(t.Context(), configMap("a", "old")))
			next = test.fault
			reader := server.Connect(hooks)
			if got := says(reader.Live(), "a"); got != test.read {
				t.Errorf("%s Read %s, want %s", test.reason, got, test.read)
			}
			if killed := test.read == "dead"; reader.Dead() != killed {
				t.Errorf("%s Dead is %t", test.reason, reader.Dead())
			}
		})
	}
}

// TestHooks: who watches is asked about every request, and told of every change.
func TestHooks(t *testing.T) {
	server := newServer()
	var asked, told []string
	c := server.Connect(memory.Hooks{
		Before: func(r memory.Request) memory.Fault {
			asked = append(asked, r.String())
			return memory.Fine
		},
		After: func(w memory.Write) {
			told = append(told, w.String())
			if (w.Before == nil) != (w.Verb == "create") || (w.After == nil) != (w.Verb == "delete") {
				t.Errorf("%s: before %v, after %v", w, w.Before, w.After)
			}
		},
	})
	must(t, c.Create(t.Context(), configMap("a", "old")))
	must(t, say(t, c, "a", "new"))
	must(t, say(t, c, "a", "new"))
	says(c, "a")
	must(t, c.List(t.Context(), &corev1.ConfigMapList{}))
	must(t, c.Delete(t.Context(), configMap("a", "")))
	want := []string{
		"create ConfigMap a", "patch ConfigMap a", "patch ConfigMap a", "get ConfigMap a", "list ConfigMap", "delete ConfigMap a",
	}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"create ConfigMap a", "patch ConfigMap a", "delete ConfigMap a"}, told); diff != "" {
		t.Errorf("a patch that changes nothing is no news (-want +got):\n%s", diff)
	}
	c.Kill()
	if got := says(c, "a"); got != "dead" {
		t.Errorf("a dead client answers nothing: got %s", got)
	}
}

// TestOthersAreFaster: somebody may write between the client's reading and its writing.
func TestOthersAreFaster(t *testing.T) {
	server := newServer()
	hand := server.Direct()
	must(t, hand.Create(t.Context(), configMap("a", "old")))
	c := server.Connect(memory.Hooks{Before: func(r memory.Request) memory.Fault {
		if r.Verb == "update" {
			must(t, say(t, hand, "a", "theirs"))
		}
		return memory.Fine
	}})
	config := &corev1.ConfigMap{}
	must(t, c.Get(t.Context(), key("a"), config))
	config.Data["says"] = "ours"
	if got := reason(c.Update(t.Context(), config)); got != "Conflict" {
		t.Errorf("who is slower meets a conflict: got %s", got)
	}
}

package loadtester

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"flagger.app/flagger/internal/loadtester/gate"
)

// storeTimeout limits a look at a switch. Hooks wait for ten seconds unless told otherwise.
const storeTimeout = 5 * time.Second

// switchAction does something with the switch of a canary and answers.
type switchAction func(ctx context.Context, w http.ResponseWriter, k gate.Key) error

// handleSwitch does act with the switch of the canary in the payload.
func (t *Tester) handleSwitch(kind gate.Kind, act switchAction) http.HandlerFunc {
	return func(w http.ResponseWriter, req *http.Request) {
		p, err := t.read(w, req)
		if err != nil {
			t.fail(w, err)
			return
		}
		ctx, cancel := context.WithTimeout(req.Context(), storeTimeout)
		defer cancel()
		if err := act(ctx, w, gate.Key{Kind: kind, Canary: p.canary()}); err != nil {
			t.fail(w, err)
		}
	}
}

func (t *Tester) checkSwitch(ctx context.Context, w http.ResponseWriter, k gate.Key) error {
	isOpen, err := t.gates.IsOpen(ctx, k)
	if err != nil {
		return fmt.Errorf("check %s: %w", k, err)
	}
	t.log.Info(fmt.Sprintf("%s %s check: approved %t", k, k.Kind, isOpen), "canary", k.Canary)
	if isOpen {
		answer(w, http.StatusOK, "Approved")
	} else {
		forbid(w)
	}
	return nil
}

func (t *Tester) openSwitch(ctx context.Context, w http.ResponseWriter, k gate.Key) error {
	if err := t.gates.Open(ctx, k); err != nil {
		return fmt.Errorf("open %s: %w", k, err)
	}
	t.log.Info(fmt.Sprintf("%s %s opened", k, k.Kind), "canary", k.Canary)
	answer(w, http.StatusAccepted, "")
	return nil
}

func (t *Tester) closeSwitch(ctx context.Context, w http.ResponseWriter, k gate.Key) error {
	if err := t.gates.Close(ctx, k); err != nil {
		return fmt.Errorf("close %s: %w", k, err)
	}
	t.log.Info(fmt.Sprintf("%s %s closed", k, k.Kind), "canary", k.Canary)
	answer(w, http.StatusAccepted, "")
	return nil
}

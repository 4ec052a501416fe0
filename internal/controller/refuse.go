package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	ctrl "sigs.k8s.io/controller-runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/workload"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

// unwatched is how soon to look again for a mend that no watch reports, such as a CRD being installed.
const unwatched = 30 * time.Second

// refuse sorts an error: what time may mend is returned for a retry with back-off; what only the user can mend
// becomes one condition and one event, and waits for the user.
func (r *Reconciler) refuse(ctx context.Context, c *v1beta1.Canary, w work, err error) (ctrl.Result, error) {
	message, retry, terminal := explain(err)
	deleting := !c.DeletionTimestamp.IsZero()
	if !terminal || deleting && errors.Is(err, rollout.ErrUnsafe) {
		return ctrl.Result{}, err
	}
	if deleting {
		return ctrl.Result{}, r.abandon(ctx, c, message)
	}
	dec := rollout.Refuse(r.bare(c, w.plan), rollout.ReasonRefused, message, retry)
	if err := r.persist(ctx, c, dec.Status); err != nil && !errors.Is(err, errPruned) {
		return ctrl.Result{}, fmt.Errorf("persist: %w", err)
	}
	r.Telemetry.Status(c)
	r.announce(ctx, c, dec.Events)
	return ctrl.Result{RequeueAfter: dec.After}, nil
}

// abandon lets a canary go that cannot be handed back, and says why: it must not be in the user's way for ever.
func (r *Reconciler) abandon(ctx context.Context, c *v1beta1.Canary, message string) error {
	if err := r.letGo(ctx, c); err != nil {
		return err
	}
	r.announce(ctx, c, []rollout.Event{{
		Type: corev1.EventTypeWarning, Reason: rollout.ReasonRefused, Phase: c.Status.Phase,
		Message: fmt.Sprintf("Terminated canary %s.%s without handing back: %s", c.Name, c.Namespace, message),
	}})
	return nil
}

// explain turns an error that only the user can mend into words for the user. retry is how soon to look again, zero
// where a watch will tell.
func explain(err error) (message string, retry time.Duration, terminal bool) {
	var invalid *rollout.Invalid
	switch {
	case errors.As(err, &invalid):
		return "invalid canary spec: " + strings.ReplaceAll(err.Error(), "\n", "; "), 0, true
	case errors.Is(err, router.ErrInvalidSpec):
		return "invalid canary spec: " + err.Error(), 0, true
	case errors.Is(err, configs.ErrForeign), errors.Is(err, configs.ErrMissing):
		return err.Error(), unwatched, true // no watch tells of what has the name of a copy
	case errors.Is(err, workload.ErrTargetNotFound), errors.Is(err, workload.ErrInvalidTarget),
		errors.Is(err, workload.ErrForeign), errors.Is(err, scaler.ErrForeign), errors.Is(err, router.ErrForeign):
		return err.Error(), 0, true
	case errors.Is(err, errPruned):
		return errPruned.Error(), unwatched, true // in the same words wherever it shows
	case meta.IsNoMatchError(err), apierrors.IsInvalid(err), apierrors.IsBadRequest(err), apierrors.IsForbidden(err),
		errors.Is(err, rollout.ErrUnsafe): // that is for us to mend, and for the user to know
		return err.Error(), unwatched, true
	}
	return "", 0, false
}

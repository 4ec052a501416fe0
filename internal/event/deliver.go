package event

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/record"
)

// An event that the API server cannot take now is tried again after the first pause, which doubles up to the longest:
// for some two minutes in all, as client-go does.
const (
	firstPause   = 500 * time.Millisecond
	longestPause = 64 * time.Second
)

// deliver writes e, or adds to the count of one that it repeats. It holds back the others about the same object until
// e is written or given up.
func (r *Recorder) deliver(ctx context.Context, stopped <-chan struct{}, e *corev1.Event) {
	result, err := r.correlator.EventCorrelate(e)
	if err == nil && !result.Skip {
		err = r.persevere(stopped, func() error { return r.write(ctx, result) })
	}
	if err != nil {
		r.lose(fmt.Errorf("write event %s/%s: %w", e.Namespace, e.Name, err))
		return
	}
	r.settle()
}

// persevere calls write until it succeeds or no further try can help. Once stopped is closed, one try follows and no more.
func (r *Recorder) persevere(stopped <-chan struct{}, write func() error) error {
	for pause := firstPause; ; pause *= 2 {
		err := write()
		if err == nil || !passes(err) || pause > longestPause {
			return err
		}
		select {
		case <-stopped:
			return write()
		case <-r.Clock.After(pause):
		}
	}
}

// passes tells whether the cause of a failed write may go away: the API server is busy or broken, or did not answer at
// all.
func passes(err error) bool {
	var answer apierrors.APIStatus
	if !errors.As(err, &answer) {
		return true
	}
	code := answer.Status().Code
	return code == http.StatusTooManyRequests || code >= http.StatusInternalServerError
}

// write sends one request, or two where the event that is to be counted on is gone.
func (r *Recorder) write(ctx context.Context, result *record.EventCorrelateResult) error {
	e := result.Event
	events := r.Client.Events(e.Namespace)
	stored, err := e, error(nil)
	if e.Count > 1 {
		stored, err = events.Patch(ctx, e.Name, types.StrategicMergePatchType, result.Patch, metav1.PatchOptions{})
	}
	if e.Count == 1 || apierrors.IsNotFound(err) {
		e.ResourceVersion = ""
		stored, err = events.Create(ctx, e, metav1.CreateOptions{})
	}
	switch {
	case apierrors.IsAlreadyExists(err): // the answer to an earlier try was lost
		return nil
	case apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause): // and the event would go with it
		return nil
	case err != nil:
		return err
	}
	r.correlator.UpdateState(stored)
	return nil
}

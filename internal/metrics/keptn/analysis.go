package keptn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/rand"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// removal bounds the removal of an analysis, which begins when the query's own time may be over.
const removal = 5 * time.Second

// analyse runs an analysis and returns 1 if it passes, 0 if not.
func (p *Provider) analyse(ctx context.Context, r request) (float64, error) {
	analysis := r.analysis()
	passed, err := p.run(ctx, analysis, r)
	// One that seems not to have been created may be there all the same.
	if removed := p.remove(ctx, analysis, r); err == nil {
		err = removed
	}
	if err != nil || !passed {
		return 0, err
	}
	return 1, nil
}

// run creates analysis and returns its result.
func (p *Provider) run(ctx context.Context, analysis *unstructured.Unstructured, r request) (passed bool, err error) {
	if err := p.client.Create(ctx, analysis); err != nil {
		return false, fmt.Errorf("create Analysis %s/%s: %w", r.namespace, r.name, shown(err))
	}
	if err := p.complete(ctx, analysis, r); err != nil {
		return false, err
	}
	passed, _, err = unstructured.NestedBool(analysis.Object, "status", "pass")
	if err != nil {
		return false, errors.New("status.pass is not a bool")
	}
	return passed, nil
}

// complete reads analysis until it is completed.
func (p *Provider) complete(ctx context.Context, analysis *unstructured.Unstructured, r request) error {
	key := client.ObjectKeyFromObject(analysis)
	err := wait.PollUntilContextTimeout(ctx, p.poll, p.patience, true, func(ctx context.Context) (bool, error) {
		if err := p.client.Get(ctx, key, analysis); err != nil {
			return false, err
		}
		state, _, err := unstructured.NestedString(analysis.Object, "status", "state")
		return state == "Completed", err
	})
	switch {
	case wait.Interrupted(err):
		return fmt.Errorf("encountered timeout while waiting for Keptn Analysis %s/%s to be finished", r.namespace, r.name)
	case err != nil:
		return fmt.Errorf("get Analysis %s/%s: %w", r.namespace, r.name, shown(err))
	}
	return nil
}

// remove deletes analysis, even if the time of ctx is over. One that is gone is no error.
func (p *Provider) remove(ctx context.Context, analysis *unstructured.Unstructured, r request) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), removal)
	defer cancel()
	if err := client.IgnoreNotFound(p.client.Delete(ctx, analysis)); err != nil {
		return fmt.Errorf("delete Analysis %s/%s: %w", r.namespace, r.name, shown(err))
	}
	return nil
}

// analysis returns the object that stands for r.
func (r request) analysis() *unstructured.Unstructured {
	analysis := object(analysisKind)
	analysis.SetNamespace(r.namespace)
	analysis.SetName(r.name + "-" + rand.String(6))
	spec := map[string]any{
		"analysisDefinition": map[string]any{"name": r.name},
		"timeframe":          map[string]any{"recent": r.duration},
	}
	if len(r.arguments) > 0 {
		spec["args"] = r.arguments
	}
	analysis.Object["spec"] = spec
	return analysis
}

//go:build linux

package story

import (
	"time"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

// NewStage is a stage without a lab, for objects that are somewhere else.
func NewStage(objects client.WithWatch, now func() time.Time) *Stage {
	return &Stage{Client: objects, now: now}
}

// Honourable tells what of a pod a process cannot have.
var Honourable = honourable

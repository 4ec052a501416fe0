package router

import (
	"errors"
	"fmt"

	"flagger.app/flagger/api/v1beta1"
)

// ErrInvalidSpec says that the canary asks for what its provider cannot express. No traffic has moved; only another
// spec helps.
var ErrInvalidSpec = errors.New("invalid spec")

// InvalidSpec marks err, whose text it keeps, as ErrInvalidSpec. It returns nil for nil.
func InvalidSpec(err error) error {
	if err == nil {
		return nil
	}
	return invalidSpec{err}
}

type invalidSpec struct{ error }

func (e invalidSpec) Is(target error) bool { return target == ErrInvalidSpec }

func (e invalidSpec) Unwrap() error { return e.error }

// Analysis is the canary's analysis; an empty one stands for none.
func Analysis(c *v1beta1.Canary) v1beta1.CanaryAnalysis {
	if analysis := c.GetAnalysis(); analysis != nil {
		return *analysis
	}
	return v1beta1.CanaryAnalysis{}
}

// ValidatePort says whether service.port is one of TCP's, else ErrInvalidSpec. A target that is a Service may do without
// a port elsewhere, but many providers know a Service by its port alone.
func ValidatePort(c *v1beta1.Canary) error {
	const last = 65535
	port := c.Spec.Service.Port
	if port != v1beta1.Number(int64(port)) || port < 1 || port > last {
		return InvalidSpec(fmt.Errorf("service.port %v is not between 1 and %d", port, last))
	}
	return nil
}

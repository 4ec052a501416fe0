package router

import "errors"

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

package workload

import apierrors "k8s.io/apimachinery/pkg/api/errors"

// marked has the text of error, which users may match on, and is mark as well for errors.Is.
type marked struct {
	error
	mark error
}

// Unwrap lets errors.Is and errors.As see both.
func (m marked) Unwrap() []error { return []error{m.error, m.mark} }

// rejected marks err as ErrInvalidTarget where the API server finds the object itself at fault, which a copy has from
// its source; trying again cannot help.
func rejected(err error) error {
	if apierrors.IsInvalid(err) {
		return marked{error: err, mark: ErrInvalidTarget}
	}
	return err
}

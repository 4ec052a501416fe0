package workload

import (
	"errors"
	"fmt"
	"net/url"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"flagger.app/flagger/internal/workload/configs"
)

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

// isPassing tells whether an error of a write may be gone with the next try: somebody else was faster, or the API server
// could not be reached or did not feel well.
func isPassing(err error) bool {
	for _, is := range []func(error) bool{
		apierrors.IsConflict, apierrors.IsInternalError, apierrors.IsServiceUnavailable, apierrors.IsTooManyRequests,
		apierrors.IsServerTimeout, apierrors.IsTimeout,
	} {
		if is(err) {
			return true
		}
	}
	return errors.As(err, new(*url.Error))
}

// configsError marks what went wrong with the configs of a target in this package's terms.
func configsError(target view, err error) error {
	err = fmt.Errorf("configs of %s: %w", target, err)
	switch {
	case errors.Is(err, configs.ErrForeign):
		return marked{error: err, mark: ErrForeign}
	case errors.Is(err, configs.ErrMissing):
		return marked{error: err, mark: ErrInvalidTarget}
	}
	return err
}

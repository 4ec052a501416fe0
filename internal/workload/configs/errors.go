package configs

import "errors"

var (
	// ErrMissing says that a config to which a template refers, and not optionally, does not exist.
	ErrMissing = errors.New("config is missing")
	// ErrForeign says that the name of a copy is taken by an object which no canary made.
	ErrForeign = errors.New("object belongs to somebody else")
)

package metrics

import (
	"errors"
	"strings"
)

// ErrQuery says that the query itself is at fault: malformed, or of a result that is not one number.
var ErrQuery = errors.New("bad query")

// ErrMultipleValues says that a query has a range of values where one was asked for. It is an ErrQuery.
var ErrMultipleValues = BadQuery(errors.New("query returned multiple values"))

// BadQuery returns err as the fault of the query: the text stays, and errors.Is finds ErrQuery in it.
func BadQuery(err error) error { return badQuery{err} }

type badQuery struct{ error }

// Unwrap returns what was the matter.
func (b badQuery) Unwrap() error { return b.error }

// Is makes every bad query an ErrQuery.
func (b badQuery) Is(target error) bool { return target == ErrQuery }

// HideUser returns address for a text that users read: without the user and password that it may carry.
func HideUser(address string) string {
	at := strings.LastIndex(address, "@")
	if at < 0 {
		return address
	}
	if scheme, _, ok := strings.Cut(address[:at], "://"); ok {
		return scheme + "://***" + address[at:]
	}
	return "***" + address[at:]
}

package proxy

import "fmt"

// Fault is something that may happen to a request. A request has one at most.
type Fault string

// Faults of requests other than watches, and of the opening of watches up to Reset.
const (
	Throttled Fault = "429"         // refused, with the advice to come back in a second
	Refused   Fault = "500"         // an error before the API server saw the request
	Reset     Fault = "reset"       // a reset before the API server saw it
	ErrorLate Fault = "500-after"   // an error in place of the answer: the API server has done what was asked
	ResetLate Fault = "reset-after" // a reset in place of the answer
	Slow      Fault = "slow"        // an answer that takes up to Longest more
)

// Faults of watches that were opened.
const (
	Cut  Fault = "cut"  // a reset in mid-stream
	Late Fault = "late" // events come up to Longest later, in their order
)

// Stormy is what happens to a request in a storm. It has no rate of its own.
const Stormy Fault = "storm"

// none is what happens to most requests.
const none Fault = ""

// ofOpening, ofRequests and ofWatches are the faults that are drawn at each of the three.
var (
	ofOpening  = []Fault{Throttled, Refused, Reset}
	ofRequests = []Fault{Throttled, Refused, Reset, ErrorLate, ResetLate, Slow}
	ofWatches  = []Fault{Cut, Late}
)

// Faults are those that have rates.
func Faults() []Fault { return append(append([]Fault{}, ofRequests...), ofWatches...) }

// Rates are probabilities, from 0 to 1: of a request's faults at each request, of a watch's at each watch.
type Rates map[Fault]float64

// Validate refuses what are no probabilities.
func (r Rates) Validate() error {
	sum := 0.0
	for _, fault := range Faults() {
		if r[fault] < 0 || r[fault] > 1 {
			return fmt.Errorf("the rate of %s is %g, not between 0 and 1", fault, r[fault])
		}
	}
	for _, fault := range ofRequests {
		sum += r[fault]
	}
	if sum > 1 {
		return fmt.Errorf("the rates of the faults of requests add up to %g, more than 1", sum)
	}
	return nil
}

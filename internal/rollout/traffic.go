package rollout

// Weight is a share of live traffic in percent, 0 to 100.
type Weight int

// whole is all of the live traffic.
const whole Weight = 100

// Traffic is how live requests are divided between the primary and the canary. It is comparable.
type Traffic struct {
	// Primary and Canary sum to 100.
	Primary, Canary Weight
	// Mirrored says that the canary also gets a copy of the primary's requests, whose answers are dropped.
	Mirrored bool
	// Affinity pins users to the side that they have met; the zero value pins nobody.
	Affinity Affinity
}

// Affinity holds the cookies of session affinity, each as "name=value" without attributes, or empty.
type Affinity struct {
	// Cookie pins a user to the canary while it is under analysis.
	Cookie string
	// PrimaryCookie pins a user to the primary until the next step.
	PrimaryCookie string
	// Expired is the canary cookie of the run before, which clients are told to forget.
	Expired string
}

// ToPrimary is all traffic on the primary, where it rests between runs.
func ToPrimary() Traffic { return Traffic{Primary: whole} }

// ToCanary is all traffic on the canary; under A/B testing, all that matches.
func ToCanary() Traffic { return Traffic{Canary: whole} }

// Split is canary percent of the traffic on the canary, cut to 0..100, and the rest on the primary.
func Split(canary Weight) Traffic {
	canary = min(max(canary, 0), whole)
	return Traffic{Primary: whole - canary, Canary: canary}
}

// Acceptance says whether the data plane has taken what a routing object asks for.
type Acceptance int

const (
	// Taken is confirmed, or the provider has no way to tell.
	Taken Acceptance = iota
	// Unconfirmed is not answered yet; some data planes never answer, so waiting for it has an end.
	Unconfirmed
	// Refused is answered with a no, and stays so until somebody mends the routing object or the data plane.
	Refused
)

// Routing is what the provider's routing object says now.
type Routing struct {
	Traffic    Traffic
	Acceptance Acceptance
	// Message says in words why Acceptance is not Taken; it names the object.
	Message string
}

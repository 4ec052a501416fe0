package rollouttest

import (
	"maps"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// Pace is how fast the simulated cluster is.
type Pace struct {
	// Startup is the time from asking for pods to their being ready, Deadline to their being given up.
	Startup, Deadline time.Duration
	// Confirm is how long the data plane takes to take a routing object, Hear to know of pods where there were none.
	Confirm, Hear time.Duration
}

// Cluster is the simulated cluster; acts change it, the operator's actions too.
type Cluster struct {
	// Now is the clock, which only the player moves.
	Now time.Time
	// Canary is the object as stored.
	Canary *v1beta1.Canary

	pace         Pace
	capabilities rollout.Capabilities
	settings     rollout.Settings
	workloads    [2]deployment
	route        route
	// apex is the side that the Service that users call selects, since apexMoved.
	apex      Side
	apexMoved time.Time
	configs   map[string]string
	// served are the configs of each version that the primary was given.
	served map[rollout.Version]map[string]string
	// unreadable is what keeps the configs from being read, claim who else has one; empty for nothing.
	unreadable, claim string
	// broken says which revisions never become ready on which side.
	broken map[Side]map[string]bool
	// answers are what hooks and metrics say now, by name; those missing agree.
	answers map[string]rollout.Answer
	// calls counts the calls of each hook and metric.
	calls map[string]int
	// gone is set once the finalizer is removed.
	gone bool
	// jumped is how far the clock was set back in all.
	jumped time.Duration
}

// route is the routing object.
type route struct {
	exists  bool
	traffic rollout.Traffic
	// takenAt is when the data plane confirms; refusal is its no, if it has one.
	takenAt time.Time
	refusal string
	// left is when the canary last lost all its traffic.
	left time.Time
}

// epoch is when stories begin.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// replicas is the size of workloads.
const replicas = 2

func newCluster(s Story) *Cluster {
	c := &Cluster{
		Now:          epoch,
		Canary:       s.Canary.DeepCopy(),
		pace:         s.Pace,
		capabilities: s.Capabilities,
		settings:     s.Settings,
		configs:      maps.Clone(s.Configs),
		apex:         Target,
		broken:       map[Side]map[string]bool{Target: {}, Primary: {}},
		answers:      map[string]rollout.Answer{},
		calls:        map[string]int{},
		served:       map[rollout.Version]map[string]string{},
	}
	c.Canary.Generation = 1
	c.Canary.UID = "uid"
	target := &c.workloads[Target]
	target.exists, target.revision, target.replicas = true, Revision("A"), replicas
	if analysis := s.Canary.GetAnalysis(); analysis != nil {
		for _, hook := range analysis.Webhooks {
			if hook.Type == v1beta1.HookRollback {
				c.answers[hook.Name] = rollout.Answer{Verdict: rollout.Fail, Message: "no"}
			}
		}
	}
	return c
}

// Revision is the identity of the pod template that stories call by a letter.
func Revision(letter string) string { return "h1:" + letter }

func (c *Cluster) plan() (rollout.Plan, error) {
	plan, err := rollout.NewPlan(c.Canary, c.capabilities, c.settings)
	plan.Deadline = c.pace.Deadline
	return plan, err
}

// observe is what the adapters report.
func (c *Cluster) observe(plan rollout.Plan) rollout.Observation {
	in := rollout.Observation{
		Now:        c.Now,
		Plan:       plan,
		UID:        string(c.Canary.UID),
		Generation: c.Canary.Generation,
		Status:     *c.Canary.Status.DeepCopy(),
		Deleting:   c.Canary.DeletionTimestamp != nil,
		Target:     c.workloads[Target].observe(c.Now, Target, plan.Target, plan.Namespace),
		Primary:    c.observePrimary(plan),
		Configs:    maps.Clone(c.configs),
		Claim:      c.claim,
		Routed:     c.route.exists,
		Routing:    c.route.observe(c.Now),
		Answers:    rollout.Answers{},
	}
	if c.unreadable != "" {
		in.Configs, in.Obstacle = nil, c.unreadable
	}
	if !plan.Routes {
		in.Routed, in.Routing = true, rollout.Routing{Traffic: rollout.ToPrimary()}
	}
	return in
}

func (c *Cluster) observePrimary(plan rollout.Plan) rollout.Workload {
	primary := c.workloads[Primary]
	w := primary.observe(c.Now, Primary, plan.Target+"-primary", plan.Namespace)
	if primary.unmarked && primary.revision != c.workloads[Target].revision {
		w.Revision = ""
	}
	return w
}

func (r *route) observe(now time.Time) rollout.Routing {
	routing := rollout.Routing{Traffic: r.traffic}
	switch {
	case !r.exists:
	case r.refusal != "":
		routing.Acceptance, routing.Message = rollout.Refused, r.refusal
	case now.Before(r.takenAt):
		routing.Acceptance, routing.Message = rollout.Unconfirmed, "HTTPRoute podinfo.test is not confirmed yet"
	}
	return routing
}

// set changes the traffic, whoever asks for it.
func (r *route) set(now time.Time, pace Pace, t rollout.Traffic) bool {
	if r.exists && r.traffic == t {
		return false
	}
	if r.traffic.Canary > 0 && t.Canary == 0 {
		r.left = now
	}
	r.exists, r.traffic, r.takenAt = true, t, now.Add(pace.Confirm)
	return true
}

// next is when the cluster changes next by itself, or the zero time.
func (c *Cluster) next() time.Time {
	next := time.Time{}
	earliest := func(t time.Time) {
		if t.After(c.Now) && (next.IsZero() || t.Before(next)) {
			next = t
		}
	}
	earliest(c.workloads[Target].next(c.Now))
	earliest(c.workloads[Primary].next(c.Now))
	if c.route.exists && c.route.refusal == "" {
		earliest(c.route.takenAt)
	}
	return next
}

// push gives the target a new template.
func (c *Cluster) push(revision string) {
	target := &c.workloads[Target]
	if target.revision == revision {
		return
	}
	target.revision = revision
	target.started = ""
	target.roll(c.Now, c.pace, c.broken[Target][revision])
}

// version is what the target carries.
func (c *Cluster) version() rollout.Version {
	return rollout.Version{Revision: c.workloads[Target].revision, Configs: rollout.Fingerprint(c.configs)}
}

// sync makes the primary a copy of the target and tells whether anything changed. A copy gets the target's size.
func (c *Cluster) sync() bool {
	target, primary := &c.workloads[Target], &c.workloads[Primary]
	broken, want := c.broken[Primary][target.revision], c.version()
	c.served[want] = maps.Clone(c.configs)
	switch {
	case !primary.exists:
		*primary = deployment{exists: true, revision: want.Revision, configs: want.Configs}
		primary.scale(c.Now, c.pace, max(target.replicas, replicas), broken)
	case primary.revision == want.Revision && primary.configs == want.Configs:
		return target.replicas > 0 && primary.scale(c.Now, c.pace, target.replicas, broken)
	default:
		primary.revision, primary.configs, primary.unmarked = want.Revision, want.Configs, false
		primary.roll(c.Now, c.pace, broken)
	}
	return true
}

// delete deletes the canary. Without a finalizer it is gone at once.
func (c *Cluster) delete() {
	if c.gone || c.Canary.DeletionTimestamp != nil {
		return
	}
	c.Canary.DeletionTimestamp = &metav1.Time{Time: c.Now}
	c.Canary.Generation++
	if !c.Canary.Spec.RevertOnDeletion {
		c.collect()
	}
}

// collect is the end of a canary: all that it owned goes with it.
func (c *Cluster) collect() {
	c.gone = true
	c.workloads[Primary] = deployment{}
	c.route = route{left: c.route.left}
	c.apex = Target
}

// recreate makes the canary anew.
func (c *Cluster) recreate() {
	if !c.gone {
		return
	}
	c.gone = false
	c.Canary.DeletionTimestamp = nil
	c.Canary.Status = v1beta1.CanaryStatus{}
	c.Canary.Generation++
	c.Canary.UID += "-again"
}

// jump moves the clock of the operator. Forwards, all that was to come comes sooner; backwards, nothing in the cluster
// comes later than it would have, but the times in the status lie in the future.
func (c *Cluster) jump(by time.Duration) {
	c.Now = c.Now.Add(by)
	if by >= 0 {
		return
	}
	for _, t := range []*time.Time{
		&c.route.takenAt, &c.route.left, &c.apexMoved,
		&c.workloads[0].readyAt, &c.workloads[0].deadline, &c.workloads[0].downUntil, &c.workloads[0].serving,
		&c.workloads[1].readyAt, &c.workloads[1].deadline, &c.workloads[1].downUntil, &c.workloads[1].serving,
	} {
		if !t.IsZero() {
			*t = t.Add(by)
		}
	}
	c.jumped += by
}

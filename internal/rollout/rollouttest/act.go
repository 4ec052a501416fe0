package rollouttest

import (
	"fmt"
	"maps"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// Act is something that a user or the weather does to the cluster.
type Act struct {
	// Title is how the log tells it.
	Title string
	do    func(*Cluster)
}

// Push deploys a revision, called by a letter.
func Push(letter string) Act {
	return Act{"the user pushes " + letter, func(c *Cluster) { c.push(Revision(letter)) }}
}

// PushScaled deploys a revision with a manifest that also sets the number of pods, as many do.
func PushScaled(letter string) Act {
	return Act{"the user pushes " + letter + " with replicas", func(c *Cluster) {
		c.push(Revision(letter))
		if c.workloads[Target].scale(c.Now, c.pace, replicas, c.broken[Target][Revision(letter)]) {
			c.workloads[Target].started = c.version().Configs
		}
	}}
}

// Break makes a revision one whose pods never become ready on a side.
func Break(side Side, letter string) Act {
	return Act{fmt.Sprintf("%s cannot run on the %v", letter, side), func(c *Cluster) {
		c.broken[side][Revision(letter)] = true
	}}
}

// Heal lets the pods of a side become ready after all.
func Heal(side Side) Act {
	return Act{fmt.Sprintf("the %v is healed", side), func(c *Cluster) {
		clear(c.broken[side])
		w := &c.workloads[side]
		if w.never {
			w.never = false
			w.readyIn(c.pace.Startup, c.Now)
		}
		if w.downUntil.After(c.Now) {
			w.downUntil = c.Now
		}
	}}
}

// Outage takes all pods of a side away for a while.
func Outage(side Side, d time.Duration) Act {
	return Act{fmt.Sprintf("all pods of the %v are down for %v", side, d), func(c *Cluster) {
		c.workloads[side].downUntil = c.Now.Add(d)
	}}
}

// DropPrimary deletes the primary workload.
func DropPrimary() Act {
	return Act{"somebody deletes the primary", func(c *Cluster) { c.workloads[Primary] = deployment{} }}
}

// Drift changes the routing object behind the operator's back.
func Drift(canary rollout.Weight) Act {
	t := rollout.Split(canary)
	return Act{fmt.Sprintf("somebody sets the route to %d/%d", t.Primary, t.Canary), func(c *Cluster) {
		if !c.route.exists {
			return
		}
		t.Affinity = c.route.traffic.Affinity
		left := c.route.left
		c.route.set(c.Now, c.pace, t)
		c.route.left = left // what others give and take back in an unwatched moment is theirs to drain
	}}
}

// DropRoute deletes the routing object. Whom it may have sent to the canary until then leaves it now.
func DropRoute() Act {
	return Act{"somebody deletes the route", func(c *Cluster) {
		c.route = route{refusal: c.route.refusal, left: c.Now}
	}}
}

// RefuseRoute makes the data plane say no to the routing object, with a message; an empty one ends that.
func RefuseRoute(message string) Act {
	title := "the gateway takes the route again"
	if message != "" {
		title = "the gateway refuses the route"
	}
	return Act{title, func(c *Cluster) { c.route.refusal = message }}
}

// Say makes a hook, a metric or "providers" answer so from now on.
func Say(name string, verdict rollout.Verdict, message string) Act {
	return Act{fmt.Sprintf("%s will say %s", name, verdict), func(c *Cluster) {
		c.answers[name] = rollout.Answer{Verdict: verdict, Message: message}
	}}
}

// Configure sets the checksums of the tracked configs.
func Configure(name, sum string) Act {
	return Act{fmt.Sprintf("config %s becomes %s", name, sum), func(c *Cluster) {
		if c.configs == nil {
			c.configs = map[string]string{}
		}
		c.configs[name] = sum
	}}
}

// Unreadable takes a config away that the pods cannot do without; Readable brings it back.
func Unreadable() Act {
	return Act{"config app is deleted", func(c *Cluster) { c.unreadable = "configmap app.test is missing" }}
}

// Readable ends what Unreadable began.
func Readable() Act {
	return Act{"every config can be read", func(c *Cluster) { c.unreadable = "" }}
}

// Claim has somebody else turn out to own what is ours to write; Unclaim ends that.
func Claim() Act {
	return Act{"somebody else has a claim", func(c *Cluster) { c.claim = "deployment podinfo-primary.test is somebody else's" }}
}

// Unclaim ends what Claim began.
func Unclaim() Act {
	return Act{"nobody else has a claim", func(c *Cluster) { c.claim = "" }}
}

// Resize has the user, or an autoscaler, change the number of pods of a side that runs.
func Resize(side Side, pods int) Act {
	return Act{fmt.Sprintf("the %v gets %d pods", side, pods), func(c *Cluster) {
		if w := &c.workloads[side]; w.exists && w.replicas > 0 {
			w.replicas = pods
		}
	}}
}

// Jump sets the clock.
func Jump(by time.Duration) Act {
	return Act{fmt.Sprintf("the clock jumps by %v", by), func(c *Cluster) { c.jump(by) }}
}

// Recreate makes the canary anew once it is gone.
func Recreate() Act { return Act{"the user creates the canary again", (*Cluster).recreate} }

// Revert has the user go back to what was promoted last, configs included.
func Revert() Act {
	return Act{"the user reverts to what was promoted last", func(c *Cluster) {
		status := c.Canary.Status
		promoted := rollout.Version{Revision: status.LastPromotedSpec, Configs: status.LastPromotedConfigs}
		if configs, served := c.served[promoted]; served {
			c.configs = maps.Clone(configs)
			c.push(promoted.Revision)
		}
	}}
}

// Edit changes the canary's spec.
func Edit(title string, edit func(*v1beta1.CanarySpec)) Act {
	return Act{title, func(c *Cluster) {
		if c.gone || c.Canary.DeletionTimestamp != nil {
			return
		}
		edit(&c.Canary.Spec)
		c.Canary.Generation++
	}}
}

// Suspend stops the operator's hand, or lets it go on.
func Suspend(on bool) Act {
	title := "the user resumes the canary"
	if on {
		title = "the user suspends the canary"
	}
	return Edit(title, func(spec *v1beta1.CanarySpec) { spec.Suspend = on })
}

// Delete deletes the canary.
func Delete() Act { return Act{"the user deletes the canary", (*Cluster).delete} }

// Adopt sets the scene of a cluster that Flagger left in the middle of something: the primary carries promoted, the
// target carries applied, users are divided as canary says, and the status is as stored by Flagger.
func Adopt(scene Scene) Act {
	return Act{"Flagger left phase " + string(scene.Status.Phase), func(c *Cluster) {
		c.Canary.Status = scene.Status
		c.apex, c.apexMoved = Primary, c.Now.Add(-time.Hour)
		settled := c.Now.Add(-time.Hour)
		c.workloads[Target] = deployment{exists: true, revision: Revision(scene.Target), replicas: scene.Pods, readyAt: settled}
		c.workloads[Primary] = deployment{
			exists: true, revision: Revision(scene.Primary), unmarked: true, replicas: replicas, readyAt: settled,
		}
		c.route = route{exists: true, traffic: rollout.Split(scene.Canary), takenAt: settled}
	}}
}

// Scene is a cluster as Flagger left it. Target and Primary are the letters of what they carry, Pods are the target's.
type Scene struct {
	Target, Primary string
	Pods            int
	Canary          rollout.Weight
	Status          v1beta1.CanaryStatus
}

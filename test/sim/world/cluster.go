package world

import (
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// startup is how long a pod takes to be ready.
const startup = 4 * time.Second

// cluster plays the controllers of Kubernetes and the gateway. They act when live is called, in a storm not always.
type cluster struct {
	*world
	fleets  map[string]*fleet
	gateway gateway
	// broken are the images whose pods never become ready, by the name of the Deployment.
	broken map[string]bool
}

func newCluster(w *world) *cluster {
	return &cluster{world: w, fleets: map[string]*fleet{}, broken: map[string]bool{}}
}

// fleet is the pods of one Deployment.
type fleet struct {
	uid        string
	generation int
	template   string
	image      string
	wanted     int
	pods       []pod
	// progressed is when its rollout last came further; complete is set once it has come to its end.
	progressed time.Time
	complete   bool
	sign       string
	deadline   time.Duration
	downUntil  time.Time
	// short is since when pods are missing, or since when none are; unavailable tells which.
	short       time.Time
	unavailable bool
}

type pod struct {
	template, image string
	readyAt         time.Time
}

// deployments are those that there may be.
var deployments = []string{app, primary}

// live lets every controller act once.
func (c *cluster) live() {
	for _, name := range deployments {
		c.roll(name)
	}
	c.answer()
	c.autoscale()
	if c.calm || c.chance.OneIn(2) {
		if c.server.Collect() {
			c.log.tell("cluster", "collects garbage")
		}
	}
}

// lazy tells whether a controller is late this time.
func (c *cluster) lazy() bool { return !c.calm && c.chance.OneIn(5) }

// roll takes a Deployment's own rollout one step further and reports its state.
func (c *cluster) roll(name string) {
	d := c.tree(deploymentKind, name)
	if d == nil {
		delete(c.fleets, name)
		return
	}
	f := c.fleets[name]
	if f == nil || f.uid != text(d, "metadata", "uid") {
		f = &fleet{uid: text(d, "metadata", "uid"), progressed: c.clock.now, short: c.clock.now}
		c.fleets[name] = f
	}
	if generation := number(d, "metadata", "generation"); generation != f.generation {
		if c.lazy() {
			return
		}
		f.adopt(d, generation, c.clock.now)
	}
	f.replace(c.clock.now, c.isBroken(name, f.image))
	status := f.report(c.clock.now, c.isBroken(name, f.image))
	if told(d, status) || c.lazy() {
		return
	}
	data, err := json.Marshal(tree{"status": tree{
		"observedGeneration": status.ObservedGeneration, "replicas": status.Replicas, "updatedReplicas": status.UpdatedReplicas,
		"readyReplicas": status.ReadyReplicas, "availableReplicas": status.AvailableReplicas, "conditions": status.Conditions,
	}}) // zeros have to be spelled out in a patch
	c.must(err, "encode a status")
	object := &appsv1.Deployment{}
	object.Namespace, object.Name = namespace, name
	c.must(c.hand.Status().Patch(c.ctx, object, client.RawPatch(mergePatch, data)), "report "+name)
	c.log.tell("cluster", "reports Deployment %s: %s", name, describe(c.tree(deploymentKind, name)))
}

func (c *cluster) isBroken(name, image string) bool { return c.broken[name+" "+image] }

// told tells whether the status says so already.
func told(d tree, status appsv1.DeploymentStatus) bool {
	available := condition(list(d, "status", "conditions"), string(appsv1.DeploymentAvailable))
	progressing := condition(list(d, "status", "conditions"), string(appsv1.DeploymentProgressing))
	return available != nil && progressing != nil &&
		number(d, "status", "observedGeneration") == int(status.ObservedGeneration) &&
		number(d, "status", "replicas") == int(status.Replicas) &&
		number(d, "status", "updatedReplicas") == int(status.UpdatedReplicas) &&
		number(d, "status", "availableReplicas") == int(status.AvailableReplicas) &&
		available["status"] == string(status.Conditions[0].Status) && progressing["reason"] == status.Conditions[1].Reason
}

// answer is the gateway's to the present route.
func (c *cluster) answer() {
	route := c.tree(routeKind, app)
	if route == nil {
		return
	}
	verdict, answered := c.gateway.judge(c.clock.now, number(route, "metadata", "generation"))
	if !answered || c.gateway.told(route, verdict) || c.lazy() {
		return
	}
	data, err := json.Marshal(tree{"status": tree{"parents": c.gateway.parents(route, verdict)}})
	c.must(err, "encode a status")
	object := &gatewayv1.HTTPRoute{}
	object.Namespace, object.Name = namespace, app
	c.must(c.hand.Status().Patch(c.ctx, object, client.RawPatch(mergePatch, data)), "answer for the route")
	c.log.tell("gateway", "answers generation %d: %s", number(route, "metadata", "generation"), verdict.reason)
}

// autoscale changes the sizes of what has an autoscaler, and pods.
func (c *cluster) autoscale() {
	for _, name := range deployments {
		if c.calm || c.tree(scalerKind, name) == nil || !c.chance.OneIn(12) {
			continue
		}
		if present := number(c.tree(deploymentKind, name), "spec", "replicas"); present > 0 {
			wanted := 2 + c.chance.IntN(3)
			c.edit(&appsv1.Deployment{}, name, fmt.Sprintf(`{"spec":{"replicas":%d}}`, wanted))
			c.log.tell("cluster", "the autoscaler of %s wants %d pods", name, wanted)
		}
	}
}

// plan adds what changes by itself.
func (c *cluster) plan(due *agenda) {
	for _, name := range deployments {
		if f := c.fleets[name]; f != nil {
			f.plan(due)
		}
	}
	if c.tree(routeKind, app) != nil {
		due.add(c.gateway.answers)
	}
}

package world

import (
	"time"

	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"k8s.io/client-go/tools/record"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/controller"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
	"flagger.app/flagger/internal/router/gatewayapi"
	"flagger.app/flagger/internal/router/kubernetes"
	"flagger.app/flagger/internal/telemetry"
	"flagger.app/flagger/internal/testkit/chance"
	"flagger.app/flagger/internal/testkit/memory"
	"flagger.app/flagger/internal/workload"
	"flagger.app/flagger/internal/workload/configs"
	"flagger.app/flagger/internal/workload/scaler"
)

const (
	// drain is the operator's -drain-period.
	drain = 10 * time.Second
	// retry is the pause after a call that failed.
	retry = time.Second
)

// canaries are the names of those that there may be.
var canaries = []string{app, rival}

// operator is one process after the other.
type operator struct {
	*world
	client     *memory.Client
	reconciler *controller.Reconciler
	telemetry  *telemetry.Recorder
	routers    *router.Registry
	// awake are the canaries that something has woken, due when others asked to be.
	awake map[string]bool
	due   map[string]time.Time
	// working is the canary that a call is about.
	working string
	fate    fate
	// requests are those of the present call that the caches did not answer.
	requests []string
}

// fate is what happens to a coming request of a call; left counts down to it.
type fate struct {
	left  int
	fault memory.Fault
	// overtaken has somebody else act ahead of the request.
	overtaken bool
}

func newOperator(w *world) *operator {
	return &operator{
		world:     w,
		telemetry: telemetry.New("simulation", "gatewayapi:v1"),
		routers:   router.NewRegistry([]router.Row{kubernetes.Row(), gatewayapi.Row(gatewayapi.V1)}),
	}
}

// start is a new process, which knows nothing of the one before and has a clock of its own.
func (o *operator) start() {
	o.awake, o.due = map[string]bool{}, map[string]time.Time{}
	o.client = o.server.Connect(memory.Hooks{Before: o.before, After: o.after})
	o.must(controller.Index(o.ctx, o.client), "index canaries")
	live := o.client.Live()
	adapters := workload.Options{
		Client: o.client, Live: live, SelectorLabels: []string{"app"},
		Configs: configs.New(configs.Options{Client: o.client, Live: live, Namespace: namespace}),
		Scaler:  scaler.New(scaler.Options{Client: o.client}),
	}
	reconciler, err := controller.New(controller.Options{
		Client: o.client, Routers: o.routers, MeshProvider: "gatewayapi:v1",
		Targets:  map[string]workload.Target{deploymentKind.Kind: workload.NewDeployment(adapters)},
		Services: map[string]workload.Services{deploymentKind.Kind: workload.NewServices(adapters)},
		Scaler:   adapters.Scaler,
		Checks:   o.oracle, Hooks: o.oracle, Recorder: &record.FakeRecorder{}, Telemetry: o.telemetry,
		Alert:    func(*v1beta1.Canary, rollout.Alert) {},
		Settings: rollout.Settings{Drain: drain}, Clock: o.clock, Census: time.Minute, Concurrency: 1,
	})
	o.must(err, "build the reconciler")
	o.reconciler = reconciler
	o.wake()
}

// restart replaces the process by one whose clock is somewhat different.
func (o *operator) restart(why string) {
	o.client.Kill()
	if !o.calm {
		o.clock.skew = time.Duration(o.chance.IntN(4)) * 2 * time.Second
	}
	o.log.tell("operator", "%s; another takes over, whose clock is %v ahead", why, o.clock.skew)
	o.start()
}

func (o *operator) wake() {
	for _, name := range canaries {
		o.awake[name] = true
	}
}

// woken returns a canary that the operator has to look at.
func (o *operator) woken() (string, bool) {
	for _, name := range canaries {
		if due, found := o.due[name]; found && !due.After(o.clock.now) {
			delete(o.due, name)
			o.awake[name] = true
		}
	}
	for _, name := range canaries {
		if o.awake[name] {
			return name, true
		}
	}
	return "", false
}

// plan adds when the operator wants to be woken.
func (o *operator) plan(due *agenda) {
	for _, name := range canaries {
		if at, found := o.due[name]; found {
			due.add(at)
		}
	}
}

// reconcile is one call.
func (o *operator) reconcile(name string) {
	o.draw()
	o.working, o.requests = name, o.requests[:0]
	delete(o.awake, name)
	delete(o.due, name)
	o.referee.look()
	result, err := o.reconciler.Reconcile(o.ctx, ctrl.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: name}})
	o.fate = fate{}
	switch {
	case o.client.Dead():
		o.restart("dies")
	case err != nil:
		o.log.tell("operator", "fails on %s: %v", name, err)
		if unsafe(err) {
			o.referee.forbid("%v", err)
		}
		o.due[name] = o.clock.now.Add(retry)
	case result.RequeueAfter > 0:
		o.due[name] = o.clock.now.Add(result.RequeueAfter)
	}
	o.referee.look()
}

// draw decides what the requests of a call meet.
func (o *operator) draw() {
	o.fate = fate{left: -1}
	if o.calm || !o.chance.OneIn(5) {
		return
	}
	o.fate.left = o.chance.IntN(6)
	o.fate.fault = chance.Pick(o.chance, memory.DiedAfter, memory.Died, memory.Fine, memory.Conflict, memory.TooMany,
		memory.Broken, memory.Lost, memory.Unanswered)
	o.fate.overtaken = o.fate.fault == memory.Fine
}

// before decides on the fate of a request.
func (o *operator) before(r memory.Request) memory.Fault {
	if r.Cached {
		return memory.Fine
	}
	o.requests = append(o.requests, r.String())
	if o.fate.left--; o.fate.left != -1 {
		return memory.Fine
	}
	if o.fate.overtaken {
		o.surprise()
		return memory.Fine
	}
	if o.fate.fault != memory.Fine {
		o.log.tell("server", "%s meets %s", r, faults[o.fate.fault])
	}
	return o.fate.fault
}

var faults = map[memory.Fault]string{
	memory.Conflict: "a conflict", memory.TooMany: "too many requests", memory.Broken: "an error of the server",
	memory.Lost: "a time-out and is lost", memory.Unanswered: "a time-out and is done",
	memory.Died: "the end of the process", memory.DiedAfter: "the end of the process behind it",
}

// after judges a write.
func (o *operator) after(write memory.Write) {
	o.log.wrote(write)
	o.referee.wrote(write)
}

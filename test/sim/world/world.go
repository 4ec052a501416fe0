package world

import (
	"context"
	"fmt"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/testkit/chance"
	"flagger.app/flagger/internal/testkit/memory"
)

const (
	namespace = "sim"
	// app is the name of the canary, its target and its apex; rival that of another canary of the same target.
	app, rival  = testkit.App, "rival"
	primary     = app + "-primary"
	canaryside  = app + "-canary"
	settings    = "settings"
	credentials = "credentials"
	mergePatch  = types.MergePatchType
)

const (
	// fewestMoves and mostMoves bound the part of a story that chance rules.
	fewestMoves, mostMoves = 15, 70
	// mostSettling bounds the calm part; a canary that has not come to rest by then never does.
	mostSettling = 600
)

// world is one story.
type world struct {
	ctx    context.Context
	chance *chance.Chance
	clock  *clock
	log    *narrator
	server *memory.Server
	// hand is that of users, controllers and gateways.
	hand *memory.Client

	scenario scenario
	cluster  *cluster
	oracle   *oracle
	operator *operator
	referee  *referee
	// calm ends faults, lags and surprises.
	calm  bool
	steps int
}

// Simulate lets chance tell a story. It returns how often the operator was called, and the first thing that must not
// happen, which begins with the invariant that it breaks.
func Simulate(c *chance.Chance) (steps int, violation error) {
	w := newWorld(c)
	w.log.mute = true
	violation = w.run()
	return w.steps, violation
}

// Narrate tells the story that the answers on a tape make.
func Narrate(tape []uint32) string {
	w := newWorld(chance.Replay(tape))
	if err := w.run(); err != nil {
		w.log.tell("wrong", "%v", err)
	}
	return w.log.String()
}

func newWorld(c *chance.Chance) *world {
	w := &world{
		ctx:    log.IntoContext(context.Background(), logr.Discard()),
		chance: c,
		clock:  &clock{now: dawn},
	}
	w.log = &narrator{clock: w.clock}
	w.server = memory.New(scheme, func() time.Time { return w.clock.now },
		canaryKind, deploymentKind, serviceKind, configMapKind, secretKind, routeKind, scalerKind)
	w.hand = w.server.Direct()
	w.cluster = newCluster(w)
	w.referee = newReferee(w)
	w.oracle = newOracle(w)
	w.operator = newOperator(w)
	return w
}

func (w *world) run() (violation error) {
	defer func() {
		if caught := recover(); caught != nil {
			violation = fmt.Errorf("panic: %v", caught)
		}
	}()
	w.found()
	for range fewestMoves + w.chance.IntN(mostMoves-fewestMoves) {
		if w.chance.OneIn(3) {
			w.surprise()
		}
		w.forward()
		if w.referee.violation != nil {
			return w.referee.violation
		}
	}
	return w.ending()
}

// forward is one call of the operator if anything has woken it, or lets time pass until something does.
func (w *world) forward() {
	w.cluster.live()
	w.deliver()
	if name, woken := w.operator.woken(); woken {
		w.steps++
		w.operator.reconcile(name)
		return
	}
	w.advance()
}

// deliver lets the operator's caches see what has changed. In a storm a kind may lag, as watches do that were lost.
func (w *world) deliver() {
	for _, kind := range w.operator.client.Behind() {
		n := -1
		if !w.calm && w.chance.OneIn(4) {
			n = w.chance.IntN(2)
		}
		if w.operator.client.Deliver(kind, n) > 0 {
			w.operator.wake()
		}
	}
}

// patience is how long a watch that was lost stays so.
const patience = 20 * time.Second

// advance moves the clock to what is due next; it returns false if nothing ever is.
func (w *world) advance() bool {
	due := agenda{now: w.clock.now}
	w.operator.plan(&due)
	w.cluster.plan(&due)
	if len(w.operator.client.Behind()) > 0 {
		due.add(w.clock.now.Add(patience))
	}
	if due.next.IsZero() {
		return false
	}
	w.clock.now = due.next
	return true
}

// tree is an object as it is.
func (w *world) tree(kind kindOf, name string) tree { return w.server.Tree(kind, namespace, name) }

// edit merges a patch into an object, as kubectl patch --type=merge does. What is not there cannot be edited.
func (w *world) edit(object client.Object, name, patch string) {
	object.SetNamespace(namespace)
	object.SetName(name)
	err := w.hand.Patch(w.ctx, object, client.RawPatch(mergePatch, []byte(patch)))
	w.must(client.IgnoreNotFound(err), "patch "+name)
}

// create makes an object, unless there is one of its name.
func (w *world) create(object client.Object) {
	object.SetNamespace(namespace)
	w.must(client.IgnoreAlreadyExists(w.hand.Create(w.ctx, object)), "create "+object.GetName())
}

// remove deletes an object, if it is there.
func (w *world) remove(object client.Object, name string) {
	object.SetNamespace(namespace)
	object.SetName(name)
	w.must(client.IgnoreNotFound(w.hand.Delete(w.ctx, object)), "delete "+name)
}

// must stops a story that cannot be told.
func (w *world) must(err error, what string) {
	if err != nil {
		panic(fmt.Sprintf("the simulation: %s: %v", what, err))
	}
}

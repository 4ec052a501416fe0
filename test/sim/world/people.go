package world

import (
	"encoding/json"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/internal/testkit/chance"
)

// acts are what users and the weather do, the plainest first and the frequent ones more than once.
var acts = []func(*world){
	(*world).push, (*world).push, (*world).push,
	(*world).answerOtherwise, (*world).answerOtherwise, (*world).answerOtherwise,
	(*world).closeOrOpen, (*world).closeOrOpen,
	(*world).wait,
	(*world).breakImage, (*world).healImage, (*world).outage,
	(*world).configure,
	(*world).drift, (*world).moveApex, (*world).dropService, (*world).dropRoute,
	(*world).suspend, (*world).skipAnalysis, (*world).replan, (*world).revert,
	(*world).dropPrimary, (*world).dropConfig,
	(*world).temperGateway,
	(*world).takeOver, (*world).jump,
	(*world).delete, (*world).recreate, (*world).contest,
}

// surprise lets chance decide what happens next.
func (w *world) surprise() {
	acts[w.chance.IntN(len(acts))](w)
	w.referee.look()
}

// push deploys an image, sometimes with a manifest that also sets the number of pods, as many do.
func (w *world) push() {
	letter := chance.Pick(w.chance, "b", "c", "d", "a")
	if w.chance.OneIn(3) {
		w.pushImage(letter, `"replicas":2,`)
		return
	}
	w.pushImage(letter, "")
}

func (w *world) pushImage(letter, extra string) {
	containers, err := json.Marshal(w.target(letter).Spec.Template.Spec.Containers)
	w.must(err, "encode containers")
	w.edit(&appsv1.Deployment{}, app, fmt.Sprintf(`{"spec":{%s"template":{"spec":{"containers":%s}}}}`, extra, containers))
	w.log.tell("user", "pushes %s %s", imageOf(letter), extra)
}

// answerOtherwise changes what a metric says.
func (w *world) answerOtherwise() {
	name := chance.Pick(w.chance, metric, secondMetric, providers)
	verdict := chance.Pick(w.chance, rollout.Pass, rollout.Fail, rollout.ProviderError, rollout.NoData)
	w.oracle.verdicts[name] = verdict
	w.log.tell("weather", "%s will say %s", name, verdict)
}

// closeOrOpen turns what a hook answers to the contrary.
func (w *world) closeOrOpen() {
	hooks := w.scenario.canary.Spec.Analysis.Webhooks
	if len(hooks) == 0 {
		return
	}
	name := hooks[w.chance.IntN(len(hooks))].Name
	w.oracle.closed[name] = !w.oracle.closed[name]
	w.log.tell("user", "makes the hook %s agree: %t", name, !w.oracle.closed[name])
}

// wait lets time pass in which nobody looks.
func (w *world) wait() {
	pause := time.Duration(1+w.chance.IntN(30)) * time.Second
	w.clock.pass(pause)
	w.log.tell("weather", "%v pass", pause)
}

// jump is a machine that stood still for a while.
func (w *world) jump() {
	w.clock.pass(10 * time.Minute)
	w.log.tell("weather", "ten minutes pass")
}

func (w *world) breakImage() {
	name, letter := chance.Pick(w.chance, app, primary), chance.Pick(w.chance, "b", "c", "d", "a")
	w.cluster.broken[name+" "+imageOf(letter)] = true
	w.log.tell("weather", "%s cannot run in %s", imageOf(letter), name)
}

func (w *world) healImage() {
	clear(w.cluster.broken)
	w.log.tell("weather", "every image can run")
}

// outage takes all pods of a side away for a while.
func (w *world) outage() {
	name := chance.Pick(w.chance, app, primary)
	pause := time.Duration(1+w.chance.IntN(90)) * time.Second
	if f := w.cluster.fleets[name]; f != nil {
		f.downUntil = w.clock.now.Add(pause)
		w.log.tell("weather", "all pods of %s are down for %v", name, pause)
	}
}

// configure gives a config other contents.
func (w *world) configure() {
	if !w.scenario.configured {
		return
	}
	letter := chance.Pick(w.chance, "b", "c", "a")
	if w.chance.OneIn(3) {
		w.edit(&corev1.Secret{}, credentials, fmt.Sprintf(`{"data":{"value":"%s"}}`, encoded[letter]))
		w.log.tell("user", "sets the secret to %s", letter)
		return
	}
	w.edit(&corev1.ConfigMap{}, settings, fmt.Sprintf(`{"data":{"value":%q}}`, letter))
	w.log.tell("user", "sets the config to %s", letter)
}

// encoded are letters in base64.
var encoded = map[string]string{"a": "YQ==", "b": "Yg==", "c": "Yw==", "last": "bGFzdA=="}

// dropConfig deletes a config that pods need, or brings it back.
func (w *world) dropConfig() {
	if !w.scenario.configured {
		return
	}
	if w.tree(configMapKind, settings) == nil {
		w.restoreConfig()
		return
	}
	w.remove(&corev1.ConfigMap{}, settings)
	w.log.tell("user", "deletes the config")
}

func (w *world) restoreConfig() {
	if w.scenario.configured && w.tree(configMapKind, settings) == nil {
		w.create(&corev1.ConfigMap{ObjectMeta: named(settings), Data: map[string]string{"value": "a"}})
		w.log.tell("user", "makes the config anew, with a")
	}
}

// drift edits the weights behind the operator's back.
func (w *world) drift() {
	route := w.tree(routeKind, app)
	if _, found := divided(route); !found {
		return
	}
	canary := w.chance.IntN(101)
	rules := copied(list(route, "spec", "rules"))
	for _, entry := range rules {
		rule, _ := entry.(tree)
		if _, both := backends(rule); !both {
			continue
		}
		for _, entry := range list(rule, "backendRefs") {
			backend, _ := entry.(tree)
			backend["weight"] = 100 - canary
			if text(backend, "name") == canaryside {
				backend["weight"] = canary
			}
		}
	}
	w.patchRoute(tree{"spec": tree{"rules": rules}})
	w.log.tell("user", "sets the route to %d/%d", 100-canary, canary)
}

// copied is a deep copy of a list.
func copied(from []any) []any {
	data, err := json.Marshal(from)
	if err != nil {
		panic(err) // it came as JSON
	}
	var to []any
	if err := json.Unmarshal(data, &to); err != nil {
		panic(err)
	}
	return to
}

func (w *world) patchRoute(patch tree) {
	data, err := json.Marshal(patch)
	w.must(err, "encode a patch")
	w.edit(&gatewayv1.HTTPRoute{}, app, string(data))
}

func (w *world) moveApex() {
	w.edit(&corev1.Service{}, app, `{"spec":{"selector":{"app":"`+app+`"}}}`)
	w.log.tell("user", "points the apex Service at the target")
}

func (w *world) dropService() {
	name := chance.Pick(w.chance, canaryside, primary, app)
	w.remove(&corev1.Service{}, name)
	w.log.tell("user", "deletes the Service %s", name)
}

func (w *world) dropRoute() {
	w.remove(&gatewayv1.HTTPRoute{}, app)
	w.log.tell("user", "deletes the route")
}

func (w *world) dropPrimary() {
	w.remove(&appsv1.Deployment{}, primary)
	w.log.tell("user", "deletes the primary")
}

// respec merges a patch into the canary's spec.
func (w *world) respec(patch string) {
	w.edit(&v1beta1.Canary{}, app, `{"spec":`+patch+`}`)
	w.log.tell("user", "edits the canary: %s", patch)
}

func (w *world) suspend() {
	suspended, _ := at(w.tree(canaryKind, app), "spec", "suspend").(bool)
	w.respec(fmt.Sprintf(`{"suspend":%t}`, !suspended))
}

func (w *world) skipAnalysis() {
	skipped, _ := at(w.tree(canaryKind, app), "spec", "skipAnalysis").(bool)
	w.respec(fmt.Sprintf(`{"skipAnalysis":%t}`, !skipped))
}

// replan changes the plan of a run that may be under way.
func (w *world) replan() {
	w.respec(chance.Pick(w.chance,
		`{"analysis":{"iterations":null,"match":null,"stepWeights":[30,60]}}`,
		`{"analysis":{"threshold":2}}`,
		`{"analysis":{"iterations":null,"match":null,"stepWeights":[10,20,90,100]}}`,
		`{"analysis":{"iterations":2,"stepWeights":null}}`,
	))
}

func (w *world) revert() {
	reverts, _ := at(w.tree(canaryKind, app), "spec", "revertOnDeletion").(bool)
	w.respec(fmt.Sprintf(`{"revertOnDeletion":%t}`, !reverts))
}

func (w *world) temperGateway() {
	w.cluster.gateway.temper = chance.Pick(w.chance, prompt, slow, strict, silent)
	w.cluster.gateway.asked = 0
	w.log.tell("weather", "the gateway is %s", [...]string{"prompt", "slow", "strict", "silent"}[w.cluster.gateway.temper])
}

// takeOver ends the process, wherever it is.
func (w *world) takeOver() {
	w.operator.client.Kill()
	w.operator.wake()
	w.log.tell("weather", "the operator loses its lease")
}

func (w *world) delete() {
	w.remove(&v1beta1.Canary{}, app)
	w.log.tell("user", "deletes the canary")
}

func (w *world) recreate() {
	if w.tree(canaryKind, app) == nil {
		w.create(w.scenario.canary.DeepCopy())
		w.log.tell("user", "makes the canary anew")
	}
}

// contest makes a second canary of the same target, or takes it away.
func (w *world) contest() {
	if w.tree(canaryKind, rival) != nil {
		w.remove(&v1beta1.Canary{}, rival)
		w.log.tell("user", "deletes the rival")
		return
	}
	if w.tree(canaryKind, app) == nil || !w.chance.OneIn(3) {
		return
	}
	w.clock.pass(time.Second) // or their age would be the same
	other := w.scenario.canary.DeepCopy()
	testkit.Named(rival)(other)
	w.create(other)
	w.log.tell("user", "makes a rival of the same target")
}

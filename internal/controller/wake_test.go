package controller

import (
	"context"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
)

func TestWake(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	shop := testkit.Canary(testkit.Named("shop"))
	shop.Spec.TargetRef.Name, shop.Spec.Service.Name = "backend", "web"
	w.apply(testkit.Canary(), testkit.Canary(testkit.Named("web-too")), shop)
	tests := map[string]struct {
		reason string
		among  names
		object client.Object
		want   []string
	}{
		"Target":        {"A push is seen at once.", Workloads, namedDeployment("web"), []string{"web", "web-too"}},
		"Primary":       {"So is a primary that becomes ready.", Workloads, namedDeployment("web-primary"), []string{"web", "web-too"}},
		"OtherWorkload": {"Nobody is woken by what does not concern them.", Workloads, namedDeployment("other"), nil},
		"CanarySide":    {"The Service of the canary is ours to mend.", Apexes, namedService("web-canary"), []string{"shop", "web", "web-too"}},
		"Canary":        {"The canaries of one target are told of each other.", Workloads, testkit.Canary(testkit.Named("x")), []string{"web", "web-too"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.object.SetNamespace(w.namespace)
			expect(t, test.reason, test.want, w.woken(test.among, test.object))
		})
	}
	stranger := namedDeployment("web")
	stranger.Namespace = "default"
	expect(t, "Namespaces keep apart.", nil, w.woken(Workloads, stranger))
	w.pipe.limit(1)
	w.pipe.dead = true
	expect(t, "Where nobody can be looked up, nobody is woken and nothing breaks.", nil, w.woken(Workloads, stranger))
}

// woken are the canaries that a change of object wakes, sorted.
func (w *world) woken(among names, object client.Object) []string {
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	w.operator.wake(among).Create(w.ctx, event.CreateEvent{Object: object}, queue)
	var names []string
	for queue.Len() > 0 {
		request, _ := queue.Get()
		queue.Done(request)
		names = append(names, request.Name)
	}
	slices.Sort(names)
	return names
}

func TestCensus(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taker := newCensus(w.operator)
	come := func(names ...string) {
		for _, name := range names {
			taker.handler().Create(w.ctx, event.CreateEvent{Object: w.named(name)}, nil)
		}
	}
	told := func() []string { return w.metric(`flagger_canary_total{namespace="` + w.namespace) }
	come("web", "other")
	taker.tell()
	expect(t, "Dashboards show how many canaries a namespace has.", []string{`flagger_canary_total{namespace="ns"} 2`}, told())
	for _, name := range []string{"web", "other"} {
		taker.handler().Delete(w.ctx, event.DeleteEvent{Object: w.named(name)}, nil)
	}
	expect(t, "Not with every change: many may come at once.", []string{`flagger_canary_total{namespace="ns"} 2`}, told())
	ended, cancel := context.WithCancel(w.ctx)
	cancel()
	must(t, taker.Start(ended), "end with the operator")
	expect(t, "A namespace that has none any more has 0, not what it had.", []string{`flagger_canary_total{namespace="ns"} 0`}, told())
}

// named is a canary of the world's namespace, which exists nowhere else.
func (w *world) named(name string) *v1beta1.Canary {
	c := testkit.Canary(testkit.Named(name))
	c.Namespace = w.namespace
	return c
}

func TestSomebodyElseWritesTheCanary(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.rollOut(testkit.Steps(50))
	w.push("app:2")
	w.pipe.before = func(request string) {
		if request == "patch status Canary web" {
			w.pipe.before = nil
			w.revise(`{"metadata":{"labels":{"team":"shop"}}}`)
		}
	}
	result, err := w.reconcile("web")
	if err != nil || result.RequeueAfter != time.Second {
		t.Errorf("a conflict is a quiet second look: got %+v, %v", result, err)
	}
	expect(t, "Nothing was recorded, so nothing is announced.", nil, w.said())
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "No step is lost or doubled.", []string{"0", "50", "0"}, w.seen.weights)
}

func TestMalformedQuery(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	measured(w)
	w.restart()
	w.rollOut(testkit.Steps(25, 50), testkit.Metric("latency"))
	w.revise(`{"spec":{"analysis":{"metrics":[{"name":"latency","interval":"1m","query":"sum(((","thresholdRange":{"max":1}}]}}}`)
	w.push("app:2")
	w.untilWeight("25")
	w.said()
	w.untilSo("the metric was looked at", func() bool { return w.canary().Status.FailedChecks > 0 })
	w.linger()
	said := w.said()
	broken := []string{"Warning MetricFailed Prometheus query failed for latency: error response: Status 400 Bad Request: " +
		`{"status":"error","errorType":"bad_data","error":"parse error: unclosed left parenthesis"}`}
	expect(t, "One look, one warning, which names the metric and the cause.", broken, said)
	expect(t, "The condition that waits for the user says the same.", "True MetricFailed", w.summary().stalled)
	c := w.canary()
	i := slices.IndexFunc(c.Status.Checks, func(check v1beta1.CheckResult) bool { return check.Name == "latency" })
	if i < 0 || c.Status.Checks[i].Verdict != v1beta1.VerdictFail || !slices.Contains(said, "Warning MetricFailed "+c.Status.Checks[i].Message) {
		t.Errorf("describing the canary says why: got %+v", c.Status.Checks)
	}
	w.until(v1beta1.PhaseFailed)
	expect(t, "The next look has nothing new to say: the run ends.", []string{
		"Warning RolledBack Rolling back web.ns failed checks threshold reached 2", "Warning RolledBack Canary failed! Scaling down web.ns",
	}, w.said())
	w.rest()
	expect(t, "What cannot be measured is never promoted.", []string{"app:1"}, w.seen.primaries)

	w.revise(`{"spec":{"analysis":{"metrics":[{"name":"latency","interval":"1m","query":"vector(1)","thresholdRange":{"max":1}}]}}}`)
	w.push("app:3")
	w.until(v1beta1.PhaseSucceeded)
	expect(t, "Mending the query is all that it takes.", []string{"app:1", "app:3"}, w.seen.primaries)
}

func TestCanaryThatIsGone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if result, err := w.reconcile("nobody"); err != nil || result.RequeueAfter != 0 {
		t.Errorf("a canary that is gone is no error: got %+v, %v", result, err)
	}
}

func TestAdoptedServiceKeepsWhatIsTheUsers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	service := namedService("web")
	service.Labels = map[string]string{"team": "shop"}
	w.apply(service)
	w.rollOut()
	adopted := &corev1.Service{}
	w.get("web", adopted)
	expect(t, "Of a Service that users made, only what must change is changed.",
		[]any{map[string]string{"team": "shop"}, 0}, []any{adopted.Labels, len(adopted.OwnerReferences)})
}

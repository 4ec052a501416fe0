package notify

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-logr/logr/funcr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

func TestAlertGoesByItsSeverity(t *testing.T) {
	k, room := newCluster(t), newChat(t)
	severities := []v1beta1.AlertSeverity{v1beta1.SeverityInfo, v1beta1.SeverityWarn, v1beta1.SeverityError}
	c := k.canary("info", "warn", "error", "empty")
	for i := range c.Spec.Analysis.Alerts {
		name := c.Spec.Analysis.Alerts[i].Name
		k.provider(name, room.URL+"/"+name)
		if i < len(severities) {
			c.Spec.Analysis.Alerts[i].Severity = severities[i]
		}
	}
	n := start(t, hasty(k.options()))
	for _, severity := range severities {
		n.Alert(c, rollout.Alert{Severity: severity, Message: string(severity)})
	}

	want := map[string][]string{
		"/info":  {"info", "warn", "error"},
		"/warn":  {"warn", "error"},
		"/error": {"error"},
		"/empty": {"info", "warn", "error"}, // as documented: the default is info
	}
	if diff := cmp.Diff(want, room.take(9)); diff != "" {
		t.Errorf("a room gets its severity and those above (-want +got):\n%s", diff)
	}
}

func TestAlertChoosesReceivers(t *testing.T) {
	k, room := newCluster(t), newChat(t)
	k.provider("own", room.URL+"/own")
	deprecated := k.canary("own")
	deprecated.Spec.CanaryAnalysis, deprecated.Spec.Analysis = deprecated.Spec.Analysis, nil
	without := k.canary()
	without.Spec.Analysis = nil
	quiet := k.canary("own")
	quiet.Spec.Analysis.Alerts[0].Severity = v1beta1.SeverityError

	cases := map[string]struct {
		reason string
		canary *v1beta1.Canary
		global bool
		want   map[string][]string
	}{
		"Own":        {"Own alerts replace the global receiver.", k.canary("own"), true, map[string][]string{"/own": {"hello", "the end"}}},
		"Global":     {"Without own alerts the global receiver is told.", k.canary(), true, map[string][]string{"/global": {"hello", "the end"}}},
		"NoAnalysis": {"A canary without analysis is told of too.", without, true, map[string][]string{"/global": {"hello", "the end"}}},
		"Deprecated": {"The old name of the analysis counts.", deprecated, true, map[string][]string{"/own": {"hello", "the end"}}},
		"Filtered":   {"An own alert that is too mild for its receiver goes nowhere.", quiet, true, map[string][]string{"/own": {"the end"}}},
		"Twice":      {"Two alerts of one provider are two messages.", k.canary("own", "own"), false, map[string][]string{"/own": {"hello", "hello", "the end", "the end"}}},
		"Nobody":     {"Nobody listens, nothing is kept.", k.canary(), false, map[string][]string{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := k.options()
			if tc.global {
				o.Global = v1beta1.AlertProviderSpec{Type: plain.Type, Address: room.URL + "/global"}
			}
			n := start(t, hasty(o))
			n.Alert(tc.canary, info("hello"))
			n.Alert(tc.canary, rollout.Alert{Severity: v1beta1.SeverityError, Message: "the end"})
			count := 0
			for _, texts := range tc.want {
				count += len(texts)
			}
			if diff := cmp.Diff(tc.want, room.take(count)); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAlertFindsItsReceiverWhenItIsSent(t *testing.T) {
	k, room := newCluster(t), newChat(t)
	n := hasty(k.options())
	c := k.canary("chat")
	n.Alert(c, info("one"))
	c.Name, c.Spec.Analysis.Alerts = "changed", nil

	k.secretProvider("chat", map[string]string{"address": room.URL + "/old\n", "token": "t1\n"})
	start(t, n)
	want := arrival{Room: "/old", Token: "Bearer t1", Canary: "web." + k.namespace, Text: "one"}
	if diff := cmp.Diff(want, <-room.arrivals); diff != "" {
		t.Errorf("what was there before the alert does not matter, nor what became of the canary (-want +got):\n%s", diff)
	}

	secret := &corev1.Secret{}
	if err := k.client.Get(t.Context(), client.ObjectKey{Namespace: k.namespace, Name: "chat"}, secret); err != nil {
		t.Fatal(err)
	}
	secret.StringData = map[string]string{"address": room.URL + "/new", "token": "t2"}
	if err := k.client.Update(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	n.Alert(k.canary("chat"), info("two"))
	want = arrival{Room: "/new", Token: "Bearer t2", Canary: "web." + k.namespace, Text: "two"}
	if diff := cmp.Diff(want, <-room.arrivals); diff != "" {
		t.Errorf("a Secret counts from the moment it is changed (-want +got):\n%s", diff)
	}
}

func TestAlertKeepsTheOrderThroughRetries(t *testing.T) {
	k, room := newCluster(t), newChat(t)
	k.provider("chat", room.URL+"/chat")
	room.answers["/chat"] = []int{503, 429, 500}
	dropped := 0
	o := k.options()
	o.Dropped = func() { dropped++ }
	n := start(t, hasty(o))

	want := map[string][]string{}
	for i := range 20 {
		c := k.canary("chat")
		c.Name = fmt.Sprint("web", i%3) // a room keeps the order of all canaries
		n.Alert(c, info(fmt.Sprint(i)))
		want["/chat"] = append(want["/chat"], fmt.Sprint(i))
	}
	if diff := cmp.Diff(want, room.take(20)); diff != "" || dropped != 0 {
		t.Errorf("%d dropped (-want +got):\n%s", dropped, diff)
	}
	if room.tries["/chat"] != 23 {
		t.Errorf("%d attempts for 20 messages and 3 refusals", room.tries["/chat"])
	}
}

// TestAlertIsNotHeldUp has one receiver that hangs, and as many canaries as a tick may meet.
func TestAlertIsNotHeldUp(t *testing.T) {
	k, room := newCluster(t), newChat(t)
	k.provider("hanging", room.URL+hanging)
	k.provider("fine", room.URL+"/fine")
	n := start(t, New(k.options()))

	slowest := time.Duration(0)
	for range 500 {
		begun := time.Now()
		n.Alert(k.canary("hanging", "fine"), info("hello"))
		slowest = max(slowest, time.Since(begun))
	}
	if slowest > 100*time.Millisecond {
		t.Errorf("one alert took %s of its canary's tick", slowest)
	}
	if got := len(room.take(500)["/fine"]); got != 500 {
		t.Errorf("a receiver that hangs holds up itself alone: the other got %d of 500", got)
	}
}

// TestAlertTakesNoTime is the same in simulated time: a minute of silence from the receiver is no moment of the caller's.
func TestAlertTakesNoTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var dropped atomic.Int64
		n := New(Options{
			Services: []Service{plain}, Log: funcr.New(func(string, string) {}, funcr.Options{}), Dropped: func() { dropped.Add(1) },
			Global: v1beta1.AlertProviderSpec{Type: plain.Type, Address: "http://chat.test/s3cret"},
		})
		n.client.Transport = silence{}
		start(t, n)
		begun := time.Now()
		for range 10 {
			n.Alert(testkit.Canary(), info("hello"))
			synctest.Wait() // the receiver has the first of them now
		}
		if took := time.Since(begun); took != 0 || dropped.Load() != 0 {
			t.Errorf("alerts took %s, %d were dropped", took, dropped.Load())
		}
		time.Sleep(10 * time.Minute) //nolint:forbidigo // simulated by synctest
		synctest.Wait()
		if got := dropped.Load(); got != 9 {
			t.Errorf("each alert is given up after six attempts, a minute in all: %d of 10 were within 10 minutes, want 9", got)
		}
	})
}

// silence never answers.
type silence struct{}

func (silence) RoundTrip(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

func TestAlertDropsTheOldest(t *testing.T) {
	room, dropped := newChat(t), 0
	n := hasty(Options{
		Services: []Service{plain}, Dropped: func() { dropped++ },
		Global: v1beta1.AlertProviderSpec{Type: plain.Type, Address: room.URL + "/chat"},
	})
	for i := range backlog.Backlog + 3 {
		n.Alert(testkit.Canary(), info(fmt.Sprint(i)))
	}
	if dropped != 3 {
		t.Errorf("%d dropped, want 3", dropped)
	}
	start(t, n)
	got := room.take(backlog.Backlog)["/chat"]
	if first, last := got[0], got[len(got)-1]; first != "3" || last != fmt.Sprint(backlog.Backlog+2) {
		t.Errorf("the newest are kept: got %s to %s", first, last)
	}
}

func TestNewTellsOfTheGlobalReceiver(t *testing.T) {
	cases := map[string]struct {
		reason string
		spec   v1beta1.AlertProviderSpec
		want   string
	}{
		"None":    {"There may be none.", v1beta1.AlertProviderSpec{Type: plain.Type}, ""},
		"Enabled": {"The path of a hook is a secret.", v1beta1.AlertProviderSpec{Type: plain.Type, Address: "https://hooks.test/services/s3cret"}, `"level"=0 "msg"="Notifications enabled for https://hooks.test"`},
		"Invalid": {"Whatever is no URL may be one by half, secret included.", v1beta1.AlertProviderSpec{Type: plain.Type, Address: "hooks.test/s3cret"}, `"msg"="Notifier invalid Plain hook URL: want http or https, a host and a path" "error"=null`},
		"Unknown": {"The table knows the types.", v1beta1.AlertProviderSpec{Type: "pager", Address: "https://hooks.test/s3cret"}, `"msg"="Notifier provider pager not supported" "error"=null`},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var lines bytes.Buffer
			log := funcr.New(func(_, args string) { lines.WriteString(args) }, funcr.Options{})
			n := New(Options{Services: []Service{plain}, Log: log, Global: tc.spec, Dropped: func() { t.Error("dropped") }})
			if lines.String() != tc.want {
				t.Errorf("%s\ngot  %s\nwant %s", tc.reason, &lines, tc.want)
			}
			n.Alert(testkit.Canary(), info("hello")) // must not panic
		})
	}
}

func TestDeliverTellsWhatWentWrong(t *testing.T) {
	k := newCluster(t)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a redirect was followed to another host")
	}))
	defer elsewhere.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/s3cret/echo", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, fmt.Sprintf("no %s for %s", r.URL, r.Header.Get("Authorization")), http.StatusForbidden)
	})
	mux.Handle("/s3cret/away", http.RedirectHandler(elsewhere.URL+"/s3cret", http.StatusTemporaryRedirect))
	mux.HandleFunc("/s3cret/down", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	server := httptest.NewServer(mux)
	defer server.Close()
	gone := httptest.NewServer(mux)
	gone.Close()
	address := strings.TrimPrefix(gone.URL, "http://")

	cases := map[string]struct {
		reason   string
		provider v1beta1.AlertProviderSpec
		secret   map[string]string
		want     string // after "alert provider <name>.<namespace> "
	}{
		"Unsupported": {"A type without a row is said to be one.",
			v1beta1.AlertProviderSpec{Type: "rocket", Address: server.URL}, nil,
			"error: provider rocket not supported"},
		"Invalid": {"An address without a scheme is none.",
			v1beta1.AlertProviderSpec{Type: "slack", Address: "hooks.test/s3cret"}, nil,
			"error: invalid Plain hook URL: want http or https, a host and a path"},
		"Scheme": {"Messages go over HTTP.",
			v1beta1.AlertProviderSpec{Type: "slack", Address: "ftp://hooks.test/s3cret"}, nil,
			"error: invalid Plain hook URL: want http or https, a host and a path"},
		"Proxy": {"The proxy is told without its password.",
			v1beta1.AlertProviderSpec{Type: "slack", Address: server.URL, Proxy: "http://user:s3cret@proxy:bad"}, nil,
			"error: unable to parse proxy URL 'proxy:bad', error: want a URL such as http://proxy:3128"},
		"NoSecret": {"The Secret has to be there.",
			v1beta1.AlertProviderSpec{Type: "slack", SecretRef: &corev1.LocalObjectReference{Name: "missing"}}, nil,
			`secretRef error: secrets "missing" not found`},
		"NoAddress": {"The Secret has to tell the address.",
			v1beta1.AlertProviderSpec{Type: "slack"}, map[string]string{"token": "s3cret"},
			"secret does not contain an address"},
		"Repeated": {"A receiver that repeats its address and token is cut short.",
			v1beta1.AlertProviderSpec{Type: "slack"}, map[string]string{"address": server.URL + "/s3cret/echo", "token": "s3crettoken"},
			"send error: postMessage failed: sending notification bad response 403: no /*** for Bearer ***\n"},
		"Redirect": {"Where a redirect leads is told by host.",
			v1beta1.AlertProviderSpec{Type: "slack", Address: server.URL + "/s3cret/away"}, nil,
			"send error: postMessage failed: sending notification bad response 307: redirect to " + elsewhere.URL + " not followed"},
		"Down": {"The last answer is told.",
			v1beta1.AlertProviderSpec{Type: "slack", Address: server.URL + "/s3cret/down"}, nil,
			"send error: postMessage failed: sending notification bad response 502: "},
		"Unreachable": {"The address is told by host and port.",
			v1beta1.AlertProviderSpec{Type: "slack", Address: gone.URL + "/s3cret"}, nil,
			"send error: postMessage failed: sending notification failed to send: dial tcp " + address + ": connect: connection refused"},
		"ProxyUnreachable": {"A proxy needs no scheme.",
			v1beta1.AlertProviderSpec{Type: "slack", Address: server.URL + "/s3cret/echo", Proxy: "user:s3cret@" + address}, nil,
			"send error: postMessage failed: sending notification failed to send: proxyconnect tcp: dial tcp " + address + ": connect: connection refused"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			object := strings.ToLower(name)
			if tc.secret != nil {
				k.secretProvider(object, tc.secret)
			} else {
				provider := &v1beta1.AlertProvider{Spec: tc.provider}
				provider.Name = object
				k.create(provider)
			}
			k.delivers(t, tc.reason, object, k.options(), fmt.Sprintf("alert provider %s.%s %s", object, k.namespace, tc.want))
		})
	}
}

func TestDeliverChecksTheReference(t *testing.T) {
	k, room := newCluster(t), newChat(t)
	k.delivers(t, "A name that leads nowhere is told.", "missing", k.options(),
		fmt.Sprintf(`alert provider missing.%s error: alertproviders.flagger.app "missing" not found`, k.namespace))

	k.provider("chat", room.URL+"/chat")
	other := k.canary()
	other.Namespace = "other"
	other.Spec.Analysis.Alerts = []v1beta1.CanaryAlert{{ProviderRef: v1beta1.CrossNamespaceObjectReference{Name: "chat", Namespace: k.namespace}}}
	o := k.options()
	n := start(t, hasty(o))
	n.Alert(other, info("hello"))
	if got := <-room.arrivals; got.Canary != "web.other" {
		t.Errorf("another namespace's provider may be used, got %+v", got)
	}
	o.NoCrossNamespaceRefs = true
	err := New(o).send(t.Context(), providerKey(other, other.Spec.Analysis.Alerts[0].ProviderRef), letter{canary: client.ObjectKeyFromObject(other)})
	want := fmt.Sprintf("alert provider chat.%[1]s error: can't access alert provider chat.%[1]s, cross-namespace references are blocked", k.namespace)
	if err == nil || err.Error() != want {
		t.Errorf("unless that is forbidden: got %v, want %s", err, want)
	}
}

// delivers checks that an alert for a provider is dropped with one line in the log, which holds no secret.
func (k cluster) delivers(t *testing.T, reason, provider string, o Options, want string) {
	t.Helper()
	var lines []string
	dropped := 0
	o.Log = funcr.NewJSON(func(line string) { lines = append(lines, line) }, funcr.Options{})
	o.Dropped = func() { dropped++ }
	c := k.canary(provider)
	hasty(o).deliver(t.Context(), providerKey(c, c.Spec.Analysis.Alerts[0].ProviderRef), letter{
		canary: client.ObjectKeyFromObject(c), message: compose(c, info("hello"), ""),
	})
	wanted := []string{fmt.Sprintf(`{"logger":"","msg":%s,"error":null,"canary":%q}`, quoted(want), "web."+k.namespace)}
	if diff := cmp.Diff(wanted, lines); diff != "" || dropped != 1 {
		t.Errorf("%s\n%d dropped, log (-want +got):\n%s", reason, dropped, diff)
	}
	if strings.Contains(strings.Join(lines, ""), "s3cret") {
		t.Errorf("a secret is in the log: %s", lines)
	}
}

// quoted writes a text as the log does.
func quoted(text string) string {
	line := ""
	funcr.NewJSON(func(l string) { line = l }, funcr.Options{}).Error(nil, text)
	return strings.TrimSuffix(strings.TrimPrefix(line, `{"logger":"","msg":`), `,"error":null}`)
}

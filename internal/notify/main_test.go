package notify

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// plain is a service that takes messages as they are. Its type is one that the CRD knows.
var plain = Service{
	Type: "slack",
	Hook: "Plain hook",
	Render: func(r Room, m Message) Post {
		return Post{Address: r.Address, Token: r.Token, Body: m}
	},
}

// arrival is a message that came to a room.
type arrival struct {
	// Room is the path of the address.
	Room, Token, Canary, Text string
}

// chat is a chat service with a room at every path.
type chat struct {
	*httptest.Server
	// arrivals has one entry for each message that was taken.
	arrivals chan arrival

	mu sync.Mutex
	// answers are how many times a room answers with a status before it takes messages.
	answers map[string][]int
	tries   map[string]int
}

// hanging is a room that never answers.
const hanging = "/hanging"

func newChat(t *testing.T) *chat {
	t.Helper()
	c := &chat{arrivals: make(chan arrival, 2048), answers: map[string][]int{}, tries: map[string]int{}}
	c.Server = httptest.NewServer(c)
	t.Cleanup(c.Close)
	return c
}

func (c *chat) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m Message
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = json.Unmarshal(body, &m)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	room := r.URL.Path
	if room == hanging {
		<-r.Context().Done()
		return
	}
	c.mu.Lock()
	c.tries[room]++
	if left := c.answers[room]; len(left) > 0 {
		c.answers[room] = left[1:]
		c.mu.Unlock()
		w.WriteHeader(left[0])
		return
	}
	c.mu.Unlock()
	c.arrivals <- arrival{Room: room, Token: r.Header.Get("Authorization"), Canary: m.Canary, Text: m.Text}
}

// take waits for the next n arrivals and returns their texts, by room.
func (c *chat) take(n int) map[string][]string {
	texts := map[string][]string{}
	for range n {
		got := <-c.arrivals
		texts[got.Room] = append(texts[got.Room], got.Text)
	}
	return texts
}

// cluster is an API server with a namespace of this test's.
type cluster struct {
	t         *testing.T
	client    client.Client
	namespace string
}

func newCluster(t *testing.T) cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	cfg := testkit.StartAPIServer(t, "config/crd/bases")
	cli, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return cluster{t: t, client: cli, namespace: testkit.NewNamespace(t, cli)}
}

func (k cluster) create(o client.Object) {
	k.t.Helper()
	o.SetNamespace(k.namespace)
	if err := k.client.Create(k.t.Context(), o); err != nil {
		k.t.Fatal(err)
	}
}

// provider makes an AlertProvider with that address.
func (k cluster) provider(name, address string) {
	k.t.Helper()
	k.create(&v1beta1.AlertProvider{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1beta1.AlertProviderSpec{Type: plain.Type, Address: address},
	})
}

// secretProvider makes an AlertProvider with a Secret of the same name.
func (k cluster) secretProvider(name string, data map[string]string) {
	k.t.Helper()
	k.create(&v1beta1.AlertProvider{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       v1beta1.AlertProviderSpec{Type: plain.Type, SecretRef: &corev1.LocalObjectReference{Name: name}},
	})
	k.create(&corev1.Secret{ObjectMeta: metav1.ObjectMeta{Name: name}, StringData: data})
}

// canary has an alert for each of those providers, which takes all severities.
func (k cluster) canary(providers ...string) *v1beta1.Canary {
	c := testkit.Canary()
	c.Namespace = k.namespace
	for _, name := range providers {
		c.Spec.Analysis.Alerts = append(c.Spec.Analysis.Alerts, v1beta1.CanaryAlert{
			Name: name, ProviderRef: v1beta1.CrossNamespaceObjectReference{Name: name},
		})
	}
	return c
}

// options are those of a notifier that knows this cluster and the service plain.
func (k cluster) options() Options {
	return Options{
		Services: []Service{plain}, Providers: k.client, Secrets: k.client, Log: logr.Discard(), Dropped: func() {},
	}
}

// hasty returns a notifier that does not pause between attempts.
func hasty(o Options) *Notifier {
	n := New(o)
	n.client.Pause = func(time.Duration, time.Duration, int, *http.Response) time.Duration { return 0 }
	return n
}

// start runs n until the test ends.
func start(t *testing.T, n *Notifier) *Notifier {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return n
}

func info(text string) rollout.Alert {
	return rollout.Alert{Severity: v1beta1.SeverityInfo, Message: text}
}

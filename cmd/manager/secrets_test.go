package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/security"
)

// planted is in everything that is secret; what follows it tells whose.
const planted = "s3cret-"

// chats are the types of AlertProviders.
var chats = []string{"slack", "discord", "rocket", "msteams", "gchat"}

// tenancy is a namespace whose every Secret leads to an endpoint that means harm, and the operator that works there.
type tenancy struct {
	t         *testing.T
	client    client.Client
	namespace string
	// endpoint is the address of whatever tenants choose, cluster that of the API server, as the operator knows it.
	endpoint, cluster string
	// outside sees what comes to endpoint, inside what comes to cluster.
	outside, inside security.Witness
}

func newTenancy(t *testing.T) (*tenancy, *rest.Config) {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, v1beta1.AddToScheme} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	cfg := testkit.StartAPIServer(t, filepath.Join("config", "crd", "bases"))
	c, err := client.New(cfg, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	y := &tenancy{t: t, client: c, namespace: testkit.NewNamespace(t, c)}
	y.endpoint = security.Serve(t, y.outside.Before(http.HandlerFunc(security.Repeat)))
	seen := y.inside.Front(t, cfg)
	y.cluster = seen.Host
	return y, seen
}

func (y *tenancy) create(name string, o client.Object) {
	y.t.Helper()
	o.SetName(name)
	o.SetNamespace(y.namespace)
	if err := y.client.Create(y.t.Context(), o); err != nil {
		y.t.Fatal(err)
	}
}

// at is the endpoint's address for whom, with a user and a password.
func (y *tenancy) at(whom string) string {
	return strings.Replace(y.endpoint, "://", "://me:"+planted+whom+"@", 1) + "/" + whom
}

// metric makes a template of that kind and a canary that cannot begin before it is answered.
func (y *tenancy) metric(name, kind, address string, secret map[string][]byte) {
	y.t.Helper()
	template := &v1beta1.MetricTemplate{Spec: v1beta1.MetricTemplateSpec{
		Provider: v1beta1.MetricTemplateProvider{Type: kind, Address: address, InsecureSkipVerify: true}, Query: "up",
	}}
	if secret != nil {
		y.create(name, &corev1.Secret{Data: secret})
		template.Spec.Provider.SecretRef = &corev1.LocalObjectReference{Name: name}
	}
	y.create(name, template)
	y.canary(name, func(c *v1beta1.Canary) {
		c.Spec.Analysis.Metrics = []v1beta1.CanaryMetric{{
			Name: name, TemplateRef: &v1beta1.CrossNamespaceObjectReference{Name: name},
			ThresholdRange: &v1beta1.CanaryThresholdRange{Max: new(1.0)},
		}}
	})
}

// canary makes a target, with a Secret of its own, and its canary.
func (y *tenancy) canary(name string, change func(*v1beta1.Canary)) {
	y.t.Helper()
	name = "web-" + name
	y.create(name+"-config", &corev1.Secret{Data: map[string][]byte{"password": []byte(planted + name)}})
	target := testkit.Deployment("app:1")
	target.Spec.Selector.MatchLabels["app"], target.Spec.Template.Labels["app"] = name, name
	target.Spec.Template.Spec.Containers[0].EnvFrom = []corev1.EnvFromSource{{SecretRef: &corev1.SecretEnvSource{
		LocalObjectReference: corev1.LocalObjectReference{Name: name + "-config"},
	}}}
	y.create(name, target)
	c := testkit.Canary(testkit.Provider("kubernetes"), testkit.Iterations(1))
	c.Spec.TargetRef.Name = name
	change(c)
	y.create(name, c)
}

// tells makes a canary whose events go to a chat of that type, and to a hook.
func (y *tenancy) tells(kind string) {
	y.t.Helper()
	y.create(kind, &corev1.Secret{Data: map[string][]byte{
		"address": []byte(y.at(kind) + "/" + planted + kind), "token": []byte(planted + kind),
	}})
	y.create(kind, &v1beta1.AlertProvider{Spec: v1beta1.AlertProviderSpec{
		Type: kind, SecretRef: &corev1.LocalObjectReference{Name: kind},
	}})
	y.canary(kind, func(c *v1beta1.Canary) {
		c.Spec.Analysis.Alerts = []v1beta1.CanaryAlert{{
			Name: kind, Severity: v1beta1.SeverityInfo, ProviderRef: v1beta1.CrossNamespaceObjectReference{Name: kind},
		}}
		c.Spec.Analysis.Webhooks = []v1beta1.CanaryWebhook{{Name: "told", Type: v1beta1.HookEvent, URL: y.at("hook")}}
	})
}

// ready says of the primaries of those canaries what their Deployment's controller would.
func (y *tenancy) ready(names []string) {
	y.t.Helper()
	for _, name := range names {
		primary := &appsv1.Deployment{}
		if err := y.client.Get(y.t.Context(), client.ObjectKey{Namespace: y.namespace, Name: "web-" + name + "-primary"}, primary); err != nil {
			y.t.Fatal(err)
		}
		pods := *primary.Spec.Replicas
		primary.Status = appsv1.DeploymentStatus{
			ObservedGeneration: primary.Generation, Replicas: pods, UpdatedReplicas: pods, ReadyReplicas: pods, AvailableReplicas: pods,
		}
		if err := y.client.Status().Update(y.t.Context(), primary); err != nil {
			y.t.Fatal(err)
		}
	}
}

// populate makes one canary for each way to have a secret, and returns the beginnings of the lines that the log has to have
// when each has been used.
func (y *tenancy) populate() []string {
	y.t.Helper()
	var told []string
	for _, kind := range slices.Sorted(maps.Keys(metricProviders(&rest.Config{}))) {
		if slices.Contains(elsewhere, kind) {
			continue
		}
		y.metric(kind, kind, y.at(kind), allCredentials(planted+kind))
		told = append(told, fmt.Sprintf("Error checking metric providers: %s in metric template %s.%s not avaiable: ", kind, kind, y.namespace))
	}
	for _, kind := range []string{"prometheus", "externalmetrics", "graphite"} {
		y.metric("cluster-"+kind, kind, y.cluster, nil)
		told = append(told, fmt.Sprintf("Error checking metric providers: %s in metric template cluster-%s.", kind, kind))
	}
	y.canary("server", func(c *v1beta1.Canary) {
		c.Spec.MetricsServer = y.at("server")
		c.Spec.Analysis.Metrics = []v1beta1.CanaryMetric{{
			Name: "request-success-rate", ThresholdRange: &v1beta1.CanaryThresholdRange{Min: new(99.0)},
		}}
	})
	for _, kind := range chats {
		y.tells(kind)
		told = append(told, fmt.Sprintf("web-%s-primary.%s not ready: ", kind, y.namespace))
	}
	return append(told, "error sending event to webhook: ", "Error checking metric providers: prometheus not avaiable: ")
}

// A secret is seen by whom it is for and by nobody else: not in the log, which is at its most talkative by default, nor in
// an event, a status or a metric, whatever goes wrong. And nobody but the API server learns who the operator is.
func TestSecretsStayWhereTheyBelong(t *testing.T) {
	y, cfg := newTenancy(t)
	told := y.populate()
	p := launch(t, "-mesh-provider=kubernetes", "-kubeconfig", testkit.Kubeconfig(t, cfg), "-port=127.0.0.1:0", "-namespace", y.namespace,
		"-metrics-server", y.at("default"), "-slack-url", y.at("global"), "-slack-token", planted+"global", "-log-level=debug")
	p.until(`starting server`)
	address := field(p.lines[len(p.lines)-1], "addr")
	p.untilAll(told...)
	y.ready(chats)
	for _, kind := range chats {
		p.untilAll(fmt.Sprintf("alert provider %s.%s send error: ", kind, y.namespace))
	}
	exposed := get(t, "http://"+address+"/metrics")
	p.signal(syscall.SIGTERM)
	p.exit()

	y.noneIn("the log", strings.Join(p.lines, "\n"))
	y.noneIn("/metrics", exposed)
	y.noneInObjects()
	y.eachToItsOwn(cfg.BearerToken)
	y.askedOneByOne()
	y.wroteAtHome()
}

// noneIn fails where a secret can be read in a text, as it is or as it is sent.
func (y *tenancy) noneIn(where, text string) {
	y.t.Helper()
	for _, secret := range []string{planted, base64.StdEncoding.EncodeToString([]byte("me:" + planted))[:10]} {
		if at := strings.Index(text, secret); at >= 0 {
			y.t.Errorf("%s has a secret: ...%s...", where, text[max(0, at-200):min(len(text), at+60)])
		}
	}
}

// noneInObjects looks into what the operator writes: events, and the status of canaries.
func (y *tenancy) noneInObjects() {
	y.t.Helper()
	events, canaries := &corev1.EventList{}, &v1beta1.CanaryList{}
	for _, list := range []client.ObjectList{events, canaries} {
		if err := y.client.List(y.t.Context(), list, client.InNamespace(y.namespace)); err != nil {
			y.t.Fatal(err)
		}
	}
	if len(events.Items) == 0 || len(canaries.Items) == 0 {
		y.t.Fatalf("there is nothing to look into: %d events of %d canaries", len(events.Items), len(canaries.Items))
	}
	for _, event := range events.Items {
		y.noneIn("an event", event.Message+fmt.Sprint(event.Annotations))
	}
	for _, c := range canaries.Items {
		status, err := json.Marshal(c.Status)
		if err != nil {
			y.t.Fatal(err)
		}
		y.noneIn("the status of "+c.Name, string(status))
	}
}

// eachToItsOwn looks at what came from the operator to addresses of tenants: the secret that belongs there, and no other. Its
// own token came to none, not even to that of the API server.
func (y *tenancy) eachToItsOwn(token string) {
	y.t.Helper()
	reached := map[string]bool{}
	for _, request := range y.outside.Seen() {
		whom := strings.Split(strings.TrimPrefix(request.Path, "/"), "/")[0]
		whom, _, _ = strings.Cut(whom, "?")
		reached[whom] = true
		text := strings.ReplaceAll(request.Text(), planted+whom, "")
		if strings.Contains(text, planted) || strings.Contains(text, token) {
			y.t.Errorf("%s has got what is not its own: %.500s", whom, text)
		}
		y.noneIn("what "+whom+" was told", request.Body)
	}
	for _, whom := range append(slices.Clone(chats), "prometheus", "hook", "server", "default") {
		if !reached[whom] {
			y.t.Errorf("%s was not reached: there is nothing to look at", whom)
		}
	}
	for _, request := range y.inside.Seen() {
		foreign := strings.Contains(request.Path, "query") || strings.Contains(request.Path, "/render") || strings.Contains(request.Path, "external.metrics")
		if foreign && request.Authorization() != "" {
			y.t.Errorf("a template's address has got the operator's token: %s", request.Path)
		}
	}
}

// askedOneByOne looks at how the operator read Secrets: one, or of many what is not secret.
func (y *tenancy) askedOneByOne() {
	y.t.Helper()
	read := 0
	for _, request := range y.inside.Seen() {
		path, _, _ := strings.Cut(request.Path, "?")
		if !strings.Contains(path, "/secrets") || request.Method != http.MethodGet {
			continue
		}
		read++
		if strings.HasSuffix(path, "/secrets") && !strings.Contains(request.Header.Get("Accept"), "as=PartialObjectMetadata") {
			y.t.Errorf("Secrets are listed with all that is in them: %s", request.Path)
		}
	}
	if read == 0 {
		y.t.Error("no Secret was read: there is nothing to look at")
	}
}

// wroteAtHome looks at where the operator wrote: in the namespace of the canaries, whatever their specs name.
func (y *tenancy) wroteAtHome() {
	y.t.Helper()
	for _, request := range y.inside.Seen() {
		if request.Method != http.MethodGet && !strings.Contains(request.Path, "/namespaces/"+y.namespace+"/") {
			y.t.Errorf("a canary of %s made the operator write elsewhere: %s %s", y.namespace, request.Method, request.Path)
		}
	}
}

package standin

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/utils/ptr"
)

// inside lets cmp see what the package's types hold.
var inside = cmp.AllowUnexported(way{}, share{}, servicePort{}, endpoint{})

func TestWay(t *testing.T) {
	users := apisixRoute("shop",
		lead("all", "/*", 0, apisixBackend("podinfo", 100)),
		lead("login", "/login", 0, apisixBackend("login", 100)),
		lead("api", "/api/*", 0, apisixBackend("podinfo", 100)),
	)
	copied := apisixRoute("shop-podinfo-canary",
		lead("all", "/*", 10000, apisixBackend("podinfo-primary", 75), apisixBackend("podinfo-canary", 25)))
	known := cluster{
		routes:   []*unstructured.Unstructured{users, copied},
		splits:   []*unstructured.Unstructured{trafficSplit("web", splitBackend("web-canary", "25"), splitBackend("web-primary", int64(75)))},
		services: []*corev1.Service{service("web"), service("podinfo")},
	}
	divided := division{{to: at("podinfo-primary"), weight: 75}, {to: at("podinfo-canary"), weight: 25}}
	tests := map[string]struct {
		reason string
		url    string
		want   way
		none   bool
	}{
		"Priority": {
			reason: "The canary's copy outranks the user's rule for the same path.",
			url:    "http://shop.example.com/cart", want: way{name: "test_shop-podinfo-canary_all", shares: divided},
		},
		"LongerPath": {
			reason: "A longer path counts for more than a priority.",
			url:    "http://shop.example.com/api/v1",
			want:   way{name: "test_shop_api", shares: division{{to: at("podinfo"), weight: 100}}},
		},
		"ExactPath": {
			reason: "A path without a star is met by itself.",
			url:    "http://shop.example.com/login",
			want:   way{name: "test_shop_login", shares: division{{to: at("login"), weight: 100}}},
		},
		"Split": {
			reason: "A request to the root is divided; weights are quantities or numbers.",
			url:    "http://web.test/",
			want: way{role: mesh, name: "test/web", shares: division{
				{to: at("web-canary"), weight: 25}, {to: at("web-primary"), weight: 75},
			}},
		},
		"FullName": {
			reason: "A Service has longer names.",
			url:    "http://podinfo.test.svc.cluster.local:80/",
			want:   way{role: mesh, name: "test/podinfo", shares: division{{to: at("podinfo"), weight: 1}}},
		},
		"OtherHost":    {reason: "Nobody speaks of this host.", url: "http://www.example.com/", none: true},
		"OtherService": {reason: "There is no such Service.", url: "http://shop.test/", none: true},
		"OtherPort":    {reason: "The Service has no such port.", url: "http://web.test:81/", none: true},
		"NoName":       {reason: "A Service's name has its namespace.", url: "http://web/", none: true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, found := newTable(known).way(httptest.NewRequest(http.MethodGet, test.url, nil))
			if found == test.none {
				t.Fatalf("found %t: %s", found, test.reason)
			}
			if diff := cmp.Diff(test.want, got, inside); diff != "" {
				t.Errorf("%s (-want +got):\n%s", test.reason, diff)
			}
		})
	}
}

func TestRuleConditions(t *testing.T) {
	one := apisixRoute("shop", map[string]any{
		"name":     "read",
		"match":    map[string]any{"paths": []any{"/*"}, "methods": []any{"GET", "HEAD"}},
		"backends": []any{map[string]any{"serviceName": "podinfo", "servicePort": "http"}},
	})
	rules := rulesOf(one)
	want := division{{to: servicePort{service: named("podinfo"), port: "http"}, weight: 100}}
	if diff := cmp.Diff(want, rules[0].shares, inside); diff != "" {
		t.Errorf("a backend without a weight, at a named port (-want +got):\n%s", diff)
	}
	if rules[0].match("any.example.com", "/", http.MethodGet) == 0 {
		t.Error("a rule without hosts is for all of them")
	}
	if rules[0].match("any.example.com", "/", http.MethodPost) != 0 {
		t.Error("a rule with methods is for these alone")
	}
}

func TestEndpointsAreReadyPods(t *testing.T) {
	pods := slice("web", "web-1", 9898)
	pods.Endpoints = append(pods.Endpoints,
		discoveryv1.Endpoint{Addresses: []string{"127.0.0.2"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(false)}},
		discoveryv1.Endpoint{Addresses: []string{"127.0.0.3"}, Conditions: discoveryv1.EndpointConditions{Ready: ptr.To(true)}},
	)
	other := slice("other", "other-1", 1)
	got := endpointsOf([]*corev1.Service{service("web"), service("idle")}, []*discoveryv1.EndpointSlice{pods, other})
	ready := []endpoint{{address: "127.0.0.1:9898", pod: "web-1"}, {address: "127.0.0.3:9898"}}
	want := map[servicePort][]endpoint{
		at("web"):                              ready,
		{service: named("web"), port: "http"}:  ready,
		at("idle"):                             nil,
		{service: named("idle"), port: "http"}: nil,
	}
	if diff := cmp.Diff(want, got, inside); diff != "" {
		t.Errorf("endpoints (-want +got):\n%s", diff)
	}
}

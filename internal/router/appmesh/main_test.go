package appmesh

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router/routertest"
	"flagger.app/flagger/internal/testkit"
)

func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }

// versions are all there are, by their provider's name.
var versions = map[string]Version{V1beta1.provider: V1beta1, V1beta2.provider: V1beta2}

// olderCRDs are the paths of those of App Mesh's own CRDs that there were in the older version, with a stand-in for it.
func olderCRDs(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("testdata/v1beta1.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var paths []string
	for document := range bytes.SplitSeq(content, []byte("---\n")) {
		var old struct {
			Kind    string         `json:"kind"`
			Version map[string]any `json:"version"`
		}
		if err := yaml.Unmarshal(document, &old); err != nil {
			t.Fatal(err)
		}
		file := map[string]string{kindNode: "appmesh_virtualnodes.yaml", kindService: "appmesh_virtualservices.yaml"}[old.Kind]
		paths = append(paths, extended(t, routertest.CRD(t, file), old.Version))
	}
	return paths
}

// extended is the path of a copy of the CRD at path that serves one more version. As there is one version in which all
// objects are stored, and which fields it does not have are lost, that one gets the other's fields too.
func extended(t *testing.T, path string, version map[string]any) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(content, &crd.Object); err != nil {
		t.Fatal(err)
	}
	served, _, _ := unstructured.NestedSlice(crd.Object, "spec", "versions")
	adopt(served[0].(map[string]any)["schema"].(map[string]any), version["schema"].(map[string]any))
	if err := unstructured.SetNestedSlice(crd.Object, append(served, version), "spec", "versions"); err != nil {
		t.Fatal(err)
	}
	if content, err = yaml.Marshal(crd.Object); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "with-v1beta1-"+filepath.Base(path))
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// adopt adds the fields of another schema to a schema.
func adopt(schema, other map[string]any) {
	for key, value := range other {
		present, found := schema[key].(map[string]any)
		switch more, isObject := value.(map[string]any); {
		case found && isObject:
			adopt(present, more)
		case schema[key] == nil && key != "required":
			schema[key] = value
		}
	}
}

// provider is what the suite needs of a version.
func provider(t *testing.T, v Version) routertest.Provider {
	t.Helper()
	p := routertest.Provider{
		Row:    Row(v),
		Object: v.routing(routertest.Canary()),
		Canary: func() *v1beta1.Canary {
			c := routertest.Canary()
			c.Spec.Provider = v.provider
			if v.meshName {
				c.Spec.Service.MeshName = "global"
			}
			return c
		},
		Edit: func(b *routertest.Bench) { b.Canary.Spec.Service.Port = 9898 },
		Refused: map[string]func(*v1beta1.Canary){
			"NoPort":  func(c *v1beta1.Canary) { c.Spec.Service.Port = 0 },
			"Timeout": func(c *v1beta1.Canary) { c.Spec.Service.Timeout = "soon" },
		},
	}
	for _, one := range v.pieces(p.Canary(), sheet{}) {
		object := routertest.Object{Kind: one.kind, Name: one.name, Damage: damage(one.kind)}
		if object.Kind == *p.Row.Watch && object.Name == p.Object {
			p.Damage = object.Damage
			continue
		}
		p.Further = append(p.Further, object)
	}
	if v.meshName {
		p.StandIns = olderCRDs(t)
		p.Namespace = "test"
		p.Users = func() *unstructured.Unstructured { return usersOldService(p.Object) }
		return p
	}
	p.CRDs = append(olderCRDs(t), routertest.CRD(t, "appmesh_virtualrouters.yaml"))
	p.Given = []*unstructured.Unstructured{service("podinfo-primary", "podinfo-primary"), service("podinfo-canary", "podinfo")}
	p.Users = func() *unstructured.Unstructured { return virtualRouter("podinfo", "podinfo") }
	return p
}

// damage changes what is ours of an object of the kind.
func damage(kind schema.GroupVersionKind) func(*unstructured.Unstructured) {
	return map[schema.GroupVersionKind]func(*unstructured.Unstructured){
		gvk(apiV1beta1, kindNode):    damageNode,
		gvk(apiV1beta1, kindService): damageOldService,
		gvk(apiV1beta2, kindNode):    damageNode,
		gvk(apiV1beta2, kindRouter):  damageRoutes,
		gvk(apiV1beta2, kindService): damageProvider,
	}[kind]
}

func damageNode(node *unstructured.Unstructured) {
	node.SetLabels(map[string]string{"somebody": "else"})
	spec := node.Object["spec"].(map[string]any)
	spec["logging"] = map[string]any{"accessLog": map[string]any{"file": map[string]any{"path": "/tmp/log"}}}
	spec["listeners"] = []any{listener(grpc, 1)}
}

func damageProvider(service *unstructured.Unstructured) {
	service.Object["spec"] = virtualService("podinfo", toNode("other")).Object["spec"]
}

func damageRoutes(router *unstructured.Unstructured) {
	router.Object["spec"] = virtualRouter("podinfo", "podinfo-primary", "podinfo-canary", "somebody").Object["spec"]
}

func damageOldService(service *unstructured.Unstructured) {
	spec := service.Object["spec"].(map[string]any)
	spec["meshName"] = "other"
	spec["virtualRouter"].(map[string]any)["listeners"] = []any{listener(http, 1)}
	spec["routes"] = append(spec["routes"].([]any), map[string]any{"name": "another"})
}

// object is one of the namespace test.
func object(api, kind, name string, spec map[string]any) *unstructured.Unstructured {
	made := &unstructured.Unstructured{Object: map[string]any{"spec": spec}}
	made.SetGroupVersionKind(gvk(api, kind))
	made.SetNamespace("test")
	made.SetName(name)
	return made
}

// virtualRouter is a user's that leads to VirtualNodes.
func virtualRouter(name string, nodes ...string) *unstructured.Unstructured {
	var targets []any
	for _, node := range nodes {
		targets = append(targets, map[string]any{"virtualNodeRef": map[string]any{"name": node}, "weight": int64(7)})
	}
	made := object(apiV1beta2, kindRouter, name, map[string]any{
		"awsName":   "theirs",
		"listeners": []any{listener(http, 8080)},
		"routes": []any{map[string]any{"name": "theirs", "httpRoute": map[string]any{
			"match":  map[string]any{"prefix": "/theirs", "method": "GET"},
			"action": map[string]any{"weightedTargets": targets},
		}}},
	})
	made.SetLabels(map[string]string{"app.kubernetes.io/instance": "theirs"})
	made.SetAnnotations(map[string]string{"example.com/theirs": "yes", "helm.toolkit.fluxcd.io/driftDetection": "enabled"})
	return made
}

// virtualService is a user's that leads to a router or a node.
func virtualService(name string, provider map[string]any) *unstructured.Unstructured {
	return object(apiV1beta2, kindService, name, map[string]any{"provider": provider})
}

func toRouter(name string) map[string]any {
	return map[string]any{"virtualRouter": map[string]any{"virtualRouterRef": map[string]any{"name": name}}}
}

func toNode(name string) map[string]any {
	return map[string]any{"virtualNode": map[string]any{"virtualNodeRef": map[string]any{"name": name}}}
}

// usersOldNode is a VirtualNode of the apex's pods, as a user writes it in v1beta1.
func usersOldNode() *unstructured.Unstructured {
	return object(apiV1beta1, kindNode, "podinfo", map[string]any{
		"meshName":         "theirs",
		"listeners":        []any{listener(http, 8080)},
		"serviceDiscovery": map[string]any{"dns": map[string]any{"hostName": "podinfo"}},
	})
}

// service is one that selects pods by their label app.
func service(name, app string) *unstructured.Unstructured {
	made := &unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{
		"selector": map[string]any{"app": app},
		"ports":    []any{map[string]any{"port": int64(80)}},
	}}}
	made.SetAPIVersion("v1")
	made.SetKind("Service")
	made.SetName(name)
	return made
}

//go:build linux

package rbac

import (
	"strings"
	"testing"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/envtest"

	"flagger.app/flagger/internal/testkit"
)

// foreign are the kinds of the providers, as group/version/kind. Only their names count here: other tests check what
// providers write against the projects' own schemas.
var foreign = []string{
	"apisix.apache.org/v2/ApisixRoute",
	"appmesh.k8s.aws/v1beta2/VirtualNode",
	"appmesh.k8s.aws/v1beta2/VirtualRouter",
	"appmesh.k8s.aws/v1beta2/VirtualService",
	"gateway.networking.k8s.io/v1/HTTPRoute",
	"gateway.solo.io/v1/RouteTable",
	"gloo.solo.io/v1/Upstream",
	"keda.sh/v1alpha1/ScaledObject",
	"kuma.io/v1alpha1/TrafficRoute",
	"metrics.keptn.sh/v1beta1/Analysis",
	"metrics.keptn.sh/v1beta1/KeptnMetric",
	"networking.istio.io/v1beta1/DestinationRule",
	"networking.istio.io/v1beta1/VirtualService",
	"projectcontour.io/v1/HTTPProxy",
	"serving.knative.dev/v1/Revision",
	"serving.knative.dev/v1/Service",
	"split.smi-spec.io/v1alpha2/TrafficSplit",
	"traefik.io/v1alpha1/TraefikService",
}

// clusterWide is the kind whose objects are in no namespace.
const clusterWide = "TrafficRoute"

// kindOf parses an entry of foreign.
func kindOf(entry string) schema.GroupVersionKind {
	parts := strings.Split(entry, "/")
	return schema.GroupVersionKind{Group: parts[0], Version: parts[1], Kind: parts[2]}
}

// serve makes the API server serve the foreign kinds.
func serve(t *testing.T) {
	t.Helper()
	var crds []*apiextensionsv1.CustomResourceDefinition
	for _, entry := range foreign {
		crds = append(crds, definition(kindOf(entry)))
	}
	_, err := envtest.InstallCRDs(testkit.StartAPIServer(t), envtest.CRDInstallOptions{CRDs: crds})
	must(t, err)
}

// definition is a CRD that takes whatever it is given.
func definition(kind schema.GroupVersionKind) *apiextensionsv1.CustomResourceDefinition {
	singular := strings.ToLower(kind.Kind)
	plural := singular + "s"
	switch {
	case strings.HasSuffix(singular, "sis"):
		plural = strings.TrimSuffix(singular, "sis") + "ses"
	case strings.HasSuffix(singular, "xy"):
		plural = strings.TrimSuffix(singular, "y") + "ies"
	}
	scope := apiextensionsv1.NamespaceScoped
	if kind.Kind == clusterWide {
		scope = apiextensionsv1.ClusterScoped
	}
	anything := true
	crd := &apiextensionsv1.CustomResourceDefinition{Spec: apiextensionsv1.CustomResourceDefinitionSpec{
		Group: kind.Group,
		Names: apiextensionsv1.CustomResourceDefinitionNames{
			Kind: kind.Kind, ListKind: kind.Kind + "List", Singular: singular, Plural: plural,
		},
		Scope: scope,
		Versions: []apiextensionsv1.CustomResourceDefinitionVersion{{
			Name: kind.Version, Served: true, Storage: true,
			Schema: &apiextensionsv1.CustomResourceValidation{
				OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object", XPreserveUnknownFields: &anything},
			},
			Subresources: &apiextensionsv1.CustomResourceSubresources{Status: &apiextensionsv1.CustomResourceSubresourceStatus{}},
		}},
	}}
	crd.Name = plural + "." + kind.Group
	if strings.HasSuffix(kind.Group, ".k8s.io") {
		crd.Annotations = map[string]string{apiextensionsv1.KubeAPIApprovedAnnotation: "unapproved, for tests"}
	}
	return crd
}

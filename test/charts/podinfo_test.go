package charts

import (
	"strconv"
	"testing"

	"flagger.app/flagger/internal/testkit"
	"flagger.app/flagger/test/config/manifest"
)

// demo is the demo application's chart with these values.
func demo(namespace string, values ...string) release {
	return release{chart: "podinfo", name: "podinfo", namespace: namespace, values: values}
}

func TestPodinfoGolden(t *testing.T) {
	text, err := helm(t, demo("test", "canary.enabled=true", "canary.loadtest.enabled=true", "canary.helmtest.enabled=true",
		"canary.istioIngress.enabled=true", "canary.istioIngress.host=podinfo.example.com").arguments("template")...)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "podinfo-canary.golden", text)
}

// Whatever two things are set together, the API server takes the objects, our Canary among them.
func TestPodinfoInCombination(t *testing.T) {
	c := cluster(t)
	namespace := testkit.NewNamespace(t, c)
	choices := []choice{
		{"", "service.enabled=true", "canary.enabled=true", "canary.enabled=true,canary.istioTLS=,canary.analysis.maxWeight=20"},
		{"", "canary.loadtest.enabled=true"},
		{"", "canary.helmtest.enabled=true"},
		{"", "canary.istioIngress.enabled=true,canary.istioIngress.host=podinfo.example.com"},
		{"", "hpa.enabled=false", "hpa.cpu=", "hpa.memory="},
		{"", "backend=http://a", "backends[0]=http://a,backends[1]=http://b,message=hello,faults.delay=true,faults.error=true"},
		{"", "nameOverride=other", "fullnameOverride=mine"},
		{"", "podAnnotations.a=b,nodeSelector.a=b,tolerations[0].operator=Exists,resources=null,image.tag=6.1.3"},
	}
	for i, values := range pairwise(choices) {
		t.Run(strconv.Itoa(i), func(t *testing.T) {
			t.Log(values)
			dryRun(t, c, render(t, demo(namespace, values...)))
		})
	}
}

func TestPodinfoMeetsTheRestrictedStandard(t *testing.T) {
	c := cluster(t)
	namespace := restrictedNamespace(t, c)
	objects := render(t, demo(namespace, "service.enabled=true"))
	dryRun(t, c, append(ofKind(objects, "Pod"), podOf(t, manifest.One(t, objects, "Deployment", "podinfo"))))
}

package kube

import (
	"maps"
	"strings"
)

// Guards are the annotations that keep Flux from fighting over an object which it did not deliver: its Kustomize
// controller from reverting it, and its Helm controller from calling it drift. Nobody may write to the map.
var Guards = map[string]string{
	"kustomize.toolkit.fluxcd.io/reconcile": "disabled",
	"helm.toolkit.fluxcd.io/driftDetection": "disabled",
}

// Guarded returns a copy of annotations with the Guards, which win over entries of the same key.
func Guarded(annotations map[string]string) map[string]string {
	guarded := make(map[string]string, len(annotations)+len(Guards))
	maps.Copy(guarded, annotations)
	maps.Copy(guarded, Guards)
	return guarded
}

// WithoutTracking returns a copy of labels or annotations without those by which kubectl, Argo CD, Helm and Flux
// recognise what they delivered. A generated object that carried them would look like a part of the user's
// application and be pruned with the next delivery.
func WithoutTracking(metadata map[string]string) map[string]string {
	kept := make(map[string]string, len(metadata))
	for key, value := range metadata {
		if !isTracking(key) {
			kept[key] = value
		}
	}
	return kept
}

func isTracking(key string) bool {
	switch key {
	case "kubectl.kubernetes.io/last-applied-configuration", "app.kubernetes.io/instance":
		return true
	}
	domain, _, found := strings.Cut(key, "/")
	return found && (domain == "argocd.argoproj.io" || domain == "meta.helm.sh" || strings.HasSuffix(domain, ".toolkit.fluxcd.io"))
}

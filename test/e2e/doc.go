// Package e2e tells stories of the operator on a real cluster with a real gateway under load, one lab for all of them:
//
//	Given(t, app).When(NewRevision("6.1.0")).Then(Promoted())
//
// Stories that measure run alone, in the order of the files' names; the others run beside each other in namespaces of
// their own, after them. What was measured is printed at the end. `make e2e` builds what the stories need and tells
// them.
//
// Most stories go by the Gateway API; router_test.go tells one for each other way to route. Traefik really serves the
// Gateway API, TraefikServices and the annotations of ingress-nginx. For APISIX and Linkerd the lab's own proxy stands in;
// where their CRDs are not beside the checkout these two stories are skipped.
package e2e

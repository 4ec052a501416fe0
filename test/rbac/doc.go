// Package rbac holds the operator to its role: the chart is installed on a real API server, the operator runs as a process
// of its own with what the chart gives it, and takes an app of every kind, behind every provider, through a release and the
// deletion of its canary. The audit log then tells that no request was denied, and that nothing was granted in vain.
//
//	rbac_test.go        the stories, and what is granted without being used, with the reasons
//	grants_test.go      what roles grant, what requests use
//	apps_test.go        the apps, and what their users have beside them
//	configured_test.go  apps with ConfigMaps and Secrets
//	measured_test.go    what is measured on the way, and whom it is told
//	cluster_test.go     a cluster in which all pods work, and every controller does its part
//	operator_test.go    the operator's process
//	kinds_test.go       the kinds of the providers, without their schemas
package rbac

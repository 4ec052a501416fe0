// Package testkit is what the tests of this module share: the start-up of a real API server, and builders and
// fakes for what the tests talk about. Only tests import it.
//
// # The API server
//
// A test binary that needs one starts it from TestMain and asks for it where it is used:
//
//	func TestMain(m *testing.M) { os.Exit(testkit.Main(m)) }
//
//	func TestSomething(t *testing.T) {
//		cfg := testkit.StartAPIServer(t, "config/crd/bases")
//		...
//	}
//
// The first call starts etcd and kube-apiserver out of bin/kubernetes (`make lab-binaries` builds it) and every
// later call of the same binary shares them, so tests keep apart by namespace (NewNamespace). There is no
// controller manager: nothing makes pods of Deployments, and nothing empties a deleted namespace.
//
// The audit log is the witness of what the operator asks of the API server: requests made with
// UserConfig(cfg, Operator) are recorded, and so are those of service accounts; those made with the configuration that
// StartAPIServer returns are not. Service accounts have the rights that RBAC gives them, the other two users all.
//
// Both programs are killed, not asked to stop, when the tests end: their data is thrown away, and a graceful end
// of the API server takes seconds. On Linux the kernel kills them too when the test binary dies in any other way.
package testkit

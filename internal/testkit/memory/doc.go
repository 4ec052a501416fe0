// Package memory is a Kubernetes API server of the size of a map, for simulations that need a million requests a minute
// and an API server that fails when it is told to. It stands behind client.Client; what it does is what the operator's
// adapters rely on, and tests of single adapters use the real one.
//
// # What it does
//
// Objects are trees of JSON by kind and name. A write gives a new resourceVersion, if it changes anything; generation
// counts changes outside of metadata and status, and of a Deployment's annotations; the status is a subresource. An old
// resourceVersion or another uid is a conflict. Deletion waits for finalizers, and Collect plays the garbage collector.
//
// # Caches
//
// What Connect returns reads as a manager's client does: through one informer per kind, which sees changes in their
// order and as late as the simulation wants, see Deliver. Reads never show less than the client's own last write, by the
// rules of controller-runtime's EnableReadYourWritesConsistency: a write that ended in an error is not waited for, nor is
// one of an unstructured object by anything but Apply or Delete where reads are unstructured too. Waiting costs no time
// here: the informer catches up at once, with all that came before. Live reads are current, and so is all that Direct
// returns, the hand of users, controllers and gateways.
//
// # What it does not do
//
// No schemas, defaults, validation or admission; quantities and empty lists stay as they were sent. Server-side apply
// keeps what each manager applied last in place of managed fields, of which objects have none: what an apply no longer
// names goes, unless somebody has changed it since; lists are atomic, but for owner references; and who does not force
// meets a conflict wherever another value is found that is not its own. There are no watches, no pages and no patches but
// merge patches.
package memory

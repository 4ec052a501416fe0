// Package lab brings up a real Kubernetes on one machine without a container runtime, an image registry or root,
// and takes it down again leaving no process behind.
//
// # What runs
//
//	etcd, kube-apiserver, kube-controller-manager, kube-scheduler   the real ones (bin/kubernetes)
//	kwok         plays the kubelets of a few nodes: gives pods addresses, makes them ready, ends them
//	pod server   answers on every pod's address as that pod (package podserver)
//	Traefik      the real proxy, for the Gateway API, for its own TraefikServices and IngressRoutes, and for Ingresses of
//	             the class nginx, of which it understands the canary annotations
//	stand-in     a proxy of our own for ApisixRoutes and TrafficSplits, whose real proxies cannot be had (package standin)
//	Prometheus   the real one, scraping the pods and the proxies every second
//
// The CRDs of the Gateway API and of Traefik come with their modules. Those of ApisixRoutes and TrafficSplits lie beside
// the repository in shared/crds; where they do not, the lab says so and goes without these kinds.
//
// # Where it runs
//
// All of it lives in one network, mount and process namespace, with a user namespace around them where the user is
// not root. The network has nothing but a loopback device, to which the ranges of pods and Services are routed as
// local (AnyIP): every pod address can be listened on and dialled, and nothing gets out or in. The first process of
// the process namespace supervises the others, and when it ends, however it ends, the kernel kills the rest before
// anybody can see it gone. That is why nothing here stops components one by one: their data is thrown away.
//
// Processes outside reach the API server, the gateway, Prometheus and the stand-in over loopback listeners that are made
// outside and handed in; the API server has the same port on both sides, so one kubeconfig serves both. Commands
// run inside when they are handed to the supervisor over a socket in the state folder (Exec).
//
// # The state folder
//
//	kubeconfig, operator.kubeconfig   an administrator; the user flagger, whose requests alone are audited
//	audit.log                         one line per stage of each request of that user
//	env                               the outside addresses, to be sourced by a shell
//	logs/<component>.log              what each component wrote
//	bin/kubectl                       kubectl out of bin/kubernetes
//
// It is emptied when a lab starts in it and kept when the lab ends, for its logs.
//
// # How pods behave
//
// The stages folder says: a pod is ready about a second after it is scheduled. From its deletion it drains for
// Drain, while it still answers, as an application does on SIGTERM. An image whose tag ends in -stuck is never pulled.
// Package podserver tells what other tags do.
//
// The lab needs Linux. Orphans of commands that ran inside stay zombies until the lab ends.
package lab

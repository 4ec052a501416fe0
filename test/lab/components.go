//go:build linux

package lab

import (
	"strconv"
)

// Where the components listen inside the lab.
const (
	gatewayAddress    = "127.0.0.1:8000"
	traefikAddress    = "127.0.0.1:8080" // Traefik's own metrics
	prometheusAddress = "127.0.0.1:9090"
	podsAddress       = "0.0.0.0:9898"
	podMetricsAddress = "127.0.0.1:9899"
	standinAddress    = "127.0.0.1:8100"
	standinMetrics    = "127.0.0.1:8101"
	etcdClients       = "http://127.0.0.1:2379"
	etcdPeers         = "http://127.0.0.1:2380"
)

// idle are the controllers that a lab has no use for: they want a cloud, or nodes with address ranges.
const idle = "-node-ipam-controller,-cloud-node-lifecycle-controller,-node-route-controller,-service-lb-controller"

func etcd() component {
	return component{name: "etcd", binary: "kubernetes", arguments: []string{
		"etcd", "--name=lab", "--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + etcdClients, "--advertise-client-urls=" + etcdClients,
		"--listen-peer-urls=" + etcdPeers, "--initial-advertise-peer-urls=" + etcdPeers,
		"--initial-cluster=lab=" + etcdPeers,
	}}
}

func apiserver(port int) component {
	return component{name: "kube-apiserver", binary: "kubernetes", arguments: []string{
		"kube-apiserver", "--etcd-servers=" + etcdClients,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port), "--cert-dir=certs",
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=" + serviceRange.String(),
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=config/service-account.key",
		"--service-account-signing-key-file=config/service-account.key",
		"--authorization-mode=RBAC", "--token-auth-file=config/tokens.csv",
		"--audit-policy-file=config/audit-policy.yaml", "--audit-log-path=audit.log", "--audit-log-mode=blocking",
	}}
}

func controllerManager() component {
	return component{name: "kube-controller-manager", binary: "kubernetes", arguments: []string{
		"kube-controller-manager", "--kubeconfig=kubeconfig", "--leader-elect=false", "--bind-address=127.0.0.1",
		"--controllers=*," + idle, "--service-account-private-key-file=config/service-account.key",
		"--root-ca-file=certs/apiserver.crt", "--kube-api-qps=500", "--kube-api-burst=1000",
	}}
}

func scheduler() component {
	return component{name: "kube-scheduler", binary: "kubernetes", arguments: []string{
		"kube-scheduler", "--kubeconfig=kubeconfig", "--leader-elect=false", "--bind-address=127.0.0.1",
		"--kube-api-qps=500", "--kube-api-burst=1000",
	}}
}

func kwok() component {
	return component{name: "kwok", binary: "kwok", arguments: []string{
		"--kubeconfig=kubeconfig", "--config=config/stages.yaml", "--manage-all-nodes",
		"--cidr=" + podRange.String(), "--node-lease-duration-seconds=40",
	}}
}

// traefik applies a new configuration within a tenth of a second; its own default of two seconds would send
// requests to pods that have ended their drain.
func traefik() component {
	return component{name: "traefik", binary: "traefik", arguments: []string{
		"--entrypoints.web.address=" + gatewayAddress,
		"--entrypoints.traefik.address=" + traefikAddress,
		"--providers.kubernetesgateway", "--providers.kubernetesgateway.statusaddress.ip=127.0.0.1",
		"--providers.kubernetescrd",
		"--providers.kubernetesingressnginx", "--providers.kubernetesingressnginx.httpentrypoint=web",
		"--providers.providersthrottleduration=100ms",
		"--metrics.prometheus", "--metrics.prometheus.addrouterslabels=true",
		"--global.checknewversion=false", "--global.sendanonymoususage=false",
	}}
}

func prometheus() component {
	return component{name: "prometheus", binary: "prometheus", arguments: []string{
		"--config.file=config/prometheus.yml", "--storage.tsdb.path=prometheus",
		"--web.listen-address=" + prometheusAddress,
	}}
}

package analysis

// exposition is what one system exposes about canaries, in the text format of Prometheus.
//
//	WHO  labels that tell whose requests are counted: one of canary and others
//	NS   the canary's namespace
//	CODE 200 or 503, and CLASS what Linkerd calls it
//	LE   the upper bound of a bucket, in the unit of the metric's name: 100 ms, 500 ms or none
type exposition struct {
	reason    string
	provider  string
	kind      string
	requests  string
	durations []string
	canary    string
	// others are the primary, and whoever else has a name like the canary's.
	others []string
	// noise are series of the canary itself that measure something else; there need be none.
	noise string
}

const (
	envoyRequests  = `envoy_cluster_upstream_rq{WHO,envoy_response_code="CODE"}`
	envoyDurations = `envoy_cluster_upstream_rq_time_bucket{WHO,le="LE"}`
	httpRequests   = `http_request_duration_seconds_count{WHO,method="GET",path="root",status="CODE"}`
	httpDurations  = `http_request_duration_seconds_bucket{WHO,method="GET",path="root",status="CODE",le="LE"}`
)

// expositions are by system and, where that matters, kind of target. The canary is that of exposition.spec.
var expositions = map[string]exposition{
	"HTTP": {
		reason:   "The application's own metrics carry the names of its pods.",
		provider: "gatewayapi:v1", kind: deployment,
		requests: httpRequests, durations: []string{httpDurations},
		canary: `kubernetes_namespace="NS",kubernetes_pod_name="pod.info-6d5f8c9-abcde"`,
		others: []string{
			`kubernetes_namespace="NS",kubernetes_pod_name="pod.info-primary-77c9d-x2z4k"`,
			`kubernetes_namespace="NS",kubernetes_pod_name="pod.info-two-6d5f8c9-abcde"`,
			`kubernetes_namespace="NS",kubernetes_pod_name="podxinfo-6d5f8c9-abcde"`,
			`kubernetes_namespace="NS",kubernetes_pod_name="my-pod.info-6d5f8c9-abcde"`,
			`kubernetes_namespace="xNS",kubernetes_pod_name="pod.info-6d5f8c9-abcde"`,
		},
	},
	"HTTPDaemonSet": {
		reason:   "The pods of a DaemonSet have one more word than their target, those of its primary two.",
		provider: "kubernetes", kind: daemonSet,
		requests: httpRequests, durations: []string{httpDurations},
		canary: `kubernetes_namespace="NS",kubernetes_pod_name="pod.info-k7x2p"`,
		others: []string{
			`kubernetes_namespace="NS",kubernetes_pod_name="pod.info-primary-q8r5t"`,
			`kubernetes_namespace="NS",kubernetes_pod_name="podxinfo-k7x2p"`,
		},
	},
	"HTTPService": {
		reason:   "Behind a Service target there is a Deployment of its name.",
		provider: "kubernetes:service", kind: service,
		requests: httpRequests, durations: []string{httpDurations},
		canary: `kubernetes_namespace="NS",kubernetes_pod_name="pod.info-6d5f8c9-abcde"`,
		others: []string{`kubernetes_namespace="NS",kubernetes_pod_name="pod.info-primary-77c9d-x2z4k"`},
	},
	"AppMesh": {
		reason:   "Envoy stands in the pod and is scraped with its names.",
		provider: "appmesh:v1beta2", kind: deployment,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `kubernetes_namespace="NS",kubernetes_pod_name="pod.info-6d5f8c9-abcde",envoy_cluster_name="cds_ingress_mesh_front-canary_NS_http_9898"`,
		others: []string{
			`kubernetes_namespace="NS",kubernetes_pod_name="pod.info-primary-77c9d-x2z4k",envoy_cluster_name="cds_ingress_mesh_front-primary_NS_http_9898"`,
			`kubernetes_namespace="NS",kubernetes_pod_name="podxinfo-6d5f8c9-abcde",envoy_cluster_name="cds_ingress_mesh_front-canary_NS_http_9898"`,
		},
	},
	"AppMeshDaemonSet": {
		reason:   "The pods of a DaemonSet have names of their own.",
		provider: "appmesh", kind: daemonSet,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `kubernetes_namespace="NS",kubernetes_pod_name="pod.info-k7x2p"`,
		others: []string{`kubernetes_namespace="NS",kubernetes_pod_name="pod.info-primary-q8r5t"`},
	},
	"Linkerd": {
		reason:   "Linkerd names the workload after its kind and counts both directions.",
		provider: "linkerd", kind: deployment,
		requests:  `response_total{WHO,tls="true",classification="CLASS",status_code="CODE"}`,
		durations: []string{`response_latency_ms_bucket{WHO,tls="true",status_code="CODE",le="LE"}`},
		canary:    `namespace="NS",deployment="pod.info",direction="inbound"`,
		others: []string{
			`namespace="NS",deployment="pod.info-primary",direction="inbound"`,
			`namespace="NS",deployment="pod.info",direction="outbound",dst_deployment="backend"`,
			`namespace="NS",deployment="podxinfo",direction="inbound"`,
			`namespace="NS",daemonset="pod.info",direction="inbound"`,
			`namespace="xNS",deployment="pod.info",direction="inbound"`,
		},
	},
	"LinkerdDaemonSet": {
		reason:   "The proxies of a DaemonSet have a label of their own.",
		provider: "linkerd", kind: daemonSet,
		requests:  `response_total{WHO,tls="true",classification="CLASS",status_code="CODE"}`,
		durations: []string{`response_latency_ms_bucket{WHO,tls="true",status_code="CODE",le="LE"}`},
		canary:    `namespace="NS",daemonset="pod.info",direction="inbound"`,
		others: []string{
			`namespace="NS",daemonset="pod.info-primary",direction="inbound"`,
			`namespace="NS",deployment="pod.info",direction="inbound"`,
		},
	},
	"Istio": {
		reason:   "Requests are counted where they arrive, not where they are sent too.",
		provider: "istio", kind: deployment,
		requests:  `istio_requests_total{WHO,source_workload="gateway",request_protocol="http",response_code="CODE"}`,
		durations: []string{`istio_request_duration_milliseconds_bucket{WHO,source_workload="gateway",request_protocol="http",response_code="CODE",le="LE"}`},
		canary:    `reporter="destination",destination_workload_namespace="NS",destination_workload="pod.info"`,
		others: []string{
			`reporter="destination",destination_workload_namespace="NS",destination_workload="pod.info-primary"`,
			`reporter="destination",destination_workload_namespace="NS",destination_workload="podxinfo"`,
			`reporter="destination",destination_workload_namespace="xNS",destination_workload="pod.info"`,
			`reporter="source",destination_workload_namespace="NS",destination_workload="pod.info"`,
		},
	},
	"SMI": {
		reason:   "SMI alone names no mesh; Istio's adapter is the one that counts.",
		provider: "smi:v1alpha2", kind: daemonSet,
		requests:  `istio_requests_total{WHO,response_code="CODE"}`,
		durations: []string{`istio_request_duration_milliseconds_bucket{WHO,response_code="CODE",le="LE"}`},
		canary:    `reporter="destination",destination_workload_namespace="NS",destination_workload="pod.info"`,
		others:    []string{`reporter="destination",destination_workload_namespace="NS",destination_workload="pod.info-primary"`},
	},
	"OSM": {
		reason:   "OSM labels the kind of the workload.",
		provider: "osm", kind: deployment,
		requests:  `osm_request_total{WHO,source_kind="Deployment",source_name="client",response_code="CODE"}`,
		durations: []string{`osm_request_duration_ms_bucket{WHO,source_kind="Deployment",source_name="client",le="LE"}`},
		canary:    `destination_namespace="NS",destination_kind="Deployment",destination_name="pod.info"`,
		others: []string{
			`destination_namespace="NS",destination_kind="Deployment",destination_name="pod.info-primary"`,
			`destination_namespace="NS",destination_kind="DaemonSet",destination_name="pod.info"`,
			`destination_namespace="xNS",destination_kind="Deployment",destination_name="pod.info"`,
		},
	},
	"OSMDaemonSet": {
		reason:   "A DaemonSet is not looked for among Deployments.",
		provider: "osm", kind: daemonSet,
		requests:  `osm_request_total{WHO,source_kind="Deployment",source_name="client",response_code="CODE"}`,
		durations: []string{`osm_request_duration_ms_bucket{WHO,source_kind="Deployment",source_name="client",le="LE"}`},
		canary:    `destination_namespace="NS",destination_kind="DaemonSet",destination_name="pod.info"`,
		others:    []string{`destination_namespace="NS",destination_kind="DaemonSet",destination_name="pod.info-primary"`},
	},
	"Contour": {
		reason:   "A cluster is <namespace>_<canary Service>_<port>.",
		provider: "contour", kind: deployment,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `envoy_cluster_name="NS_front-canary_80"`,
		others: []string{
			`envoy_cluster_name="NS_front-primary_80"`,
			`envoy_cluster_name="NS_front-canary-canary_80"`,
			`envoy_cluster_name="NS_my-front-canary_80"`,
			`envoy_cluster_name="xNS_front-canary_80"`,
		},
	},
	"ContourService": {
		reason:   "The canary of a Service target is named after the target, whatever spec.service.name says.",
		provider: "contour:service", kind: service,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `envoy_cluster_name="NS_pod.info-canary_80"`,
		others: []string{`envoy_cluster_name="NS_front-canary_80"`, `envoy_cluster_name="NS_podxinfo-canary_80"`},
	},
	"Gloo": {
		reason:   "A cluster is <upstream>_<namespace>, and the Upstream is named like the RouteTable.",
		provider: "gloo", kind: deployment,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `envoy_cluster_name="NS-front-canaryupstream-80_NS"`,
		others: []string{
			`envoy_cluster_name="NS-front-primaryupstream-80_NS"`,
			`envoy_cluster_name="NS-pod.info-canaryupstream-80_NS"`,
			`envoy_cluster_name="NS-my-front-canaryupstream-80_NS"`,
			`envoy_cluster_name="NS-front-canaryupstream-80_xNS"`,
		},
	},
	"GlooService": {
		reason:   "An Upstream has the name from spec.service.name, even if the Services of a Service target have not.",
		provider: "gloo:service", kind: service,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `envoy_cluster_name="NS-front-canaryupstream-80_NS"`,
		others: []string{`envoy_cluster_name="NS-pod-info-canaryupstream-80_NS"`},
	},
	"Kuma": {
		reason:   "A proxy is scraped with the Kuma service that it stands for, <canary Service>_<namespace>_svc_<port>.",
		provider: "kuma", kind: deployment,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `mesh="default",service="front-canary_NS_svc_80",envoy_cluster_name="localhost_9898"`,
		others: []string{
			`mesh="default",service="front-primary_NS_svc_80",envoy_cluster_name="localhost_9898"`,
			`mesh="default",service="pod.info-canary_NS_svc_80",envoy_cluster_name="localhost_9898"`,
			`mesh="default",service="my-front-canary_NS_svc_80",envoy_cluster_name="localhost_9898"`,
			`mesh="default",service="front-canary_xNS_svc_80",envoy_cluster_name="localhost_9898"`,
		},
	},
	"Knative": {
		reason:   "A cluster is <namespace>/<revision>.",
		provider: "knative", kind: service,
		requests: envoyRequests, durations: []string{envoyDurations},
		canary: `envoy_cluster_name="NS/path.a"`,
		others: []string{
			`envoy_cluster_name="NS/path.a-00001"`, `envoy_cluster_name="NS/pathxa"`, `envoy_cluster_name="xNS/path.a"`,
		},
	},
	"NGINX": {
		reason:   "The canary's requests are the user's Ingress's, and the label canary is not empty.",
		provider: "nginx", kind: deployment,
		requests: `nginx_ingress_controller_requests{WHO,host="app.example.com",method="GET",path="/",status="CODE"}`,
		durations: []string{
			`nginx_ingress_controller_response_duration_seconds_sum{WHO,host="app.example.com",method="GET",path="/",status="CODE"}`,
			`nginx_ingress_controller_response_duration_seconds_count{WHO,host="app.example.com",method="GET",path="/",status="CODE"}`,
		},
		canary: `namespace="NS",ingress="door.a",service="front",canary="NS-front-canary-80"`,
		others: []string{
			`namespace="NS",ingress="door.a",service="front",canary=""`,
			`namespace="NS",ingress="doorxa",service="front",canary="NS-front-canary-80"`,
			`namespace="xNS",ingress="door.a",service="front",canary="xNS-front-canary-80"`,
		},
	},
	"Skipper": {
		reason:   "A route is kube_<namespace>__<Ingress>__<host>__<path>__<Service>, with underscores for what is no word.",
		provider: "skipper", kind: deployment,
		requests: `skipper_response_duration_seconds_bucket{WHO,code="CODE",method="GET",le="LE"}`,
		durations: []string{
			`skipper_serve_route_duration_seconds_sum{WHO,code="CODE",method="GET"}`,
			`skipper_serve_route_duration_seconds_count{WHO,code="CODE",method="GET"}`,
		},
		canary: `route="kube_NS__door_a_canary__app_example_com____front_canary"`,
		others: []string{
			`route="kube_NS__door_a_canary__app_example_com____front_primary"`,
			`route="kube_NS__door_a__app_example_com____front"`,
			`route="kube_NS__door_a_canary__app_example_com____my_front_canary"`,
			`route="kube_NS__door_a_two_canary__app_example_com____front_canary"`,
			`route="kube_xNS__door_a_canary__app_example_com____front_canary"`,
		},
	},
	"Traefik": {
		reason:   "A service is <namespace>-<canary Service>-<port>@kubernetescrd.",
		provider: "traefik", kind: deployment,
		requests:  `traefik_service_request_duration_seconds_bucket{WHO,code="CODE",method="GET",protocol="http",le="LE"}`,
		durations: []string{`traefik_service_request_duration_seconds_bucket{WHO,code="CODE",method="GET",protocol="http",le="LE"}`},
		canary:    `service="NS-front-canary-80@kubernetescrd"`,
		others: []string{
			`service="NS-front-primary-80@kubernetescrd"`,
			`service="NS-pod-info-canary-80@kubernetescrd"`,
			`service="NS-front-canary-two-canary-80@kubernetescrd"`,
			`service="NS-my-front-canary-80@kubernetescrd"`,
			`service="xNS-front-canary-80@kubernetescrd"`,
		},
	},
	"APISIX": {
		reason:   "A route is <namespace>_<our ApisixRoute>_<rule>, and its latency has three types.",
		provider: "apisix", kind: deployment,
		requests:  `apisix_http_status{WHO,code="CODE",matched_uri="/*",service="",consumer="",node="10.0.0.7"}`,
		durations: []string{`apisix_http_latency_bucket{WHO,type="request",service="",consumer="",node="10.0.0.7",le="LE"}`},
		noise:     `apisix_http_latency_bucket{WHO,type="upstream",service="",consumer="",node="10.0.0.7",le="LE"}`,
		canary:    `route="NS_path.a-front-canary_method"`,
		others: []string{
			`route="NS_path.a_method"`,
			`route="NS_pathxa-front-canary_method"`,
			`route="NS_path.a-pod.info-canary_method"`,
			`route="NS_path.a-front-canary-two-canary_method"`,
			`route="xNS_path.a-front-canary_method"`,
		},
	},
}

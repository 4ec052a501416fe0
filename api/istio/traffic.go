package istio

// TrafficPolicy is what a DestinationRule asks of connections to a workload.
type TrafficPolicy struct {
	// ConnectionPool limits connections and pending requests.
	ConnectionPool *ConnectionPoolSettings `json:"connectionPool,omitempty"`

	// LoadBalancer chooses the pod for a request.
	LoadBalancer *LoadBalancerSettings `json:"loadBalancer,omitempty"`

	// OutlierDetection takes failing pods out of the load balancing pool for a while.
	OutlierDetection *OutlierDetection `json:"outlierDetection,omitempty"`

	// TLS secures the connections to the workload.
	TLS *ClientTLSSettings `json:"tls,omitempty"`
}

// ConnectionPoolSettings limits the connections to a workload.
type ConnectionPoolSettings struct {
	// TCP holds the limits that all connections share.
	TCP *TCPSettings `json:"tcp,omitempty"`

	// HTTP holds the limits of HTTP/1.1, HTTP/2 and gRPC.
	HTTP *HTTPSettings `json:"http,omitempty"`
}

// TCPSettings limits connections whatever their protocol.
type TCPSettings struct {
	// MaxConnections is the largest number of connections to the workload; 0 leaves it to the mesh.
	MaxConnections int32 `json:"maxConnections,omitempty"`

	// ConnectTimeout limits the time to connect, as a duration such as 5s.
	ConnectTimeout string `json:"connectTimeout,omitempty"`
}

// HTTPSettings limits HTTP connections. A number of 0 leaves the limit to the mesh.
type HTTPSettings struct {
	// HTTP1MaxPendingRequests is the largest number of requests that wait for a connection.
	HTTP1MaxPendingRequests int32 `json:"http1MaxPendingRequests,omitempty"`

	// HTTP2MaxRequests is the largest number of requests under way.
	HTTP2MaxRequests int32 `json:"http2MaxRequests,omitempty"`

	// MaxRequestsPerConnection is the number of requests after which a connection is closed.
	MaxRequestsPerConnection int32 `json:"maxRequestsPerConnection,omitempty"`

	// MaxRetries is the largest number of retries under way.
	MaxRetries int32 `json:"maxRetries,omitempty"`

	// IdleTimeout is how long an unused connection stays open, as a duration such as 1h.
	IdleTimeout string `json:"idleTimeout,omitempty"`

	// H2UpgradePolicy says whether HTTP/1.1 connections become HTTP/2.
	//
	// +kubebuilder:validation:Enum=DEFAULT;DO_NOT_UPGRADE;UPGRADE
	H2UpgradePolicy string `json:"h2UpgradePolicy,omitempty"`
}

// LoadBalancerSettings chooses a pod per request, by exactly one of Simple and ConsistentHash.
type LoadBalancerSettings struct {
	// Simple names an algorithm without memory.
	//
	// +kubebuilder:validation:Enum=ROUND_ROBIN;LEAST_CONN;RANDOM;PASSTHROUGH;LEAST_REQUEST
	Simple string `json:"simple,omitempty"`

	// ConsistentHash sends requests with the same property to the same pod.
	ConsistentHash *ConsistentHashLB `json:"consistentHash,omitempty"`

	// LocalityLbSetting prefers or spreads over regions and zones.
	LocalityLbSetting *LocalityLoadBalancerSetting `json:"localityLbSetting,omitempty"`

	// WarmupDurationSecs is the time over which a new pod receives its full share, as a duration such as 30s.
	WarmupDurationSecs string `json:"warmupDurationSecs,omitempty"`
}

// ConsistentHashLB names the one property of a request that is hashed.
type ConsistentHashLB struct {
	// HTTPHeaderName hashes the value of this header.
	HTTPHeaderName string `json:"httpHeaderName,omitempty"`

	// HTTPCookie hashes a cookie, which is created where it is missing.
	HTTPCookie *HTTPCookie `json:"httpCookie,omitempty"`

	// UseSourceIP hashes the address of the client.
	UseSourceIP *bool `json:"useSourceIp,omitempty"`

	// HTTPQueryParameterName hashes the value of this query parameter.
	HTTPQueryParameterName string `json:"httpQueryParameterName,omitempty"`

	// MinimumRingSize is the smallest number of virtual nodes in the hash ring.
	MinimumRingSize int64 `json:"minimumRingSize,omitempty"`
}

// HTTPCookie is the cookie that consistent hashing reads and, where needed, sets.
type HTTPCookie struct {
	// Name of the cookie.
	Name string `json:"name,omitempty"`

	// Path for which the cookie is set.
	Path string `json:"path,omitempty"`

	// TTL is the lifetime of the cookie, as a duration such as 0s for a session cookie.
	TTL string `json:"ttl,omitempty"`
}

// LocalityLoadBalancerSetting spreads or fails over between localities; Istio takes one of the two.
type LocalityLoadBalancerSetting struct {
	// Distribute gives the share of each locality, by locality of origin.
	Distribute []LocalityDistribute `json:"distribute,omitempty"`

	// Failover names the region to use when one has no healthy pod left.
	Failover []LocalityFailover `json:"failover,omitempty"`

	// Enabled overrides the setting of the whole mesh.
	Enabled *bool `json:"enabled,omitempty"`
}

// LocalityDistribute shares out the traffic that comes from one locality.
type LocalityDistribute struct {
	// From is the locality of origin, as region/zone/subzone.
	From string `json:"from,omitempty"`

	// To maps localities to percent of the traffic.
	To map[string]int64 `json:"to,omitempty"`
}

// LocalityFailover moves the traffic of one region to another.
type LocalityFailover struct {
	// From is the region that failed.
	From string `json:"from,omitempty"`

	// To is the region that takes over.
	To string `json:"to,omitempty"`
}

// OutlierDetection ejects pods that keep failing. For the pointers, zero switches a detection off and nil
// leaves it to the mesh.
type OutlierDetection struct {
	// ConsecutiveErrors is the older name of Consecutive5xxErrors.
	ConsecutiveErrors int32 `json:"consecutiveErrors,omitempty"`

	// Consecutive5xxErrors is the number of responses 5xx in a row that ejects a pod.
	Consecutive5xxErrors *int64 `json:"consecutive5xxErrors,omitempty"`

	// ConsecutiveGatewayErrors is the number of responses 502, 503 or 504 in a row that ejects a pod.
	ConsecutiveGatewayErrors *int32 `json:"consecutiveGatewayErrors,omitempty"`

	// ConsecutiveLocalOriginFailures is the number of failed connections in a row that ejects a pod. It counts
	// only with SplitExternalLocalOriginErrors.
	ConsecutiveLocalOriginFailures *int32 `json:"consecutiveLocalOriginFailures,omitempty"`

	// SplitExternalLocalOriginErrors counts failed connections apart from error responses.
	SplitExternalLocalOriginErrors bool `json:"splitExternalLocalOriginErrors,omitempty"`

	// Interval is the time between two looks at the pods, as a duration such as 10s.
	Interval string `json:"interval,omitempty"`

	// BaseEjectionTime is the shortest time out of the pool, as a duration such as 30s.
	BaseEjectionTime string `json:"baseEjectionTime,omitempty"`

	// MaxEjectionPercent is the largest share of pods, in percent, that may be out at once.
	MaxEjectionPercent int32 `json:"maxEjectionPercent,omitempty"`

	// MinHealthPercent is the share of healthy pods, in percent, below which nothing is ejected.
	MinHealthPercent int32 `json:"minHealthPercent,omitempty"`
}

// ClientTLSSettings secures connections to a workload.
type ClientTLSSettings struct {
	// Mode chooses plain text, server TLS or mutual TLS.
	//
	// +kubebuilder:validation:Enum=DISABLE;SIMPLE;MUTUAL;ISTIO_MUTUAL
	Mode string `json:"mode,omitempty"`

	// ClientCertificate is the file with the certificate of the caller, for mode MUTUAL.
	ClientCertificate string `json:"clientCertificate,omitempty"`

	// PrivateKey is the file with the key of the caller, for mode MUTUAL.
	PrivateKey string `json:"privateKey,omitempty"`

	// CACertificates is the file with the authorities that may sign the server's certificate.
	CACertificates string `json:"caCertificates,omitempty"`

	// SubjectAltNames are the names of which the server's certificate must hold one.
	SubjectAltNames []string `json:"subjectAltNames,omitempty"`

	// SNI is the server name sent in the handshake.
	SNI string `json:"sni,omitempty"`
}

package istio

// HTTPMatchRequest selects requests. All conditions that are set must hold.
type HTTPMatchRequest struct {
	// Name labels the match in the logs of the mesh.
	Name string `json:"name,omitempty"`

	// URI is compared with the path of the request.
	URI *StringMatch `json:"uri,omitempty"`

	// Scheme is compared with the scheme of the request, such as https.
	Scheme *StringMatch `json:"scheme,omitempty"`

	// Method is compared with the HTTP method.
	Method *StringMatch `json:"method,omitempty"`

	// Authority is compared with the host that the client asked for.
	Authority *StringMatch `json:"authority,omitempty"`

	// Headers maps lower-case header names to what their values must look like.
	Headers map[string]StringMatch `json:"headers,omitempty"`

	// Port is the port that the client addressed.
	Port int64 `json:"port,omitempty"`

	// SourceLabels are the labels that the calling workload must carry.
	SourceLabels map[string]string `json:"sourceLabels,omitempty"`

	// Gateways names the gateways for which the match counts.
	Gateways []string `json:"gateways,omitempty"`

	// QueryParams maps names of query parameters to what their values must look like.
	QueryParams map[string]StringMatch `json:"queryParams,omitempty"`

	// IgnoreURICase compares URI without regard to case.
	IgnoreURICase bool `json:"ignoreUriCase,omitempty"`

	// WithoutHeaders holds header conditions that must not be fulfilled.
	WithoutHeaders map[string]StringMatch `json:"withoutHeaders,omitempty"`

	// SourceNamespace is the namespace of the calling workload.
	SourceNamespace string `json:"sourceNamespace,omitempty"`
}

// StringMatch compares one string in one way; at most one of its fields is set.
type StringMatch struct {
	// Exact is the whole value.
	Exact string `json:"exact,omitempty"`

	// Prefix is what the value starts with.
	Prefix string `json:"prefix,omitempty"`

	// Suffix is what the value ends with. Istio has no such match; some ingress providers do.
	Suffix string `json:"suffix,omitempty"`

	// Regex is an RE2 expression for the whole value.
	Regex string `json:"regex,omitempty"`
}

// HTTPRetry says how often and when the mesh repeats a failed request.
type HTTPRetry struct {
	// Attempts is the number of repetitions; 0 means none.
	Attempts int32 `json:"attempts"`

	// PerTryTimeout limits each attempt, as a duration such as 2s.
	PerTryTimeout string `json:"perTryTimeout,omitempty"`

	// RetryOn lists the conditions for a retry, separated by commas.
	RetryOn string `json:"retryOn,omitempty"`
}

// Headers edits the headers of requests on their way in and of responses on their way out.
type Headers struct {
	// Request edits the headers that the workload receives.
	Request *HeaderOperations `json:"request,omitempty"`

	// Response edits the headers that the client receives.
	Response *HeaderOperations `json:"response,omitempty"`
}

// HeaderOperations edits one set of headers.
type HeaderOperations struct {
	// Set replaces the values of these headers.
	Set map[string]string `json:"set,omitempty"`

	// Add appends values to these headers.
	Add map[string]string `json:"add,omitempty"`

	// Remove drops these headers.
	Remove []string `json:"remove,omitempty"`
}

// CorsPolicy answers cross-origin requests of browsers.
type CorsPolicy struct {
	// AllowOrigins are the origins that may call; each entry sets exactly one kind of match.
	AllowOrigins []StringMatch `json:"allowOrigins,omitempty"`

	// AllowOrigin lists allowed origins by their exact value. Istio replaced it by AllowOrigins.
	AllowOrigin []string `json:"allowOrigin,omitempty"`

	// AllowMethods are the HTTP methods that a page may use.
	AllowMethods []string `json:"allowMethods,omitempty"`

	// AllowHeaders are the request headers that a page may send.
	AllowHeaders []string `json:"allowHeaders,omitempty"`

	// ExposeHeaders are the response headers that a page may read.
	ExposeHeaders []string `json:"exposeHeaders,omitempty"`

	// MaxAge is how long a browser may keep the answer, as a duration such as 24h.
	MaxAge string `json:"maxAge,omitempty"`

	// AllowCredentials lets a page send cookies and other credentials.
	AllowCredentials *bool `json:"allowCredentials,omitempty"`
}

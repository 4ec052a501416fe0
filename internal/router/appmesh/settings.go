package appmesh

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/intstr"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/router"
)

// Texts of the contract, which users see in events.
const textNoMesh = "mesh name cannot be empty"

// Defaults of spec.service.retries.
const (
	defaultAttempts   = 1
	defaultTryTimeout = 250 * time.Millisecond
	defaultRetryEvent = "gateway-error"
)

// protocol is what a listener speaks, and what the route of its requests is named after.
type protocol string

const (
	http protocol = "http"
	grpc protocol = "grpc"
)

// retryEvents are those of App Mesh, by the field of a policy that lists them.
var retryEvents = map[string][]string{
	"httpRetryEvents": {"client-error", "gateway-error", "server-error", "stream-error"},
	"tcpRetryEvents":  {"connection-error"},
	"grpcRetryEvents": {"cancelled", "deadline-exceeded", "internal", "resource-exhausted", "unavailable"},
}

// settings are what the spec asks of App Mesh.
type settings struct {
	mesh string
	// port is the Services'; podPort is that of the pods, if it has a number, else the Services'.
	port, podPort int64
	protocol      protocol
	// prefix is what the paths of requests begin with.
	prefix string
	// timeout limits a request; 0 is no limit and nil App Mesh's own.
	timeout *time.Duration
	retry   *retry
	// conditions are those of the A/B test, each a list of header matches of which all must hold.
	conditions [][]any
	accessLog  bool
}

// retry says how often and when a failed request is repeated.
type retry struct {
	attempts   int64
	tryTimeout time.Duration
	// events by the field that lists them.
	events map[string][]any
}

// parse reads the spec. What App Mesh cannot express is router.ErrInvalidSpec; Observe and Apply refuse such a spec, so
// it never moves traffic.
func (v Version) parse(c *v1beta1.Canary) (settings, error) {
	s, err := parseService(c)
	if err == nil && v.meshName && s.mesh == "" {
		err = errors.New(textNoMesh)
	}
	if err == nil {
		s.conditions, err = conditions(c)
	}
	return s, router.InvalidSpec(err)
}

func parseService(c *v1beta1.Canary) (settings, error) {
	service := c.Spec.Service
	s := settings{
		mesh:      service.MeshName,
		protocol:  http,
		prefix:    "/",
		port:      int64(service.Port),
		accessLog: c.Annotations[accessLogAnnotation] == "enabled",
	}
	if err := router.ValidatePort(c); err != nil {
		return s, err
	}
	s.podPort = s.port
	if service.TargetPort.Type == intstr.Int && service.TargetPort.IntVal > 0 {
		s.podPort = int64(service.TargetPort.IntVal)
	}
	if strings.Contains(service.PortName, string(grpc)) {
		s.protocol = grpc
	}
	if match := service.Match; len(match) > 0 && match[0].URI != nil {
		s.prefix = cmp.Or(match[0].URI.Prefix, s.prefix)
	}
	if service.Timeout != "" {
		timeout, err := duration("service.timeout", service.Timeout)
		if err != nil {
			return s, err
		}
		s.timeout = &timeout
	}
	var err error
	s.retry, err = parseRetry(service, s.protocol)
	return s, err
}

// duration reads a time that App Mesh counts in milliseconds.
func duration(field, text string) (time.Duration, error) {
	parsed, err := time.ParseDuration(text)
	if err != nil || parsed < 0 || parsed%time.Millisecond != 0 {
		return 0, fmt.Errorf("%s %q is no duration in whole milliseconds, such as 250ms or 15s", field, text)
	}
	return parsed, nil
}

// parseRetry reads service.retries, nil for none.
func parseRetry(service v1beta1.CanaryService, p protocol) (*retry, error) {
	asked := service.Retries
	if asked == nil {
		return nil, nil
	}
	r := &retry{attempts: max(int64(asked.Attempts), defaultAttempts), tryTimeout: defaultTryTimeout, events: map[string][]any{}}
	if asked.PerTryTimeout != "" {
		var err error
		if r.tryTimeout, err = duration("service.retries.perTryTimeout", asked.PerTryTimeout); err != nil {
			return nil, err
		}
	}
	for event := range strings.SplitSeq(cmp.Or(asked.RetryOn, defaultRetryEvent), ",") {
		event = strings.TrimSpace(event)
		field := fieldOf(event)
		if field == "" || field == "grpcRetryEvents" && p != grpc {
			return nil, fmt.Errorf("service.retries.retryOn: %q is nothing on which App Mesh repeats requests of protocol %s", event, p)
		}
		r.events[field] = append(r.events[field], event)
	}
	return r, nil
}

// fieldOf is the field that lists events of the kind, or "" if App Mesh does not know it.
func fieldOf(event string) string {
	for field, known := range retryEvents {
		if slices.Contains(known, event) {
			return field
		}
	}
	return ""
}

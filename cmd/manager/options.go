package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/daemon"
)

// options are the command line, with the environment applied.
type options struct {
	// the cluster
	kubeconfig, kubeconfigServiceMesh, master string
	qps, burst                                int
	namespace                                 string

	// rollouts
	meshProvider, metricsServer string
	controlLoopInterval         time.Duration
	threadiness                 int
	selectorLabels              string
	includeLabelPrefix          string
	configTracking              bool
	ingressAnnotationsPrefix    string
	ingressClass                string
	noCrossNamespaceRefs        bool
	drainPeriod, settlePeriod   time.Duration

	// notifications
	eventWebhook                                                 string
	clusterName                                                  string
	slackURL, slackToken, slackProxyURL, slackUser, slackChannel string
	msteamsURL, msteamsProxyURL                                  string

	// the process
	leaderElection          bool
	leaderElectionNamespace string
	port                    string
	otlpEndpoint            string
	pprof                   bool
	logLevel                string
	zapEncoding             string
	zapReplaceGlobals       bool
	version                 bool
}

// globalChat is where the alerts of canaries without their own go, and its token: to Teams if its URL is set, else to
// Slack. Without an address they go nowhere.
func (o *options) globalChat() (v1beta1.AlertProviderSpec, string) {
	if o.msteamsURL != "" {
		return v1beta1.AlertProviderSpec{Type: "msteams", Address: o.msteamsURL, Proxy: o.msteamsProxyURL}, ""
	}
	return v1beta1.AlertProviderSpec{
		Type: "slack", Address: o.slackURL, Proxy: o.slackProxyURL, Channel: o.slackChannel, Username: o.slackUser,
	}, o.slackToken
}

// validate returns what is wrong with the values, all of it. lookup returns an error for a mesh provider that is not
// built in; its text lists those that are.
func (o *options) validate(lookup func(meshProvider string) error) error {
	var wrong []error
	refuse := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	if err := lookup(o.meshProvider); err != nil {
		refuse("-mesh-provider: %w", err)
	}
	if _, err := daemon.Address(o.port); err != nil {
		refuse("-port: %w", err)
	}
	if len(splitList(o.selectorLabels)) == 0 {
		refuse("-selector-labels: at least one label is required")
	}
	if o.qps < 1 || o.burst < 1 {
		refuse("-kubeconfig-qps and -kubeconfig-burst: %d and %d must be at least 1", o.qps, o.burst)
	}
	if o.threadiness < 1 {
		refuse("-threadiness: %d must be at least 1", o.threadiness)
	}
	if o.controlLoopInterval <= 0 {
		refuse("-control-loop-interval: %s must be more than 0s", o.controlLoopInterval)
	}
	if o.drainPeriod < 0 {
		refuse("-drain-period: %s must not be negative", o.drainPeriod)
	}
	if o.settlePeriod < 0 {
		refuse("-settle-period: %s must not be negative", o.settlePeriod)
	}
	if o.zapEncoding != daemon.EncodingJSON && o.zapEncoding != daemon.EncodingConsole {
		refuse("-zap-encoding: %q is neither %s nor %s", o.zapEncoding, daemon.EncodingJSON, daemon.EncodingConsole)
	}
	return errors.Join(wrong...)
}

// leaseNamespace returns the namespace of the leader election's lease.
func (o *options) leaseNamespace() string {
	if o.namespace != "" {
		return o.namespace
	}
	return o.leaderElectionNamespace
}

// splitList returns the elements of a comma list, trimmed, without empty ones.
func splitList(text string) []string {
	var list []string
	for element := range strings.SplitSeq(text, ",") {
		if element = strings.TrimSpace(element); element != "" {
			list = append(list, element)
		}
	}
	return list
}

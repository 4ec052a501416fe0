package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/internal/daemon"
)

// options are the command line.
type options struct {
	// tasks
	timeout                    time.Duration
	maxTasks                   int
	gatesConfigMap, kubeconfig string

	// access
	namespaceRegexp, tokenFile, concordKeys string

	// the process
	port              string
	logLevel          string
	zapEncoding       string
	zapReplaceGlobals bool
	version           bool
}

// validate returns what is wrong with the values, all of it.
func (o *options) validate() error {
	var wrong []error
	refuse := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf(format, args...)) }

	if o.timeout <= 0 {
		refuse("-timeout: %s must be more than 0s", o.timeout)
	}
	if o.maxTasks < 1 {
		refuse("-max-tasks: %d must be at least 1", o.maxTasks)
	}
	if _, err := o.gates(); err != nil {
		refuse("-gates-configmap: %w", err)
	}
	if _, err := o.namespaces(); err != nil {
		refuse("-namespace-regexp: %w", err)
	}
	if _, err := daemon.Address(o.port); err != nil {
		refuse("-port: %w", err)
	}
	if o.zapEncoding != daemon.EncodingJSON && o.zapEncoding != daemon.EncodingConsole {
		refuse("-zap-encoding: %q is neither %s nor %s", o.zapEncoding, daemon.EncodingJSON, daemon.EncodingConsole)
	}
	return errors.Join(wrong...)
}

// gates returns the name of the ConfigMap that keeps the gates, empty for none.
func (o *options) gates() (types.NamespacedName, error) {
	if o.gatesConfigMap == "" {
		return types.NamespacedName{}, nil
	}
	namespace, name, _ := strings.Cut(o.gatesConfigMap, "/")
	if namespace == "" || name == "" || strings.Contains(name, "/") {
		return types.NamespacedName{}, fmt.Errorf("%q is not namespace/name", o.gatesConfigMap)
	}
	return types.NamespacedName{Namespace: namespace, Name: name}, nil
}

// namespaces returns the pattern of the namespaces that are served, nil for all.
func (o *options) namespaces() (*regexp.Regexp, error) {
	if o.namespaceRegexp == "" {
		return nil, nil
	}
	return regexp.Compile(o.namespaceRegexp)
}

// token returns what requests must carry, empty for nothing.
func (o *options) token() (string, error) {
	if o.tokenFile == "" {
		return "", nil
	}
	content, err := os.ReadFile(o.tokenFile)
	if err != nil {
		return "", fmt.Errorf("-token-file: %w", err)
	}
	token := strings.TrimSpace(string(content))
	if token == "" {
		return "", fmt.Errorf("-token-file: %s is empty", o.tokenFile)
	}
	return token, nil
}

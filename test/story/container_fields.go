//go:build linux

package story

import (
	"encoding/json"
	"fmt"
	"slices"
)

// Fields that a process honours, and then those that make no difference to it: whether pods may run as they ask to is the
// API server's to say, and where they run the scheduler's.
var (
	podFields = []string{
		"containers", "serviceAccount", "serviceAccountName", "volumes",
		"affinity", "dnsPolicy", "imagePullSecrets", "nodeSelector", "priorityClassName", "restartPolicy", "schedulerName",
		"securityContext", "terminationGracePeriodSeconds", "tolerations",
	}
	containerFields = []string{
		"args", "env", "volumeMounts",
		"image", "imagePullPolicy", "livenessProbe", "name", "ports", "readinessProbe", "resources", "securityContext",
		"terminationMessagePath", "terminationMessagePolicy",
	}
)

// remaining returns the names of the fields that are set in spec beside those of a list, sorted.
func remaining(spec any, known []string) ([]string, error) {
	encoded, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encode a pod: %w", err)
	}
	var set map[string]json.RawMessage
	if err := json.Unmarshal(encoded, &set); err != nil {
		return nil, fmt.Errorf("decode a pod: %w", err)
	}
	var unknown []string
	for field := range set {
		if !slices.Contains(known, field) {
			unknown = append(unknown, field)
		}
	}
	slices.Sort(unknown)
	return unknown, nil
}

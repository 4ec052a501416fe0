//go:build linux

package story

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"

	"k8s.io/client-go/tools/clientcmd"
)

// Replica is one of several instances of the operator, of which one leads. It does not run yet. Its requests are made in
// the name of a user of its own, by which Request.User tells instances apart.
func (s *Stage) Replica(user string, flags ...string) (*Operator, error) {
	config, err := clientcmd.LoadFromFile(s.State.OperatorKubeconfig())
	if err != nil {
		return nil, fmt.Errorf("read the operator's kubeconfig: %w", err)
	}
	for _, credentials := range config.AuthInfos {
		credentials.Impersonate, credentials.ImpersonateGroups = user, []string{"system:masters"}
	}
	file := filepath.Join(string(s.State), user+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, file); err != nil {
		return nil, fmt.Errorf("write a replica's kubeconfig: %w", err)
	}
	return &Operator{
		state:     s.State,
		binary:    s.Operator.binary,
		arguments: slices.Concat(s.Operator.arguments, []string{"-kubeconfig", file, "-enable-leader-election=true"}, flags),
	}, nil
}

// Freeze stops the operator in the middle of its work, as a paused machine does, until Thaw.
func (o *Operator) Freeze() { o.process.signals <- syscall.SIGSTOP }

// Thaw lets a frozen operator go on where it was.
func (o *Operator) Thaw() { o.process.signals <- syscall.SIGCONT }

// ExitCode is that of a process that has ended.
func (o *Operator) ExitCode() int { return o.process.code }

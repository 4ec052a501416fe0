//go:build linux

package story

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// accountFolder is where a container finds the credentials of its account.
const accountFolder = "/var/run/secrets/kubernetes.io/serviceaccount"

// program is where a container finds what it runs.
const program = "/program"

// Container is what a Deployment says of its one container, as far as it concerns a process: the lab's nodes run no
// images, so somebody has to be the kubelet.
type Container struct {
	Arguments   []string
	Environment []string          // NAME=value, sorted; the cluster's own variables included
	Files       map[string][]byte // by absolute path: the volumes, and the credentials of the account
	Account     string            // as the API server names the user

	user *int64
}

// ReadContainer reads what the Deployment says, with the Secrets and ConfigMaps that it names and a token of its account.
// server leads to the API server that the container is to use; c may read the Secrets and ask for tokens. What a process
// cannot honour is an error.
func ReadContainer(ctx context.Context, c client.Client, server *rest.Config, deployment types.NamespacedName) (*Container, error) {
	d := &appsv1.Deployment{}
	if err := c.Get(ctx, deployment, d); err != nil {
		return nil, fmt.Errorf("get deployment %s: %w", deployment, err)
	}
	pod := d.Spec.Template.Spec
	if err := honourable(pod); err != nil {
		return nil, fmt.Errorf("run deployment %s as a process: %w", deployment, err)
	}
	r := reader{Client: c, namespace: deployment.Namespace}
	only := pod.Containers[0]
	environment, err := r.environment(ctx, only.Env)
	if err != nil {
		return nil, err
	}
	files, err := r.files(ctx, pod.Volumes, only.VolumeMounts)
	if err != nil {
		return nil, err
	}
	made := &Container{Arguments: only.Args, Environment: environment, Files: files}
	if only.SecurityContext != nil {
		made.user = only.SecurityContext.RunAsUser
	}
	return made, made.join(ctx, r, server, cmp.Or(pod.ServiceAccountName, "default"))
}

// join adds what every container gets of its cluster: the API server's address and the account's credentials.
func (k *Container) join(ctx context.Context, r reader, server *rest.Config, name string) error {
	account := &corev1.ServiceAccount{}
	account.Namespace, account.Name = r.namespace, name
	token := &authenticationv1.TokenRequest{}
	if err := r.SubResource("token").Create(ctx, account, token); err != nil {
		return fmt.Errorf("ask for a token of service account %s: %w", name, err)
	}
	address, err := url.Parse(server.Host)
	if err != nil {
		return fmt.Errorf("read the API server's address: %w", err)
	}
	host, port, err := net.SplitHostPort(address.Host)
	if err != nil {
		return fmt.Errorf("read the API server's address: %w", err)
	}
	k.Environment = append(k.Environment, "KUBERNETES_SERVICE_HOST="+host, "KUBERNETES_SERVICE_PORT="+port)
	slices.Sort(k.Environment)
	k.Account = "system:serviceaccount:" + r.namespace + ":" + name
	maps.Copy(k.Files, map[string][]byte{
		path.Join(accountFolder, "token"):     []byte(token.Status.Token),
		path.Join(accountFolder, "ca.crt"):    server.CAData,
		path.Join(accountFolder, "namespace"): []byte(r.namespace),
	})
	return nil
}

// Command writes the container's file system to folder, which is empty, with binary as its program, and returns the command
// that runs it there, with nothing of the caller's environment. Containers share one network, so further arguments keep
// their ports apart. The binary must need no libraries. Root runs the process as the user that the Deployment names, who
// can write nowhere; anybody else runs it as root of a user namespace.
func (k *Container) Command(binary, folder string, further ...string) ([]string, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("read the container's program: %w", err)
	}
	if err := write(filepath.Join(folder, program), content, 0o755); err != nil {
		return nil, err
	}
	for file, content := range k.Files {
		if err := write(filepath.Join(folder, file), content, 0o644); err != nil {
			return nil, err
		}
	}
	command := append([]string{"/usr/bin/env", "-i"}, k.Environment...)
	switch {
	case os.Geteuid() != 0:
		command = append(command, "/usr/bin/unshare", "--map-root-user", "/usr/sbin/chroot")
	case k.user != nil:
		command = append(command, "/usr/sbin/chroot", fmt.Sprintf("--userspec=%d:%d", *k.user, *k.user))
	default:
		command = append(command, "/usr/sbin/chroot")
	}
	command = append(command, folder, program)
	return slices.Concat(command, k.Arguments, further), nil
}

func write(file string, content []byte, mode os.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("write the container's files: %w", err)
	}
	if err := os.WriteFile(file, content, mode); err != nil {
		return fmt.Errorf("write the container's files: %w", err)
	}
	return nil
}

// reader reads what containers of a namespace refer to.
type reader struct {
	client.Client
	namespace string
}

// environment resolves the variables, as NAME=value.
func (r reader) environment(ctx context.Context, variables []corev1.EnvVar) ([]string, error) {
	var environment []string
	for _, variable := range variables {
		value := variable.Value
		if from := variable.ValueFrom; from != nil {
			secret, err := r.secret(ctx, from.SecretKeyRef.Name)
			if err != nil {
				return nil, err
			}
			content, found := secret[from.SecretKeyRef.Key]
			if !found {
				return nil, fmt.Errorf("secret %s has no key %s", from.SecretKeyRef.Name, from.SecretKeyRef.Key)
			}
			value = string(content)
		}
		environment = append(environment, variable.Name+"="+value)
	}
	return environment, nil
}

// files are those of the volumes, where they are mounted.
func (r reader) files(ctx context.Context, volumes []corev1.Volume, mounts []corev1.VolumeMount) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, mount := range mounts {
		at := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
		secret, err := r.secret(ctx, volumes[at].Secret.SecretName) // the API server has checked that there is one
		if err != nil {
			return nil, err
		}
		for key, content := range secret {
			files[path.Join(mount.MountPath, key)] = content
		}
	}
	return files, nil
}

func (r reader) secret(ctx context.Context, name string) (map[string][]byte, error) {
	secret := &corev1.Secret{}
	if err := r.Get(ctx, client.ObjectKey{Namespace: r.namespace, Name: name}, secret); err != nil {
		return nil, fmt.Errorf("get secret %s: %w", name, err)
	}
	return secret.Data, nil
}

// honourable returns an error that names what the pod asks for and a process does not get.
func honourable(pod corev1.PodSpec) error {
	if len(pod.Containers) != 1 {
		return fmt.Errorf("it has %d containers", len(pod.Containers))
	}
	fields, err := remaining(pod, podFields)
	if err != nil {
		return err
	}
	more, err := remaining(pod.Containers[0], containerFields)
	if err != nil {
		return err
	}
	for _, field := range more {
		fields = append(fields, "containers."+field)
	}
	for _, volume := range pod.Volumes {
		if volume.Secret == nil || len(volume.Secret.Items) > 0 {
			fields = append(fields, "volumes."+volume.Name)
		}
	}
	for _, variable := range pod.Containers[0].Env {
		if from := variable.ValueFrom; from != nil && from.SecretKeyRef == nil || strings.Contains(variable.Value, "$(") {
			fields = append(fields, "containers.env."+variable.Name)
		}
	}
	for _, mount := range pod.Containers[0].VolumeMounts {
		if mount.SubPath != "" || mount.SubPathExpr != "" {
			fields = append(fields, "containers.volumeMounts."+mount.Name)
		}
	}
	if len(fields) > 0 {
		return fmt.Errorf("it asks for %s", strings.Join(fields, ", "))
	}
	return nil
}

// Run is the kubelet of a Deployment that somebody has installed: it starts binary in the place of the container's image,
// with everything else as the Deployment says, and with further arguments. The process writes its output to the log and lives
// as long as the lab.
func (s *Stage) Run(ctx context.Context, deployment types.NamespacedName, binary, log string, further ...string) error {
	server, err := clientcmd.BuildConfigFromFlags("", s.State.Kubeconfig())
	if err != nil {
		return fmt.Errorf("read the lab's kubeconfig: %w", err)
	}
	container, err := ReadContainer(ctx, s.Client, server, deployment)
	if err != nil {
		return err
	}
	command, err := container.Command(binary, filepath.Join(string(s.State), "containers", deployment.Name), further...)
	if err != nil {
		return err
	}
	return LeaveRunning(s.State, log, command...)
}

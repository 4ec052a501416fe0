//go:build linux

package story

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/test/lab"
)

const (
	testerName = "flagger-loadtester"
	testerPort = 8080
	answerSize = 1 << 10 // of what the load tester says, for an error
)

// withPrograms runs a program with a folder in its PATH, before the others.
const withPrograms = `PATH=$1:$PATH; export PATH; shift; exec "$@"`

// LoadTester is the load tester's process inside the lab. It has the address of a pod of its own, which nothing else
// answers at, and finds the programs of bin in its PATH. Its methods are called from one goroutine.
type LoadTester struct {
	// URL is where the operator reaches it, inside the lab.
	URL string

	outside string // the same through the API server
	web     *http.Client
	log     string
	process *process
}

// StartLoadTester makes a namespace with the load tester's pod, starts its process and returns when that answers.
func (s *Stage) StartLoadTester(ctx context.Context, namespace string) (*LoadTester, error) {
	programs := filepath.Dir(s.Operator.binary)
	for _, program := range []string{"loadtester", "hey"} {
		if _, err := os.Stat(filepath.Join(programs, program)); err != nil {
			return nil, fmt.Errorf("find the load tester and hey (`make bin/loadtester`, `bin/lab build hey`): %w", err)
		}
	}
	pod, err := s.deployLoadTester(ctx, namespace)
	if err != nil {
		return nil, err
	}
	l := &LoadTester{
		URL: fmt.Sprintf("http://%s:%d", pod.Status.PodIP, testerPort),
		log: filepath.Join(string(s.State), "logs", namespace+".log"),
	}
	if err := l.reachThrough(s.State.Kubeconfig(), pod); err != nil {
		return nil, err
	}
	l.process = begin(s.State, l.log, "/bin/sh", "-c", withPrograms, "sh", programs,
		filepath.Join(programs, "loadtester"), "-port", pod.Status.PodIP+":"+strconv.Itoa(testerPort))
	if err := l.awaitHealth(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("wait for the load tester: %w", err), l.Stop())
	}
	return l, nil
}

// deployLoadTester makes the load tester's Deployment and returns its pod, once that has an address.
func (s *Stage) deployLoadTester(ctx context.Context, namespace string) (*corev1.Pod, error) {
	labels := map[string]string{"app": testerName}
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: testerName},
		Spec: appsv1.DeploymentSpec{
			Replicas: ptr.To[int32](1),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels},
				Spec: corev1.PodSpec{Containers: []corev1.Container{{
					Name: "loadtester", Image: testerName,
					Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: testerPort}},
				}}},
			},
		},
	}
	if err := s.create(ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}, deployment); err != nil {
		return nil, err
	}
	changes, err := s.Client.Watch(ctx, &corev1.PodList{}, client.InNamespace(namespace))
	if err != nil {
		return nil, fmt.Errorf("watch the load tester's pod: %w", err)
	}
	defer changes.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case change, open := <-changes.ResultChan():
			if !open || change.Type == watch.Error {
				return nil, errWatchEnded
			}
			if pod, ok := change.Object.(*corev1.Pod); ok && pod.Status.PodIP != "" {
				return pod, nil
			}
		}
	}
}

// reachThrough lets requests from outside take the way through the API server, with an administrator's rights.
func (l *LoadTester) reachThrough(kubeconfig string, pod *corev1.Pod) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("read %s: %w", kubeconfig, err)
	}
	if l.web, err = rest.HTTPClientFor(config); err != nil {
		return fmt.Errorf("make an HTTP client: %w", err)
	}
	l.outside = fmt.Sprintf("%s/api/v1/namespaces/%s/pods/%s:%d/proxy", config.Host, pod.Namespace, pod.Name, testerPort)
	return nil
}

// awaitHealth asks whether the load tester is healthy until it is, as a kubelet does.
func (l *LoadTester) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, firstAnswer)
	defer cancel()
	tick := time.NewTicker(betweenTries)
	defer tick.Stop()
	for {
		err := l.call(ctx, "/healthz", nil, http.StatusOK)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-l.process.ended:
			return l.failure()
		case <-tick.C:
		}
	}
}

// Post tells a gate of the app's canary to change, by a path such as /gate/open.
func (l *LoadTester) Post(ctx context.Context, path string, a App) error {
	body := fmt.Sprintf(`{"name":%q,"namespace":%q}`, Name, a.Namespace)
	return l.call(ctx, path, []byte(body), http.StatusAccepted)
}

// call posts a body to a path and checks the status of the answer.
func (l *LoadTester) call(ctx context.Context, path string, body []byte, want int) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.outside+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("make a request: %w", err)
	}
	answer, err := l.web.Do(request)
	if err != nil {
		return fmt.Errorf("post to the load tester: %w", err)
	}
	defer func() { _ = answer.Body.Close() }()
	said, err := io.ReadAll(io.LimitReader(answer.Body, answerSize))
	if answer.StatusCode != want {
		return errors.Join(fmt.Errorf("post %s to the load tester: status %d: %s", path, answer.StatusCode, said), err)
	}
	return nil
}

// Stop ends the load tester as Kubernetes does (SIGTERM), with the load that it makes, and returns when it is gone. A
// second call does nothing.
func (l *LoadTester) Stop() error {
	select {
	case <-l.process.ended:
	case l.process.signals <- syscall.SIGTERM:
		<-l.process.ended
	}
	if l.process.err != nil || l.process.code != 0 {
		return fmt.Errorf("stop the load tester: %w", l.failure())
	}
	return nil
}

// failure tells how the process, which has ended, did.
func (l *LoadTester) failure() error {
	return errors.Join(l.process.err, fmt.Errorf("exit code %d; its log is %s", l.process.code, l.log))
}

// Log returns everything that the load tester has logged, a JSON document per line.
func (l *LoadTester) Log() ([]byte, error) {
	content, err := os.ReadFile(l.log)
	if err != nil {
		return nil, fmt.Errorf("read the load tester's log: %w", err)
	}
	return content, nil
}

// begin starts a program inside the lab, with its output in a log.
func begin(state lab.State, log string, command ...string) *process {
	p := &process{signals: make(chan os.Signal, 1), ended: make(chan struct{})}
	command = append([]string{"/bin/sh", "-c", logged, "sh", log}, command...)
	go func() {
		defer close(p.ended)
		p.code, p.err = lab.Exec(state, command, p.signals)
	}()
	return p
}

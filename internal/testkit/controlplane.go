package testkit

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
)

const (
	adminToken    = "test-admin"
	operatorToken = "test-operator"

	startTimeout  = 60 * time.Second
	startInterval = 50 * time.Millisecond
	startAttempts = 3 // a free port can be taken by another process before the API server listens on it

	// etcdURL names a unix socket in the working directory, which is private to the pair: no port to collide.
	etcdURL = "unix://etcd:1"
	peerURL = "unix://peer:1"
)

// controlPlane is a running pair of etcd and kube-apiserver in a folder of its own.
type controlPlane struct {
	dir       string
	host      string
	ca        []byte
	etcd      *process
	apiserver *process
}

// startControlPlane starts the pair and returns when the API server is ready.
func startControlPlane() (*controlPlane, error) {
	binary := filepath.Join(Root(), "bin", "kubernetes")
	if _, err := os.Stat(binary); err != nil {
		return nil, errors.New("bin/kubernetes is missing: `make lab-binaries` builds it")
	}
	dir, err := os.MkdirTemp("", "flagger-test-apiserver-")
	if err != nil {
		return nil, fmt.Errorf("make a folder: %w", err)
	}
	plane := &controlPlane{dir: dir}
	if err := plane.start(binary); err != nil {
		plane.stop()
		return nil, err
	}
	return plane, nil
}

func (p *controlPlane) start(binary string) error {
	if err := writeCredentials(p.dir); err != nil {
		return err
	}
	var err error
	if p.etcd, err = startProcess(p.dir, binary, etcdArguments()...); err != nil {
		return err
	}
	for range startAttempts {
		if err = p.startAPIServer(binary); err == nil {
			return nil
		}
	}
	return err
}

func (p *controlPlane) startAPIServer(binary string) error {
	port, err := freePort()
	if err != nil {
		return err
	}
	if p.apiserver, err = startProcess(p.dir, binary, apiserverArguments(port)...); err != nil {
		return err
	}
	p.host = "https://127.0.0.1:" + port
	if err := p.waitReady(); err != nil {
		p.apiserver.kill()
		return err
	}
	return nil
}

// stop ends both programs, waits for them and removes their data.
func (p *controlPlane) stop() {
	for _, program := range []*process{p.apiserver, p.etcd} {
		if program != nil {
			program.kill()
		}
	}
	_ = os.RemoveAll(p.dir) // what stays is in the system's folder for temporary files
}

func (p *controlPlane) config(token string) *rest.Config {
	return &rest.Config{
		Host:            p.host,
		BearerToken:     token,
		TLSClientConfig: rest.TLSClientConfig{CAData: p.ca},
		QPS:             -1,
	}
}

// waitReady returns when /readyz answers 200, or with the end of the log of the program that ended.
func (p *controlPlane) waitReady() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	tick := time.NewTicker(startInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return fmt.Errorf("kube-apiserver is not ready after %s:\n%s", startTimeout, p.apiserver.tail())
		case <-p.etcd.done:
			return fmt.Errorf("etcd ended:\n%s", p.etcd.tail())
		case <-p.apiserver.done:
			return fmt.Errorf("kube-apiserver ended:\n%s", p.apiserver.tail())
		case <-tick.C:
			if p.ready(ctx) {
				return nil
			}
		}
	}
}

func (p *controlPlane) ready(ctx context.Context) bool {
	ca, err := os.ReadFile(filepath.Join(p.dir, "certs", "apiserver.crt"))
	if err != nil {
		return false // the API server writes its certificate first
	}
	p.ca = ca
	api, err := rest.HTTPClientFor(p.config(adminToken))
	if err != nil {
		return false
	}
	defer api.CloseIdleConnections()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, p.host+"/readyz", nil)
	if err != nil {
		return false
	}
	answer, err := api.Do(request)
	if err != nil {
		return false
	}
	_ = answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// writeCredentials writes the files that the API server's arguments name.
func writeCredentials(dir string) error {
	key, err := serviceAccountKey()
	if err != nil {
		return err
	}
	files := map[string]string{
		"tokens.csv": fmt.Sprintf("%s,test-admin,test-admin,system:masters\n%s,%s,%s,system:masters\n",
			adminToken, operatorToken, Operator, Operator),
		"audit-policy.yaml": auditPolicy,
		"sa.key":            key,
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	return nil
}

// serviceAccountKey returns a fresh private key in PEM.
func serviceAccountKey() (string, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make the service account key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return "", fmt.Errorf("encode the service account key: %w", err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der})), nil
}

func etcdArguments() []string {
	return []string{
		"etcd", "--name=test", "--data-dir=etcd", "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + etcdURL, "--advertise-client-urls=" + etcdURL,
		"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL, "--initial-cluster=test=" + peerURL,
	}
}

func apiserverArguments(port string) []string {
	return []string{
		"kube-apiserver", "--etcd-servers=" + etcdURL,
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + port, "--cert-dir=certs",
		"--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=sa.key", "--service-account-signing-key-file=sa.key",
		"--authorization-mode=RBAC", "--token-auth-file=tokens.csv",
		"--disable-admission-plugins=ServiceAccount", // nothing makes the account that a pod would need
		// As on OpenShift: who makes an owner block the deletion of its owner needs leave to.
		"--enable-admission-plugins=OwnerReferencesPermissionEnforcement",
		"--audit-policy-file=audit-policy.yaml", "--audit-log-path=" + auditLog, "--audit-log-mode=blocking",
	}
}

// freePort returns a loopback port that nothing listens on at this moment.
func freePort() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	defer func() { _ = listener.Close() }()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return port, nil
}

//go:build linux

package lab

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"embed"
	"encoding/pem"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// Tokens of the two users. They open a cluster that only its own machine's loopback device reaches.
const (
	adminToken    = "lab-admin"
	operatorToken = "lab-operator"
)

//go:embed stages manifests
var files embed.FS

// writeConfiguration writes what the components' arguments name.
func writeConfiguration(s settings) error {
	key, err := serviceAccountKey()
	if err != nil {
		return err
	}
	stages, err := stages()
	if err != nil {
		return err
	}
	contents := map[string]string{
		"config/service-account.key": key,
		"config/stages.yaml":         stages,
		"config/tokens.csv": fmt.Sprintf("%s,lab-admin,lab-admin,system:masters\n%s,flagger,flagger,system:masters\n",
			adminToken, operatorToken),
	}
	for _, name := range []string{"audit-policy.yaml", "prometheus.yml"} {
		content, err := files.ReadFile("manifests/" + name)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		contents["config/"+name] = strings.ReplaceAll(string(content), "$SCRAPE", s.Scrape.String())
	}
	for name, content := range contents {
		if err := os.WriteFile(s.State.path(name), []byte(content), 0o600); err != nil {
			return fmt.Errorf("write %s: %w", name, err)
		}
	}
	kubectl := fmt.Sprintf("#!/bin/sh\nexec '%s' kubectl \"$@\"\n", s.binary("kubernetes"))
	if err := os.WriteFile(s.State.path("bin", "kubectl"), []byte(kubectl), 0o755); err != nil {
		return fmt.Errorf("write kubectl: %w", err)
	}
	return nil
}

// Drain is how long a pod still answers after its deletion: as long as the operator lets pods outlive their traffic. A
// gateway of a machine with two busy cores may learn of an endpoint seven seconds late.
const Drain = 10 * time.Second

// stages joins kwok's stage files into the one that it is given.
func stages() (string, error) {
	names, err := fs.Glob(files, "stages/*.yaml")
	if err != nil {
		return "", fmt.Errorf("list stages: %w", err)
	}
	var all []string
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, string(content))
	}
	drain := strconv.FormatInt(Drain.Milliseconds(), 10)
	return strings.ReplaceAll(strings.Join(all, "---\n"), "$DRAIN", drain), nil
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

// adminConfig returns an administrator's configuration. The API server must have written its certificate.
func adminConfig(s settings) (*rest.Config, error) {
	ca, err := os.ReadFile(s.State.path("certs", "apiserver.crt"))
	if err != nil {
		return nil, fmt.Errorf("read the API server's certificate: %w", err)
	}
	return &rest.Config{
		Host:            s.apiserverURL(),
		BearerToken:     adminToken,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca},
		QPS:             -1,
	}, nil
}

// writeKubeconfigs writes a kubeconfig for each user.
func writeKubeconfigs(s settings, admin *rest.Config) error {
	for file, token := range map[string]string{
		s.State.Kubeconfig():         adminToken,
		s.State.OperatorKubeconfig(): operatorToken,
	} {
		config := clientcmdapi.Config{
			Clusters: map[string]*clientcmdapi.Cluster{
				"lab": {Server: admin.Host, CertificateAuthorityData: admin.CAData},
			},
			AuthInfos:      map[string]*clientcmdapi.AuthInfo{"lab": {Token: token}},
			Contexts:       map[string]*clientcmdapi.Context{"lab": {Cluster: "lab", AuthInfo: "lab"}},
			CurrentContext: "lab",
		}
		if err := clientcmd.WriteToFile(config, file); err != nil {
			return fmt.Errorf("write %s: %w", file, err)
		}
	}
	return nil
}

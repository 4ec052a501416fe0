package httpapi

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"flagger.app/flagger/internal/metrics"
)

// Keys that every Secret may have.
const (
	keyCA          = "ca.crt"
	keyCertificate = "tls.crt"
	keyPrivateKey  = "tls.key"
)

// ParseAddress returns the address of cfg, which needs one of schemes and a host. The error does not show the user and
// the password that it may carry.
func ParseAddress(cfg metrics.Config, schemes ...string) (*url.URL, error) {
	address, err := url.Parse(cfg.Provider.Address)
	if err == nil && address.Host != "" {
		for _, scheme := range schemes {
			if address.Scheme == scheme {
				return address, nil
			}
		}
	}
	return nil, fmt.Errorf("%s address %s is not a valid URL",
		cfg.Provider.Type, metrics.HideUser(cfg.Provider.Address))
}

// SecretValue returns what cfg's Secret holds under key, without the newline that editors add, and whether it does.
func SecretValue(cfg metrics.Config, key string) (string, bool) {
	data, ok := cfg.Credentials[key]
	return string(bytes.TrimRight(data, "\r\n")), ok
}

// Credential is a header that tells who asks.
type Credential struct {
	// Header is its name, Value what is sent.
	Header, Value string
	// secrets are the parts of the value that no text may show.
	secrets []string
}

// Token returns the credential of a bare token; scheme, which may be empty, stands before it in the header.
func Token(header, scheme, token string) Credential {
	return Credential{Header: header, Value: strings.TrimSpace(scheme + " " + token), secrets: []string{token}}
}

// Basic returns the credential of a user.
func Basic(username, password string) Credential {
	encoded := base64.StdEncoding.EncodeToString([]byte(username + ":" + password))
	return Credential{Header: "Authorization", Value: "Basic " + encoded, secrets: []string{encoded, password}}
}

// newHeader returns the headers of every request: those of the template, never its own map, which is in the cache,
// and over them the credentials. The user in the address counts where nothing else says who asks.
func newHeader(cfg metrics.Config, base *url.URL, credentials []Credential) (http.Header, *strings.Replacer) {
	header := http.Header{}
	for name, values := range cfg.Provider.Headers {
		for _, value := range values {
			header.Add(name, value)
		}
	}
	var secrets []string
	if base.User != nil {
		password, _ := base.User.Password()
		user := Basic(base.User.Username(), password)
		secrets = append(secrets, user.secrets...)
		if header.Get(user.Header) == "" {
			header.Set(user.Header, user.Value)
		}
	}
	for _, credential := range credentials {
		header.Set(credential.Header, credential.Value)
		secrets = append(secrets, credential.secrets...)
	}
	return header, hide(secrets)
}

// hide returns a replacer for values that a server may send back to us.
func hide(secrets []string) *strings.Replacer {
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

// NewTLS returns the TLS settings of the template and of its Secret. Its errors name the key that is missing or wrong,
// never a value.
func NewTLS(cfg metrics.Config) (*tls.Config, error) {
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		InsecureSkipVerify: cfg.Provider.InsecureSkipVerify, //nolint:gosec // the template asks for it
	}
	if authority, ok := cfg.Credentials[keyCA]; ok {
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(authority) {
			return nil, fmt.Errorf("%s credentials hold no certificate in %s", cfg.Provider.Type, keyCA)
		}
	}
	certificate, hasCertificate := cfg.Credentials[keyCertificate]
	key, hasKey := cfg.Credentials[keyPrivateKey]
	switch {
	case !hasCertificate && !hasKey:
		return config, nil
	case !hasCertificate:
		return nil, Lacks(cfg, "a "+keyCertificate)
	case !hasKey:
		return nil, Lacks(cfg, "a "+keyPrivateKey)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%s credentials %s and %s: %w", cfg.Provider.Type, keyCertificate, keyPrivateKey, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

// Lacks returns the error for a Secret without what, in the contract's words.
func Lacks(cfg metrics.Config, what string) error {
	return errors.New(cfg.Provider.Type + " credentials does not contain " + what)
}

package prometheus

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

// Keys of the Secret.
const (
	keyToken       = "token"
	keyUsername    = "username"
	keyPassword    = "password"
	keyCA          = "ca.crt"
	keyCertificate = "tls.crt"
	keyPrivateKey  = "tls.key"
)

// access is what a server asks for before it answers.
type access struct {
	headers http.Header // never the template's own map, which is in the cache
	tls     *tls.Config
	hidden  *strings.Replacer // takes the credentials out of a text
}

// newAccess reads the headers and the Secret; user is the address's, or nil. Its errors name the key that is missing
// or wrong, never a value.
func newAccess(cfg metrics.Config, user *url.Userinfo) (access, error) {
	a := access{headers: http.Header{}}
	for name, values := range cfg.Provider.Headers {
		for _, value := range values {
			a.headers.Add(name, value)
		}
	}
	var secrets []string
	if user != nil {
		password, _ := user.Password()
		if a.headers.Get("Authorization") == "" {
			a.headers.Set("Authorization", basic(user.Username(), password))
		}
		secrets = append(secrets, password, basic(user.Username(), password))
	}
	if cfg.Provider.SecretRef != nil {
		authorization, used, err := authorize(cfg)
		if err != nil {
			return access{}, err
		}
		if authorization != "" {
			a.headers.Set("Authorization", authorization)
		}
		secrets = append(secrets, used...)
	}
	a.hidden = hide(secrets)
	var err error
	a.tls, err = newTLS(cfg)
	return a, err
}

// authorize returns the Authorization header that the Secret stands for, which is empty for a Secret that is about
// TLS alone, and the values in it that must not be shown.
func authorize(cfg metrics.Config) (header string, secrets []string, err error) {
	value := func(key string) (string, bool) {
		data, ok := cfg.Credentials[key]
		return string(bytes.TrimRight(data, "\r\n")), ok
	}
	if token, ok := value(keyToken); ok {
		return "Bearer " + token, []string{token}, nil
	}
	username, hasUsername := value(keyUsername)
	password, hasPassword := value(keyPassword)
	_, hasCA := value(keyCA)
	_, hasCertificate := value(keyCertificate)
	switch {
	case !hasUsername && !hasPassword && (hasCA || hasCertificate):
		return "", nil, nil
	case !hasUsername:
		return "", nil, lacks(cfg, "username")
	case !hasPassword:
		return "", nil, lacks(cfg, "password")
	}
	header = basic(username, password)
	return header, []string{password, header}, nil
}

func basic(username, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(username+":"+password))
}

// newTLS returns the TLS settings of the template and of its Secret.
func newTLS(cfg metrics.Config) (*tls.Config, error) {
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
		return nil, lacks(cfg, keyCertificate)
	case !hasKey:
		return nil, lacks(cfg, keyPrivateKey)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%s credentials %s and %s: %w", cfg.Provider.Type, keyCertificate, keyPrivateKey, err)
	}
	config.Certificates = []tls.Certificate{pair}
	return config, nil
}

func lacks(cfg metrics.Config, what string) error {
	return errors.New(cfg.Provider.Type + " credentials does not contain a " + what) // the contract's words
}

// hide returns a replacer for values that a server may send back to us.
func hide(secrets []string) *strings.Replacer {
	var pairs []string
	for _, secret := range secrets {
		if secret != "" {
			pairs = append(pairs, secret, "***", strings.TrimPrefix(secret, "Basic "), "***")
		}
	}
	return strings.NewReplacer(pairs...)
}

// excerpt returns the start of a refusal's body without credentials, as valid UTF-8 on one line.
func (a access) excerpt(body []byte) string {
	text := a.hidden.Replace(strings.ToValidUTF8(string(body), "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "")
	}
	return text
}

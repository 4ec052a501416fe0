package prometheus

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"

	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/httpapi"
)

// Keys of the Secret.
const (
	keyToken       = "token"
	keyUsername    = "username"
	keyPassword    = "password"
	keyCA          = "ca.crt"
	keyCertificate = "tls.crt"
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
			a.headers.Set("Authorization", httpapi.Basic(user.Username(), password).Value)
		}
		secrets = append(secrets, password, httpapi.Basic(user.Username(), password).Value)
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
	a.tls, err = httpapi.NewTLS(cfg)
	return a, err
}

// authorize returns the Authorization header that the Secret stands for, which is empty for a Secret that is about
// TLS alone, and the values in it that must not be shown.
func authorize(cfg metrics.Config) (header string, secrets []string, err error) {
	value := func(key string) (string, bool) { return httpapi.SecretValue(cfg, key) }
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
		return "", nil, httpapi.Lacks(cfg, "a username")
	case !hasPassword:
		return "", nil, httpapi.Lacks(cfg, "a password")
	}
	header = httpapi.Basic(username, password).Value
	return header, []string{password, header}, nil
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

// excerpt returns the start of a refusal's body without credentials.
func (a access) excerpt(body []byte) string {
	return httpapi.Excerpt(a.hidden.Replace(strings.ToValidUTF8(string(body), "?")))
}

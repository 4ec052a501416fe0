package notify

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/courier"
)

const (
	defaultChannel  = "general"
	defaultUsername = "flagger"
	// resolveTimeout limits the look at an AlertProvider and its Secret.
	resolveTimeout = 10 * time.Second
)

// room is a Room of a service, with the proxy on the way, nil for that of the environment.
type room struct {
	Room
	service Service
	proxy   *url.URL
}

// resolve reads the AlertProvider at key, and its Secret. The errors are the contract's texts after the provider's
// name.
func (n *Notifier) resolve(ctx context.Context, key types.NamespacedName) (room, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	provider := v1beta1.AlertProvider{}
	if err := n.Providers.Get(ctx, key, &provider); err != nil {
		return room{}, fmt.Errorf("error: %w", err)
	}
	spec, token := provider.Spec, ""
	if ref := spec.SecretRef; ref != nil {
		secret := corev1.Secret{}
		if err := n.Secrets.Get(ctx, types.NamespacedName{Namespace: key.Namespace, Name: ref.Name}, &secret); err != nil {
			return room{}, fmt.Errorf("secretRef error: %w", err)
		}
		spec.Address, token = credential(secret, "address"), credential(secret, "token")
		if spec.Address == "" {
			return room{}, errors.New("secret does not contain an address")
		}
	}
	to, err := n.open(spec, token)
	if err != nil {
		return room{}, fmt.Errorf("error: %w", err)
	}
	return to, nil
}

// credential returns an entry of a secret, without the line break that often ends the file it was made from.
func credential(secret corev1.Secret, key string) string {
	return strings.TrimSpace(string(secret.Data[key]))
}

// open checks a spec whose secret has been read, and applies its defaults. What an error says of an address or a proxy
// holds no secret.
func (n *Notifier) open(spec v1beta1.AlertProviderSpec, token string) (room, error) {
	service, known := n.services[spec.Type]
	if !known {
		return room{}, fmt.Errorf("provider %s not supported", spec.Type)
	}
	to := room{service: service, Room: Room{Token: token, Channel: spec.Channel, Username: spec.Username}}
	if to.Channel == "" {
		to.Channel = defaultChannel
	}
	if to.Username == "" {
		to.Username = defaultUsername
	}
	address, err := url.ParseRequestURI(spec.Address)
	if err != nil || address.Host == "" || address.Scheme != "http" && address.Scheme != "https" {
		return room{}, fmt.Errorf("invalid %s URL: want http or https, a host and a path", service.Hook)
	}
	to.Address = address
	if spec.Proxy != "" {
		to.proxy, err = parseProxy(spec.Proxy)
	}
	return to, err
}

// parseProxy reads the address of a proxy, for which http may go without saying.
func parseProxy(text string) (*url.URL, error) {
	full := text
	if !strings.Contains(full, "://") {
		full = "http://" + full
	}
	proxy, err := url.Parse(full)
	if err != nil || proxy.Host == "" {
		shown := text[strings.LastIndex(text, "@")+1:] // what comes before may be a password
		return nil, fmt.Errorf("unable to parse proxy URL '%s', error: want a URL such as http://proxy:3128", shown)
	}
	return proxy, nil
}

// hush takes out of a text what is secret about the room.
func (r room) hush(text string) string {
	secrets := []string{r.Address.String(), "***"}
	if path := r.Address.RequestURI(); path != "/" {
		secrets = append(secrets, path, "/***")
	}
	for _, secret := range slices.Concat(courier.Secrets(r.Address), courier.Secrets(r.proxy), []string{r.Token}) {
		if secret != "" {
			secrets = append(secrets, secret, "***")
		}
	}
	return strings.NewReplacer(secrets...).Replace(text)
}

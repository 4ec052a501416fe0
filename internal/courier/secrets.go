package courier

import (
	"encoding/base64"
	"net/url"
)

// Secrets returns what must not be shown of a letter to u, which may be nil: the user and password as they are sent, and
// the password as it is. There are none without a password.
func Secrets(u *url.URL) []string {
	if u == nil {
		return nil
	}
	password, _ := u.User.Password()
	if password == "" {
		return nil
	}
	sent := base64.StdEncoding.EncodeToString([]byte(u.User.Username() + ":" + password))
	return []string{sent, password}
}

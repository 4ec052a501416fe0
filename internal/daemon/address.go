package daemon

import (
	"fmt"
	"net"
	"strconv"
	"strings"
)

// Address returns where to listen: listen is a port or, where one address is enough, host:port.
func Address(listen string) (string, error) {
	host, port := "", listen
	if strings.Contains(listen, ":") {
		var err error
		if host, port, err = net.SplitHostPort(listen); err != nil {
			return "", fmt.Errorf("%q is neither a port nor host:port", listen)
		}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return "", fmt.Errorf("%q is not a port from 0 to 65535", port)
	}
	return net.JoinHostPort(host, port), nil
}

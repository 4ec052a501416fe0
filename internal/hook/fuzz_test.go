package hook

import (
	"bufio"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"flagger.app/flagger/api/v1beta1"
)

// mostText bounds what an event may say of an answer: 512 bytes of it, quoted, and who gave it.
const mostText = 4 << 10

// FuzzResponse has a receiver answer with any bytes: whatever they are, the gate is open or closed, and the words fit
// into an event.
func FuzzResponse(f *testing.F) {
	for _, seed := range []string{
		"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
		"HTTP/1.1 204 No Content\r\n\r\n",
		"HTTP/1.1 403 Forbidden\r\nContent-Length: 6\r\n\r\nclosed",
		"HTTP/1.1 500 Internal Server Error\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nworse\r\n0\r\n\r\n",
		"HTTP/1.1 302 Found\r\nLocation: http://elsewhere.test/\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
		"HTTP/1.0 418 \xff\xfe\r\n\r\n\x00\x01",
		"SSH-2.0-OpenSSH_9.6\r\n", "", strings.Repeat("\x17", 2000),
	} {
		f.Add([]byte(seed))
	}
	var answer atomic.Pointer[[]byte]
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return // the test is over
			}
			if _, err := http.ReadRequest(bufio.NewReader(connection)); err == nil {
				_, _ = connection.Write(*answer.Load())
			}
			_ = connection.Close()
		}
	}()
	caller := impatient()
	w := v1beta1.CanaryWebhook{Name: "gate", URL: "http://" + listener.Addr().String() + "/", Timeout: "1s", Retries: 0}
	f.Fuzz(func(t *testing.T, bytes []byte) {
		answer.Store(&bytes)
		if err := caller.Call(t.Context(), podinfo(), w, v1beta1.PhaseProgressing); err != nil && len(err.Error()) > mostText {
			t.Errorf("%d bytes are no text for an event: %.100s", len(err.Error()), err)
		}
	})
}

package daemon

import "testing"

func TestAddress(t *testing.T) {
	cases := map[string]string{
		"8080":           ":8080",
		"0":              ":0",
		":8080":          ":8080",
		"127.0.0.1:8080": "127.0.0.1:8080",
		"[::1]:8080":     "[::1]:8080",
		"localhost:1":    "localhost:1",
	}
	for port, want := range cases {
		t.Run(port, func(t *testing.T) {
			got, err := Address(port)
			if err != nil || got != want {
				t.Errorf("got %q, %v; want %q", got, err, want)
			}
		})
	}
}

//go:build linux

package fleet

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestAnswerer(t *testing.T) {
	a, err := Answer(func(query string) bool { return strings.Contains(query, "bad") })
	if err != nil {
		t.Fatal(err)
	}
	defer a.Stop()
	for query, want := range map[string]string{probe: `[1,"1"]`, "rate(good[1m])": `[1,"100"]`, "rate(bad[1m])": `[1,"0"]`} {
		byGet, err := http.Get(a.URL + "/api/v1/query?" + url.Values{"query": {query}}.Encode())
		if err != nil {
			t.Fatal(err)
		}
		byPost, err := http.PostForm(a.URL+"/api/v1/query", url.Values{"query": {query}})
		if err != nil {
			t.Fatal(err)
		}
		for _, answer := range []*http.Response{byGet, byPost} {
			body, err := io.ReadAll(answer.Body)
			if err != nil || !strings.Contains(string(body), want) {
				t.Errorf("%s: got %s, %v", query, body, err)
			}
			_ = answer.Body.Close()
		}
	}
	if got := a.Queries.Load(); got != 4 {
		t.Errorf("probes are not the canaries' queries, got %d", got)
	}
}

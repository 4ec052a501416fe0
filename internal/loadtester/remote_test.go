package loadtester

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// served is another server, which answers from a script and keeps what it was asked.
type served struct {
	*httptest.Server
	mu sync.Mutex
	// answers are the bodies still to come, by method and path; the last one of each is given again and again. One that
	// begins with three digits and a space has that status.
	answers map[string][]string
	// asked are the methods, paths and queries of all requests, and whatever note makes of them.
	asked []string
}

func serve(t *testing.T, answers map[string][]string, note func(*http.Request) string) *served {
	t.Helper()
	s := &served{answers: answers}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked = append(s.asked, req.Method+" "+req.URL.RequestURI()+note(req))
		key := req.Method + " " + req.URL.Path
		list := s.answers[key]
		if len(list) == 0 {
			http.NotFound(w, req)
			return
		}
		if len(list) > 1 {
			s.answers[key] = list[1:]
		}
		text, broken := strings.CutPrefix(list[0], "500 ")
		if broken {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = w.Write([]byte(text))
	}))
	t.Cleanup(s.Close)
	return s
}

func TestPoll(t *testing.T) {
	broken := errors.New("broken")
	cases := map[string]struct {
		reason string
		states []progress
		err    error // after all states
		want   error
		took   time.Duration
	}{
		"AtOnce":  {"The first look does not wait.", []progress{finished}, nil, nil, 0},
		"Later":   {"Then one look each interval.", []progress{underWay, underWay, finished}, nil, nil, 2 * time.Second},
		"Broken":  {"What cannot be seen is not waited for.", []progress{underWay}, broken, broken, time.Second},
		"TooLong": {"The limit holds however often one looks.", make([]progress, 100), nil, context.DeadlineExceeded, 10500 * time.Millisecond},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 10500*time.Millisecond)
				defer cancel()
				begun, looks := time.Now(), 0
				err := poll(ctx, time.Second, func(context.Context) (progress, error) {
					looks++
					if looks > len(tc.states) {
						return underWay, tc.err
					}
					return tc.states[looks-1], nil
				})
				if !errors.Is(err, tc.want) || time.Since(begun) != tc.took {
					t.Errorf("%s\ngot %v after %s, want %v after %s", tc.reason, err, time.Since(begun), tc.want, tc.took)
				}
			})
		})
	}
}

func TestCall(t *testing.T) {
	cases := map[string]struct {
		reason string
		answer string
		want   string // the error's beginning
	}{
		"Good":    {"It is decoded.", `{"x":1}`, ""},
		"Refused": {"The server's words are told.", "500 no such test", "status 500 Internal Server Error: no such test"},
		"NoJSON":  {"A page is no answer.", "<html>", "decode answer: invalid character '<' looking for beginning of value: <html>"},
		"Long":    {"Not all of the words.", "500 " + strings.Repeat("é", 1000), "status 500 Internal Server Error: " + strings.Repeat("é", 256)},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := serve(t, map[string][]string{"GET /": {tc.answer}}, func(*http.Request) string { return "" })
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			var got struct{ X int }
			err = call(s.Client(), req, &got)
			text := ""
			if err != nil {
				text = err.Error()
			}
			if diff := cmp.Diff(tc.want, text); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

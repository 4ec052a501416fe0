package loadtester

import (
	"strings"
	"testing"
)

func TestOutput(t *testing.T) {
	head, tail := strings.Repeat("h", outputHalf), strings.Repeat("t", outputHalf)
	cases := map[string]struct {
		reason string
		writes []string
		want   string
	}{
		"Empty":     {"Nothing was printed.", nil, ""},
		"Short":     {"All of it is kept.", []string{"one\n", "two\n"}, "one\ntwo\n"},
		"JustFits":  {"Both halves are full.", []string{head, tail}, head + tail},
		"Middle":    {"The middle is left out.", []string{head, "middle", tail}, head + "\n[6 bytes left out]\n" + tail},
		"OneWrite":  {"However it was written.", []string{head + strings.Repeat("m", 10*outputHalf) + tail}, head + "\n[327680 bytes left out]\n" + tail},
		"SplitHead": {"A write may end the one and begin the other.", []string{head[1:], "hmt", tail[1:]}, head + "\n[1 bytes left out]\n" + tail},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var o output
			for _, text := range tc.writes {
				if n, err := o.Write([]byte(text)); n != len(text) || err != nil {
					t.Fatalf("got %d, %v", n, err)
				}
			}
			if got := o.String(); got != tc.want {
				t.Errorf("%s\ngot %d bytes, %.80q", tc.reason, len(got), got)
			}
		})
	}
}

func TestOutputIsBounded(t *testing.T) {
	var o output
	line := []byte(strings.Repeat("x", 1000))
	for range 100_000 {
		_, _ = o.Write(line)
	}
	if kept := cap(o.head) + cap(o.tail); kept > 8*outputHalf {
		t.Errorf("100 MB of output take %d bytes", kept)
	}
	if len(o.String()) > 2*outputHalf+100 {
		t.Errorf("the text has %d bytes", len(o.String()))
	}
}

package analysis

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/metrics"
	"flagger.app/flagger/internal/metrics/prometheus"
	"flagger.app/flagger/internal/testkit"
)

// answers are those with one status code.
type answers struct {
	code, class string
	perMinute   float64
	// within are the shares of them that take at most 100 ms, 500 ms and any time.
	within [3]float64
	// seconds is how long they take on average.
	seconds float64
}

// good are quick answers, bad ones are slower, and worse ones are slower than any bucket.
func good(perMinute float64) answers {
	return answers{"200", "success", perMinute, [3]float64{1, 1, 1}, 0.1}
}

func bad(perMinute float64) answers {
	return answers{"503", "failure", perMinute, [3]float64{0, 1, 1}, 0.4}
}

func worse(perMinute float64) answers {
	return answers{"503", "failure", perMinute, [3]float64{0, 0, 1}, 60}
}

// spec is a canary that names everything differently, so that each query shows which name it goes by. A dot is what a
// regular expression takes for any character.
func (e exposition) spec(namespace string) *v1beta1.Canary {
	return podinfo(func(c *v1beta1.Canary) {
		c.Namespace = namespace
		c.Spec.TargetRef.Kind, c.Spec.TargetRef.Name = e.kind, "pod.info"
		c.Spec.Service.Name = "front"
		c.Spec.IngressRef = &v1beta1.LocalObjectReference{Name: "door.a"}
		c.Spec.RouteRef = &v1beta1.LocalObjectReference{Name: "path.a"}
	})
}

// count adds what the system counts in a namespace where the canary gives these answers, and all others worse ones.
func (e exposition) count(all counters, namespace string, given ...answers) {
	for _, template := range append([]string{e.requests}, e.durations...) {
		for _, one := range given {
			all.add(template, namespace, e.canary, one)
		}
		for _, other := range e.others {
			all.add(template, namespace, other, worse(1000))
		}
	}
	all.add(e.noise, namespace, e.canary, worse(1000))
}

// add counts answers in the series of a template; those that it does not tell apart come together.
func (all counters) add(template, namespace, who string, given answers) {
	series := strings.NewReplacer("CODE", given.code, "CLASS", given.class).Replace(
		strings.ReplaceAll(strings.ReplaceAll(template, "WHO", who), "NS", namespace))
	bounds := [3]string{"100", "500", "+Inf"}
	if strings.Contains(series, "_seconds_") {
		bounds = [3]string{"0.1", "0.5", "+Inf"}
	}
	switch {
	case series == "":
	case strings.Contains(series, "LE"):
		for i, bound := range bounds {
			all[strings.ReplaceAll(series, "LE", bound)] += given.perMinute * given.within[i]
		}
	case strings.Contains(series, "_sum{"):
		all[series] += given.perMinute * given.seconds
	default:
		all[series] += given.perMinute
	}
}

// duration returns quantile where the system has buckets and mean where it has none.
func (e exposition) duration(quantile, mean float64) float64 {
	if strings.Contains(e.durations[0], "LE") {
		return quantile
	}
	return mean
}

// TestBuiltinMetrics asks a real server for both builtin metrics of every system.
func TestBuiltinMetrics(t *testing.T) {
	address := testkit.StartPrometheus(t)
	all := counters{}
	for name, e := range expositions {
		e.count(all, namespaceOf("measured", name), good(90), bad(10))
		e.count(all, namespaceOf("healthy", name), good(90))
		e.count(all, namespaceOf("failing", name), bad(10))
		e.count(all, namespaceOf("asleep", name), good(0))
		e.count(all, namespaceOf("absent", name))
	}
	store(t, address, all)
	server, err := prometheus.New(metrics.Config{Provider: v1beta1.MetricTemplateProvider{Type: "prometheus", Address: address}})
	if err != nil {
		t.Fatal(err)
	}
	for name, e := range expositions {
		t.Run(name, func(t *testing.T) {
			for _, tc := range []struct {
				reason, world, metric string
				want                  float64
				wantError             error
			}{
				{"The canary counts and nobody else.", "measured", RequestSuccessRate, 90, nil},
				{"The canary counts and nobody else.", "measured", RequestDuration, e.duration(460, 130), nil},
				{"Without a single error there is no series of errors.", "healthy", RequestSuccessRate, 100, nil},
				{"Nothing but errors is a success rate of 0.", "failing", RequestSuccessRate, 0, nil},
				{"Errors take their time as well.", "failing", RequestDuration, e.duration(496, 400), nil},
				{"A counter that rests is no traffic.", "asleep", RequestSuccessRate, 0, metrics.ErrNoData},
				{"A counter that rests is no traffic.", "asleep", RequestDuration, 0, metrics.ErrNoData},
				{"Without a series of its own a canary has no value.", "absent", RequestSuccessRate, 0, metrics.ErrNoData},
				{"Without a series of its own a canary has no value.", "absent", RequestDuration, 0, metrics.ErrNoData},
			} {
				got, err := e.ask(t, server, namespaceOf(tc.world, name), tc.metric)
				if !errors.Is(err, tc.wantError) || !cmp.Equal(tc.want, got, cmpopts.EquateApprox(0, 1e-9)) {
					t.Errorf("%s %s\n%s of a canary that is %s: want %v, %v, got %v, %v",
						e.reason, tc.reason, tc.metric, tc.world, tc.want, tc.wantError, got, err)
				}
			}
		})
	}
}

// namespaceOf keeps the worlds of the systems apart; it is a word, as Skipper would make it one.
func namespaceOf(world, system string) string { return world + strings.ToLower(system) }

// ask measures the canary of a namespace, durations in milliseconds.
func (e exposition) ask(t *testing.T, server metrics.Provider, namespace, metric string) (float64, error) {
	t.Helper()
	family, err := FamilyOf(e.provider, metric)
	if err != nil {
		t.Fatal(err)
	}
	query, err := family.Query(metric, NewModel(e.spec(namespace), v1beta1.CanaryMetric{Name: metric, Interval: "5m"}))
	if err != nil {
		t.Fatal(err)
	}
	value, err := server.Query(t.Context(), query)
	if metric == RequestDuration {
		value *= float64(family.Unit / time.Millisecond)
	}
	return value, err
}

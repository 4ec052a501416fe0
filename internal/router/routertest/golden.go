package routertest

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/router"
)

var update = flag.Bool("update", false, "rewrite the golden files of routers")

// Rendering is the pure half of a router.
type Rendering struct {
	// Desired makes the routing objects that divide traffic as want says, given those that are there.
	Desired func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error)
	// Observe is the inverse: the traffic that the objects stand for.
	Observe func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error)
}

// Case is one folder of testdata.
type Case struct {
	Name    string
	Canary  *v1beta1.Canary
	Traffic rollout.Traffic
	// Observed are the objects that are there before.
	Observed []*unstructured.Unstructured
	// Refused says that the spec must be refused.
	Refused bool
	folder  string
}

// Cases reads the folders of testdata, which hold
//
//	canary.yaml    the canary
//	traffic.yaml   the traffic that is wanted, and read back from the outcome
//	observed.yaml  optional: the objects that are there before
//	desired.yaml   golden: the objects that there must be
//	refused.txt    golden, instead of desired.yaml: why the spec is refused
func Cases(t *testing.T) []Case {
	t.Helper()
	folders, err := filepath.Glob("testdata/*/canary.yaml")
	if err != nil || len(folders) == 0 {
		t.Fatalf("find testdata/*/canary.yaml: %d found, %v", len(folders), err)
	}
	var cases []Case
	for _, file := range folders {
		folder := filepath.Dir(file)
		one := Case{Name: filepath.Base(folder), Canary: &v1beta1.Canary{}, folder: folder}
		read(t, file, one.Canary)
		read(t, filepath.Join(folder, "traffic.yaml"), &one.Traffic)
		if content, found := lookUp(t, filepath.Join(folder, "observed.yaml")); found {
			one.Observed = parseObjects(t, content)
		}
		_, one.Refused = lookUp(t, filepath.Join(folder, "refused.txt"))
		cases = append(cases, one)
	}
	return cases
}

// Golden compares what r makes of every case with its golden file. With -update it rewrites the files; a new case
// becomes one of refusal by an error that is router.ErrInvalidSpec.
func Golden(t *testing.T, r Rendering) {
	for _, one := range Cases(t) {
		t.Run(one.Name, func(t *testing.T) {
			canary, observed := one.Canary.DeepCopy(), copies(one.Observed)
			objects, err := r.Desired(one.Canary, one.Observed, one.Traffic)
			if diff := cmp.Diff(canary, one.Canary); diff != "" {
				t.Errorf("rendering changed the canary (-before +after):\n%s", diff)
			}
			if diff := cmp.Diff(observed, one.Observed); diff != "" {
				t.Errorf("rendering changed what was observed (-before +after):\n%s", diff)
			}
			if errors.Is(err, router.ErrInvalidSpec) {
				compare(t, filepath.Join(one.folder, "refused.txt"), []byte(err.Error()+"\n"))
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if one.Refused {
				t.Fatal("the spec was not refused")
			}
			compare(t, filepath.Join(one.folder, "desired.yaml"), encode(t, objects))
			again, err := r.Desired(one.Canary, objects, one.Traffic)
			if err != nil {
				t.Fatalf("render on top of the outcome: %v", err)
			}
			if one.Observed == nil {
				if diff := cmp.Diff(encode(t, objects), encode(t, again)); diff != "" {
					t.Errorf("the second rendering differs (-first +second):\n%s", diff)
				}
			}
			traffic, err := r.Observe(one.Canary, objects)
			if err != nil {
				t.Fatalf("read the traffic back: %v", err)
			}
			if diff := cmp.Diff(one.Traffic, traffic); diff != "" {
				t.Errorf("the traffic read back differs (-asked +read):\n%s", diff)
			}
		})
	}
}

func copies(objects []*unstructured.Unstructured) []*unstructured.Unstructured {
	var list []*unstructured.Unstructured
	for _, object := range objects {
		list = append(list, object.DeepCopy())
	}
	return list
}

// CopyRendering is that of a provider by copies. The outcome of a case is the user's object, as it was, and its copy.
func CopyRendering(how router.Copying) Rendering {
	copier := router.NewCopier(how, router.Deps{Owned: true})
	return Rendering{
		Desired: func(c *v1beta1.Canary, observed []*unstructured.Unstructured, want rollout.Traffic) ([]*unstructured.Unstructured, error) {
			if err := how.Validate(c); err != nil {
				return nil, err
			}
			source := Named(observed, how.Source(c))
			copied, err := copier.Desired(c, source, want)
			return []*unstructured.Unstructured{source, copied}, err
		},
		Observe: func(c *v1beta1.Canary, objects []*unstructured.Unstructured) (rollout.Traffic, error) {
			return how.Read(c, Named(objects, how.Copy(c))), nil
		},
	}
}

// EveryCaseIsStored applies every case that is not refused, on top of what was observed, for the provider of its
// canary. The API server must take it and store what was rendered: a default that it added, or a field that it dropped,
// would be drift for ever.
func EveryCaseIsStored(t *testing.T, provider func(*v1beta1.Canary) Provider) {
	for _, one := range Cases(t) {
		if one.Refused {
			continue
		}
		p := provider(one.Canary) // it may skip the test that called, for a CRD that is not there
		t.Run(one.Name, func(t *testing.T) {
			p.Canary = func() *v1beta1.Canary { return one.Canary }
			p.Given, p.Namespace = one.Observed, one.Canary.Namespace
			b := NewBench(t, p)
			if one.Observed != nil {
				b.apply(one.Traffic) // what was there before may go one Apply after nothing leads to it
			}
			b.Settle(one.Traffic)
		})
	}
}

// compare compares content with the golden file, or rewrites it.
func compare(t *testing.T, file string, content []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	golden, found := lookUp(t, file)
	if !found {
		t.Fatalf("%s is missing; run with -update and read what it holds", file)
	}
	if diff := cmp.Diff(string(golden), string(content)); diff != "" {
		t.Errorf("%s (-golden +rendered):\n%s", file, diff)
	}
}

func read(t *testing.T, file string, into any) {
	t.Helper()
	content, found := lookUp(t, file)
	if !found {
		t.Fatalf("%s is missing", file)
	}
	if err := yaml.UnmarshalStrict(content, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

func lookUp(t *testing.T, file string) ([]byte, bool) {
	t.Helper()
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false
	}
	if err != nil {
		t.Fatal(err)
	}
	return content, true
}

// separator stands between the objects of a file.
const separator = "---\n"

func parseObjects(t *testing.T, content []byte) []*unstructured.Unstructured {
	t.Helper()
	var objects []*unstructured.Unstructured
	for document := range bytes.SplitSeq(content, []byte(separator)) {
		object := &unstructured.Unstructured{}
		encoded, err := yaml.YAMLToJSON(document)
		if err == nil {
			err = object.UnmarshalJSON(encoded)
		}
		if err != nil {
			t.Fatalf("read an object: %v\n%s", err, document)
		}
		objects = append(objects, object)
	}
	return objects
}

func encode(t *testing.T, objects []*unstructured.Unstructured) []byte {
	t.Helper()
	var b bytes.Buffer
	for i, object := range objects {
		if i > 0 {
			fmt.Fprint(&b, separator)
		}
		content, err := yaml.Marshal(object.Object)
		if err != nil {
			t.Fatal(err)
		}
		b.Write(content)
	}
	return b.Bytes()
}

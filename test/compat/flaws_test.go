package compat

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"flagger.app/flagger/internal/testkit"
)

// flaw is a known defect in the core of Flagger 1.44.0, under the number by which tests and comments mention it.
type flaw struct {
	id, defect string
	// proofs are the tests that fail where the defect is: "folder Test" or "folder Test/row".
	proofs []string
	// absent says why there is nothing to test, or nothing more.
	absent string
}

// Folders that tests are in.
const (
	core       = "internal/rollout "
	controller = "internal/controller "
	workload   = "internal/workload "
	configs    = "internal/workload/configs "
	scaler     = "internal/workload/scaler "
	knative    = "internal/router/knative "
	notify     = "internal/notify "
)

// TestFlaws keeps the list and the tests together: a test that is renamed or skipped is a proof no more.
func TestFlaws(t *testing.T) {
	var ids []string
	packages := map[string]*testPackage{}
	for _, f := range slices.Concat(outages, stuck, races, detection) {
		ids = append(ids, f.id)
		t.Run(f.id, func(t *testing.T) {
			if f.defect == "" || len(f.proofs) == 0 && f.absent == "" {
				t.Errorf("%+v: a defect has a proof, or a reason for having none", f)
			}
			for _, name := range f.proofs {
				folder, name, _ := strings.Cut(name, " ")
				if packages[folder] == nil {
					packages[folder] = readTests(t, folder)
				}
				if err := packages[folder].find(name); err != nil {
					t.Errorf("%s: %s: %v", f.defect, folder, err)
				}
			}
		})
	}
	var want []string
	for _, series := range []struct {
		letter string
		count  int
	}{{"A", 17}, {"B", 21}, {"C", 14}, {"D", 5}} {
		for n := range series.count {
			want = append(want, fmt.Sprint(series.letter, n+1))
		}
	}
	if !slices.Equal(want, ids) {
		t.Errorf("every flaw has one row, in order: want %v, got %v", want, ids)
	}
}

// testPackage is what the tests of a folder declare at the top, by name. A folder may have two packages, which share it.
type testPackage map[string][]ast.Node

// readTests reads the tests of a folder of the repository.
func readTests(t *testing.T, folder string) *testPackage {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(testkit.Root(), folder, "*_test.go"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no tests: %v", folder, err)
	}
	found := testPackage{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, declared := range tree.Decls {
			found.add(declared)
		}
	}
	return &found
}

func (p testPackage) add(declared ast.Decl) {
	switch d := declared.(type) {
	case *ast.FuncDecl:
		p[d.Name.Name] = append(p[d.Name.Name], d)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if values, ok := spec.(*ast.ValueSpec); ok {
				for _, name := range values.Names {
					p[name.Name] = append(p[name.Name], values)
				}
			}
		}
	}
}

// find looks for a test that runs, or a row of one.
func (p testPackage) find(name string) error {
	test, row, hasRow := strings.Cut(name, "/")
	i := slices.IndexFunc(p[test], func(node ast.Node) bool { _, isFunc := node.(*ast.FuncDecl); return isFunc })
	if i < 0 || !strings.HasPrefix(test, "Test") {
		return fmt.Errorf("there is no %s", test)
	}
	if isSkipped(p[test][i].(*ast.FuncDecl)) {
		return fmt.Errorf("%s is skipped", test)
	}
	if hasRow && !p.rows(test)[row] {
		return fmt.Errorf("%s has no row %s", test, row)
	}
	return nil
}

// isSkipped tells whether a test does nothing but say why.
func isSkipped(test *ast.FuncDecl) bool {
	return slices.ContainsFunc(test.Body.List, func(statement ast.Stmt) bool {
		expression, ok := statement.(*ast.ExprStmt)
		if !ok {
			return false
		}
		call, ok := expression.X.(*ast.CallExpr)
		return ok && calls(call, "Skip")
	})
}

func calls(call *ast.CallExpr, method string) bool {
	selector, ok := call.Fun.(*ast.SelectorExpr)
	return ok && selector.Sel.Name == method
}

// rows are the names of the subtests of a test: those that it runs by name, and the keys of tables in it and in whatever
// it mentions.
func (p testPackage) rows(test string) map[string]bool {
	rows, seen := map[string]bool{}, map[string]bool{}
	add := func(e ast.Expr) {
		if literal, ok := e.(*ast.BasicLit); ok && literal.Kind == token.STRING {
			if text, err := strconv.Unquote(literal.Value); err == nil {
				rows[text] = true
			}
		}
	}
	var visit func(name string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, node := range p[name] {
			ast.Inspect(node, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.KeyValueExpr:
					add(n.Key)
				case *ast.CallExpr:
					if calls(n, "Run") && len(n.Args) > 0 {
						add(n.Args[0])
					}
				case *ast.Ident:
					visit(n.Name)
				}
				return true
			})
		}
	}
	visit(test)
	return rows
}

// TestFlawsAreLookedFor: the list is worth what the look into the sources is.
func TestFlawsAreLookedFor(t *testing.T) {
	p := readTests(t, "test/compat")
	for name, want := range map[string]bool{
		"TestFlaws":                  true,
		"TestRefused/CookieNames":    true,
		"TestFlaw":                   false,
		"TestRefused/NoSuchRow":      false,
		"TestFlaws/CookieNames":      false,
		"flaw":                       false,
		"TestFlawsAreLookedFor/none": false,
	} {
		if err := p.find(name); (err == nil) != want {
			t.Errorf("find %s: want %t, got %v", name, want, err)
		}
	}
}

//go:build linux

package story

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// fieldOwner is the field manager of everything that a story writes.
const fieldOwner = client.FieldOwner("story")

// errWatchEnded is returned where the API server ended a watch before what was waited for came.
var errWatchEnded = errors.New("the API server ended a watch")

// install applies the CRDs of a folder and waits until the API server serves their kinds.
func (s *Stage) install(ctx context.Context, folder string) error {
	files, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("find CRDs in %s: %w", folder, errors.Join(err, os.ErrNotExist))
	}
	for _, file := range files {
		if err := s.installFile(ctx, file); err != nil {
			return fmt.Errorf("install %s: %w", filepath.Base(file), err)
		}
	}
	return nil
}

func (s *Stage) installFile(ctx context.Context, file string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	crd := &unstructured.Unstructured{}
	if err := yaml.Unmarshal(content, &crd.Object); err != nil {
		return err
	}
	configuration := client.ApplyConfigurationFromUnstructured(crd)
	if err := s.Client.Apply(ctx, configuration, fieldOwner, client.ForceOwnership); err != nil {
		return err
	}
	return s.awaitEstablished(ctx, crd.GetName())
}

func (s *Stage) awaitEstablished(ctx context.Context, name string) error {
	list := &unstructured.UnstructuredList{}
	list.SetAPIVersion("apiextensions.k8s.io/v1")
	list.SetKind("CustomResourceDefinitionList")
	only := client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", name)}
	changes, err := s.Client.Watch(ctx, list, only)
	if err != nil {
		return err
	}
	defer changes.Stop()
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case change, open := <-changes.ResultChan():
			if !open || change.Type == watch.Error {
				return errWatchEnded
			}
			if crd, ok := change.Object.(*unstructured.Unstructured); ok && isEstablished(crd) {
				return nil
			}
		}
	}
}

func isEstablished(crd *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(crd.Object, "status", "conditions") // none yet, at first
	for _, item := range conditions {
		condition, ok := item.(map[string]any)
		if ok && condition["type"] == "Established" && condition["status"] == "True" {
			return true
		}
	}
	return false
}

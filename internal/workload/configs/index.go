package configs

import (
	"context"
	"fmt"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"flagger.app/flagger/internal/kube"
)

// ReferenceIndex is the index of Deployments and DaemonSets by the StemKey of each config that their pods refer to. A target
// and its primary share one value of the index, which takes more room than all else of it.
const ReferenceIndex = "configs"

// Index adds ReferenceIndex to a cache, whether or not a config exists or is tracked.
func Index(ctx context.Context, indexer client.FieldIndexer) error {
	for _, workload := range []client.Object{&appsv1.Deployment{}, &appsv1.DaemonSet{}} {
		if err := indexer.IndexField(ctx, workload, ReferenceIndex, referenceKeys); err != nil {
			return fmt.Errorf("index %T by configs: %w", workload, err)
		}
	}
	return nil
}

// StemKey is the Key that a config has in the index in common with its copy.
func StemKey(kind Kind, name string) string { return Key(kind, strings.TrimSuffix(name, suffix)) }

// referenceKeys are the index values of a workload.
func referenceKeys(workload client.Object) []string {
	var references []Reference
	switch w := kube.Unpack(workload).(type) {
	case *appsv1.Deployment:
		references = References(&w.Spec.Template)
	case *appsv1.DaemonSet:
		references = References(&w.Spec.Template)
	}
	keys := make([]string, 0, len(references))
	for _, r := range references {
		keys = append(keys, StemKey(r.Kind, r.Name))
	}
	return keys
}

// Transform reduces the metadata of a config, on its way into a cache, to what a Tracker reads. In particular it drops
// kubectl.kubernetes.io/last-applied-configuration, which holds the data once more. What is left is packed, see kube.Pack.
// It is a TransformFunc of client-go; other objects pass as they are. An error is one of packing.
func Transform(object any) (any, error) {
	metadata, isMetadata := object.(*metav1.PartialObjectMetadata)
	if !isMetadata {
		return object, nil
	}
	reduced := metav1.ObjectMeta{
		Name:            metadata.Name,
		Namespace:       metadata.Namespace,
		UID:             metadata.UID,
		ResourceVersion: metadata.ResourceVersion,
	}
	if isCanarys(metadata) {
		reduced.OwnerReferences = metadata.OwnerReferences
	}
	for _, key := range []string{trackingAnnotation, sourceAnnotation} {
		if note, found := metadata.Annotations[key]; found {
			metav1.SetMetaDataAnnotation(&reduced, key, note)
		}
	}
	metadata.ObjectMeta = reduced
	return kube.Pack(metadata)
}

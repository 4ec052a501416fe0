package workload

import (
	"maps"
	"slices"

	"github.com/google/uuid"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
	"flagger.app/flagger/internal/rollout"
	"flagger.app/flagger/internal/workload/configs"
)

const (
	// revisionAnnotation is on the primary: the revision of the target that it was copied from.
	revisionAnnotation = "flagger.app/revision"
	// configsAnnotation is on the primary: the fingerprint of the configs that were copied with it.
	configsAnnotation = "flagger.app/configs"
	// idAnnotation is on the primary's pods and changes with each promotion, so that every promotion rolls them.
	idAnnotation = "flagger-id"

	lastAppliedAnnotation = corev1.LastAppliedConfigAnnotation
)

// histories are the annotations in which controllers of Kubernetes count a workload's own changes.
var histories = []string{"deployment.kubernetes.io/revision", appsv1.DeprecatedTemplateGeneration}

// blueprint is all that a primary is made from.
type blueprint struct {
	canary *v1beta1.Canary
	kind   traits
	target view
	// spec is the target's, as a tree: it keeps the fields that our types do not know. Nobody may write to it.
	spec    map[string]any
	version rollout.Version
	label   label
	// renames tells which configs the primary has copies of.
	renames func(kind configs.Kind, name string) bool
	// selectorLabels and prefixes are the operator's -selector-labels and -include-label-prefix.
	selectorLabels, prefixes []string
}

// create is the primary where there is none yet.
func (b blueprint) create() *unstructured.Unstructured {
	key := primaryKey(b.canary)
	primary := &unstructured.Unstructured{Object: map[string]any{}}
	primary.SetGroupVersionKind(b.kind.gvk())
	primary.SetName(key.Name)
	primary.SetNamespace(key.Namespace)
	primary.SetOwnerReferences([]metav1.OwnerReference{kube.OwnerReference(b.canary)})
	primary.SetAnnotations(keep(b.target.GetAnnotations(), isPortable))
	spec := child(primary.Object, "spec")
	child(spec, "selector")["matchLabels"] = map[string]any{b.label.key: b.label.primary()}
	if b.kind.hasReplicas {
		spec["replicas"] = int64(b.size())
	}
	b.fill(primary)
	return primary
}

// replacement is an operation of a JSON Patch, RFC 6902. What is at Path gives way to Value, whole and whether or not our
// types know all of it; to the API server, null is nothing.
type replacement struct {
	Operation string `json:"op"`
	Path      string `json:"path"`
	Value     any    `json:"value"`
}

// put replaces what may be missing: that is what the standard calls add.
func put(path string, value any) replacement {
	return replacement{Operation: "add", Path: path, Value: value}
}

// update is what brings the given primary, and no other version of it, to the target's version.
func (b blueprint) update(primary view) []replacement {
	next := &unstructured.Unstructured{Object: map[string]any{}}
	notes := keep(kube.Inherited(b.target.GetAnnotations(), b.prefixes), isPortable)
	for _, key := range histories {
		if note, found := primary.GetAnnotations()[key]; found {
			notes[key] = note
		}
	}
	next.SetAnnotations(notes)
	spec := child(next.Object, "spec")
	child(spec, "selector")["matchLabels"] = asTree(primary.selected())
	b.fill(next)

	changes := []replacement{
		put("/metadata/resourceVersion", primary.GetResourceVersion()),
		put("/metadata/labels", next.GetLabels()),
		put("/metadata/annotations", next.GetAnnotations()),
		put("/spec/template", spec["template"]),
	}
	for _, member := range b.kind.copied {
		changes = append(changes, put("/spec/"+member, spec[member]))
	}
	if b.sizes() && b.kind.hasReplicas {
		changes = append(changes, put("/spec/replicas", b.target.replicas))
	}
	return changes
}

// size is the number of pods of a new primary. A target at rest does not tell; then it is what the primary had before
// somebody deleted it, as far as that is known.
func (b blueprint) size() int32 {
	if b.target.replicas > 0 {
		return b.target.replicas
	}
	return max(b.canary.Status.LastPromotedReplicas, 1)
}

// sizes says whether the target has a size for the primary: an autoscaler has its own idea of that, and a target that is
// at rest says nothing about it.
func (b blueprint) sizes() bool { return b.canary.Spec.AutoscalerRef == nil && b.target.replicas > 0 }

// fill sets what a new primary and a promoted one have in common.
func (b blueprint) fill(primary *unstructured.Unstructured) {
	labels := kube.Inherited(b.target.GetLabels(), b.prefixes)
	labels[b.label.key] = b.label.primary()
	primary.SetLabels(labels)
	primary.SetAnnotations(record(primary.GetAnnotations(), b.version))

	spec := child(primary.Object, "spec")
	for _, member := range b.kind.copied {
		delete(spec, member)
		if value, found := b.spec[member]; found {
			spec[member] = runtime.DeepCopyJSONValue(value)
		}
	}
	selector, _, _ := unstructured.NestedStringMap(spec, "selector", "matchLabels") // the API server has seen to its shape
	template := b.template(selector)
	child(child(template, "metadata"), "annotations")[idAnnotation] = b.id()
	b.rename(template["spec"], "spec")
	spec["template"] = template
}

// template is the target's pod template with the primary's labels, its pod spec as the user wrote it. Besides the label
// it carries all that selector asks for: the selector of a workload cannot change, -selector-labels can.
func (b blueprint) template(selector map[string]string) map[string]any {
	template := runtime.DeepCopyJSON(child(maps.Clone(b.spec), "template"))
	metadata := child(template, "metadata")
	isOurs := func(key string) bool { return !isFlux(key) }
	labels := keep(b.target.template.Labels, isOurs)
	labels[b.label.key] = b.label.primary()
	maps.Copy(labels, selector)
	metadata["labels"] = asTree(labels)
	metadata["annotations"] = asTree(keep(b.target.template.Annotations, isOurs))
	if b.kind.idleKey != "" {
		unstructured.RemoveNestedField(template, "spec", "nodeSelector", b.kind.idleKey)
	}
	return template
}

// id is the same for every attempt to copy one version, so that an attempt repeated after a crash rolls nothing. It
// is a version 5 UUID, RFC 9562 section 5.5, where Flagger had a random one.
func (b blueprint) id() string {
	name := string(b.canary.UID) + "/" + b.version.Revision
	if b.version.Configs != "" {
		name += "/" + b.version.Configs
	}
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(name)).String()
}

// rename gives the primary's names to what is named in a tree: configs that have copies, and the pods that the target's
// pods keep apart from. Path is where the tree is in the template. It returns the tree, which it changes.
func (b blueprint) rename(tree any, path string) any {
	switch value := tree.(type) {
	case map[string]any:
		if slices.Contains(b.kind.apart, path) {
			b.renameSelector(value)
			return value
		}
		for key, member := range value {
			value[key] = b.rename(member, path+"."+key)
		}
	case []any:
		for i, element := range value {
			value[i] = b.rename(element, path)
		}
	case string:
		if config, found := references[path]; found && b.renames(config, value) {
			return value + suffix
		}
	}
	return tree
}

func (b blueprint) renameSelector(selector map[string]any) {
	labels, _ := selector["matchLabels"].(map[string]any)
	for key, value := range labels {
		labels[key] = b.renameLabel(key, value)
	}
	expressions, _ := selector["matchExpressions"].([]any)
	for _, expression := range expressions {
		expression, _ := expression.(map[string]any)
		values, _ := expression["values"].([]any)
		for i, value := range values {
			values[i] = b.renameLabel(expression["key"], value)
		}
	}
}

// renameLabel is the primary's value for a label that means the target's pods: one of the operator's keys with the
// target's name or, as names and labels may differ, the very label by which the pods are told apart. Other labels keep
// their value.
func (b blueprint) renameLabel(key, value any) any {
	name, _ := key.(string)
	text, _ := value.(string)
	isOurs := name == b.label.key && text == b.label.value
	if isOurs || slices.Contains(b.selectorLabels, name) && text == b.target.GetName() {
		return text + suffix
	}
	return value
}

// isPortable says whether an annotation of the target may be on the primary as well: it must not speak of the target's
// own history.
func isPortable(key string) bool {
	return !isFlux(key) && key != lastAppliedAnnotation && !slices.Contains(histories, key)
}

// child is the object under key, which is made where there is none.
func child(tree map[string]any, key string) map[string]any {
	found, ok := tree[key].(map[string]any)
	if !ok {
		found = map[string]any{}
		tree[key] = found
	}
	return found
}

func asTree(metadata map[string]string) map[string]any {
	tree := make(map[string]any, len(metadata))
	for key, value := range metadata {
		tree[key] = value
	}
	return tree
}

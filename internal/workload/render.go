package workload

import (
	"maps"
	"slices"

	"github.com/google/uuid"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/kube"
)

const (
	// revisionAnnotation is on the primary: the revision of the target that it was copied from.
	revisionAnnotation = "flagger.app/revision"
	// idAnnotation is on the primary's pods and changes with each promotion, so that every promotion rolls them.
	idAnnotation = "flagger-id"

	lastAppliedAnnotation  = corev1.LastAppliedConfigAnnotation
	controllerRevisionNote = "deployment.kubernetes.io/revision"
)

// blueprint is all that a primary Deployment is made from.
type blueprint struct {
	canary   *v1beta1.Canary
	target   *appsv1.Deployment
	revision string
	label    label
	// selectorLabels and prefixes are the operator's -selector-labels and -include-label-prefix.
	selectorLabels, prefixes []string
}

// primaryName is the name of the copy of the canary's target.
func primaryName(c *v1beta1.Canary) string { return c.Spec.TargetRef.Name + suffix }

// replicas are the pods that a Deployment asks for; the API server's default is one.
func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

// create is the primary where there is none yet.
func (b blueprint) create() *appsv1.Deployment {
	count := max(replicas(b.target), 1)
	selector := map[string]string{b.label.key: b.label.primary()}
	primary := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name:            primaryName(b.canary),
			Namespace:       b.canary.Namespace,
			Annotations:     keep(b.target.Annotations, isPortable),
			OwnerReferences: []metav1.OwnerReference{kube.OwnerReference(b.canary)},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: &count,
			Selector: &metav1.LabelSelector{MatchLabels: selector},
		},
	}
	b.fill(primary)
	return primary
}

// update is the given primary brought to the target's revision. It leaves its argument as it is.
func (b blueprint) update(primary *appsv1.Deployment) *appsv1.Deployment {
	next := primary.DeepCopy()
	passes := included(b.prefixes)
	next.Annotations = keep(b.target.Annotations, func(key string) bool { return passes(key) && isPortable(key) })
	if note, found := primary.Annotations[controllerRevisionNote]; found {
		next.Annotations[controllerRevisionNote] = note
	}
	// An autoscaler has its own idea of the primary's size; and a target that is at rest says nothing about it.
	if count := replicas(b.target); b.canary.Spec.AutoscalerRef == nil && count > 0 {
		next.Spec.Replicas = &count
	}
	b.fill(next)
	return next
}

// fill sets what a new primary and a promoted one have in common.
func (b blueprint) fill(primary *appsv1.Deployment) {
	source := b.target.Spec.DeepCopy()
	primary.Labels = keep(b.target.Labels, included(b.prefixes))
	primary.Labels[b.label.key] = b.label.primary()
	primary.Annotations[revisionAnnotation] = b.revision
	primary.Spec.ProgressDeadlineSeconds = source.ProgressDeadlineSeconds
	primary.Spec.MinReadySeconds = source.MinReadySeconds
	primary.Spec.RevisionHistoryLimit = source.RevisionHistoryLimit
	primary.Spec.Strategy = source.Strategy

	template := b.template(primary.Spec.Selector)
	template.Annotations[idAnnotation] = b.id()
	b.renameSelectors(&template.Spec)
	primary.Spec.Template = template
}

// template is the target's pod template with the primary's labels, its pod spec as the user wrote it. Besides the label
// it carries all that selector asks for: the selector of a Deployment cannot change, -selector-labels can.
func (b blueprint) template(selector *metav1.LabelSelector) corev1.PodTemplateSpec {
	template := *b.target.Spec.Template.DeepCopy()
	isOurs := func(key string) bool { return !isFlux(key) }
	template.Labels = keep(template.Labels, isOurs)
	template.Labels[b.label.key] = b.label.primary()
	if selector != nil {
		maps.Copy(template.Labels, selector.MatchLabels)
	}
	template.Annotations = keep(template.Annotations, isOurs)
	return template
}

// id is the same for every attempt to copy one revision, so that an attempt repeated after a crash rolls nothing. It
// is a version 5 UUID, RFC 9562 section 5.5, where Flagger had a random one.
func (b blueprint) id() string {
	return uuid.NewSHA1(uuid.NameSpaceOID, []byte(string(b.canary.UID)+"/"+b.revision)).String()
}

// renameSelectors makes the rules by which the target's pods keep apart from each other rules for the primary's pods.
func (b blueprint) renameSelectors(spec *corev1.PodSpec) {
	for i := range spec.TopologySpreadConstraints {
		b.renameSelector(spec.TopologySpreadConstraints[i].LabelSelector)
	}
	if spec.Affinity == nil || spec.Affinity.PodAntiAffinity == nil {
		return
	}
	apart := spec.Affinity.PodAntiAffinity
	for i := range apart.RequiredDuringSchedulingIgnoredDuringExecution {
		b.renameSelector(apart.RequiredDuringSchedulingIgnoredDuringExecution[i].LabelSelector)
	}
	for i := range apart.PreferredDuringSchedulingIgnoredDuringExecution {
		b.renameSelector(apart.PreferredDuringSchedulingIgnoredDuringExecution[i].PodAffinityTerm.LabelSelector)
	}
}

func (b blueprint) renameSelector(selector *metav1.LabelSelector) {
	if selector == nil {
		return
	}
	for key, value := range selector.MatchLabels {
		if b.selectsTarget(key, value) {
			selector.MatchLabels[key] = value + suffix
		}
	}
	for _, expression := range selector.MatchExpressions {
		for i, value := range expression.Values {
			if b.selectsTarget(expression.Key, value) {
				expression.Values[i] = value + suffix
			}
		}
	}
}

// selectsTarget says whether a label means the target's pods: one of the operator's keys with the target's name or,
// as names and labels may differ, the very label by which the pods are told apart.
func (b blueprint) selectsTarget(key, value string) bool {
	if key == b.label.key && value == b.label.value {
		return true
	}
	return slices.Contains(b.selectorLabels, key) && value == b.target.Name
}

// isPortable says whether an annotation of the target may be on the primary as well: it must not speak of the target's
// own history.
func isPortable(key string) bool {
	return !isFlux(key) && key != lastAppliedAnnotation && key != controllerRevisionNote
}

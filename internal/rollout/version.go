package rollout

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
)

// Version is what is analysed and promoted as one: a pod template, and the ConfigMaps and Secrets that it refers to.
type Version struct {
	// Revision identifies the template, "h1:" and 16 hex digits.
	Revision string
	// Configs is the Fingerprint of the configs; empty where none are tracked or where they cannot be told.
	Configs string
}

// fingerprintBytes of the digest are kept: 64 bits, where a canary ever compares a handful of values.
const fingerprintBytes = 8

// Fingerprint identifies a set of tracked configs by the checksums of each, "h1:" and 16 hex digits. It is the
// beginning of the SHA-256 over the JSON of the map, whose keys are sorted. Configs that are not tracked, which is nil,
// have none; an empty set has one.
func Fingerprint(configs map[string]string) string {
	if configs == nil {
		return ""
	}
	encoded, err := json.Marshal(configs)
	if err != nil {
		panic(err) // no map of strings is beyond JSON
	}
	sum := sha256.Sum256(encoded)
	return revisionPrefix + hex.EncodeToString(sum[:fingerprintBytes])
}

// version is what the target carries now.
func (in Observation) version() Version {
	return Version{Revision: in.Target.Revision, Configs: Fingerprint(in.Configs)}
}

// applied is the version that the last run was started for.
func (in Observation) applied() Version {
	v := Version{Revision: in.Status.LastAppliedSpec}
	if tracked := in.Status.TrackedConfigs; tracked != nil && in.Configs != nil {
		v.Configs = Fingerprint(*tracked)
	}
	return v
}

// promoted tells whether the primary is a copy of what the last run was started for. Configs that the primary does not
// tell of may be any, unless none are tracked.
func (in Observation) promoted() bool {
	applied := in.applied()
	return in.Primary.Revision == applied.Revision && (applied.Configs == "" || in.Primary.Configs == applied.Configs)
}

// changed tells whether the target is a version that no run has taken up yet.
func (in Observation) changed() bool {
	switch {
	case in.Status.LastAppliedSpec == "":
		return true
	case in.isApplied():
		return false
	case in.atPromoted():
		return in.configsEdited()
	}
	return true
}

// isApplied tells whether the target is the version that the last run was started for.
func (in Observation) isApplied() bool {
	return in.Target.Revision == in.Status.LastAppliedSpec && !in.configsChanged()
}

// configsChanged tells whether the configs are others than those of the last run. What cannot be told, or was never
// recorded, has not changed.
func (in Observation) configsChanged() bool {
	switch tracked := in.Status.TrackedConfigs; {
	case in.Configs == nil:
		return false
	case tracked != nil:
		return !maps.Equal(*tracked, in.Configs)
	}
	return in.promotedConfigs() != "" && in.promotedConfigs() != Fingerprint(in.Configs)
}

// atPromoted tells whether the target carries the revision that the primary has: a manual rollback, which never starts
// a run. That is the promoted one, where nobody can tell; after a promotion that failed it is not, which is the fix then.
func (in Observation) atPromoted() bool {
	return in.Target.Revision == cmp.Or(in.Primary.Revision, in.Status.LastPromotedSpec)
}

// configsEdited tells whether the configs of a target that carries the promoted revision are others than the
// primary's. Where those cannot be told, those that were tracked before must say something else now: configs that
// come and go with a reverted template are no edit. A run of that revision is about nothing but its configs.
func (in Observation) configsEdited() bool {
	switch {
	case in.Configs == nil:
		return false
	case in.promotedConfigs() != "":
		return in.promotedConfigs() != Fingerprint(in.Configs)
	case in.Target.Revision == in.Status.LastAppliedSpec:
		return analysing(in.Status) || in.configsChanged()
	case in.Status.TrackedConfigs == nil:
		return false
	}
	for name, sum := range *in.Status.TrackedConfigs {
		if now, tracked := in.Configs[name]; tracked && now != sum {
			return true
		}
	}
	return false
}

// promotedConfigs is the Fingerprint of the configs that the primary has, or had before somebody deleted it.
func (in Observation) promotedConfigs() string {
	return cmp.Or(in.Primary.Configs, in.Status.LastPromotedConfigs)
}

// reverted tells whether the target went back to what the primary serves while another version was under way.
func (in Observation) reverted() bool {
	return !in.isApplied() && in.atPromoted() && !in.configsEdited()
}

package hook

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"maps"
	"strconv"
	"time"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/internal/rollout"
)

// alphabet has no vowels and none of the digits that look like letters, so that no checksum spells a word.
const alphabet = "bcdfghjklmnpqrstvwxz2456789"

// payload is the body of every request, in the order in which its keys are written.
type payload struct {
	Name      string              `json:"name"`
	Namespace string              `json:"namespace"`
	Phase     v1beta1.CanaryPhase `json:"phase"`
	Checksum  string              `json:"checksum"`
	Metadata  map[string]string   `json:"metadata,omitempty"`
}

// encode returns the body of one request about c.
func encode(c *v1beta1.Canary, phase v1beta1.CanaryPhase, metadata map[string]string) ([]byte, error) {
	body, err := json.Marshal(payload{
		Name:      c.Name,
		Namespace: c.Namespace,
		Phase:     phase,
		Checksum:  checksum(c.Status),
		Metadata:  metadata,
	})
	if err != nil {
		return nil, fmt.Errorf("encode payload: %w", err)
	}
	return body, nil
}

// eventMetadata returns the metadata of a hook and, over it, what describes the event.
func eventMetadata(hook map[string]string, e rollout.Event, at time.Time) map[string]string {
	metadata := make(map[string]string, len(hook)+3)
	maps.Copy(metadata, hook)
	metadata["eventMessage"] = e.Message
	metadata["eventType"] = e.Type
	metadata["timestamp"] = strconv.FormatInt(at.UnixMilli(), 10)
	return metadata
}

// checksum identifies a revision of the target together with its tracked configs, as receivers of Flagger's hooks
// know it: the 32-bit FNV-1a sum of a dump of both, each decimal digit of which stands for one letter or digit of
// the alphabet.
//
// FNV-1a: G. Fowler, L. C. Noll, K.-P. Vo, "The FNV Non-Cryptographic Hash Algorithm", RFC 9923.
func checksum(status v1beta1.CanaryStatus) string {
	configs := "<nil>"
	if status.TrackedConfigs != nil {
		configs = fmt.Sprint(*status.TrackedConfigs) // prints a map by ascending key
	}
	sum := fnv.New32a()
	_, _ = fmt.Fprintf(sum, "(struct { TrackedConfigs *map[string]string; LastAppliedSpec string })"+
		"{TrackedConfigs:(*map[string]string)%s LastAppliedSpec:(string)%s}", configs, status.LastAppliedSpec)

	text := strconv.AppendUint(nil, uint64(sum.Sum32()), 10)
	for i, digit := range text {
		text[i] = alphabet[int(digit)%len(alphabet)]
	}
	return string(text)
}

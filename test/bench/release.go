//go:build linux

package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"flagger.app/flagger/api/v1beta1"
	"flagger.app/flagger/test/fleet"
)

// threshold is how many failed checks roll back.
const threshold = 5

// steps are the weights of every rollout.
var steps = []v1beta1.Number{10, 20, 30, 40, 50}

// release gives each target of keys a new image. It returns the times at which the requests were sent.
func (b *bench) release(ctx context.Context, keys []types.NamespacedName) (map[types.NamespacedName]time.Time, error) {
	b.releases++
	tag := fmt.Sprintf("1.0.%d", b.releases)
	var mutex sync.Mutex
	sent := map[types.NamespacedName]time.Time{}
	err := fleet.Each(ctx, keys, func(ctx context.Context, key types.NamespacedName) error {
		mutex.Lock()
		sent[key] = time.Now()
		mutex.Unlock()
		return b.fleet.SetTag(ctx, key, tag)
	})
	return sent, err
}

package proxy

import (
	"context"
	"time"
)

// storm brings storms until ctx ends: as when an API server restarts, all watches are reset and all requests fail for
// some seconds. There is none while the proxy rests.
func (p *Proxy) storm(ctx context.Context, mean time.Duration) {
	for pause(ctx, p.dice.calm(mean)) == nil {
		if _, resting := p.weather(); resting {
			continue
		}
		p.cloud()
		_ = pause(ctx, p.dice.storm()) // the next one tells
		p.clear()
	}
}

// weather is a context that ends when a storm begins, and whether faults rest.
func (p *Proxy) weather() (fair context.Context, resting bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.fair, p.resting
}

// cloud begins a storm.
func (p *Proxy) cloud() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.overcast()
}

// clear ends it.
func (p *Proxy) clear() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.fair, p.overcast = context.WithCancel(context.Background())
}

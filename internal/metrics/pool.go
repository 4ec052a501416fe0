package metrics

import (
	"container/list"
	"sync"
)

// Pool keeps providers, and with them their connections, between queries. It is safe for concurrent use.
type Pool struct {
	mu    sync.Mutex
	size  int
	slots map[string]*list.Element
	order *list.List // of *slot, most recently used first
}

type slot struct {
	name, version string
	source        *Source
}

// NewPool returns a pool of at most size providers, at least one.
func NewPool(size int) *Pool {
	return &Pool{size: max(1, size), slots: map[string]*list.Element{}, order: list.New()}
}

// Get returns the provider kept under name if it was built for the same version, else the one that build makes. Its
// predecessor, and the provider that was not used for longest when the pool is full, lose their idle connections;
// queries under way end undisturbed, and answer nobody who comes later. An error of build is returned as it is and
// leaves nothing under name.
func (p *Pool) Get(name, version string, build func() (Provider, error)) (*Source, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if kept, ok := p.slots[name]; ok {
		if s := kept.Value.(*slot); s.version == version {
			p.order.MoveToFront(kept)
			return s.source, nil
		}
		p.drop(kept)
	}
	provider, err := build()
	if err != nil {
		return nil, err
	}
	if p.order.Len() >= p.size {
		p.drop(p.order.Back())
	}
	source := NewSource(provider)
	p.slots[name] = p.order.PushFront(&slot{name: name, version: version, source: source})
	return source, nil
}

func (p *Pool) drop(e *list.Element) {
	s := p.order.Remove(e).(*slot)
	delete(p.slots, s.name)
	if closer, ok := s.source.provider.(interface{ CloseIdleConnections() }); ok {
		closer.CloseIdleConnections()
	}
}

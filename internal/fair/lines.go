package fair

import (
	"cmp"
	"slices"
	"sync"
)

// Lines divides workers among namespaces, and holds what waits for one: a line for each namespace. The first in a line is
// the first to go on, those of a higher priority before the others, and namespaces take turns. It is safe for concurrent
// use.
type Lines[T comparable] struct {
	namespace func(T) string

	mu sync.Mutex
	// idle are the workers that no namespace has, busy those that one has.
	idle int
	busy map[string]int
	// called are the items that were in line and now have a worker waiting for them.
	called map[T]bool
	// aside are the places of all items that are in line; turns are the namespaces of the lines, the next first.
	aside   map[T]Place[T]
	lines   map[string][]Place[T]
	turns   []string
	tickets uint64
}

// Place is an item in its namespace's line.
type Place[T comparable] struct {
	Item     T
	Priority int
	ticket   uint64
}

// compare orders the places of a line.
func (p Place[T]) compare(other Place[T]) int {
	return cmp.Or(cmp.Compare(other.Priority, p.Priority), cmp.Compare(p.ticket, other.ticket))
}

// NewLines returns empty lines in front of that many workers, at least one. namespace is the one of an item.
func NewLines[T comparable](workers int, namespace func(T) string) *Lines[T] {
	return &Lines[T]{
		namespace: namespace,
		idle:      max(1, workers),
		busy:      map[string]int{},
		called:    map[T]bool{},
		aside:     map[T]Place[T]{},
		lines:     map[string][]Place[T]{},
	}
}

// Len returns how many items are in line.
func (l *Lines[T]) Len() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.aside)
}

// Begin gives a worker to item, which has none, or puts it into line and returns false. One that is in line already
// moves up at most.
func (l *Lines[T]) Begin(item T, priority int) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	namespace := l.namespace(item)
	switch {
	case l.called[item]:
		delete(l.called, item)
		return true
	case l.mayHaveMore(namespace):
		l.take(namespace)
		return true
	}
	l.enter(namespace, item, priority)
	return false
}

// End takes the worker back that item had, and returns what may go on now. Each has its worker and must Begin once more.
func (l *Lines[T]) End(item T) (next []Place[T]) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.giveBack(l.namespace(item))
	for {
		i := slices.IndexFunc(l.turns, l.mayHaveMore)
		if i < 0 {
			return next
		}
		next = append(next, l.callFirst(i))
	}
}

// mayHaveMore is the rule. Between two calls it holds for no namespace that has a line, so nobody overtakes a line.
func (l *Lines[T]) mayHaveMore(namespace string) bool { return l.busy[namespace] < l.idle }

func (l *Lines[T]) take(namespace string) {
	l.idle--
	l.busy[namespace]++
}

func (l *Lines[T]) giveBack(namespace string) {
	l.idle++
	if l.busy[namespace]--; l.busy[namespace] == 0 {
		delete(l.busy, namespace)
	}
}

// enter puts item at the end of those of its priority.
func (l *Lines[T]) enter(namespace string, item T, priority int) {
	line, found := l.lines[namespace]
	if !found {
		l.turns = append(l.turns, namespace)
	}
	if old, waits := l.aside[item]; waits {
		if priority <= old.Priority {
			return
		}
		i, _ := slices.BinarySearchFunc(line, old, Place[T].compare)
		line = slices.Delete(line, i, i+1)
	}
	l.tickets++
	place := Place[T]{Item: item, Priority: priority, ticket: l.tickets}
	i, _ := slices.BinarySearchFunc(line, place, Place[T].compare)
	l.lines[namespace] = slices.Insert(line, i, place)
	l.aside[item] = place
}

// callFirst calls the first in line of the namespace at index i of turns, which has its next turn after the others.
func (l *Lines[T]) callFirst(i int) Place[T] {
	namespace := l.turns[i]
	l.turns = slices.Delete(l.turns, i, i+1)
	first, rest := l.lines[namespace][0], l.lines[namespace][1:]
	if len(rest) > 0 {
		l.lines[namespace] = rest
		l.turns = append(l.turns, namespace)
	} else {
		delete(l.lines, namespace)
	}
	delete(l.aside, first.Item)
	l.called[first.Item] = true
	l.take(namespace)
	return first
}

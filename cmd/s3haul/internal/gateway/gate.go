//go:build !nogateway

package gateway

import "sync"

// gate counts the requests that are under way, so that the server can end
// between them. Its zero value is open.
type gate struct {
	mu     sync.Mutex
	inside int
	idle   chan struct{} // not nil once the gate is shut
}

// enter counts a request in; it is false once the gate is shut.
func (g *gate) enter() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.idle != nil {
		return false
	}
	g.inside++
	return true
}

// leave counts a request out.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.inside--
	if g.inside == 0 && g.idle != nil {
		close(g.idle)
	}
}

// shut lets nobody in any more. The channel is closed when all have left. It
// is called once.
func (g *gate) shut() <-chan struct{} {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.idle = make(chan struct{})
	if g.inside == 0 {
		close(g.idle)
	}
	return g.idle
}

// Package ext stands in for Traefik's extension point of the same path, which is not published as a module:
// it holds nothing, and Traefik embeds it.
package ext

// HTTP extends Traefik's HTTP configuration by nothing.
type HTTP struct{}

// DeepCopyInto copies nothing.
func (in *HTTP) DeepCopyInto(out *HTTP) { *out = *in }

// Router extends Traefik's router configuration by nothing.
type Router struct{}

// DeepCopyInto copies nothing.
func (in *Router) DeepCopyInto(out *Router) { *out = *in }

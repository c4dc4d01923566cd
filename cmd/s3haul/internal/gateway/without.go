//go:build nogateway

package gateway

import (
	"context"
	"fmt"
)

// ChildMain says that this process is no server: there is none in this binary.
func ChildMain() (code int, isChild bool) { return 0, false }

// Start returns [ErrNoServer].
func Start(_ context.Context, o Options) (*Server, error) {
	return nil, fmt.Errorf("serve %s: %w", o.Dir, ErrNoServer)
}

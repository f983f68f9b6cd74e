package kubelet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/sweep"
)

// remainsGrace is how long ordinary containers of a kubelet that is taken back may
// take to end by themselves: 10 s, as in a reset.
const remainsGrace = 10 * time.Second

// removeRemains takes away what a stopped kubelet leaves: pods that nobody stops any
// more, their volumes, its records. It leaves them also when their manifests went
// first, if it has reached no API server by then. Kubernetes 1.36: kubelet.deletePod,
// "skipping delete because sources aren't ready yet".
func (s *service) removeRemains(ctx context.Context) error {
	var steps []func() ([]sweep.Thing, error)
	if s.Socket != "" {
		steps = append(steps, func() ([]sweep.Thing, error) {
			return podsOf(ctx, noPodsConfig{CRISocket: s.Socket, Grace: remainsGrace})
		})
	}
	if s.Dir != "" {
		steps = append(steps,
			func() ([]sweep.Thing, error) { return mountsOf(s.Dir, nil) },
			func() ([]sweep.Thing, error) {
				things, err := stateIn(ctx, s.Dir, nil)
				return slices.DeleteFunc(things, func(t sweep.Thing) bool { return t.Target == filepath.Clean(s.Certificates) }), err
			})
	}
	for _, find := range steps {
		things, err := find()
		if err != nil {
			return err
		}
		var errs []error
		for _, thing := range things {
			if err := thing.Remove(ctx); err != nil {
				errs = append(errs, fmt.Errorf("remove %s %s: %w", thing.Kind, thing.Target, err))
			}
		}
		if err := errors.Join(errs...); err != nil {
			return err // what comes next would be in use
		}
	}
	return nil
}

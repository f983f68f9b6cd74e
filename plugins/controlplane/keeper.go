package controlplane

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/plugins/internal/podtrouble"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
)

const (
	kubeletService = "kubelet.service"
	// staleLooks in a row show that the kubelet keeps older pods: it reads a manifest
	// anew within a second.
	staleLooks = 2
	// journalLines cover some seconds of a kubelet without an API server.
	journalLines = 100
	// releaseWithin bounds the exchange of pods, which must not stop half way: 1 min.
	releaseWithin = time.Minute
)

// keeper is a kubelet that keeps static pods of older manifests. One that has not
// reached an API server since its start stops no pod, because it does not know yet
// which it should run; so the manifest of a control plane that never came up can be
// corrected, and nothing happens. Kubernetes 1.36: kubelet.deletePod, "skipping
// delete because sources aren't ready yet".
type keeper struct {
	runtime *cri.Client
	service interface {
		Stop(ctx context.Context, name string) error
		Restart(ctx context.Context, name string) error
	}
	journal podtrouble.Journal

	looks int
	done  bool
}

// release lets go of the pods of older manifests, once in a wait: it stops the
// kubelet, removes them, and starts the kubelet, which knows only the present
// manifests then. It does so only to a kubelet that says in its journal that it has
// reached no API server; any other is about to stop them by itself.
func (k *keeper) release(ctx context.Context, stale []staticpod.Ref) {
	if k.looks++; len(stale) == 0 {
		k.looks = 0
	}
	if k.done || k.looks < staleLooks || !k.unregistered(ctx) {
		return
	}
	k.done = true
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	var names []string
	for _, pod := range stale {
		names = append(names, pod.Name)
	}
	log := zerolog.Ctx(ctx)
	log.Warn().Msgf("the kubelet has not reached an API server yet and so keeps pods of older manifests: it is restarted without them: %s", strings.Join(names, ", "))
	err := k.service.Stop(ctx, kubeletService)
	if err == nil {
		err = errors.Join(k.remove(ctx, stale), k.service.Restart(ctx, kubeletService))
	}
	if err != nil {
		log.Warn().Err(err).Msg("replace pods of older manifests")
	}
}

// unregistered reads from the journal whether the kubelet waits for an API server.
func (k *keeper) unregistered(ctx context.Context) bool {
	lines, err := k.journal(ctx, kubeletService, journalLines)
	return err == nil && slices.ContainsFunc(lines, func(line string) bool {
		return strings.Contains(line, "node is not registered yet") || strings.Contains(line, "Unable to register node with API server")
	})
}

// remove ends the pods of other manifests than the present ones.
func (k *keeper) remove(ctx context.Context, stale []staticpod.Ref) error {
	sandboxes, err := k.runtime.Sandboxes(ctx, map[string]string{cri.LabelNamespace: systemNamespace})
	if err != nil {
		return err
	}
	var errs []error
	for _, s := range sandboxes {
		if slices.ContainsFunc(stale, func(pod staticpod.Ref) bool { return staticpod.Older(s.Labels, s.Annotations, pod) }) {
			if err := k.runtime.RemoveSandbox(ctx, s.ID); err != nil {
				errs = append(errs, fmt.Errorf("remove pod %s: %w", s.Pod, err))
			}
		}
	}
	return errors.Join(errs...)
}

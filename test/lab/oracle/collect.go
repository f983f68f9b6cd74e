package oracle

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clusterflow/clusterflow/test/lab"
)

// Of collects the facts of h, the control-plane node of a cluster that works.
func Of(ctx context.Context, h *lab.Host) (Facts, error) {
	const pack = `cd /; exec tar -c --ignore-failed-read --no-recursion $(find etc/kubernetes var/lib/kubelet/*.yaml var/lib/kubelet/*.env var/lib/kubelet/pki; find var/lib/etcd -maxdepth 1)`
	archive, err := h.Shell(ctx, pack)
	if err != nil {
		return nil, err
	}
	files, err := readFiles([]byte(archive))
	if err != nil {
		return nil, err
	}
	kinds, err := h.Run(ctx, "kubectl", "api-resources", "--verbs=list", "--output=name")
	if err != nil {
		return nil, err
	}
	list, err := h.Run(ctx, "kubectl", "get", strings.Join(strings.Fields(kinds), ","), "--all-namespaces", "--output=json")
	if err != nil {
		return nil, err
	}
	objects, err := readObjects([]byte(list))
	if err != nil {
		return nil, err
	}
	r := reader{facts: Facts{}, now: time.Now(), known: authorities(files), names: tokenNames(objects)}
	r.addFiles(files)
	r.addObjects(objects)
	if n, m := r.facts.Count(); n < 500 || m < 2000 {
		return nil, fmt.Errorf("%s: %d facts of files and %d of objects are too few for a control-plane node", h.Name, n, m)
	}
	return r.facts, nil
}

package addons

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeapi"
	"github.com/clusterflow/clusterflow/plugins/internal/kubeobj"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type manifestConfig struct {
	Cluster   kubeapi.Cluster `cf:"cluster,required" doc:"The cluster: output of controlplane.wait."`
	YAML      string          `cf:"yaml" doc:"The objects, as YAML documents separated by ---."`
	File      string          `cf:"file,file" doc:"Path of a file with the objects, instead of yaml."`
	Namespace string          `cf:"namespace" default:"\"default\"" doc:"Namespace of objects that name none, if their kind has namespaces."`
	Within    time.Duration   `cf:"within" default:"\"1m\"" doc:"How long the write of each object is repeated until the server takes it."`
}

func manifestType(pool *kubeapi.Pool) sdk.Type {
	return resource.Phase[manifestConfig, struct{}]{
		Name: "manifest",
		Doc: "Writes any Kubernetes objects by server-side apply: a pod network, a storage class, one's own. " +
			"All are written at once and again until the server takes them, so the order of the documents does not matter. Objects that leave the manifest are deleted.",
		Example: `phase "addons.manifest" "namespace" {
  cluster = phase.control_plane.cluster
  yaml    = <<-YAML
    apiVersion: v1
    kind: Namespace
    metadata:
      name: site
    ---
    apiVersion: v1
    kind: ConfigMap
    metadata:
      name: rack
      namespace: site
    data:
      number: "7"
  YAML
}`,
		Access:   append(kubeAccess("the objects of config.yaml or config.file"), sdk.Access{Kind: sdk.AccessPath, What: "config.file"}),
		Kinds:    []resource.Kind{kubeobj.Kind(pool)},
		Parallel: true,
		Validate: validateManifest,
		Build: func(_ context.Context, in resource.Input[manifestConfig]) (resource.Work[struct{}], error) {
			resources, err := buildManifest(pool, in)
			return resource.Work[struct{}]{Resources: resources}, err
		},
	}.Type()
}

func validateManifest(c manifestConfig) error {
	switch {
	case (c.YAML == "") == (c.File == ""):
		return errors.New("set exactly one of yaml and file")
	case c.Namespace == "":
		return attrError("namespace", "must not be empty")
	case c.Within <= 0:
		return attrError("within", "must be longer than zero")
	case c.YAML == "":
		return nil
	}
	if _, err := parseDocuments([]byte(c.YAML)); err != nil {
		return attrError("yaml", "%w", err)
	}
	return nil
}

func buildManifest(pool *kubeapi.Pool, in resource.Input[manifestConfig]) ([]resource.Resource, error) {
	c := in.Config
	text, path := []byte(c.YAML), hostpath.Abs(in.WorkDir, c.File)
	if path != "" {
		var err error
		text, err = os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return []resource.Resource{notYet(path)}, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read manifest: %w", err)
		}
	}
	objects, err := parseDocuments(text)
	if err != nil {
		return nil, fmt.Errorf("read manifest %s: %w", path, err)
	}
	maker := kubeobj.Maker{Pool: pool, Kubeconfig: c.Cluster.Path(in.WorkDir), Within: c.Within}
	custom := customKinds(objects)
	resources := make([]resource.Resource, len(objects))
	for i, u := range objects {
		o := maker.Unstructured(u, c.Namespace)
		o.Awaited = custom[u.GroupVersionKind().GroupKind()]
		resources[i] = o
	}
	return resources, nil
}

// notYet stands for a file that an earlier phase may still write.
func notYet(path string) resource.Resource {
	return &resource.Once{
		Name: "read " + path, Reason: "the file does not exist yet",
		Run: func(context.Context) error {
			return sdk.Hint(fmt.Errorf("no manifest at %s", path), "Correct the path, or let this phase depend on the one that writes the file.")
		},
	}
}

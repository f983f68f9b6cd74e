package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"github.com/clusterflow/clusterflow/plugins/internal/cri"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// Pull policies, by the names that pods use.
const (
	pullIfNotPresent = "IfNotPresent"
	pullAlways       = "Always"
	pullNever        = "Never"
)

type imageConfig struct {
	Image     string        `cf:"image,required" doc:"Image to have, such as \"registry.k8s.io/pause:3.10.2\"."`
	Policy    string        `cf:"policy" default:"\"IfNotPresent\"" enum:"IfNotPresent Always Never" doc:"When to pull: if the image is absent; also if it is there, once for given inputs; or never, so that an absent image is an error."`
	CRISocket string        `cf:"cri_socket" doc:"Socket of the container runtime, such as \"unix:///var/run/containerd/containerd.sock\". Default: the only one that is found of containerd's, CRI-O's and cri-dockerd's."`
	Keep      bool          `cf:"keep" default:"true" doc:"Whether undo leaves the image to others. If not, undo removes it if this phase pulled it."`
	Within    time.Duration `cf:"within" default:"\"15m\"" doc:"How long one pull may take."`
}

type imageOutputs struct {
	Image string `cf:"image" doc:"The image, as given."`
	ID    string `cf:"id,late" doc:"Digest of its configuration, such as \"sha256:cd07…\"."`
	Size  int    `cf:"size,late" doc:"Size in bytes, as the runtime tells it."`
}

func imageType() sdk.Type {
	return resource.Phase[imageConfig, imageOutputs]{
		Name: "image",
		Doc: "An image in the container runtime of the host, pulled over CRI with the runtime's own mirrors and credentials. " +
			"Pulls share the pool \"pull\". A pull that fails for good, such as a name that the registry does not know, is not retried.",
		Example: `phase "preflight.image" "pause" {
  image = "registry.k8s.io/pause:3.10.2"
}`,
		Pools: []string{"pull"},
		Kinds: []resource.Kind{resource.KindOf[pulledImage]("image")},
		Access: []sdk.Access{
			{Kind: sdk.AccessPath, What: "config.cri_socket", Write: true},
		},
		Validate: validateImage,
		Build: func(ctx context.Context, in resource.Input[imageConfig]) (resource.Work[imageOutputs], error) {
			socket, err := newMachine(in.WorkDir, nil).socket(ctx, in.Config.CRISocket)
			if err != nil {
				return resource.Work[imageOutputs]{}, err
			}
			image := &pulledImage{
				Ref: in.Config.Image, Socket: socket, Keep: in.Config.Keep || in.Config.Policy == pullNever,
				policy: in.Config.Policy, within: in.Config.Within, again: !in.Unchanged,
			}
			return resource.Work[imageOutputs]{
				Resources: []resource.Resource{image},
				Known:     func() imageOutputs { return imageOutputs{Image: image.Ref} },
				Outputs:   image.outputs,
			}, nil
		},
	}.Type()
}

func validateImage(c imageConfig) error {
	if c.Image == "" || strings.ContainsAny(c.Image, " \t\n") {
		return attrError("image", fmt.Errorf("%q is no image: write it as registry/name:tag", c.Image))
	}
	if c.Within <= 0 {
		return attrError("within", errors.New("it must be longer than nothing"))
	}
	return checkSocket(c.CRISocket)
}

// pulledImage is an image in the container runtime.
type pulledImage struct {
	Ref    string `json:"ref"`
	Socket string `json:"socket"`
	Keep   bool   `json:"keep"`

	policy string // empty when it was brought back from a record
	within time.Duration
	again  bool // pull once more if the policy says so
}

var (
	_ resource.Resource = (*pulledImage)(nil)
	_ resource.Keeper   = (*pulledImage)(nil)
)

func (i *pulledImage) ID() resource.ID { return resource.ID{Kind: "image", Target: i.Ref} }

func (i *pulledImage) Kept() bool { return i.Keep }

// Diff looks for the image. A runtime that does not answer yet has none.
func (i *pulledImage) Diff(ctx context.Context) (sdk.Change, error) {
	_, present, err := i.look(ctx)
	switch {
	case errors.Is(err, cri.ErrUnreachable) && i.policy != "":
		return sdk.Change{Op: sdk.OpCreate, Reason: "the container runtime does not answer yet"}, nil
	case err != nil:
		return sdk.Change{}, err
	case present && i.policy == pullAlways && i.again:
		return sdk.Change{Op: sdk.OpUpdate, Reason: "pull once more from " + cri.Registry(i.Ref)}, nil
	case present:
		return sdk.Change{}, nil
	case i.policy == pullNever:
		return sdk.Change{Op: sdk.OpRun, Reason: "absent, and is not to be pulled"}, nil
	}
	return sdk.Change{Op: sdk.OpCreate, Reason: "absent, pull from " + cri.Registry(i.Ref)}, nil
}

func (i *pulledImage) look(ctx context.Context) (cri.Image, bool, error) {
	c, err := cri.Dial(i.Socket)
	if err != nil {
		return cri.Image{}, false, err
	}
	defer func() { _ = c.Close() }()
	return c.Image(ctx, i.Ref)
}

// Render pulls the image.
func (i *pulledImage) Render(ctx context.Context) error {
	c, err := cri.Dial(i.Socket)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if i.policy == pullNever {
		return i.demand(ctx, c)
	}
	sdk.Emit(ctx, sdk.Progress{ID: i.Ref, Label: "pulling " + i.Ref})
	ctx, cancel := context.WithTimeoutCause(ctx, i.within, sdk.Hint(fmt.Errorf("it was not there within %s", i.within),
		"Make within longer, or pull from a registry that is nearer: set image_repository, or configure a mirror in the container runtime."))
	defer cancel()
	start := time.Now()
	if _, err := c.Pull(ctx, i.Ref); err != nil {
		return err
	}
	sdk.Emit(ctx, sdk.Progress{ID: i.Ref, Label: i.Ref, Done: true})
	zerolog.Ctx(ctx).Info().Msgf("pulled %s in %s", i.Ref, time.Since(start).Round(time.Millisecond))
	return nil
}

func (i *pulledImage) demand(ctx context.Context, c *cri.Client) error {
	_, present, err := c.Image(ctx, i.Ref)
	if err != nil || present {
		return err
	}
	return sdk.Permanent(sdk.Hint(fmt.Errorf("find image %s: the container runtime does not have it", i.Ref),
		"The policy is Never, so it has to be there: import it (containerd: ctr -n k8s.io images import FILE), or change policy."))
}

// Remove removes the image.
func (i *pulledImage) Remove(ctx context.Context) error {
	if i.Keep {
		return nil
	}
	c, err := cri.Dial(i.Socket)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	return c.RemoveImage(ctx, i.Ref)
}

func (i *pulledImage) outputs(ctx context.Context) (imageOutputs, error) {
	image, present, err := i.look(ctx)
	if err != nil {
		return imageOutputs{}, err
	}
	if !present {
		return imageOutputs{}, fmt.Errorf("find image %s: the container runtime pulled it and does not have it", i.Ref)
	}
	return imageOutputs{Image: i.Ref, ID: image.ID, Size: int(image.Size)}, nil
}

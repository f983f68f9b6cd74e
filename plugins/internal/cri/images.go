package cri

import (
	"context"
	"errors"

	runtimeapi "github.com/clusterflow/clusterflow/plugins/internal/cri/criapi"
)

// Image is one that the runtime has.
type Image struct {
	ID      string   // "sha256:…"
	Tags    []string // "registry.k8s.io/pause:3.10.2"
	Digests []string // "registry.k8s.io/pause@sha256:…"
	Size    uint64   // bytes
	Pinned  bool     // the kubelet never removes it
}

func imageOf(i *runtimeapi.Image) Image {
	return Image{ID: i.GetId(), Tags: i.GetRepoTags(), Digests: i.GetRepoDigests(), Size: i.GetSize(), Pinned: i.GetPinned()}
}

// Image looks for an image by reference or id.
func (c *Client) Image(ctx context.Context, ref string) (Image, bool, error) {
	answer, err := call(ctx, c, callTimeout, "look for image "+ref, c.images.ImageStatus,
		&runtimeapi.ImageStatusRequest{Image: &runtimeapi.ImageSpec{Image: ref}})
	switch {
	case errors.Is(err, ErrNotFound):
		return Image{}, false, nil
	case err != nil:
		return Image{}, false, err
	case answer.GetImage() == nil:
		return Image{}, false, nil
	}
	return imageOf(answer.GetImage()), true, nil
}

// Images lists all images.
func (c *Client) Images(ctx context.Context) ([]Image, error) {
	answer, err := call(ctx, c, callTimeout, "list images", c.images.ListImages, &runtimeapi.ListImagesRequest{})
	if err != nil {
		return nil, err
	}
	var out []Image
	for _, i := range answer.GetImages() {
		out = append(out, imageOf(i))
	}
	return out, nil
}

// Pull fetches an image and returns what the runtime calls it. It takes as long as
// ctx lets it; credentials are the runtime's own. The error is a [PullError] when
// the runtime answered.
func (c *Client) Pull(ctx context.Context, ref string) (string, error) {
	answer, err := c.images.PullImage(ctx, &runtimeapi.PullImageRequest{Image: &runtimeapi.ImageSpec{Image: ref}})
	if err != nil {
		return "", c.explainPull(ctx, ref, err)
	}
	return answer.GetImageRef(), nil
}

// RemoveImage removes an image; an absent one is no error.
func (c *Client) RemoveImage(ctx context.Context, ref string) error {
	_, err := call(ctx, c, removeTimeout, "remove image "+ref, c.images.RemoveImage,
		&runtimeapi.RemoveImageRequest{Image: &runtimeapi.ImageSpec{Image: ref}})
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	return err
}

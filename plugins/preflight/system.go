package preflight

import (
	"context"
	"fmt"
	"strings"

	system "k8s.io/system-validators/validators"
)

// systemReport is what the validators of Kubernetes say of the host.
type systemReport struct {
	warnings, errors []string
	missing          []string // "CGROUPS_PIDS: missing"
}

// collector keeps what validators report as bad.
type collector struct{ bad []string }

const reportedBad system.ValidationResultType = 1 // not exported by the validators

func (c *collector) Report(key, value string, result system.ValidationResultType) error {
	if result == reportedBad {
		c.bad = append(c.bad, key+": "+value)
	}
	return nil
}

// verifySystem runs kubeadm's validators of kernel, operating system and cgroups.
// kubeletVersion decides whether cgroup v1 is an error; empty means an old one.
func verifySystem(kubeletVersion string) systemReport {
	var c collector
	var out systemReport
	kernelWarnings, kernelErrors := (&system.KernelValidator{Reporter: &c}).Validate(system.DefaultSysSpec)
	for _, err := range kernelErrors {
		if unknownKernel(err) {
			kernelWarnings = append(kernelWarnings, fmt.Errorf("the kernel's options were not checked, for nothing tells them: %w", err))
			continue
		}
		out.errors = append(out.errors, err.Error())
	}
	out.warnings = texts(kernelWarnings)
	for _, v := range []system.Validator{
		&system.OSValidator{Reporter: &c},
		&system.CgroupsValidator{Reporter: &c, KubeletVersion: strings.TrimPrefix(kubeletVersion, "v")},
	} {
		warnings, errs := v.Validate(system.DefaultSysSpec)
		out.warnings, out.errors = append(out.warnings, texts(warnings)...), append(out.errors, texts(errs)...)
	}
	out.missing = c.bad
	return out
}

// unknownKernel reports that no configuration of the kernel was found, which says
// nothing against the kernel.
func unknownKernel(err error) bool {
	return strings.Contains(err.Error(), "unable to load kernel module") || strings.Contains(err.Error(), "no config path")
}

func texts(errs []error) []string {
	var out []string
	for _, err := range errs {
		out = append(out, err.Error())
	}
	return out
}

const cgroupV1Text = "cgroups v1 support is deprecated"

// systemVerification judges the report. With a kubelet that is told to run on
// cgroup v1, that is a warning; kubeadm makes it an error all the same.
func (m machine) systemVerification(ctx context.Context, failCgroupV1 bool) verdict {
	kubelet, err := m.kubeletVersion(ctx)
	version := kubelet.text
	if err != nil { // KubeletVersion tells of it
		version = fmt.Sprintf("v1.%d.0", supportedMinor)
	}
	report := m.verify(version)
	var v verdict
	for _, text := range report.warnings {
		v.warnings = append(v.warnings, finding{text, ""})
	}
	for _, text := range report.errors {
		switch {
		case strings.Contains(text, cgroupV1Text) && failCgroupV1:
			v.errors = append(v.errors, finding{
				"this host uses cgroup v1, on which a kubelet of 1.35 or newer does not run",
				"Boot with cgroup v2: add systemd.unified_cgroup_hierarchy=1 to the kernel's command line. " +
					"Or let the kubelet run on it: failCgroupV1: false in its configuration, and fail_cgroup_v1 = false here.",
			})
		case strings.Contains(text, cgroupV1Text):
			v.warnings = append(v.warnings, finding{"this host uses cgroup v1, which Kubernetes will give up", "Boot with cgroup v2."})
		default:
			v.errors = append(v.errors, finding{text, strings.Join(report.missing, "\n")})
		}
	}
	v.note = "kernel, operating system and cgroups are fit"
	return v
}

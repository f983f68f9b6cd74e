package controlplane

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"

	"github.com/zclconf/go-cty/cty"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apiserver/pkg/apis/audit"
	auditv1 "k8s.io/apiserver/pkg/apis/audit/v1"
	"k8s.io/apiserver/pkg/apis/audit/validation"
	"sigs.k8s.io/yaml"

	"github.com/clusterflow/clusterflow/plugins/internal/component"
	"github.com/clusterflow/clusterflow/plugins/internal/componentconfig"
	"github.com/clusterflow/clusterflow/plugins/internal/hostpath"
	"github.com/clusterflow/clusterflow/plugins/internal/staticpod"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

// auditLogName is the file in the directory of logs.
const auditLogName = "audit.log"

type auditConfig struct {
	Policy     cty.Value `cf:"policy" doc:"Policy (audit.k8s.io/v1), as YAML text such as file(\"audit.yaml\") or as an object. Default: who asked for what and when, of every request (level Metadata)."`
	Path       string    `cf:"path" default:"\"/etc/kubernetes/audit/policy.yaml\"" doc:"Where the policy is kept, mode 0600."`
	LogDir     string    `cf:"log_dir" default:"\"/var/log/kubernetes/audit\"" doc:"Directory of the log, mode 0700. Undo leaves logs that are in it."`
	MaxAge     int       `cf:"max_age" default:"2" doc:"Days for which old logs are kept; 0: for ever. The default is that of kubeadm 1.9 to 1.12, which had audit logs."`
	MaxBackups int       `cf:"max_backups" default:"10" doc:"How many old logs are kept; 0: any number."`
	MaxSize    int       `cf:"max_size" default:"100" doc:"Size in MB at which a new log begins."`
}

type auditOutputs struct {
	ExtraArgs    []component.Flag   `cf:"extra_args" doc:"Flags of kube-apiserver, for extra_args of its phase."`
	ExtraVolumes []staticpod.Volume `cf:"extra_volumes" doc:"Paths of the host that its pod needs, for extra_volumes of controlplane.static_pod."`
	Log          string             `cf:"log" doc:"Path of the log."`
}

func auditType() sdk.Type {
	return resource.Phase[auditConfig, auditOutputs]{
		Name: "audit_policy",
		Doc: "What kube-apiserver writes into its audit log. Give the outputs to the phase of the API server: " +
			"extra_args = phase.audit.extra_args. Another policy starts it anew.",
		Example: `phase "controlplane.audit_policy" "audit" {
  policy = {
    apiVersion = "audit.k8s.io/v1"
    kind       = "Policy"
    omitStages = ["RequestReceived"]
    rules = [
      { level = "None", users = ["system:kube-proxy"], verbs = ["watch"] },
      { level = "Metadata" },
    ]
  }
  max_age = 30
}`,
		Access: []sdk.Access{{Kind: sdk.AccessPath, What: "config.path, config.log_dir", Write: true}},
		Validate: func(c auditConfig) error {
			_, err := c.policy()
			if err == nil {
				err = c.limits()
			}
			return err
		},
		Build: func(_ context.Context, in resource.Input[auditConfig]) (resource.Work[auditOutputs], error) {
			return buildAudit(in)
		},
	}.Type()
}

func buildAudit(in resource.Input[auditConfig]) (resource.Work[auditOutputs], error) {
	c := in.Config
	c.Path, c.LogDir = hostpath.Abs(in.WorkDir, c.Path), hostpath.Abs(in.WorkDir, c.LogDir)
	text, err := c.policy()
	if err != nil {
		return resource.Work[auditOutputs]{}, err
	}
	return resource.Work[auditOutputs]{
		Resources: []resource.Resource{
			&resource.File{Path: c.Path, Mode: 0o600, DirMode: 0o700, Content: text},
			&resource.Dir{Path: c.LogDir, Mode: 0o700, Keep: true},
		},
		Known: c.outputs,
	}, nil
}

func (c auditConfig) limits() error {
	for name, value := range map[string]int{"max_age": c.MaxAge, "max_backups": c.MaxBackups} {
		if value < 0 {
			return attrError(name, "must not be negative")
		}
	}
	if c.MaxSize <= 0 {
		return attrError("max_size", "must be greater than zero")
	}
	return nil
}

// policy is the text of the file: a user's own as it is, so that comments survive.
// It is checked as the API server does, which does not start with a wrong one.
func (c auditConfig) policy() ([]byte, error) {
	kind := auditv1.SchemeGroupVersion.WithKind("Policy")
	policy := auditv1.Policy{Rules: []auditv1.PolicyRule{{Level: auditv1.LevelMetadata}}}
	given := c.Policy != cty.NilVal && !c.Policy.IsNull()
	if given {
		policy = auditv1.Policy{}
		if _, err := componentconfig.Decode(c.Policy, kind, &policy); err != nil {
			return nil, attrError("policy", "%w", err)
		}
		if len(policy.Rules) == 0 {
			return nil, attrError("policy", "it has no rules")
		}
	}
	var internal audit.Policy
	if err := auditv1.Convert_v1_Policy_To_audit_Policy(&policy, &internal, nil); err != nil {
		return nil, attrError("policy", "%w", err)
	}
	if problems := validation.ValidatePolicy(&internal); len(problems) > 0 {
		return nil, attrError("policy", "%w", problems.ToAggregate())
	}
	if given && c.Policy.Type() == cty.String && policy.Kind != "" && policy.APIVersion != "" {
		return []byte(c.Policy.AsString()), nil
	}
	policy.TypeMeta = metav1.TypeMeta{APIVersion: kind.GroupVersion().String(), Kind: kind.Kind}
	text, err := yaml.Marshal(policy)
	if err != nil {
		return nil, fmt.Errorf("write audit policy: %w", err)
	}
	return text, nil
}

func (c auditConfig) outputs() auditOutputs {
	log := filepath.Join(c.LogDir, auditLogName)
	return auditOutputs{
		ExtraArgs: []component.Flag{
			{Name: "audit-policy-file", Value: c.Path},
			{Name: "audit-log-path", Value: log},
			{Name: "audit-log-maxage", Value: strconv.Itoa(c.MaxAge)},
			{Name: "audit-log-maxbackup", Value: strconv.Itoa(c.MaxBackups)},
			{Name: "audit-log-maxsize", Value: strconv.Itoa(c.MaxSize)},
		},
		ExtraVolumes: []staticpod.Volume{
			{Name: "audit", HostPath: c.Path, MountPath: c.Path, ReadOnly: true, PathType: "File"},
			{Name: "audit-log", HostPath: c.LogDir, MountPath: c.LogDir, PathType: "DirectoryOrCreate"},
		},
		Log: log,
	}
}

package site

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type namingConfig struct {
	Pattern string `cf:"pattern,required" doc:"Regular expression for the whole name, such as \"(?P<role>cp|wk)[0-9]{2}-(?P<site>[a-z]{3})\"."`
	Name    string `cf:"name" doc:"Name to check. Default: the host name up to its first dot."`
}

type namingOutputs struct {
	Name  string            `cf:"name" doc:"The name that was checked."`
	Parts map[string]string `cf:"parts" doc:"What the named groups of the pattern matched."`
}

func namingType() sdk.Type {
	return resource.Phase[namingConfig, namingOutputs]{
		Name: "naming",
		Doc:  "Checks that the host is named by the rules of the site, and tells the parts of its name.",
		Example: `phase "site.naming" "host" {
  pattern = "(?P<role>cp|wk)[0-9]{2}-(?P<site>[a-z]{3})"
}`,
		Validate: func(c namingConfig) error {
			_, err := c.compile()
			return err
		},
		Build: func(_ context.Context, in resource.Input[namingConfig]) (resource.Work[namingOutputs], error) {
			rule, err := in.Config.compile()
			if err != nil {
				return resource.Work[namingOutputs]{}, err
			}
			name := in.Config.Name
			if name == "" {
				if name, err = hostName(); err != nil {
					return resource.Work[namingOutputs]{}, err
				}
			}
			return resource.Work[namingOutputs]{
				Resources: []resource.Resource{&resource.Once{
					Name: "naming of " + name, Done: in.Unchanged && rule.MatchString(name),
					Run: func(context.Context) error { return checkName(rule, name, in.Config.Pattern) },
				}},
				Known: func() namingOutputs { return namingOutputs{Name: name, Parts: parts(rule, name)} },
			}, nil
		},
	}.Type()
}

// compile makes the pattern match whole names.
func (c namingConfig) compile() (*regexp.Regexp, error) {
	rule, err := regexp.Compile(`^(?:` + c.Pattern + `)$`)
	if err != nil {
		return nil, fmt.Errorf("pattern %q: %w", c.Pattern, err)
	}
	return rule, nil
}

func hostName() (string, error) {
	name, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("read host name: %w", err)
	}
	name, _, _ = strings.Cut(name, ".")
	return strings.ToLower(name), nil
}

func checkName(rule *regexp.Regexp, name, pattern string) error {
	if rule.MatchString(name) {
		return nil
	}
	return sdk.Hint(fmt.Errorf("check host name: %q does not match %s", name, pattern),
		"Rename the host before it joins: hostnamectl set-hostname NAME")
}

// parts lists the named groups of a name that matches, nothing of one that does
// not.
func parts(rule *regexp.Regexp, name string) map[string]string {
	out := map[string]string{}
	match := rule.FindStringSubmatch(name)
	for i, group := range rule.SubexpNames() {
		if match != nil && group != "" {
			out[group] = match[i]
		}
	}
	return out
}

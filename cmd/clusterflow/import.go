package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/clusterflow/clusterflow/cmd/clusterflow/internal/kubeadm"
	"github.com/clusterflow/clusterflow/sdk"
	"github.com/clusterflow/clusterflow/sdk/resource"
)

type importFlags struct {
	out         string
	withSecrets bool
	force       bool
}

func newImportCmd(a *app) *cobra.Command {
	var flags importFlags
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Turn a kubeadm configuration into variables of init.hcl",
		Long: "Reads a configuration file of kubeadm (v1beta4 or v1beta3, with an InitConfiguration, a\n" +
			"ClusterConfiguration or both, a KubeletConfiguration and a KubeProxyConfiguration) and prints a file\n" +
			"for --var-file. Each field that it does not carry over is a warning with its place and the reason.\n" +
			"Bootstrap tokens and the certificate key are left out unless --with-secrets is given.\n" +
			"\"-\" reads standard input.",
		Example: "  clusterflow import kubeadm.yaml -o cluster.hclvars\n  clusterflow plan init --var-file cluster.hclvars",
		Args:    oneName("configuration file of kubeadm"),
		RunE:    func(_ *cobra.Command, args []string) error { return a.importFile(args[0], flags) },
	}
	cmd.Flags().StringVarP(&flags.out, "out", "o", "", "write to `FILE`, which only its owner can read")
	cmd.Flags().BoolVar(&flags.withSecrets, "with-secrets", false, "carry over bootstrap tokens and the certificate key")
	cmd.Flags().BoolVar(&flags.force, "force", false, "replace the file of --out")
	return cmd
}

func (a *app) importFile(name string, flags importFlags) error {
	source, shown, err := a.readSource(name)
	if err != nil {
		return &usageError{fmt.Errorf("import: %w", err)}
	}
	result := kubeadm.Import(source, shown, kubeadm.Options{Secrets: flags.withSecrets})
	files := map[string]*hcl.File{shown: {Bytes: result.Shown}}
	if result.Diagnostics.HasErrors() {
		return &sourceError{diags: result.Diagnostics, files: files, code: exitInvalid}
	}
	a.writeDiagnostics(files, result.Diagnostics)
	if flags.out == "" {
		_, err = a.out.Write(result.Text)
		return err
	}
	if _, err := os.Lstat(flags.out); !flags.force && !errors.Is(err, fs.ErrNotExist) {
		return sdk.Hint(fmt.Errorf("import: there is a file %s", flags.out), "Choose another name, or have it replaced with --force.")
	}
	if err := resource.WriteFile(flags.out, result.Text, 0o600); err != nil {
		return fmt.Errorf("import: %w", err)
	}
	return nil
}

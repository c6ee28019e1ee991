package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

func completionCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print a script that completes commands and flags in a shell",
		Long: `completion prints a script for your shell. To have it now:

  bash        source <(hookrouter completion bash)
  zsh         source <(hookrouter completion zsh)
  fish        hookrouter completion fish | source
  powershell  hookrouter completion powershell | Out-String | Invoke-Expression`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: []string{"bash", "zsh", "fish", "powershell"},
		RunE: func(cmd *cobra.Command, args []string) error {
			switch root := cmd.Root(); args[0] {
			case "bash":
				return root.GenBashCompletionV2(c.stdout, true)
			case "zsh":
				return root.GenZshCompletion(c.stdout)
			case "fish":
				return root.GenFishCompletion(c.stdout, true)
			case "powershell":
				return root.GenPowerShellCompletionWithDesc(c.stdout)
			}
			return &failure{exitUsage, fmt.Errorf("unknown shell %q", args[0]), "there are bash, zsh, fish, powershell"}
		},
	}
}

package main

import (
	"encoding/json"

	"github.com/spf13/cobra"

	"github.com/hookrouter/hookrouter/rules"
)

func schemaCommand(c *cli) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print a JSON Schema of the rules file, for editors",
		Long: `schema prints a JSON Schema (draft-07) of the rules file. Editors with a YAML language server complete and
check by it when the file begins so:

  # yaml-language-server: $schema=./hookrouter.schema.json

It knows keys and kinds of values; what is wrong beyond that, ` + "`hookrouter check`" + ` says.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			enc := json.NewEncoder(c.stdout)
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			return enc.Encode(rules.Schema())
		},
	}
}

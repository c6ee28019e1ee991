// Command hookrouter stands between the services that send webhooks and the services that act on them. Each command
// is one file; the work is done by the packages it calls.
package main

import (
	"os"
)

func main() {
	os.Exit(execute(&cli{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, env: os.LookupEnv}, os.Args[1:]))
}

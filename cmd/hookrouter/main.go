// Command hookrouter stands between the services that send webhooks and the services that act on them.
package main

func main() {}

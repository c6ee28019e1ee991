package verify

import (
	"net/url"
	"slices"
	"strings"
)

// atlassianQuery is the canonical request of Atlassian Connect, whose hash is the claim qsh: method, path and the
// parameters of the query sorted by name, without the token itself. Source: the atlassian-jwt library.
func atlassianQuery(s *scene) (string, error) {
	path, query := splitURL(s.target())
	fields, err := url.ParseQuery(query)
	if err != nil {
		return "", refuse("the query is not well encoded")
	}
	delete(fields, "jwt")
	var pairs []string
	for name, values := range fields {
		var encoded []string
		slices.Sort(values)
		for _, v := range values {
			encoded = append(encoded, escape(v, "-_.~"))
		}
		pairs = append(pairs, escape(name, "-_.~")+"="+strings.Join(encoded, ","))
	}
	slices.Sort(pairs)
	if path = strings.TrimSuffix(path, "/"); path == "" {
		path = "/"
	}
	return strings.ToUpper(s.r.Method) + "&" + strings.ReplaceAll(path, "&", "%26") + "&" + strings.Join(pairs, "&"), nil
}

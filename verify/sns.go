package verify

import (
	"strings"

	"github.com/tidwall/gjson"
)

// snsFields are what Amazon SNS signs, by the type of the request, in this order.
func snsFields(kind string) []string {
	if kind == "Notification" {
		return []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	}
	return []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
}

// snsLines are the fields that Amazon SNS signs: each name and value on a line of its own. Source: the signature page of
// the SNS developer guide. A body that has a field twice is refused: who reads it later may take the other one.
func snsLines(s *scene) (string, error) {
	values := map[string]gjson.Result{}
	twice := ""
	if doc := s.doc(); isJSON(doc) {
		gjson.ParseBytes(doc).ForEach(func(key, value gjson.Result) bool {
			if _, is := values[key.String()]; is {
				twice = key.String()
			}
			values[key.String()] = value
			return true
		})
	}
	if twice != "" {
		return "", refuse("body has %s twice", clip(twice))
	}
	kind, _ := scalar(values["Type"])
	var b strings.Builder
	for _, name := range snsFields(kind) {
		value, found := scalar(values[name])
		if !found && name == "Subject" {
			continue
		}
		if !found {
			return "", refuse("body has no %s", name)
		}
		b.WriteString(name + "\n" + value + "\n")
	}
	return b.String(), nil
}

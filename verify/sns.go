package verify

import "strings"

// snsFields are what Amazon SNS signs, by the type of the request, in this order.
func snsFields(kind string) []string {
	if kind == "Notification" {
		return []string{"Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"}
	}
	return []string{"Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"}
}

// snsLines are the fields that Amazon SNS signs: each name and value on a line of its own. Source: the signature page of
// the SNS developer guide.
func snsLines(s *scene) (string, error) {
	kind, err := s.json("Type")
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, name := range snsFields(kind) {
		value, found := jsonValue(s.doc(), name)
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

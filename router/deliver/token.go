package deliver

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/hookrouter/hookrouter/rules"
)

const (
	tokenTimeout = 10 * time.Second // for one token, and never longer than its attempt may take
	tokenEarly   = 30 * time.Second // before its end a token is replaced, or at half of its life if that is shorter
)

// tokens gets the tokens of one destination and keeps the last. It is safe for concurrent use: one is got at a time, and
// who waits for it waits no longer than its own deadline.
type tokens struct {
	spec   *rules.OAuth2
	config clientcredentials.Config
	client *http.Client
	turn   chan struct{} // holds one while somebody looks at what follows, or gets a new one
	token  string
	renew  time.Time // zero: it does not say when it ends
}

// newTokens is nil when the destination wants none.
func newTokens(dest *rules.Destination, o *Options) *tokens {
	spec := dest.OAuth2
	if spec == nil {
		return nil
	}
	t := &tokens{
		spec: spec, turn: make(chan struct{}, 1),
		config: clientcredentials.Config{
			ClientID: spec.ClientID, ClientSecret: spec.ClientSecret, TokenURL: spec.TokenURL, Scopes: spec.Scopes,
			EndpointParams: url.Values{}, AuthStyle: oauth2.AuthStyleInHeader,
		},
		client: &http.Client{
			Transport:     newHTTP(1, tokenTimeout, spec.TLS, o),
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	if spec.InBody {
		t.config.AuthStyle = oauth2.AuthStyleInParams
	}
	for name, value := range spec.Params {
		t.config.EndpointParams.Set(name, value)
	}
	return t
}

// fit reports whether what it got serves for spec.
func (t *tokens) fit(spec *rules.OAuth2) bool {
	if t == nil {
		return spec == nil
	}
	return t.spec.Same(spec)
}

func (t *tokens) close() {
	if t != nil {
		t.client.CloseIdleConnections()
	}
}

// get gives the token that is kept, or a new one when there is none, when it is about to end, or when it is refused, the
// one that a destination did not take.
func (t *tokens) get(ctx context.Context, refused string) (string, error) {
	select {
	case t.turn <- struct{}{}:
		defer func() { <-t.turn }()
	case <-ctx.Done():
		return "", errors.New("no answer in time")
	}
	fresh := t.renew.IsZero() || time.Now().Before(t.renew)
	if t.token != "" && t.token != refused && fresh {
		return t.token, nil
	}
	ctx, cancel := context.WithTimeout(ctx, tokenTimeout)
	defer cancel()
	got, err := t.config.Token(context.WithValue(ctx, oauth2.HTTPClient, t.client))
	if err != nil {
		return "", t.trouble(ctx, err)
	}
	t.token, t.renew = got.AccessToken, renewal(got, time.Now())
	return t.token, nil
}

// renewal is when a token is to be replaced.
func renewal(got *oauth2.Token, now time.Time) time.Time {
	if got.Expiry.IsZero() {
		return time.Time{}
	}
	return got.Expiry.Add(-min(tokenEarly, got.Expiry.Sub(now)/2))
}

// trouble says why there is no token, without what the endpoint said at length: it may repeat what it was sent.
func (t *tokens) trouble(ctx context.Context, err error) error {
	var refused *oauth2.RetrieveError
	var address *url.Error
	switch {
	case ctx.Err() != nil:
		return errors.New("no answer in time")
	case errors.As(err, &refused) && refused.Response != nil && refused.ErrorCode != "":
		return fmt.Errorf("answered %d, %.64q", refused.Response.StatusCode, t.spec.Hide(refused.ErrorCode))
	case errors.As(err, &refused) && refused.Response != nil:
		return fmt.Errorf("answered %d", refused.Response.StatusCode)
	case errors.As(err, &address):
		return fmt.Errorf("%s error", classify(ctx, address.Err)) // the cause may name an address, which may be secret
	}
	return errors.New("the answer holds no token")
}

// noToken is an attempt that ended before its destination was called.
func noToken(err error) answer {
	return answer{result: resultToken, err: "no token: the token endpoint: " + err.Error()}
}

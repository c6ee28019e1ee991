package admin

import (
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// What a client may send, in bytes: the largest body of an event, or all files of a rules file, as they stand in JSON.
const (
	maxRequestBody = 64 << 10
	maxQuestion    = 160 << 20
)

// most bounds the body of a request.
func most(r *http.Request) int64 {
	edit := strings.HasPrefix(r.URL.Path, "/api/v1/events/") && strings.HasSuffix(r.URL.Path, "/replay")
	if edit || r.URL.Path == "/api/v1/explain" || r.URL.Path == "/api/v1/plan" {
		return maxQuestion
	}
	return maxRequestBody
}

// guard stands in front of every route: who may call, through which name, and what a browser may do with the answer.
func (a *api) guard(next http.Handler) http.Handler {
	cross := http.NewCrossOriginProtection()
	cross.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, &problem{status: http.StatusForbidden, detail: "cross-origin requests may not change anything"})
	}))
	next = cross.Handler(bounded(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secure(w.Header())
		switch {
		case !a.knowsHost(r.Host):
			writeProblem(w, &problem{status: http.StatusMisdirectedRequest, detail: "this host name is not served here"})
		case !a.hasToken(r):
			w.Header().Set("WWW-Authenticate", "Bearer")
			writeProblem(w, &problem{status: http.StatusUnauthorized, detail: "a valid bearer token is required"})
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// bounded cuts off a body that is too large.
func bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.MaxBytesHandler(next, most(r)).ServeHTTP(w, r)
	})
}

func secure(h http.Header) {
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; sandbox")
	h.Set("Cache-Control", "no-store")
}

// knowsHost is the guard against DNS rebinding: an address cannot be rebound, a foreign name can.
func (a *api) knowsHost(host string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	} else if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		name = host[1 : len(host)-1]
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return true
	}
	same := func(known string) bool { return strings.EqualFold(known, name) }
	return same("localhost") || slices.ContainsFunc(a.opts.Hosts, same)
}

func (a *api) hasToken(r *http.Request) bool {
	if a.opts.Token == nil || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" {
		return true
	}
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	have, want := sha256.Sum256([]byte(got)), sha256.Sum256([]byte(a.opts.Token()))
	return ok && subtle.ConstantTimeCompare(have[:], want[:]) == 1
}

package deliver

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/hookrouter/hookrouter/rules"
)

type metrics struct{}

func newMetrics() *metrics { return &metrics{} }

func (m *metrics) register(r prometheus.Registerer, d *Deliverer) error { return nil }

type lane struct{}

func newLane(d *Deliverer, dest *rules.Destination) *lane { return &lane{} }
func (l *lane) serve(r *run)                              { <-r.leasing.Done() }
func (l *lane) apply(dest *rules.Destination)             {}
func (l *lane) park()                                     {}

package admin

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/hookrouter/hookrouter/router/deliver"
	"github.com/hookrouter/hookrouter/router/queue"
)

func (a *api) metrics() http.Handler {
	if a.opts.Gatherer == nil {
		return a.raw(func(http.ResponseWriter, *http.Request) error {
			return &problem{status: http.StatusNotFound, detail: "metrics are off"}
		})
	}
	return promhttp.HandlerFor(a.opts.Gatherer, promhttp.HandlerOpts{})
}

// collector reads queue and destinations when it is asked; what is said by destination is deliver's.
type collector struct {
	queue   *queue.Queue
	deliver *deliver.Deliverer

	parked, maxPending, logBytes, logFree, logDamage, logRefusing *prometheus.Desc
}

func newCollector(q *queue.Queue, d *deliver.Deliverer) *collector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc("hookrouter_"+name, help, nil, nil)
	}
	return &collector{
		queue: q, deliver: d,
		parked:      desc("parked_deliveries", "Pending deliveries whose destination is not in the rules now."),
		maxPending:  desc("deliveries_max", "Most deliveries, pending and dead, that are taken."),
		logBytes:    desc("log_bytes", "Size of the log on disk."),
		logFree:     desc("log_free_bytes", "Bytes free where the log is written; -1 when unknown."),
		logDamage:   desc("log_damaged_records", "Records set aside because they could not be read."),
		logRefusing: desc("log_refusing", "1 when nothing can be stored now."),
	}
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(ch chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, ch) }

// Collect implements prometheus.Collector.
func (c *collector) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	parked := 0
	for _, d := range c.deliver.Destinations() {
		if d.Parked {
			parked += d.Pending
		}
	}
	gauge(c.parked, float64(parked))
	gauge(c.maxPending, float64(c.queue.Stats().MaxPending))
	health := c.queue.Health()
	gauge(c.logBytes, float64(health.Bytes))
	gauge(c.logFree, float64(health.Free))
	gauge(c.logDamage, float64(health.Damaged))
	refusing := 0.0
	if health.Refusing != nil {
		refusing = 1
	}
	gauge(c.logRefusing, refusing)
}

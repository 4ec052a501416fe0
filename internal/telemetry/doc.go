// Package telemetry keeps the operator's own Prometheus metrics, which dashboards and alert rules written for Flagger
// read: names, labels, values and help texts are Flagger's.
//
// Two things to know when reading them: the label name is the name of the target, not of the canary, and
// flagger_canary_status knows three values alone (0 under analysis, 2 failed, 1 everything else).
//
// Unlike Flagger, series end with the canary they are about (Forget), and flagger_canary_total falls to 0 when the last
// canary of a namespace goes. flagger_event_webhook_dropped_total and flagger_alert_dropped_total are additions.
package telemetry
